"""Declared nodata values, recognised among the stored values although they were rounded or do not fit the data type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from ...i18n import tr
from ..validation import exact

# Two numbers that print alike with six significant digits differ by at most this fraction.
SIX_DIGITS = 5.1e-6

# No measurement is as large: a value like this that prints like the declared one is missing data.
CERTAINLY_NODATA = 1e30

# Beyond this, neighbouring whole numbers are the same decimal number.
MAX_EXACT = 2.0**53


class DeclaredNodata:
    """Nodata values of one band: as declared, as rounded by another program, or in place of one that cannot be stored.

    Parameters
    ----------
    name
        Name of the layer, for messages.
    declared
        The nodata values.
    dtype
        Data type of the values to compare.

    Attributes
    ----------
    notes
        What was taken as nodata, and why.

    Notes
    -----
    Text formats and databases print −3.4028235e38 as −3.40282e+38, and 0.1 in single precision is not 0.1. A value that
    prints like the declared one is nodata if it is the only such value and the declared one itself does not occur.

    A declared value that the data type cannot hold (−9999 in bytes) comes from a conversion, which replaced the cells
    by the value with the same bits (−1 becomes 255) or by the limit of the type. That value is nodata if it stands
    apart: if no cell has a neighbouring number (0 aside).
    """

    def __init__(self, name: str, declared: Iterable[float], dtype: np.dtype) -> None:
        self._name, self._dtype = name, np.dtype(dtype)
        self._values = [_Value(value, self._dtype) for value in declared]
        self.notes: list[str] = []

    def mask(self, values: np.ndarray, all_blocks: Callable[[], Iterator[np.ndarray]]) -> np.ndarray:
        """Return which values are nodata; bool, shape of `values`.

        Parameters
        ----------
        values
            Values of a block.
        all_blocks
            Returns the values of the whole band, block by block. It is called only if the block holds values that may
            be nodata without being equal to a declared value, and is not kept: its band would keep itself, and its
            file open.
        """
        nodata = np.zeros(values.shape, bool)
        for value in self._values:
            equal = value.equal_to(values)
            nodata |= equal
            if value.is_beyond_type and value.is_limit(values).any():
                self._note_limit(value)
            if value.substitutes is None and value.may_be_in(values):
                value.substitutes = self._find_substitutes(value, all_blocks)
            for substitute in value.substitutes or ():
                nodata |= values == substitute
        return nodata

    def _find_substitutes(self, value: _Value, all_blocks: Callable[[], Iterator[np.ndarray]]) -> list[float]:
        """Look at the whole band for the values that stand for a declared one, and note them."""
        if value.candidates:
            return self._find_candidate(value, all_blocks)
        declared_occurs, similar, counts = False, set(), {}
        for block in all_blocks():
            declared_occurs = declared_occurs or bool(value.equal_to(block).any())
            near, count = np.unique(block[value.similar_to(block)], return_counts=True)
            for one, cells in zip(near.tolist(), count.tolist()):
                counts[one] = counts.get(one, 0) + cells
            similar |= set(near.tolist())
            if len(similar) > 1000:
                return []  # measurements around the declared value
        similar = {one for one in similar if f"{one:.6g}" == f"{value.declared:.6g}"}
        with np.errstate(over="ignore"):
            in_single_precision = float(np.float32(value.declared))
        sure = {one for one in similar if abs(one) >= CERTAINLY_NODATA or one == in_single_precision}
        found = similar if len(similar) == 1 and not declared_occurs else sure
        for one in sorted(found):
            self.notes.append(
                tr(
                    "'{layer}' declares {declared} as nodata; {cells:# cell holds|# cells hold} {value}, the same "
                    "number rounded, and {cells:is|are} taken as nodata."
                ).format(layer=self._name, declared=exact(value.declared), cells=counts[one], value=exact(one))
            )
        return sorted(found)

    def _note_limit(self, value: _Value) -> None:
        value.is_beyond_type = False  # noted once
        text = tr(
            "'{layer}' declares {declared} as nodata, beyond the range of its data type ({type}); the limit of the "
            "type is taken as nodata in its place."
        )
        self.notes.append(text.format(layer=self._name, declared=exact(value.declared), type=self._dtype.name))

    def _find_candidate(self, value: _Value, all_blocks: Callable[[], Iterator[np.ndarray]]) -> list[float]:
        counts, adjacent = dict.fromkeys(value.candidates, 0), dict.fromkeys(value.candidates, 0)
        for block in all_blocks():
            for candidate in value.candidates:
                counts[candidate] += int(np.count_nonzero(block == candidate))
                for neighbour in {candidate - 1, candidate + 1} - {0}:
                    adjacent[candidate] += int(np.count_nonzero(block == neighbour))
        candidate = next(candidate for candidate in value.candidates if counts[candidate])
        is_doubtful = adjacent[candidate] or candidate == _wrapped(value.declared, self._dtype)
        if is_doubtful:
            text = tr(
                "'{layer}' declares {declared} as nodata, which its data type ({type}) cannot hold, so no cell is "
                "nodata. If {value} ({cells:# cell|# cells}) marks missing data, declare it as nodata (Layer "
                "properties ▸ Transparency ▸ Additional no data value)."
            )
        else:
            text = tr(
                "'{layer}' declares {declared} as nodata, which its data type ({type}) cannot hold. {value}, far from "
                "all other values, is taken as nodata in its place ({cells:# cell|# cells}). If these cells hold data, "
                "remove the nodata value from the file: Translate with the additional parameter '-a_nodata none'."
            )
        self.notes.append(
            text.format(
                layer=self._name,
                declared=exact(value.declared),
                type=self._dtype.name,
                value=candidate,
                cells=counts[candidate],
            )
        )
        return [] if is_doubtful else [candidate]


class _Value:
    """One declared nodata value.

    Attributes
    ----------
    declared
        The value as declared.
    candidates
        Stored values that may stand for a value that the data type cannot hold, the likeliest first.
    substitutes
        Values that stand for the declared one; None while the band has not been searched for them.
    is_beyond_type
        Whether the declared value is far outside the range of a floating-point type.
    """

    def __init__(self, declared: float, dtype: np.dtype) -> None:
        self.declared, self._dtype = declared, dtype
        self.candidates: list[int] = []
        self.substitutes: list[float] | None = None
        self.is_beyond_type = False
        self._equal: list[float] = []
        if dtype.kind == "f":
            self._equal = _as_floats(declared, dtype)
            # The largest number of a type, printed with few digits, is a little beyond its range. Farther beyond, GDAL
            # reads infinity.
            self.is_beyond_type = abs(declared) / 1.001 > np.finfo(dtype).max
            if not np.isfinite(declared) or declared == 0:
                self.substitutes = []
        elif _fits(declared, dtype):
            self._equal, self.substitutes = [int(declared)], []
        else:
            self.candidates = _in_place_of(declared, dtype)

    def equal_to(self, values: np.ndarray) -> np.ndarray:
        """Return which values are the declared one in the precision of the data type."""
        equal = np.zeros(values.shape, bool)
        for value in self._equal:
            equal |= np.isnan(values) if value != value else values == self._dtype.type(value)
        return equal

    def is_limit(self, values: np.ndarray) -> np.ndarray:
        """Return which values are the limit of a floating-point type on the side of the declared value."""
        return values == self._dtype.type(np.copysign(np.finfo(self._dtype).max, self.declared))

    def similar_to(self, values: np.ndarray) -> np.ndarray:
        """Return which values are equal to the declared one but for rounding."""
        tolerance = SIX_DIGITS * abs(self.declared)
        with np.errstate(over="ignore", invalid="ignore"):
            near = np.abs(values - self._dtype.type(self.declared)) <= tolerance
        return near & np.isfinite(values) & ~self.equal_to(values)

    def may_be_in(self, values: np.ndarray) -> bool:
        """Return whether values that may stand for the declared one occur."""
        if self.candidates:
            return bool(np.isin(values, self.candidates).any())
        return bool(self.similar_to(values).any())


def _fits(value: float, dtype: np.dtype) -> bool:
    limits = np.iinfo(dtype)
    return float(value).is_integer() and limits.min <= value <= limits.max


def _as_floats(value: float, dtype: np.dtype) -> list[float]:
    """Return the stored values that a declared value means: beyond the range of the type, its limit or infinity."""
    if np.isnan(value):
        return [value]
    limit = float(np.finfo(dtype).max)
    if abs(value) <= limit:
        return [float(dtype.type(value))]
    return [float(np.copysign(limit, value)), float(np.copysign(np.inf, value))]


def _in_place_of(value: float, dtype: np.dtype) -> list[int]:
    """Return the integers that may stand for a value that an integer type cannot hold.

    Examples
    --------
    >>> _in_place_of(-1, np.dtype("uint8")), _in_place_of(-9999, np.dtype("uint16"))
    ([255], [55537, 65535])
    >>> _in_place_of(65535, np.dtype("int16")), _in_place_of(-3.4e38, np.dtype("int16"))
    ([-1, 32767], [-32768])
    >>> _in_place_of(-9999, np.dtype("uint8"))
    [255, 241]
    """
    limits = np.iinfo(dtype)
    found = []
    other = np.iinfo(np.dtype(f"{'i' if dtype.kind == 'u' else 'u'}{dtype.itemsize}"))
    if float(value).is_integer() and other.min <= value <= other.max:
        found.append(int(value) - int(np.sign(value)) * 2 ** (8 * dtype.itemsize))
    below = not value > limits.max  # NaN counts as below
    found.append(int(limits.min) if below and dtype.kind == "i" else int(limits.max))
    wrapped = _wrapped(value, dtype)
    found += [] if wrapped is None else [wrapped]
    return list(dict.fromkeys(found))


def _wrapped(value: float, dtype: np.dtype) -> int | None:
    """Return the last bits of a number that has more bits than a data type; None if it has no more, or their limit.

    Examples
    --------
    >>> _wrapped(-9999, np.dtype("uint8")), _wrapped(-1, np.dtype("uint8"))
    (241, None)
    """
    size = 8 * dtype.itemsize
    if dtype.kind not in "iu" or not float(value).is_integer() or not 2 ** (size - 1) < abs(value) <= MAX_EXACT:
        return None
    limits = np.iinfo(dtype)
    wrapped = int(value) % 2**size
    wrapped -= 2**size if wrapped > limits.max else 0
    is_candidate_already = wrapped in (limits.min, limits.max) or abs(int(value) - wrapped) <= 2**size
    return None if is_candidate_already else wrapped
