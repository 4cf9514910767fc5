"""Overlapping windows over a raster of any size: extraction of windows and merging of results."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..storage import RasterLike

#: One number for both directions, or rows and columns.
Extent = int | Sequence[int]


@dataclass(frozen=True)
class WindowOperation:
    """Overlapping windows that cover a raster: adjacent cores, each with a buffer around it.

    The cores tile the raster from its first row and column; those of the last row and column may extend beyond it.
    A window is a core with its buffer. Cells beyond the raster are filled.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    core
        Cells of a core: one number, or rows and columns.
    buffer
        Cells around the core, likewise; 0 for none. It may be larger than the core and than the raster.

    Raises
    ------
    ValueError
        A raster or a core without cells, a negative buffer.

    Notes
    -----
    Windows are numbered row by row. Results are merged in the order of these numbers, however they are computed.

    Examples
    --------
    >>> windows = WindowOperation((5, 7), core=3, buffer=1)
    >>> windows.count, windows.window_shape
    (6, (5, 5))
    >>> windows.extract(np.arange(35.0).reshape(5, 7), 5, fill=-1.0)
    array([[19., 20., -1., -1., -1.],
           [26., 27., -1., -1., -1.],
           [33., 34., -1., -1., -1.],
           [-1., -1., -1., -1., -1.],
           [-1., -1., -1., -1., -1.]])
    """

    shape: tuple[int, int]
    core: tuple[int, int]
    buffer: tuple[int, int]

    def __init__(self, shape: Sequence[int], core: Extent, buffer: Extent = 0):
        for name, extent, minimum in (("shape", shape, 1), ("core", core, 1), ("buffer", buffer, 0)):
            object.__setattr__(self, name, _rows_and_columns(extent, name, minimum))

    @property
    def layout(self) -> tuple[int, int]:
        """Number of cores from top to bottom and from left to right."""
        return -(-self.shape[0] // self.core[0]), -(-self.shape[1] // self.core[1])

    @property
    def count(self) -> int:
        """Number of windows."""
        return self.layout[0] * self.layout[1]

    @property
    def window_shape(self) -> tuple[int, int]:
        """(rows, columns) of every window, including cells beyond the raster."""
        return self.core[0] + 2 * self.buffer[0], self.core[1] + 2 * self.buffer[1]

    def corner(self, number: int) -> tuple[int, int]:
        """Return row and column of the raster at which a window begins; negative where it begins before the raster."""
        if not 0 <= number < self.count:
            raise ValueError(f"there is no window {number}: they are numbered from 0 to {self.count - 1}")
        down, across = divmod(number, self.layout[1])
        return down * self.core[0] - self.buffer[0], across * self.core[1] - self.buffer[1]

    def core_slices(self, number: int) -> tuple[slice, slice]:
        """Return the part of the raster that a core covers."""
        return self._intersection(number, self.core, self.buffer)[0]

    def window_slices(self, number: int) -> tuple[slice, slice]:
        """Return the part of the raster that a window covers."""
        return self._intersection(number, self.window_shape, (0, 0))[0]

    def extract(self, raster: RasterLike, number: int, fill: bool | int | float = 0) -> np.ndarray:
        """Return a copy of a window.

        Parameters
        ----------
        raster
            Only the part within the window is read.
        number
            Number of the window.
        fill
            Value of cells beyond the raster.
        """
        self._validate_raster(raster)
        in_raster, in_window = self._intersection(number, self.window_shape, (0, 0))
        part = np.asarray(raster[in_raster])
        window = np.full(self.window_shape, fill, dtype=part.dtype)
        window[in_window] = part
        return window

    def inside(self, number: int) -> np.ndarray:
        """Return the mask of a window's cells that lie in the raster."""
        _, in_window = self._intersection(number, self.window_shape, (0, 0))
        mask = np.zeros(self.window_shape, bool)
        mask[in_window] = True
        return mask

    def extract_many(self, raster: RasterLike, numbers: Iterable[int], fill: bool | int | float = 0) -> np.ndarray:
        """Return several windows as one array, (windows, rows, columns)."""
        return np.stack([self.extract(raster, number, fill) for number in numbers])

    def windows(self, raster: RasterLike, fill: bool | int | float = 0) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number and a copy of every window in turn."""
        for number in range(self.count):
            yield number, self.extract(raster, number, fill)

    def batches(
        self, raster: RasterLike, size: int, fill: bool | int | float = 0
    ) -> Iterator[tuple[range, np.ndarray]]:
        """Yield the numbers and copies of `size` windows at a time; the last batch may be smaller.

        Examples
        --------
        >>> windows = WindowOperation((1, 3), core=1, buffer=(0, 1))
        >>> for numbers, batch in windows.batches(np.array([[1, 2, 3]]), 2):
        ...     print(list(numbers), batch.tolist())
        [0, 1] [[[0, 1, 2]], [[1, 2, 3]]]
        [2] [[[2, 3, 0]]]
        """
        for first in range(0, self.count, _integer_at_least(size, "size", 1)):
            numbers = range(first, min(first + size, self.count))
            yield numbers, self.extract_many(raster, numbers, fill)

    def write_core(self, raster: Any, number: int, window: np.ndarray) -> None:
        """Write the core of a window into a raster; every cell of the raster belongs to one core.

        Examples
        --------
        >>> raster, windows = np.zeros((1, 3)), WindowOperation((1, 3), core=2, buffer=1)
        >>> windows.write_core(raster, 1, np.full((4, 4), 5.0))
        >>> raster
        array([[0., 0., 5.]])
        """
        self._validate_raster(raster)
        self._validate_window(window)
        in_raster, in_core = self._intersection(number, self.core, self.buffer)
        raster[in_raster] = window[self.buffer[0] :, self.buffer[1] :][in_core]

    def add_window(self, raster: Any, number: int, window: np.ndarray) -> None:
        """Add a whole window to a raster, without the cells beyond the raster.

        Examples
        --------
        >>> raster, windows = np.zeros((1, 3)), WindowOperation((1, 3), core=2, buffer=1)
        >>> for number in range(windows.count):
        ...     windows.add_window(raster, number, np.ones((4, 4)))
        >>> raster
        array([[1., 2., 2.]])
        """
        self._validate_raster(raster)
        self._validate_window(window)
        in_raster, in_window = self._intersection(number, self.window_shape, (0, 0))
        raster[in_raster] = np.asarray(raster[in_raster]) + window[in_window]

    def grouped(self, cores: Extent) -> "WindowOperation":
        """Return windows whose cores are groups of these cores, with the same buffer.

        Parameters
        ----------
        cores
            Rows and columns of cores in a group, or one number for both.

        Notes
        -----
        A window of the group contains every window of its cores: that of the core (i, j) in it begins at
        (i · core rows, j · core columns).
        """
        rows, columns = _rows_and_columns(cores, "cores", 1)
        return WindowOperation(self.shape, (rows * self.core[0], columns * self.core[1]), self.buffer)

    def _intersection(
        self, number: int, extent: tuple[int, int], offset: tuple[int, int]
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return the part of an extent that lies in the raster, in coordinates of the raster and of the extent."""
        in_raster, in_extent = [], []
        for corner, shift, length, end in zip(self.corner(number), offset, extent, self.shape, strict=True):
            first = corner + shift
            low, high = max(first, 0), min(first + length, end)
            in_raster.append(slice(low, high))
            in_extent.append(slice(low - first, high - first))
        return (in_raster[0], in_raster[1]), (in_extent[0], in_extent[1])

    def _validate_raster(self, raster: RasterLike) -> None:
        if tuple(raster.shape) != self.shape:
            raise ValueError(f"the windows are those of a raster of {self.shape} cells, not {tuple(raster.shape)}")

    def _validate_window(self, window: np.ndarray) -> None:
        if window.shape != self.window_shape:
            raise ValueError(f"a window has {self.window_shape} cells, not {window.shape}")


def _rows_and_columns(extent: Extent, name: str, minimum: int) -> tuple[int, int]:
    pair = tuple(extent) if isinstance(extent, Iterable) else (extent, extent)
    if len(pair) != 2:
        raise ValueError(f"{name} must be rows and columns, not {extent!r}")
    return _integer_at_least(pair[0], name, minimum), _integer_at_least(pair[1], name, minimum)


def _integer_at_least(value: int, name: str, minimum: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number of cells, not {value!r}") from None
    if number < minimum:
        raise ValueError(f"{name} must be {minimum} or more, not {number}")
    return number
