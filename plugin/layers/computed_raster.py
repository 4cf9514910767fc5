"""Rasters whose rows are computed from those of others when they are read, so that they need not fit in memory."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Union

import numpy as np

from ..npy_file import CELLS_PER_BLOCK, NpyFile, row_blocks


class ComputedRaster:
    """A raster, one band, that is computed from others cell by cell; indexing computes rows.

    Parameters
    ----------
    compute
        Returns the cells of a block of rows, of the `dtype`, from the same rows of each raster.
    rasters
        Rasters of the same rows and columns, in memory or on disk.
    dtype
        Data type of the cells.
    cells_per_block
        The most cells computed at a time, of at least one row.

    Examples
    --------
    >>> cells = ComputedRaster(lambda values: values > 1, np.array([[1.0, 2.0], [3.0, 0.0]]), dtype=bool)
    >>> cells[1:2]
    array([[ True, False]])
    """

    def __init__(
        self,
        compute: Callable[..., np.ndarray],
        *rasters: RasterRows,
        dtype: type,
        cells_per_block: int = CELLS_PER_BLOCK,
    ) -> None:
        self._compute, self._rasters, self.dtype = compute, rasters, np.dtype(dtype)
        self._cells_per_block = cells_per_block
        self.shape: tuple[int, int] = rasters[0].shape

    @property
    def ndim(self) -> int:
        """2: rows and columns."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, last, _ = rows.indices(len(self))
        result = np.empty((max(0, last - first), self.shape[1]), self.dtype)
        for block in row_blocks(result.shape, self._cells_per_block):
            where = slice(first + block.start, first + block.stop)
            result[block] = self._compute(*(raster[where] for raster in self._rasters))
        return result


#: A raster in memory, on disk or computed, of which rows are read by indexing.
RasterRows = Union[np.ndarray, NpyFile, ComputedRaster]
