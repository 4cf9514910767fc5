"""Rasters of one size in one `.npy` file, appended one after the other."""

import os
from pathlib import Path

import numpy as np

from .npy_raster import allocate_npy


class NpyBands:
    """An `.npy` file of shape (bands, rows, columns), of which only the raster being written is in memory.

    Parameters
    ----------
    path
        The file; its space on the disk is allocated at once.
    shape
        (bands, rows, columns).

    Raises
    ------
    OSError
        The disk is too full, or the file cannot be created; nothing is left behind.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     bands = NpyBands(Path(folder) / "bands.npy", (2, 1, 3))
    ...     bands.append(np.array([[1.0, 2.0, 3.0]]))
    ...     bands.append(np.array([[4.0, 5.0, 6.0]]))
    ...     np.load(bands.path)[1]
    array([[4., 5., 6.]])
    """

    def __init__(self, path: str | os.PathLike, shape: tuple[int, int, int]):
        self.path, self.shape = Path(path), shape
        self._end = allocate_npy(self.path, shape, np.dtype(float))
        self._written = 0

    def append(self, raster: np.ndarray) -> None:
        """Write the next band.

        Raises
        ------
        ValueError
            The raster has another shape, or all bands are written.
        """
        if raster.shape != self.shape[1:] or self._written == self.shape[0]:
            raise ValueError(
                f"band {self._written + 1} of shape {raster.shape} does not fit into {self.path} of shape {self.shape}"
            )
        with self.path.open("r+b") as file:
            file.seek(self._end)
            file.write(np.ascontiguousarray(raster, float).data)
            self._end = file.tell()
        self._written += 1
