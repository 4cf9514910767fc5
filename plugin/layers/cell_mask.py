"""A mask of cells that takes one bit of memory per cell, for looking up single cells."""

from __future__ import annotations

import numpy as np

from ..npy_file import CELLS_PER_BLOCK, row_blocks
from .computed_raster import RasterRows


class CellMask:
    """Cells of a raster, packed eight to a byte; indexing by row and column tells whether a cell belongs to them.

    Parameters
    ----------
    cells
        bool (rows, columns), in memory, on disk or computed.
    cells_per_block
        The most cells read at a time, of at least one row.

    Examples
    --------
    >>> mask = CellMask(np.array([[False, True], [True, False]]))
    >>> mask[0, 1], mask[1, 1]
    (True, False)
    >>> mask.at(np.array([[0, 1], [1, 1]])).tolist()
    [True, False]
    """

    def __init__(self, cells: RasterRows, *, cells_per_block: int = CELLS_PER_BLOCK) -> None:
        rows, columns = cells.shape
        self._bits = np.empty((rows, (columns + 7) // 8), np.uint8)
        for block in row_blocks(cells.shape, cells_per_block):
            self._bits[block] = np.packbits(cells[block], axis=1)

    def at(self, cells: np.ndarray) -> np.ndarray:
        """Return which of some cells, int64 (k, 2): row and column, belong to the mask; bool (k,)."""
        rows, columns = cells.T
        return (self._bits[rows, columns >> 3] >> (7 - (columns & 7)).astype(np.uint8)) & 1 > 0

    def __getitem__(self, cell: tuple[int, int]) -> bool:
        row, column = cell
        return bool(self._bits[row, column >> 3] >> (7 - (column & 7)) & 1)
