"""Overlapping windows over a raster of any size: where they lie, cutting them out, putting results together."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..storage.raster_like import RasterLike

#: One number for both directions, or rows and columns.
Extent = int | Sequence[int]


@dataclass(frozen=True)
class WindowOperation:
    """Windows that cover a raster: cores side by side, each with a buffer around it.

    The cores tile the raster from its first row and column; those of the last row and column may reach beyond it.
    A window is a core with its buffer. What lies beyond the raster holds nothing.

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
    Windows are numbered row by row. Results are put together in the order of their numbers, whoever computes them.

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
        for name, given, least in (("shape", shape, 1), ("core", core, 1), ("buffer", buffer, 0)):
            object.__setattr__(self, name, _pair(given, name, least))

    @property
    def layout(self) -> tuple[int, int]:
        """How many cores stand below each other, and side by side."""
        return -(-self.shape[0] // self.core[0]), -(-self.shape[1] // self.core[1])

    @property
    def count(self) -> int:
        """How many windows there are."""
        return self.layout[0] * self.layout[1]

    @property
    def window_shape(self) -> tuple[int, int]:
        """(rows, columns) of every window, beyond the raster or not."""
        return self.core[0] + 2 * self.buffer[0], self.core[1] + 2 * self.buffer[1]

    def corner(self, number: int) -> tuple[int, int]:
        """Return row and column of the raster at which a window begins; negative where it begins before the raster."""
        if not 0 <= number < self.count:
            raise ValueError(f"there is no window {number}: they are numbered from 0 to {self.count - 1}")
        down, across = divmod(number, self.layout[1])
        return down * self.core[0] - self.buffer[0], across * self.core[1] - self.buffer[1]

    def core_place(self, number: int) -> tuple[slice, slice]:
        """Return where in the raster a core lies; partial at the end of the raster."""
        return self._inside(number, self.core, self.buffer)[0]

    def window_place(self, number: int) -> tuple[slice, slice]:
        """Return where in the raster a window lies, as far as it does."""
        return self._inside(number, self.window_shape, (0, 0))[0]

    def extract(self, raster: RasterLike, number: int, fill: bool | int | float = 0) -> np.ndarray:
        """Return a copy of a window; `fill` beyond the raster.

        Parameters
        ----------
        raster
            Only the window's part of it is read.
        number
            Of the window.
        fill
            What stands for nothing.
        """
        self._check(raster)
        place, within = self._inside(number, self.window_shape, (0, 0))
        part = np.asarray(raster[place])
        window = np.full(self.window_shape, fill, dtype=part.dtype)
        window[within] = part
        return window

    def inside(self, number: int) -> np.ndarray:
        """Return which cells of a window lie in the raster."""
        _, within = self._inside(number, self.window_shape, (0, 0))
        cells = np.zeros(self.window_shape, bool)
        cells[within] = True
        return cells

    def extract_many(self, raster: RasterLike, numbers: Iterable[int], fill: bool | int | float = 0) -> np.ndarray:
        """Return some windows as one array of shape (windows, rows, columns)."""
        return np.stack([self.extract(raster, number, fill) for number in numbers])

    def windows(self, raster: RasterLike, fill: bool | int | float = 0) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the number and a copy of every window, one after the other."""
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
        for first in range(0, self.count, _positive(size, "size", 1)):
            numbers = range(first, min(first + size, self.count))
            yield numbers, self.extract_many(raster, numbers, fill)

    def write_core(self, raster: Any, number: int, window: np.ndarray) -> None:
        """Write the core of a window into a raster: every cell of the raster belongs to one core.

        Examples
        --------
        >>> raster, windows = np.zeros((1, 3)), WindowOperation((1, 3), core=2, buffer=1)
        >>> windows.write_core(raster, 1, np.full((4, 4), 5.0))
        >>> raster
        array([[0., 0., 5.]])
        """
        self._check(raster)
        self._check_window(window)
        place, within = self._inside(number, self.core, self.buffer)
        raster[place] = window[self.buffer[0] :, self.buffer[1] :][within]

    def add_window(self, raster: Any, number: int, window: np.ndarray) -> None:
        """Add a whole window to what a raster holds; what lies beyond the raster is left out.

        Examples
        --------
        >>> raster, windows = np.zeros((1, 3)), WindowOperation((1, 3), core=2, buffer=1)
        >>> for number in range(windows.count):
        ...     windows.add_window(raster, number, np.ones((4, 4)))
        >>> raster
        array([[1., 2., 2.]])
        """
        self._check(raster)
        self._check_window(window)
        place, within = self._inside(number, self.window_shape, (0, 0))
        raster[place] = np.asarray(raster[place]) + window[within]

    def grouped(self, cores: Extent) -> "WindowOperation":
        """Return windows whose cores are so many of these cores together (rows and columns), with the same buffer.

        A window of the group holds every window of its cores: that of the core (i, j) in it begins at
        (i · core rows, j · core columns).
        """
        rows, columns = _pair(cores, "cores", 1)
        return WindowOperation(self.shape, (rows * self.core[0], columns * self.core[1]), self.buffer)

    def _inside(
        self, number: int, extent: tuple[int, int], offset: tuple[int, int]
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Return the part of an extent that lies in the raster, counted in the raster and in the extent."""
        place, within = [], []
        for begin, shift, length, end in zip(self.corner(number), offset, extent, self.shape, strict=True):
            first = begin + shift
            low, high = max(first, 0), min(first + length, end)
            place.append(slice(low, high))
            within.append(slice(low - first, high - first))
        return (place[0], place[1]), (within[0], within[1])

    def _check(self, raster: RasterLike) -> None:
        if tuple(raster.shape) != self.shape:
            raise ValueError(f"the windows are those of a raster of {self.shape} cells, not {tuple(raster.shape)}")

    def _check_window(self, window: np.ndarray) -> None:
        if window.shape != self.window_shape:
            raise ValueError(f"a window has {self.window_shape} cells, not {window.shape}")


def _pair(given: Extent, name: str, least: int) -> tuple[int, int]:
    pair = tuple(given) if isinstance(given, Iterable) else (given, given)
    if len(pair) != 2:
        raise ValueError(f"{name} must be rows and columns, not {given!r}")
    return _positive(pair[0], name, least), _positive(pair[1], name, least)


def _positive(value: int, name: str, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise ValueError(f"{name} must be a whole number of cells, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be {least} or more, not {number}")
    return number
