"""Assembly of frontal matrices: between a matrix as a stack of rasters and the dense fronts of the leaves.

Two neighbouring cells lie in a square of 2 × 2 cells, and every such square lies in exactly one leaf if a leaf includes
the boundary above it and to its left. So each entry of the matrix is moved to the upper left cell of its square; then
the entries of a leaf are one block of the raster, and none is counted twice.
"""

from functools import lru_cache
from typing import TypeVar

import numpy as np

from ..stencil_matrix import neighbour_offsets
from .symbolic import SymbolicFactorization

#: An array of either backend.
Batch = TypeVar("Batch")


def shift_entries(center: np.ndarray, edges: np.ndarray, dissection: SymbolicFactorization) -> np.ndarray:
    """Return the entries at the upper left cells of their squares, in a raster padded to whole tiles.

    Returns
    -------
    np.ndarray
        Shape (1 + directions, padded rows, padded columns), the diagonal first; [.., 0, :] and [.., :, 0] lie before
        the raster. Cells outside the raster are identity rows.
    """
    rows, columns = dissection.shape
    entries = np.zeros((1 + len(edges), *dissection.padded), np.result_type(center, edges))
    entries[0] = 1
    entries[0, 1 : 1 + rows, 1 : 1 + columns] = center
    for d, step in enumerate(neighbour_offsets(len(edges))):
        down, right = cell_of_pair(step)
        entries[1 + d, 1 : 1 + rows - down, 1 : 1 + columns - right] = edges[d, down:, right:]
    return entries


def unshift_entries(entries: np.ndarray, dissection: SymbolicFactorization) -> tuple[np.ndarray, np.ndarray]:
    """Return the diagonal and the edges; inverse of `shift_entries`."""
    rows, columns = dissection.shape
    edges = np.zeros((len(entries) - 1, rows, columns), entries.dtype)
    for d, step in enumerate(neighbour_offsets(len(edges))):
        down, right = cell_of_pair(step)
        edges[d, down:, right:] = entries[1 + d, 1 : 1 + rows - down, 1 : 1 + columns - right]
        _clear_outward(edges[d], step)
    return entries[0, 1 : 1 + rows, 1 : 1 + columns].copy(), edges


def cell_of_pair(step: tuple[int, int]) -> tuple[int, int]:
    """Return the position (down, right) of a cell in the square of 2 × 2 that it shares with its neighbour at `step`.

    Examples
    --------
    >>> cell_of_pair((-1, 1))
    (1, 0)
    """
    return max(0, -step[0]), max(0, -step[1])


def _clear_outward(edge: np.ndarray, step: tuple[int, int]) -> None:
    """Set edges that lead out of the raster to zero."""
    if step[0]:
        edge[0 if step[0] < 0 else -1, :] = 0
    if step[1]:
        edge[:, 0 if step[1] < 0 else -1] = 0


@lru_cache(maxsize=16)
def entry_positions(dissection: SymbolicFactorization, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of a leaf's entries in its block of the raster and in its dense front.

    Returns
    -------
    in_block, in_front
        Flat indices, in the block of (1 + directions) · leaf pitch rows · leaf pitch columns and in the front, of the
        entries whose two cells both belong to the front.
    """
    leaf = dissection.levels[0]
    positions = {cell: position for position, cell in enumerate(leaf.separator + leaf.boundary)}
    in_block, in_front = [], []
    index = 0
    for step in ((0, 0), *neighbour_offsets(directions)):
        down, right = cell_of_pair(step)
        for row in range(-1, dissection.leaf[0]):
            for column in range(-1, dissection.leaf[1]):
                source = positions.get((row + down, column + right))
                target = positions.get((row + down + step[0], column + right + step[1]))
                if source is not None and target is not None:
                    in_block.append(index)
                    in_front.append(source * len(positions) + target)
                index += 1
    return np.array(in_block), np.array(in_front)


def gather_fronts(entries: np.ndarray, dissection: SymbolicFactorization, tile: int) -> np.ndarray:
    """Return the entries of a tile's leaves, of shape (leaves down, leaves across, (1 + directions) · block size)."""
    (down, across), leaf = dissection.levels[0].boxes, dissection.leaf
    blocks = _tile_view(entries, dissection, tile).reshape(len(entries), down, leaf[0] + 1, across, leaf[1] + 1)
    return blocks.transpose(1, 3, 0, 2, 4).reshape(down, across, -1)


def scatter_fronts(blocks: np.ndarray, entries: np.ndarray, dissection: SymbolicFactorization, tile: int) -> None:
    """Write a tile's entries from the blocks of its leaves into the rasters; inverse of `gather_fronts`."""
    (down, across), leaf = dissection.levels[0].boxes, dissection.leaf
    blocks = blocks.reshape(down, across, len(entries), leaf[0] + 1, leaf[1] + 1).transpose(2, 0, 3, 1, 4)
    target = _tile_view(entries, dissection, tile)
    target[...] = blocks.reshape(target.shape)


def halves(boxes: Batch, axis: int) -> tuple[Batch, Batch]:
    """Split a batch (down, across, ...) of boxes into first and second children.

    Parameters
    ----------
    boxes
        An array of either backend.
    axis
        Axis along which the two children of a box lie.

    Examples
    --------
    >>> halves(np.array([[1, 2], [3, 4]]), axis=1)
    (array([[1],
           [3]]), array([[2],
           [4]]))
    """
    return (boxes[0::2], boxes[1::2]) if axis == 0 else (boxes[:, 0::2], boxes[:, 1::2])


def _tile_view(entries: np.ndarray, dissection: SymbolicFactorization, tile: int) -> np.ndarray:
    row, column = divmod(tile, dissection.tiles[1])
    top, left = row * dissection.pitch[0], column * dissection.pitch[1]
    return entries[:, top : top + dissection.pitch[0], left : left + dissection.pitch[1]]
