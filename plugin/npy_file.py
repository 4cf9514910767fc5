"""Rasters in `.npy` files, read and written by whole rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class NpyFile:
    """A raster in an `.npy` file; indexing reads rows.

    A memory map does the same, but its touched pages count as memory of QGIS, and writing to one on a full disk kills
    the process instead of raising an error.

    Parameters
    ----------
    path
        An `.npy` file of two axes, in C order.

    Raises
    ------
    ValueError
        The file does not hold such an array, or is truncated.
    OSError
        The file cannot be read.
    """

    ndim = 2

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran_order, self.dtype = read(file)
            self._start = file.tell()
        if len(shape) != 2 or (fortran_order and 1 not in shape) or self.dtype.hasobject:
            raise ValueError(f"not a raster, row by row, but {shape} of {self.dtype}")
        self.shape: tuple[int, int] = shape
        if path.stat().st_size < self._start + self.nbytes:
            raise ValueError("the file ends too early")

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of the cells on disk."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> np.ndarray:
        first, last, step = rows.indices(len(self))
        if step != 1:
            raise ValueError("rows must be read with a step of 1")
        count, columns = max(0, last - first), self.shape[1]
        offset = self._start + first * columns * self.dtype.itemsize
        values = np.fromfile(self.path, self.dtype, count * columns, offset=offset)
        return values.reshape(count, columns)


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
