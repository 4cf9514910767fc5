"""Solve with a factor: down from the leaves to the last separator, and back.

    forth:  b_f ← b_f − H b_s          back:  x_s = F_ss⁻¹ b_s − K x_f

With the transposed matrix the roles of Hᵀ and K change.
"""

from functools import lru_cache

import numpy as np

from ....parallel.blas_threads import blas_limited_pool
from ..symbolic import Runs, SymbolicFactorization, separator_positions
from .factorization import Factor
from .substitution_kernels import backward_level, forward_level


def substitute(
    factored: Factor, right_hand_sides: np.ndarray, transposed: bool, out: np.ndarray | None = None
) -> np.ndarray:
    """Solve A x = b, or Aᵀ x = b.

    Parameters
    ----------
    factored
        A.
    right_hand_sides
        b, shape (k, rows, columns).
    out
        Memory for x.
    """
    x = np.empty_like(right_hand_sides) if out is None else out
    dissection = factored.dissection
    count = len(right_hand_sides)
    handed: dict = {}
    halfway: dict = {}
    transposed = transposed and not factored.symmetric

    def tile_forth(number: int) -> None:
        halfway["tile", number], handed["tile", number] = _tile_forth(factored, right_hand_sides, number, transposed)

    def node_forth(item) -> None:
        number, node, kept = item
        front = np.zeros((len(node.separator) + len(node.frame), count), right_hand_sides.dtype)
        for part, runs in zip(node.parts, node.children, strict=True):
            add_child(front, handed.pop(part), runs)
        inside = len(node.separator)
        rows, columns = np.array(node.separator).T
        front[:inside] += right_hand_sides[:, rows, columns].T
        left = kept.right.mT if transposed else kept.left
        halfway["node", number] = front[:inside]
        handed["node", number] = front[inside:] - left @ front[:inside]

    def node_back(item) -> None:
        number, node, kept = item
        inverse, right = (kept.inverse.mT, kept.left.mT) if transposed else (kept.inverse, kept.right)
        frame = handed.pop(("node", number))
        solved = inverse @ halfway.pop(("node", number)) - right @ frame
        rows, columns = np.array(node.separator).T
        x[:, rows, columns] = solved.T
        front = np.concatenate([solved, frame])
        for part, runs in zip(node.parts, node.children, strict=True):
            size = len(dissection.levels[-1].frame) if part[0] == "tile" else kept_frame(part[1])
            handed[part] = _pick(front, runs, size)

    def kept_frame(number: int) -> int:
        return factored.nodes[number].right.shape[-1]

    def tile_back(number: int) -> None:
        local, frame = halfway.pop(("tile", number)), handed.pop(("tile", number))
        _tile_back(factored, local, frame, number, transposed)
        _put_tile(dissection, local, x, number)

    groups, start = [], 0
    for group in dissection.nodes:
        numbers = range(start, start + len(group))
        groups.append([(n, node, factored.nodes[n]) for n, node in zip(numbers, group, strict=True)])
        start += len(group)
    with blas_limited_pool() as on_each:
        on_each(tile_forth, range(len(factored.tiles)))
        for group in groups:
            on_each(node_forth, group)
        for group in reversed(groups):
            on_each(node_back, group)
        on_each(tile_back, range(len(factored.tiles)))
    return x


@lru_cache(maxsize=16)
def levels_of_tile(dissection: SymbolicFactorization) -> list[tuple[np.ndarray, int, np.ndarray, np.ndarray]]:
    """Return, for every level of a tile, what its loops need.

    Returns
    -------
    list
        Rows of the tile's cells of every separator, (down, across, s); the axis along which children lie, −1 for none;
        and where the frame's cells of a first and a second child are in a front, −1 where they are not.
    """
    found, size = [], 0
    for depth, level in enumerate(dissection.levels):
        rows, columns = separator_positions(dissection, 0, depth)
        place = (rows - 1) * dissection.pitch[1] + columns - 1
        wheres = np.full((2, size), -1)
        for where, runs in zip(wheres, level.children, strict=False):
            for here, there in runs:
                where[here] = np.arange(there.start, there.stop)
        found.append((np.ascontiguousarray(place), -1 if level.axis is None else level.axis, *wheres))
        size = len(level.frame)
    return found


def _tile_forth(factored: Factor, right_hand_sides: np.ndarray, number: int, transposed: bool):
    """Return what the tile's right-hand sides have become, cell by cell, and what is left on its frame."""
    dissection = factored.dissection
    (rows, columns), count = _extent(dissection, number), len(right_hand_sides)
    local = np.zeros((*dissection.pitch, count))
    part = right_hand_sides[:, rows, columns]
    if not part.any():
        return local.reshape(-1, count), np.zeros((len(dissection.levels[-1].frame), count))
    local[: part.shape[1], : part.shape[2]] = part.transpose(1, 2, 0)
    local = local.reshape(-1, count)
    outside = np.zeros((1, 1, 0, count))
    for level, kept, given in zip(dissection.levels, factored.tiles[number], levels_of_tile(dissection), strict=True):
        place, *children = given
        below, outside = outside, np.empty((*level.boxes, len(level.frame), count))
        left = kept.right if transposed else kept.left.mT
        forward_level(left, place, local, below, *children, outside)
    return local, outside[0, 0]


def _tile_back(factored: Factor, local: np.ndarray, frame: np.ndarray, number: int, transposed: bool) -> None:
    """Replace the tile's right-hand sides by its solution, given that on its frame."""
    dissection, maps = factored.dissection, levels_of_tile(factored.dissection)
    frame, count = frame[None, None], local.shape[1]
    for depth in reversed(range(len(dissection.levels))):
        kept, (place, *children) = factored.tiles[number][depth], maps[depth]
        inverse, right = (
            (np.ascontiguousarray(kept.inverse.mT), kept.left.mT) if transposed else (kept.inverse, kept.right)
        )
        below = np.empty((1, 1, 0, count))
        if depth:
            level = dissection.levels[depth - 1]
            below = np.empty((*level.boxes, len(level.frame), count))
        backward_level(inverse, right, place, local, frame, *children, below)
        frame = below


def _put_tile(dissection: SymbolicFactorization, local: np.ndarray, x: np.ndarray, number: int) -> None:
    rows, columns = _extent(dissection, number)
    solved = local.reshape(*dissection.pitch, -1)[: rows.stop - rows.start, : columns.stop - columns.start]
    # The last row and column of a pitch belong to the joint with the next tile.
    inner = solved[: dissection.pitch[0] - 1, : dissection.pitch[1] - 1]
    x[:, rows.start : rows.start + inner.shape[0], columns.start : columns.start + inner.shape[1]] = inner.transpose(
        2, 0, 1
    )


def _extent(dissection: SymbolicFactorization, number: int) -> tuple[slice, slice]:
    """Return the part of the raster that a tile covers, the joints behind it included."""
    row, column = divmod(number, dissection.tiles[1])
    top, left = row * dissection.pitch[0], column * dissection.pitch[1]
    return (
        slice(top, min(top + dissection.pitch[0], dissection.shape[0])),
        slice(left, min(left + dissection.pitch[1], dissection.shape[1])),
    )


def add_child(front: np.ndarray, child: np.ndarray, runs: Runs) -> None:
    """Add what a child leaves on its frame into a front."""
    for here, there in runs:
        front[..., there, :] += child[..., here, :]


def _pick(front: np.ndarray, runs: Runs, size: int) -> np.ndarray:
    child = np.zeros((size, front.shape[-1]), front.dtype)
    for here, there in runs:
        child[here] = front[there]
    return child
