"""Rasters on disk: read and written part by part, never held."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .raster_like import RasterLike


class NpyRaster:
    """A raster in an `.npy` file, of which only the parts that are asked for are in memory.

    A memory map does the same, but what was once touched counts as the process's memory, and a full disk ends the
    process instead of raising an error. Here parts are read and written like those of any file.

    Parameters
    ----------
    path
        An `.npy` file of two axes, in C order.

    Raises
    ------
    ValueError
        The file holds something else.
    OSError
        It cannot be read.

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
                shape, in_columns, self.dtype = read(file)
            except ValueError as problem:
                raise ValueError(f"{self.path} is not an array of numbers on disk: {problem}") from None
            self._start = file.tell()
        if len(shape) != 2 or (in_columns and 1 not in shape) or self.dtype.hasobject:
            raise ValueError(
                f"{self.path} must hold a raster of numbers row by row, not {shape} of {self.dtype}"
                + (", column by column" if in_columns else "")
            )
        self.shape: tuple[int, int] = (shape[0], shape[1])
        missing = self._start + self.nbytes - self.path.stat().st_size
        if missing > 0:
            raise ValueError(f"{self.path} is cut off: {missing:,} bytes are missing of {shape[0]} × {shape[1]} cells")

    @classmethod
    def create(cls, path: str | os.PathLike, shape: tuple[int, int], dtype: np.dtype | type = float) -> "NpyRaster":
        """Make a raster of zeros and take its place on the disk.

        Raises
        ------
        OSError
            The disk has no room for it; nothing is left behind.
        """
        path, kind = Path(path), np.dtype(dtype)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
        header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": tuple(shape)}
        try:
            with unfinished.open("wb") as file:
                np.lib.format.write_array_header_1_0(file, header)
                _take_room(file, shape[0] * shape[1] * kind.itemsize)
            os.replace(unfinished, path)
        except OSError as problem:
            unfinished.unlink(missing_ok=True)
            size = shape[0] * shape[1] * kind.itemsize
            raise OSError(
                problem.errno, f"no room for a raster of {size / 1e6:,.1f} MB: {problem.strerror}", str(path)
            ) from problem
        return cls(path)

    @property
    def ndim(self) -> int:
        """Always 2."""
        return 2

    @property
    def size(self) -> int:
        """How many cells."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """Bytes of the cells, on disk."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, place: tuple[slice, slice] | slice) -> np.ndarray:
        rows, columns = self._place(place)
        part = np.empty((len(rows), len(columns)), self.dtype)
        with self.path.open("rb") as file:
            for target, row in zip(part, rows, strict=True):
                file.seek(self._offset(row, columns.start))
                target[:] = np.frombuffer(file.read(target.nbytes), self.dtype)
        return part

    def __setitem__(self, place: tuple[slice, slice] | slice, values: np.ndarray | float) -> None:
        rows, columns = self._place(place)
        part = np.broadcast_to(np.asarray(values, self.dtype), (len(rows), len(columns)))
        with self.path.open("r+b") as file:
            for source, row in zip(part, rows, strict=True):
                file.seek(self._offset(row, columns.start))
                file.write(source.tobytes())

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self[:, :].astype(dtype or self.dtype, copy=False)

    def _place(self, place: tuple[slice, slice] | slice) -> tuple[range, range]:
        pair = place if isinstance(place, tuple) else (place, slice(None))
        if len(pair) != 2 or not all(isinstance(side, slice) and side.step in (None, 1) for side in pair):
            raise ValueError(f"a raster on disk is read and written by slices of rows and columns, not {place!r}")
        rows, columns = (range(*side.indices(length)) for side, length in zip(pair, self.shape, strict=True))
        return rows, columns

    def _offset(self, row: int, column: int) -> int:
        return self._start + (row * self.shape[1] + column) * self.dtype.itemsize


def on_disk(raster: RasterLike) -> RasterLike:
    """Return a memory-mapped `.npy` file as a raster on disk, and anything else as it is.

    A part of a file, a file seen the other way round, and one whose changes stay in memory are left as they are.
    """
    if not isinstance(raster, np.memmap) or raster.filename is None or raster.mode == "c" or raster.ndim != 2:
        return raster
    if not raster.flags.c_contiguous:
        return raster
    try:
        file = NpyRaster(raster.filename)
    except ValueError:
        return raster
    return file if (file.shape, file.dtype) == (raster.shape, raster.dtype) else raster


def raster_of(given: RasterLike | ArrayLike, name: str) -> RasterLike:
    """Return what was given as a raster: as it is if it has a shape, else as an array.

    Raises
    ------
    ValueError
        It is no raster with cells.

    Examples
    --------
    >>> raster_of([[1, 2]], "quality").shape
    (1, 2)
    """
    raster = given if hasattr(given, "shape") else np.asarray(given, float)
    if len(raster.shape) != 2 or 0 in raster.shape:
        raise ValueError(f"{name} must be a raster (rows, columns) with cells, not of shape {tuple(raster.shape)}")
    return raster


def _take_room(file, size: int) -> None:
    # A file with holes would be refused only in the middle of the work.
    if hasattr(os, "posix_fallocate") and size:
        os.posix_fallocate(file.fileno(), file.tell(), size)
        return
    zeros = bytes(1 << 20)
    for first in range(0, size, len(zeros)):
        file.write(zeros[: size - first])
