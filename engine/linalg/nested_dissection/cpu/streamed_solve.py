"""Solutions for many sparse right-hand sides at once, handed over a rectangle at a time: all of them would not fit.

Forth, a column is nonzero only on its cells' way up to the last separator, as in `between`. Back, the joints between
tiles come first; from then on each tile is by itself. What is wanted of a tile's cells may need their neighbours, so a
tile comes with the joints around it, and joints come with the rows or columns of tiles on both sides.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from ....parallel.blas_threads import blas_limited_pool
from ..symbolic import analyze
from .factorization import Factor
from .inverse_block import columns_by_tile, starting_in_nodes
from .substitution import add_child, levels_of_tile
from .substitution_kernels import backward_level, forward_level

Result = TypeVar("Result")

#: What is done with a rectangle: solutions (k, h, w), row and column of its first cell (−1 before the raster), and
#: which of its cells count, none of them at the rim.
Work = Callable[[Float[np.ndarray, "k h w"], int, int, Bool[np.ndarray, "h w"]], Result]

#: Right-hand sides that go back through a tile together, within a core's cache.
TOGETHER = 128


def solve_streamed(
    factored: Factor, cells: Int[np.ndarray, "n"], amounts: Float[np.ndarray, "k n"], work: Work
) -> list[Result]:
    """Solve A x = b for k right-hand sides and do something with x, a rectangle of the raster at a time.

    Parameters
    ----------
    factored
        A, symmetric.
    cells
        Where right-hand sides are not 0, as flat raster indices.
    amounts
        What they are there.
    work
        Called once for every rectangle, from several threads; the solutions are overwritten afterwards. Every cell of
        the raster counts in one of them.

    Returns
    -------
    list
        What `work` returned.

    Examples
    --------
    >>> from .elimination import factor
    >>> edges = np.zeros((4, 1, 2))
    >>> edges[2, 0, 0] = edges[1, 0, 1] = -1
    >>> chain = factor(np.array([[2.0, 2.0]]), edges, symmetric=True)
    >>> look = lambda values, top, left, counts: values[0][counts].round(12)
    >>> solve_streamed(chain, np.array([0]), np.array([[3.0]]), look)
    [array([2., 1.])]
    """
    return _StreamedSolve(factored, cells, amounts).over_all(work)


def peak_bytes(shape: tuple[int, int], count: int, threads: int) -> int:
    """Foresee how much memory solutions take that are handed over, beside the factor.

    Parameters
    ----------
    shape
        Rows and columns of the raster.
    count
        How many right-hand sides.
    threads
        How many work at a time.

    Examples
    --------
    >>> peak_bytes((500, 500), 700, 2)
    255192000
    """
    dissection = analyze(shape)
    (high, wide), (down, across) = dissection.pitch, dissection.tiles
    # Joints, with what lies on both sides of them; and a tile and a joint in hand for each thread.
    joints = (down - 1) * dissection.padded[1] + (across - 1) * dissection.padded[0]
    return 8 * count * (3 * joints + threads * ((high + 1) * (wide + 1) + 3 * max(dissection.padded)))


class _StreamedSolve:
    def __init__(self, factored: Factor, cells: Int[np.ndarray, "n"], amounts: Float[np.ndarray, "k n"]):
        self.factored, self.cells, self.amounts = factored, cells, amounts
        self.plan, self.count = factored.dissection, len(amounts)
        self.tiles = columns_by_tile(factored, cells)
        self.starting = starting_in_nodes(factored, cells)
        self.levels = levels_of_tile(self.plan)
        # Where each joint cell's solution is; −1 for other cells, and beyond the raster.
        self.where = np.full(tuple(n + 2 for n in self.plan.padded), -1)
        self.nodes = [node for group in self.plan.nodes for node in group]
        joints = 0
        for node in self.nodes:
            rows, columns = np.array(node.separator).T
            self.where[1 + rows, 1 + columns] = np.arange(joints, joints + len(rows))
            joints += len(rows)
        # Its last row is 0, for what is beyond the raster.
        self.joints = np.zeros((joints + 1, self.count))
        self.skins: dict[int, tuple[np.ndarray, ...]] = {}
        self.rooms = threading.local()

    def over_all(self, work: Work) -> list:
        groups, start = [], 0
        for group in self.plan.nodes:
            groups.append(range(start, start + len(group)))
            start += len(group)
        with blas_limited_pool() as on_each:
            tiles = range(len(self.factored.tiles))
            handed = {("tile", n): found for n, found in zip(tiles, on_each(self._tile_forth, tiles), strict=True)}
            halfway = {}
            for group in groups:
                eliminated = on_each(lambda n: self._node_forth(n, handed), group)
                for number, (half, outside) in zip(group, eliminated, strict=True):
                    halfway[number], handed["node", number] = half, outside
            for group in reversed(groups):
                on_each(lambda n: self._node_back(n, *halfway.pop(n)), group)
            found = on_each(lambda n: self._tile(n, work), tiles)
            lines = [(axis, n) for axis in (0, 1) for n in range(1, self.plan.tiles[axis])]
            return found + on_each(lambda line: self._joint(*line, work), lines)

    def _eliminated(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Eliminate through a tile; return the columns that are not 0, what they have become, and what is outside."""
        mine = self.tiles.get(number, np.empty(0, int))
        columns = np.flatnonzero(self.amounts[:, mine].any(1))
        local = np.zeros((self.plan.pitch[0] * self.plan.pitch[1], len(columns)))
        outside = np.zeros((1, 1, len(self.plan.levels[-1].frame), len(columns)))
        if len(columns):
            rows, across = np.divmod(self.cells[mine], self.plan.shape[1])
            places = rows % self.plan.pitch[0] * self.plan.pitch[1] + across % self.plan.pitch[1]
            local[places] = self.amounts[np.ix_(columns, mine)].T
            outside = np.zeros((1, 1, 0, len(columns)))
            kept_levels = self.factored.tiles[number]
            for level, kept, (place, *children) in zip(self.plan.levels, kept_levels, self.levels, strict=True):
                below, outside = outside, np.empty((*level.boxes, len(level.frame), len(columns)))
                forward_level(kept.left.mT, place, local, below, *children, outside)
        return columns, local, outside[0, 0]

    def _tile_forth(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        columns, _, outside = self._eliminated(number)
        return columns, outside

    def _node_forth(self, number: int, handed: dict) -> tuple[tuple, tuple]:
        """Return columns and what they have become, in the separator and outside."""
        node, kept = self.nodes[number], self.factored.nodes[number]
        parts = [handed.pop(part) for part in node.parts]
        own = self.starting.get(("node", number), np.empty(0, int))
        begun = np.flatnonzero(self.amounts[:, own].any(1))
        columns = np.unique(np.concatenate([begun, *(mine for mine, _ in parts)]))
        front, inside = np.zeros((len(node.separator) + len(node.frame), len(columns))), len(node.separator)
        for (mine, outside), runs in zip(parts, node.children, strict=True):
            spread = np.zeros((len(outside), len(columns)))
            spread[:, np.searchsorted(columns, mine)] = outside
            add_child(front, spread, runs)
        place = {cell: row for row, cell in enumerate(node.separator)}
        for column in own:
            row = place[divmod(int(self.cells[column]), self.plan.shape[1])]
            front[row] += self.amounts[columns, column]
        return (columns, front[:inside]), (columns, front[inside:] - kept.left @ front[:inside])

    def _node_back(self, number: int, columns: np.ndarray, half: np.ndarray) -> None:
        node, kept = self.nodes[number], self.factored.nodes[number]
        solved = np.zeros((len(node.separator), self.count))
        if node.frame:
            rows, across = np.array(node.frame).T
            solved -= kept.right @ self.joints[self.where[1 + rows, 1 + across]]
        solved[:, columns] += kept.inverse @ half
        rows, across = np.array(node.separator).T
        self.joints[self.where[1 + rows, 1 + across]] = solved

    def _tile(self, number: int, work: Work):
        """Solve in a tile, and hand it over with the joints around it."""
        pitch = self.plan.pitch
        top, left = (place * n for place, n in zip(divmod(number, self.plan.tiles[1]), pitch, strict=True))
        room, part = self._room()
        whole = self.where[top : top + pitch[0] + 1, left : left + pitch[1] + 1]
        rim = np.ones(whole.shape, bool)
        rim[1:-1, 1:-1] = False
        room[:, rim] = self.joints[whole[rim]].T
        columns, local, _ = self._eliminated(number)
        around = 1 + np.array(self.plan.levels[-1].frame, dtype=int).reshape(-1, 2).T
        for begin in range(0, self.count, TOGETHER):
            some = slice(begin, min(begin + TOGETHER, self.count))
            inside = part.ravel()[: pitch[0] * pitch[1] * (some.stop - begin)].reshape(-1, some.stop - begin)
            inside[:] = 0
            here = (columns >= begin) & (columns < some.stop)
            inside[:, columns[here] - begin] = local[:, here]
            frame = np.ascontiguousarray(room[some][:, around[0], around[1]].T)[None, None]
            self._back(number, inside, frame)
            room[some, 1:-1, 1:-1] = inside.reshape(*pitch, -1)[:-1, :-1].transpose(2, 0, 1)
        self.skins[number] = tuple(
            skin.copy() for skin in (room[:, 1, 1:-1], room[:, -2, 1:-1], room[:, 1:-1, 1], room[:, 1:-1, -2])
        )
        return work(room, top - 1, left - 1, ~rim & self._in_raster(top - 1, left - 1, rim.shape))

    def _back(self, number: int, local: np.ndarray, frame: np.ndarray) -> None:
        for depth in reversed(range(len(self.plan.levels))):
            kept, (place, *children) = self.factored.tiles[number][depth], self.levels[depth]
            below = np.empty((1, 1, 0, local.shape[1]))
            if depth:
                level = self.plan.levels[depth - 1]
                below = np.empty((*level.boxes, len(level.frame), local.shape[1]))
            backward_level(kept.inverse, kept.right, place, local, frame, *children, below)
            frame = below

    def _joint(self, axis: int, number: int, work: Work):
        """Hand over the joint behind tiles of one row (axis 0) or column, with the cells on both sides of it."""
        pitch, across = self.plan.pitch, self.plan.tiles
        line = number * pitch[axis]
        along = self.plan.padded[1 - axis] + 2
        values = np.zeros((self.count, 3, along))
        where = self.where[line - 1 : line + 2] if axis == 0 else self.where[:, line - 1 : line + 2].T
        known = where >= 0
        values[:, known] = self.joints[where[known]].T
        for other in range(across[1 - axis]):
            begin = other * pitch[1 - axis] + 1
            for side, skin in ((0, 1), (2, 0)):
                place = (number - 1 + (side == 2), other) if axis == 0 else (other, number - 1 + (side == 2))
                mine = self.skins[place[0] * across[1] + place[1]][skin + 2 * axis]
                values[:, side, begin : begin + mine.shape[1]] = mine
        counts = np.zeros((3, along), bool)
        counts[1] = known[1]
        if axis == 1:
            # Where joints cross the other one counts.
            counts[1, pitch[0] :: pitch[0]] = False
            return work(np.ascontiguousarray(values.swapaxes(1, 2)), -1, line - 2, counts.T.copy())
        return work(values, line - 2, -1, counts)

    def _in_raster(self, top: int, left: int, shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
        rows, columns = top + np.arange(shape[0]), left + np.arange(shape[1])
        inside = [(0 <= n) & (n < size) for n, size in zip((rows, columns), self.plan.shape, strict=True)]
        return inside[0][:, None] & inside[1][None]

    def _room(self) -> tuple[np.ndarray, np.ndarray]:
        """Return this thread's memory for a tile and the joints around it, and for a part of the right-hand sides."""
        if not hasattr(self.rooms, "room"):
            pitch = self.plan.pitch
            self.rooms.room = np.zeros((self.count, pitch[0] + 1, pitch[1] + 1))
            self.rooms.part = np.zeros((pitch[0] * pitch[1], min(TOGETHER, self.count)))
        return self.rooms.room, self.rooms.part
