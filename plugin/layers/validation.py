"""Refuse, in plain language, a raster that would give a wrong map."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException

from ..i18n import tr
from .raster_grid import Raster

VALUES = ("permeability", "resistance")


class InvalidCells:
    """Cells that must not be there: how many there are, and where the first one is.

    Parameters
    ----------
    what
        What is wrong with them.
    advice
        What to do about it.
    show_value
        Whether the message shows the first one's value.
    """

    def __init__(self, what: str, advice: str, show_value: bool = True) -> None:
        self._what, self._advice, self._show_value = what, advice, show_value
        self._count = 0
        self._first = (0, 0, 0.0)

    def add(self, wrong: np.ndarray, values: np.ndarray, first_row: int = 0) -> None:
        """Count the wrong cells of some rows.

        Parameters
        ----------
        wrong
            Which cells are, bool.
        values
            What all of them hold.
        first_row
            Which row of the raster the first of these rows is.
        """
        count = int(np.count_nonzero(wrong))
        if count and not self._count:
            row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
            self._first = (first_row + int(row) + 1, int(column) + 1, float(values[row, column]))
        self._count += count

    def raise_if_any(self, name: str) -> None:
        """Raise where there was any.

        Parameters
        ----------
        name
            The layer's name.
        """
        if not self._count:
            return
        row, column, value = self._first
        where = tr("{the} at row {row}, column {column}").format(
            the=tr("the first") if self._count > 1 else tr("the one"), row=row, column=column
        )
        if self._show_value:
            where += f" ({value:g})"
        raise QgsProcessingException(
            tr("'{layer}': {what} in {cells}, {where}. {advice}").format(
                layer=name, what=self._what, cells=format_cells(self._count), where=where, advice=self._advice
            )
        )


class FiniteValidator:
    """Whether the valid cells of a raster hold finite numbers, looked at block by block.

    Parameters
    ----------
    name
        The layer's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nan = InvalidCells(
            tr("the value is NaN (not a number) but not marked as nodata"),
            tr("Run Translate (convert format) with the additional parameter '-a_nodata nan', and use the result."),
            show_value=False,
        )
        self._infinite = InvalidCells(
            tr("the value is infinite"),
            tr("Use nodata for a barrier, and the raster calculator to find where a division by zero made it."),
        )

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> None:
        """Look at some rows, of which the first is row `first_row` of the raster."""
        self._nan.add(np.isnan(values) & valid, values, first_row)
        self._infinite.add(np.isinf(values) & valid, values, first_row)

    def require_no_nan(self) -> None:
        """Raise where valid cells held NaN: no number, and not declared as nodata either."""
        self._nan.raise_if_any(self._name)

    def require_valid(self) -> None:
        """Raise where valid cells held NaN or an infinite value."""
        self._nan.raise_if_any(self._name)
        self._infinite.raise_if_any(self._name)


class LandscapeValidator:
    """Whether a raster can be a landscape, looked at block by block.

    Parameters
    ----------
    name
        The layer's name.
    values
        ``"permeability"`` or ``"resistance"``: what the raster holds.

    Attributes
    ----------
    valid_cells
        How many cells hold data so far.
    """

    def __init__(self, name: str, values: str) -> None:
        if values not in VALUES:
            raise QgsProcessingException(
                tr("The values of a landscape are 'permeability' or 'resistance', not '{given}'.").format(given=values)
            )
        self._name, self._values = name, values
        self.valid_cells = 0
        self._any_positive = False
        self._numbers = FiniteValidator(name)
        quantity = tr("permeability") if values == "permeability" else tr("resistance")
        self._negative = InvalidCells(
            tr("{quantity} is negative").format(quantity=quantity),
            tr(
                "If this value marks missing data, declare it as nodata (Layer properties ▸ Transparency ▸"
                " Additional no data value)."
            ),
        )
        self._zero = InvalidCells(
            tr("resistance is zero"),
            tr(
                "Movement would be free there, and distances meaningless. Use a small positive resistance,"
                " or nodata for a barrier."
            ),
        )

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> None:
        """Look at some rows, of which the first is row `first_row` of the raster."""
        self.valid_cells += int(np.count_nonzero(valid))
        self._any_positive = self._any_positive or bool(((values > 0) & valid).any())
        self._numbers.add(values, valid, first_row)
        self._negative.add((values < 0) & valid, values, first_row)
        if self._values == "resistance":
            self._zero.add((values == 0) & valid, values, first_row)

    def require_valid(self) -> None:
        """Raise what `validate_landscape` raises, of all that was looked at."""
        if not self.valid_cells:
            raise QgsProcessingException(
                tr("'{layer}' is empty: every cell is nodata. Check its nodata value and its extent.").format(
                    layer=self._name
                )
            )
        self._numbers.require_valid()
        self._negative.raise_if_any(self._name)
        self._zero.raise_if_any(self._name)
        if not self._any_positive:
            raise QgsProcessingException(
                tr(
                    "'{layer}': permeability is zero in every cell, so nothing can move. Is it the right raster and "
                    "band?"
                ).format(layer=self._name)
            )


def validate_landscape(raster: Raster, values: str) -> None:
    """Refuse a raster that cannot be a landscape.

    Parameters
    ----------
    raster
        What `read_raster` returned.
    values
        ``"permeability"`` or ``"resistance"``: what the raster holds.

    Raises
    ------
    QgsProcessingException
        Negative, infinite or NaN values among the valid cells, zero resistance, or no valid cell at all; the message
        counts the cells and says where the first one is (row and column counted from 1). Zero permeability is
        fine: a barrier.
    """
    check = LandscapeValidator(raster.name, values)
    check.add(raster.values, raster.valid)
    check.require_valid()


def require_no_nan(raster: Raster) -> None:
    """Raise where valid cells hold NaN: no number, and not declared as nodata either."""
    check = FiniteValidator(raster.name)
    check.add(raster.values, raster.valid)
    check.require_no_nan()


def format_cells(count: int) -> str:
    """The number of cells as text: "1 cell", "12 cells"."""
    return tr("1 cell") if count == 1 else tr("{count} cells").format(count=count)
