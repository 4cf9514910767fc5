"""Rasters in `.npy` files, read and written by slices."""

import errno
import math
import os
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import ArrayLike

from ..counts import count_of
from .atomic import write_atomically
from .disk_space import format_bytes
from .raster_like import RasterLike

#: Error numbers of a disk without space, and of a user who has used up a quota.
DISK_FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class NpyRaster:
    """A raster in an `.npy` file; indexing reads a slice, assignment writes one.

    A memory map does the same, but its touched pages count as memory of the process, and a full disk kills the process
    instead of raising an error. Here slices are read and written with ordinary file operations.

    Parameters
    ----------
    path
        An `.npy` file of two axes, in C order.

    Raises
    ------
    ValueError
        The file does not hold such an array.
    OSError
        The file cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     raster = NpyRaster.create(Path(folder) / "raster.npy", (2, 3))
    ...     raster[0:1, 1:3] = 7.0
    ...     raster[:, 1:]
    array([[7., 7.],
           [0., 0.]])
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        with self.path.open("rb") as file:
            try:
                version = np.lib.format.read_magic(file)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, fortran_order, self.dtype = read(file)
            except ValueError as error:
                raise ValueError(f"{self.path} is not an .npy file of numbers: {error}") from None
            self._start = file.tell()
        if len(shape) != 2 or (fortran_order and 1 not in shape) or self.dtype.kind not in "biufc":
            raise ValueError(
                f"{self.path} must hold a raster of numbers row by row, not {shape} of {self.dtype}"
                + (", column by column" if fortran_order else "")
            )
        self.shape: tuple[int, int] = (shape[0], shape[1])
        missing = self._start + self.nbytes - self.path.stat().st_size
        if missing > 0:
            raise ValueError(
                f"{self.path} is cut off: {count_of(missing, 'byte is', 'bytes are')} missing of {shape[0]} × "
                f"{shape[1]} cells"
            )

    @classmethod
    def create(cls, path: str | os.PathLike, shape: tuple[int, int], dtype: np.dtype | type = float) -> "NpyRaster":
        """Create a raster of zeros and allocate its space on the disk.

        Raises
        ------
        OSError
            The disk is too full, or the file cannot be created; nothing is left behind.
        """
        allocate_npy(Path(path), shape, np.dtype(dtype))
        return cls(path)

    @property
    def ndim(self) -> int:
        """Always 2."""
        return 2

    @property
    def size(self) -> int:
        """Number of cells."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Size of the cells on disk in bytes."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: tuple[slice, slice] | slice) -> np.ndarray:
        rows, columns = self._ranges(index)
        values = np.empty((len(rows), len(columns)), self.dtype)
        with self.path.open("rb") as file:
            for line, row in zip(values, rows, strict=True):
                file.seek(self._offset(row, columns.start))
                line[:] = np.frombuffer(file.read(line.nbytes), self.dtype)
        return values

    def __setitem__(self, index: tuple[slice, slice] | slice, values: np.ndarray | float) -> None:
        rows, columns = self._ranges(index)
        values = np.broadcast_to(np.asarray(values, self.dtype), (len(rows), len(columns)))
        with self.path.open("r+b") as file:
            for line, row in zip(values, rows, strict=True):
                file.seek(self._offset(row, columns.start))
                file.write(line.tobytes())

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError(f"{self.path} is a file: its raster cannot become an array without a copy")
        return self[:, :].astype(dtype or self.dtype, copy=False)

    def _ranges(self, index: tuple[slice, slice] | slice) -> tuple[range, range]:
        axes = index if isinstance(index, tuple) else (index, slice(None))
        if len(axes) != 2 or not all(isinstance(axis, slice) and axis.step in (None, 1) for axis in axes):
            raise ValueError(f"a raster on disk is read and written by slices of rows and columns, not {index!r}")
        rows, columns = (range(*axis.indices(length)) for axis, length in zip(axes, self.shape, strict=True))
        return rows, columns

    def _offset(self, row: int, column: int) -> int:
        return self._start + (row * self.shape[1] + column) * self.dtype.itemsize


def on_disk(raster: RasterLike) -> RasterLike:
    """Return a memory map of a whole `.npy` file as an `NpyRaster`, and any other raster unchanged.

    Slices and transposes of a memory map, and copy-on-write maps, are returned unchanged.
    """
    if not isinstance(raster, np.memmap) or raster.filename is None or raster.mode == "c" or raster.ndim != 2:
        return raster
    if not raster.flags.c_contiguous:
        return raster
    try:
        npy_raster = NpyRaster(raster.filename)
    except (ValueError, OSError):
        return raster
    is_whole = (npy_raster.shape, npy_raster.dtype) == (raster.shape, raster.dtype)
    return npy_raster if is_whole else raster


def as_raster(values: RasterLike | ArrayLike, name: str) -> RasterLike:
    """Return nested lists as an array, and any object with a shape unchanged.

    Parameters
    ----------
    values
        The raster.
    name
        For the error message.

    Raises
    ------
    ValueError
        It does not have two axes, or has no cells.

    Examples
    --------
    >>> as_raster([[1, 2]], "quality").shape
    (1, 2)
    """
    raster = values if hasattr(values, "shape") else np.asarray(values, float)
    if len(raster.shape) != 2 or 0 in raster.shape:
        raise ValueError(f"{name} must be a raster (rows, columns) with cells, not of shape {tuple(raster.shape)}")
    return raster


def allocate_npy(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> int:
    """Create an `.npy` file of zeros with its space on the disk allocated; return the offset of its data in bytes.

    Raises
    ------
    OSError
        The disk is too full, or the file cannot be created; nothing is left behind.
    """
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": tuple(shape)}
    nbytes, start = math.prod(shape) * dtype.itemsize, 0

    def fill(file: BinaryIO) -> None:
        """Write the header and allocate the data."""
        nonlocal start
        np.lib.format.write_array_header_1_0(file, header)
        start = file.tell()
        _allocate(file, nbytes)

    try:
        write_atomically(path, fill)
    except OSError as error:
        problem = "no disk space for" if error.errno in DISK_FULL else "cannot create"
        message = f"{problem} a raster of {format_bytes(nbytes)}: {error.strerror}"
        raise OSError(error.errno, message, str(path)) from error
    return start


def _allocate(file: BinaryIO, nbytes: int) -> None:
    # A sparse file would run into a full disk only in the middle of the computation.
    if hasattr(os, "posix_fallocate") and nbytes:
        os.posix_fallocate(file.fileno(), file.tell(), nbytes)
        return
    zeros = bytes(1 << 20)
    for start in range(0, nbytes, len(zeros)):
        file.write(zeros[: nbytes - start])
