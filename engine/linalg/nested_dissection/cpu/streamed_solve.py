"""Solutions for many sparse right-hand sides, streamed rectangle by rectangle: all of them would not fit in memory.

In forward substitution a column is nonzero only in the ancestors of its cells, as in `inverse_block`. In backward
substitution the separators between tiles come first; from then on the tiles are independent. A callback may need the
neighbours of cells, so a tile is passed on with the separators around it, and a separator with the rows or columns of
the tiles on both sides.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from jaxtyping import Bool, Float, Int

from ....parallel import blas_limited_pool
from ..symbolic import analyze
from .factorization import Factor
from .inverse_block import columns_by_node, columns_by_tile
from .substitution import extend_add_rows, tile_level_indices
from .substitution_kernels import backward_level, forward_level

Result = TypeVar("Result")

#: Called with the solutions (k, h, w) of a rectangle, the row and column of its first cell (−1 before the raster), and
#: a mask of the cells that this rectangle covers, none of them along its edge.
Callback = Callable[[Float[np.ndarray, "k h w"], int, int, Bool[np.ndarray, "h w"]], Result]

#: Right-hand sides that are substituted backward through a tile at once, within a core's cache.
RHS_BLOCK = 128


def solve_streamed(
    factored: Factor, cells: Int[np.ndarray, " n"], values: Float[np.ndarray, "k n"], callback: Callback
) -> list[Result]:
    """Solve A x = b for k sparse right-hand sides and pass x to a callback, a rectangle of the raster at a time.

    Parameters
    ----------
    factored
        A, symmetric.
    cells
        Flat raster indices of the cells where right-hand sides are not 0.
    values
        The right-hand sides in these cells.
    callback
        Called once for every rectangle, from several threads; the solutions are overwritten afterwards. Exactly one
        rectangle covers each cell of the raster.

    Returns
    -------
    list
        Results of the callback.

    Examples
    --------
    >>> from .factorization import factor
    >>> edges = np.zeros((4, 1, 2))
    >>> edges[2, 0, 0] = edges[1, 0, 1] = -1
    >>> chain = factor(np.array([[2.0, 2.0]]), edges, symmetric=True)
    >>> covered_values = lambda solutions, top, left, covered: solutions[0][covered].round(12)
    >>> solve_streamed(chain, np.array([0]), np.array([[3.0]]), covered_values)
    [array([2., 1.])]
    """
    return _StreamedSolve(factored, cells, values).run(callback)


def peak_bytes(shape: tuple[int, int], count: int, threads: int) -> int:
    """Estimate the peak memory of `solve_streamed`, in addition to the factor.

    Parameters
    ----------
    shape
        Rows and columns of the raster.
    count
        Number of right-hand sides.
    threads
        Number of threads.

    Examples
    --------
    >>> peak_bytes((500, 500), 700, 2)
    255192000
    """
    dissection = analyze(shape)
    (height, width), (down, across) = dissection.pitch, dissection.tiles
    # Separators with the cells on both sides of them; and a tile and a separator for each thread.
    separators = (down - 1) * dissection.padded[1] + (across - 1) * dissection.padded[0]
    return 8 * count * (3 * separators + threads * ((height + 1) * (width + 1) + 3 * max(dissection.padded)))


class _StreamedSolve:
    """The state of `solve_streamed`: solutions in the separators, and along the edges of the tiles."""

    def __init__(self, factored: Factor, cells: Int[np.ndarray, " n"], values: Float[np.ndarray, "k n"]):
        self.factored, self.cells, self.values = factored, cells, values
        self.dissection, self.count = factored.dissection, len(values)
        self.columns_by_tile = columns_by_tile(factored, cells)
        self.columns_by_node = columns_by_node(factored, cells)
        self.level_indices = tile_level_indices(self.dissection)
        self.nodes = [node for group in self.dissection.nodes for node in group]
        # Row of each separator cell in `separator_values`; −1 for other cells and outside the raster.
        self.separator_rows = np.full(tuple(n + 2 for n in self.dissection.padded), -1)
        total = 0
        for node in self.nodes:
            rows, columns = np.array(node.separator).T
            self.separator_rows[1 + rows, 1 + columns] = np.arange(total, total + len(rows))
            total += len(rows)
        # The last row is 0, the solution outside the raster.
        self.separator_values = np.zeros((total + 1, self.count))
        # Solutions in the outermost rows and columns of each tile: top, bottom, left, right.
        self.tile_edges: dict[int, tuple[np.ndarray, ...]] = {}
        self.thread_local = threading.local()

    def run(self, callback: Callback) -> list:
        """Eliminate the tiles and then the separators, substitute backward, and pass each part to the callback."""
        groups, start = [], 0
        for group in self.dissection.nodes:
            groups.append(range(start, start + len(group)))
            start += len(group)
        with blas_limited_pool() as parallel_map:
            tiles = range(len(self.factored.tiles))
            updates = {
                ("tile", n): update for n, update in zip(tiles, parallel_map(self._forward_tile, tiles), strict=True)
            }
            eliminated = {}
            for group in groups:
                results = parallel_map(lambda n: self._forward_node(n, updates), group)
                for number, (separator, update) in zip(group, results, strict=True):
                    eliminated[number], updates["node", number] = separator, update
            for group in reversed(groups):
                parallel_map(lambda n: self._backward_node(n, *eliminated.pop(n)), group)
            results = parallel_map(lambda n: self._stream_tile(n, callback), tiles)
            lines = [(axis, n) for axis in (0, 1) for n in range(1, self.dissection.tiles[axis])]
            return results + parallel_map(lambda line: self._stream_separator(*line, callback), lines)

    def _eliminate_tile(self, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the nonzero columns of a tile, their values after forward substitution and on the boundary."""
        dissection = self.dissection
        indices = self.columns_by_tile.get(number, np.empty(0, int))
        columns = np.flatnonzero(self.values[:, indices].any(1))
        local = np.zeros((dissection.pitch[0] * dissection.pitch[1], len(columns)))
        update = np.zeros((1, 1, len(dissection.levels[-1].boundary), len(columns)))
        if len(columns):
            rows, across = np.divmod(self.cells[indices], dissection.shape[1])
            in_tile = rows % dissection.pitch[0] * dissection.pitch[1] + across % dissection.pitch[1]
            local[in_tile] = self.values[np.ix_(columns, indices)].T
            update = np.zeros((1, 1, 0, len(columns)))
            levels = zip(dissection.levels, self.factored.tiles[number], self.level_indices, strict=True)
            for level, front_factor, (cells, *child_positions) in levels:
                child_updates, update = update, np.empty((*level.boxes, len(level.boundary), len(columns)))
                forward_level(front_factor.left.mT, cells, local, child_updates, *child_positions, update)
        return columns, local, update[0, 0]

    def _forward_tile(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the nonzero columns of a tile with their updates on its boundary."""
        columns, _, update = self._eliminate_tile(number)
        return columns, update

    def _forward_node(self, number: int, updates: dict) -> tuple[tuple, tuple]:
        """Return the nonzero columns with their values in the separator, and with their updates on the boundary."""
        node, front_factor = self.nodes[number], self.factored.nodes[number]
        child_updates = [updates.pop(child) for child in node.children]
        indices = self.columns_by_node.get(("node", number), np.empty(0, int))
        starting = np.flatnonzero(self.values[:, indices].any(1))
        columns = np.unique(np.concatenate([starting, *(child_columns for child_columns, _ in child_updates)]))
        front, s = np.zeros((len(node.separator) + len(node.boundary), len(columns))), len(node.separator)
        for (child_columns, update), slices in zip(child_updates, node.child_maps, strict=True):
            spread = np.zeros((len(update), len(columns)))
            spread[:, np.searchsorted(columns, child_columns)] = update
            extend_add_rows(front, spread, slices)
        row_of_cell = {cell: row for row, cell in enumerate(node.separator)}
        for index in indices:
            row = row_of_cell[divmod(int(self.cells[index]), self.dissection.shape[1])]
            front[row] += self.values[columns, index]
        return (columns, front[:s]), (columns, front[s:] - front_factor.left @ front[:s])

    def _backward_node(self, number: int, columns: np.ndarray, eliminated: np.ndarray) -> None:
        """Solve for the values on one separator, given those on its boundary."""
        node, front_factor = self.nodes[number], self.factored.nodes[number]
        solution = np.zeros((len(node.separator), self.count))
        if node.boundary:
            rows, across = np.array(node.boundary).T
            solution -= front_factor.right @ self.separator_values[self.separator_rows[1 + rows, 1 + across]]
        solution[:, columns] += front_factor.inverse @ eliminated
        rows, across = np.array(node.separator).T
        self.separator_values[self.separator_rows[1 + rows, 1 + across]] = solution

    def _stream_tile(self, number: int, callback: Callback):
        """Solve in a tile, and pass it on with the separators around it."""
        pitch = self.dissection.pitch
        top, left = (n * size for n, size in zip(divmod(number, self.dissection.tiles[1]), pitch, strict=True))
        solution, block_workspace = self._workspace()
        separator_rows = self.separator_rows[top : top + pitch[0] + 1, left : left + pitch[1] + 1]
        ring = np.ones(separator_rows.shape, bool)
        ring[1:-1, 1:-1] = False
        solution[:, ring] = self.separator_values[separator_rows[ring]].T
        # Eliminated again: the right-hand sides of all tiles would not fit in memory.
        columns, local, _ = self._eliminate_tile(number)
        boundary_cells = 1 + np.array(self.dissection.levels[-1].boundary, dtype=int).reshape(-1, 2).T
        for begin in range(0, self.count, RHS_BLOCK):
            block = slice(begin, min(begin + RHS_BLOCK, self.count))
            length = block.stop - begin
            interior = block_workspace.ravel()[: pitch[0] * pitch[1] * length].reshape(-1, length)
            interior[:] = 0
            in_block = (columns >= begin) & (columns < block.stop)
            interior[:, columns[in_block] - begin] = local[:, in_block]
            boundary = np.ascontiguousarray(solution[block][:, boundary_cells[0], boundary_cells[1]].T)[None, None]
            self._backward_tile(number, interior, boundary)
            solution[block, 1:-1, 1:-1] = interior.reshape(*pitch, -1)[:-1, :-1].transpose(2, 0, 1)
        edges = solution[:, 1, 1:-1], solution[:, -2, 1:-1], solution[:, 1:-1, 1], solution[:, 1:-1, -2]
        self.tile_edges[number] = tuple(edge.copy() for edge in edges)
        return callback(solution, top - 1, left - 1, ~ring & self._in_raster(top - 1, left - 1, ring.shape))

    def _backward_tile(self, number: int, local: np.ndarray, boundary: np.ndarray) -> None:
        """Replace a tile's right-hand sides by the solution, given the solution on its boundary."""
        for depth in reversed(range(len(self.dissection.levels))):
            front_factor = self.factored.tiles[number][depth]
            cells, *child_positions = self.level_indices[depth]
            child_boundary = np.empty((1, 1, 0, local.shape[1]))
            if depth:
                level = self.dissection.levels[depth - 1]
                child_boundary = np.empty((*level.boxes, len(level.boundary), local.shape[1]))
            backward_level(
                front_factor.inverse, front_factor.right, cells, local, boundary, *child_positions, child_boundary
            )
            boundary = child_boundary

    def _stream_separator(self, axis: int, number: int, callback: Callback):
        """Call back with the separators before the tiles of one row (axis 0) or column, and the cells on both sides."""
        pitch, tiles = self.dissection.pitch, self.dissection.tiles
        line = number * pitch[axis]
        length = self.dissection.padded[1 - axis] + 2
        solution = np.zeros((self.count, 3, length))
        separator_rows = (
            self.separator_rows[line - 1 : line + 2] if axis == 0 else self.separator_rows[:, line - 1 : line + 2].T
        )
        in_separator = separator_rows >= 0
        solution[:, in_separator] = self.separator_values[separator_rows[in_separator]].T
        for along in range(tiles[1 - axis]):
            begin = along * pitch[1 - axis] + 1
            # Before the line the tiles' last edges, behind it their first.
            for row, tile_line, edge in ((0, number - 1, 1), (2, number, 0)):
                tile = (tile_line, along) if axis == 0 else (along, tile_line)
                values = self.tile_edges[tile[0] * tiles[1] + tile[1]][edge + 2 * axis]
                solution[:, row, begin : begin + values.shape[1]] = values
        covered = np.zeros((3, length), bool)
        covered[1] = in_separator[1]
        if axis == 1:
            # The crossings of separators belong to the rows.
            covered[1, pitch[0] :: pitch[0]] = False
            return callback(np.ascontiguousarray(solution.swapaxes(1, 2)), -1, line - 2, covered.T.copy())
        return callback(solution, line - 2, -1, covered)

    def _in_raster(self, top: int, left: int, shape: tuple[int, ...]) -> Bool[np.ndarray, "h w"]:
        """Return which cells of a rectangle lie in the raster."""
        rows, columns = top + np.arange(shape[0]), left + np.arange(shape[1])
        inside = [(0 <= n) & (n < size) for n, size in zip((rows, columns), self.dissection.shape, strict=True)]
        return inside[0][:, None] & inside[1][None]

    def _workspace(self) -> tuple[np.ndarray, np.ndarray]:
        """Return this thread's memory for a tile with its boundary, and for a block of right-hand sides."""
        if not hasattr(self.thread_local, "solution"):
            pitch = self.dissection.pitch
            self.thread_local.solution = np.zeros((self.count, pitch[0] + 1, pitch[1] + 1))
            self.thread_local.block = np.zeros((pitch[0] * pitch[1], min(RHS_BLOCK, self.count)))
        return self.thread_local.solution, self.thread_local.block
