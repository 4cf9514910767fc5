"""Values far outside the rest of a raster, which usually mark missing data."""

from __future__ import annotations

import math

import numpy as np
from qgis.core import QgsProcessingFeedback

from ...i18n import tr
from ..validation import declare_nodata_advice, exact, format_cells

# Smaller values than this do not mark missing data, however far they are from the rest.
SMALLEST_MARK = 1e4

# Binary orders of magnitude without any value between the rest and values that are far larger (a factor of 10,000), or
# far smaller: permeabilities of 1e-6 are common for barriers.
FAR_ABOVE, FAR_BELOW = 14, 40

# Usual marks of missing data, which need not be as far from the rest: the limits of integer types, and nines.
USUAL_MARKS = (255, 32767, 32768, 65535, 2147483647, 2147483648, 4294967295, 999, 9999, 99999, 999999, 9999999)
USUAL_MARK_FACTOR = 10
# The largest value that the data type of the file can hold.
TYPE_LIMIT_FACTOR = 2

# Exponents of numbers in double precision, as stored.
EXPONENTS = 2048


class FarValues:
    """Looks, block by block, for values far outside the rest.

    Parameters
    ----------
    name
        Name of the layer.
    stored_type
        Data type of the file, None if it is unknown.
    scaling
        Scale and offset by which the stored values become those of the band.

    Notes
    -----
    The cells are counted by the binary exponent of their value; a wide gap between the exponents separates values far
    above (or below) from the rest. Zeros are not counted.
    """

    def __init__(
        self, name: str, stored_type: np.dtype | None = None, scaling: tuple[float, float] = (1.0, 0.0)
    ) -> None:
        self._name = name
        is_integer = stored_type is not None and stored_type.kind in "iu"
        scale, offset = scaling
        self._limit = np.iinfo(stored_type).max * scale + offset if is_integer else None
        self._marks = {sign * mark * scale + offset for mark in USUAL_MARKS for sign in (1, -1)}
        self._cells = np.zeros(EXPONENTS, np.int64)
        self._largest, self._cells_of_largest, self._second = 0.0, 0, 0.0
        self._smallest = math.inf

    def add(self, values: np.ndarray, valid: np.ndarray) -> None:
        """Count the values of a block."""
        magnitudes = np.abs(values[valid])
        magnitudes = magnitudes[(magnitudes > 0) & np.isfinite(magnitudes)]
        if not magnitudes.size:
            return
        self._cells += np.bincount((magnitudes.view(np.uint64) >> np.uint64(52)).astype(np.intp), minlength=EXPONENTS)
        self._smallest = min(self._smallest, float(magnitudes.min()))
        largest = float(magnitudes.max())
        is_largest = magnitudes == largest
        second = float(magnitudes[~is_largest].max(initial=0.0))
        if largest > abs(self._largest):
            self._second = max(second, abs(self._largest))
            self._largest, self._cells_of_largest = largest, 0
            if (values[valid] == -largest).any():
                self._largest = -largest
        elif largest < abs(self._largest):
            self._second = max(self._second, largest)
        else:
            self._second = max(self._second, second)
        if largest == abs(self._largest):
            self._cells_of_largest += int(np.count_nonzero(is_largest))

    def warn(self, feedback: QgsProcessingFeedback) -> None:
        """Warn about values far outside the rest, if there are any."""
        if message := self._far_above() or self._far_below():
            feedback.pushWarning(f"'{self._name}': {message} {declare_nodata_advice()}")

    def _far_above(self) -> str:
        occupied = np.flatnonzero(self._cells)
        gaps = np.flatnonzero(np.diff(occupied) > FAR_ABOVE)
        largest, rest = exact(self._largest), exact(self._second)
        is_large = abs(self._largest) >= SMALLEST_MARK
        is_far = is_large and abs(self._largest) > 2.0**FAR_ABOVE * self._second
        if self._second and (is_far or self._is_usual_mark()):
            text = tr("{value} ({cells}) is far outside all other values (the next is {rest}).")
            return text.format(cells=format_cells(self._cells_of_largest), value=largest, rest=rest)
        if is_large and gaps.size and self._far_cells(occupied, gaps[-1], above=True) <= self._cells.sum() / 2:
            cells = self._far_cells(occupied, gaps[-1], above=True)
            text = tr("values up to {value} ({cells}) are far larger than all others (below {rest:.3g}).")
            rest_limit = 2.0 ** (int(occupied[gaps[-1]]) - 1022)
            return text.format(cells=format_cells(cells), value=largest, rest=rest_limit)
        return ""

    def _far_below(self) -> str:
        occupied = np.flatnonzero(self._cells)
        gaps = np.flatnonzero(np.diff(occupied) > FAR_BELOW)
        if not gaps.size:
            return ""
        cells = self._far_cells(occupied, gaps[0], above=False)
        text = tr("values down to {value} ({cells}) are far smaller than all others (above {rest:.3g}).")
        rest_limit = 2.0 ** (int(occupied[gaps[0] + 1]) - 1023)
        return text.format(cells=format_cells(cells), value=exact(self._smallest), rest=rest_limit)

    def _far_cells(self, occupied: np.ndarray, gap: int, *, above: bool) -> int:
        exponents = occupied[gap + 1 :] if above else occupied[: gap + 1]
        return int(self._cells[exponents].sum())

    def _is_usual_mark(self) -> bool:
        factor = abs(self._largest) / self._second
        if self._limit is not None and self._largest == self._limit:
            return factor >= TYPE_LIMIT_FACTOR
        return self._largest in self._marks and factor >= USUAL_MARK_FACTOR
