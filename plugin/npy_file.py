"""Rasters in `.npy` files, read and written by whole rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from pathlib import Path

import numpy as np

# Cells of a block of rows, to limit memory.
CELLS_PER_BLOCK = 1 << 20


class NpyFile:
    """A raster in an `.npy` file, of one band or several; indexing reads rows, or opens a band.

    A memory map does the same, but its touched pages count as memory of QGIS, and writing to one on a full disk kills
    the process instead of raising an error.

    Parameters
    ----------
    path
        An `.npy` file of two axes, rows and columns, or three, the first of which are bands; in C order.

    Raises
    ------
    ValueError
        The file does not hold such an array, or is truncated.
    OSError
        The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, self.dtype = read(file)
            self._start = file.tell()
        is_reordered = fortran_order and len([length for length in shape if length != 1]) > 1
        if len(shape) not in (2, 3) or is_reordered or self.dtype.hasobject:
            raise ValueError(f"not a raster, row by row, but {shape} of {self.dtype}")
        self.shape: tuple[int, ...] = shape
        if path.stat().st_size < self._start + self.nbytes:
            raise ValueError("the file ends too early")

    @property
    def ndim(self) -> int:
        """2 for one band, 3 for several."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the values on disk."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | int) -> np.ndarray | NpyFile:
        if isinstance(index, slice):
            return self._rows(index)
        if self.ndim != 3 or not 0 <= index < len(self):
            raise IndexError(f"there is no band {index} in a raster of shape {self.shape}")
        band = copy(self)
        band.shape = self.shape[1:]
        band._start += index * band.nbytes
        return band

    def _rows(self, rows: slice) -> np.ndarray:
        """Read rows of a single band, or bands."""
        first, last, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("rows must be read with a step of 1")
        shape = (max(0, last - first), *self.shape[1:])
        offset = self._start + first * math.prod(self.shape[1:]) * self.dtype.itemsize
        return np.fromfile(self.path, self.dtype, math.prod(shape), offset=offset).reshape(shape)

    def replace_rows(self, first: int, rows: np.ndarray) -> None:
        """Overwrite whole rows of a single band, from row `first` on.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        with self.path.open("r+b") as file:
            file.seek(self._start + first * self.shape[1] * self.dtype.itemsize)
            file.write(np.ascontiguousarray(rows, self.dtype).data)


def row_blocks(shape: tuple[int, ...], cells: int = CELLS_PER_BLOCK) -> Iterator[slice]:
    """Yield slices of rows that cover a raster of this shape, (rows, columns), from top to bottom.

    Parameters
    ----------
    shape
        Rows and columns.
    cells
        The most cells of a block, of at least one row.

    Examples
    --------
    >>> list(row_blocks((5, 10), cells=20))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    step = max(1, cells // max(1, shape[1]))
    return (slice(first, min(first + step, shape[0])) for first in range(0, shape[0], step))


@contextmanager
def written_by_rows(path: Path, shape: tuple[int, int], dtype: type) -> Iterator[Callable[[np.ndarray], None]]:
    """Open a new `.npy` file and yield a function that appends rows.

    Parameters
    ----------
    path
        The file.
    shape
        Rows and columns of the raster.
    dtype
        The data type on disk.

    Raises
    ------
    OSError
        The disk is full, or the file cannot be written.
    """
    header = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)

        def append(rows: np.ndarray) -> None:
            file.write(np.ascontiguousarray(rows, dtype).data)

        yield append
