"""Values of input files that must be whole numbers, and where the first value of some kind stands."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import QgsProcessingException

from ..i18n import tr
from ..layers import CellCounter

#: Whole numbers above are not all represented in double precision.
LARGEST_INTEGER = 2.0**53


class ValueCounter(CellCounter):
    """Count, and value and position of the first, of some cells of a raster that is read in blocks.

    Attributes
    ----------
    value
        Value of the first one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.value = 0.0

    def add_values(self, cells: np.ndarray, values: np.ndarray, first_row: int = 0) -> None:
        """Count the cells, bool (rows, columns), of a block of values that begins at row `first_row` of the raster."""
        is_first = not self.count
        self.add(cells, first_row)
        if is_first and self.count:
            self.value = values[self.row - first_row - 1, self.column - 1]

    def described(self) -> dict[str, Any]:
        """Return the number of the values, the first of them and its position, for a message."""
        position = tr("row {row}, column {column}").format(row=self.row, column=self.column)
        return {"count": self.count, "value": self.value, "position": position}


class WholeNumberValidator:
    """Checks, block by block, that the valid cells of a raster are whole numbers that can be told apart.

    Parameters
    ----------
    name
        Name of the file.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._fractional, self._large = ValueCounter(), ValueCounter()

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Check a block of rows, and return its values as int64, 0 where they are not valid."""
        fractional, large = _invalid(values, valid)
        self._fractional.add_values(fractional, values, first_row)
        self._large.add_values(large, values, first_row)
        return np.where(valid & ~fractional & ~large, values, 0).astype(np.int64)

    def require_valid(self) -> None:
        """Raise an error if the blocks hold something else than whole numbers."""
        if self._fractional.count:
            raise _not_whole(self._name, self._fractional.described())
        if self._large.count:
            raise _too_large(self._name, self._large.described())


def as_integers(values: np.ndarray, valid: np.ndarray, name: str) -> np.ndarray:
    """Return the values of a table as int64, 0 where they are not valid.

    Raises
    ------
    QgsProcessingException
        If a valid value is not a whole number; the message names the file, the value and its position.
    """
    fractional, large = _invalid(values, valid)
    if fractional.any():
        raise _not_whole(name, describe_first(fractional, values))
    if large.any():
        raise _too_large(name, describe_first(large, values))
    return np.where(valid, values, 0).astype(np.int64)


def _invalid(values: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which values are not whole, and which are too large."""
    return valid & ~(np.isfinite(values) & (values == np.rint(values))), valid & (np.abs(values) > LARGEST_INTEGER)


def _not_whole(name: str, first: dict[str, Any]) -> QgsProcessingException:
    text = tr(
        "'{name}' must hold whole numbers, but {count:,} of its values {count:is|are} not; the first is {value!s} "
        "({position})."
    )
    return QgsProcessingException(text.format(name=name, **first))


def _too_large(name: str, first: dict[str, Any]) -> QgsProcessingException:
    text = tr("'{name}': {count:# number is|# numbers are} too large to be exact; the first is {value!s} ({position}).")
    return QgsProcessingException(text.format(name=name, **first))


def describe_first(invalid: np.ndarray, values: np.ndarray) -> dict[str, Any]:
    """Return the number of invalid values, the first of them and its position, for a message."""
    first = tuple(np.argwhere(invalid)[0])
    row, column = first[0] + 1, first[-1] + 1
    position = tr("row {row}") if len(first) == 1 else tr("row {row}, column {column}")
    return {"count": int(invalid.sum()), "value": values[first], "position": position.format(row=row, column=column)}
