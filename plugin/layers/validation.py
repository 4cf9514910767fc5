"""Validation of rasters, with error messages that say which cells are invalid and what to do about them."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from .raster_grid import Raster

VALUES = ("permeability", "resistance")


class InvalidCells:
    """Count and first position of the invalid cells of a raster.

    Parameters
    ----------
    what
        What is wrong with the cells.
    advice
        What the user can do about it.
    show_value
        Whether the message shows the value of the first invalid cell.
    """

    def __init__(self, what: str, advice: str, show_value: bool = True) -> None:
        self._what, self._advice, self._show_value = what, advice, show_value
        self._count = 0
        self._first = (0, 0, 0.0)

    def add(self, invalid: np.ndarray, values: np.ndarray, first_row: int = 0) -> None:
        """Count the invalid cells of a block of rows.

        Parameters
        ----------
        invalid
            bool (rows, columns): which cells are invalid.
        values
            Values of all cells of the block.
        first_row
            Row of the raster at which the block begins.
        """
        count = int(np.count_nonzero(invalid))
        if count and not self._count:
            row, column = np.unravel_index(int(np.argmax(invalid)), invalid.shape)
            self._first = (first_row + int(row) + 1, int(column) + 1, float(values[row, column]))
        self._count += count

    def raise_if_any(self, name: str) -> None:
        """Raise an error if any invalid cell was counted.

        Parameters
        ----------
        name
            Name of the layer.

        Raises
        ------
        QgsProcessingException
            Says how many cells are invalid, where the first one is, and what to do.
        """
        if not self._count:
            return
        row, column, value = self._first
        position = (
            tr("the first at row {row}, column {column}") if self._count > 1 else tr("at row {row}, column {column}")
        )
        where = position.format(row=row, column=column)
        if self._show_value:
            where += f" ({value:g})"
        raise QgsProcessingException(
            tr("'{layer}': {what} in {cells}, {where}. {advice}").format(
                layer=name, what=self._what, cells=format_cells(self._count), where=where, advice=self._advice
            )
        )


class FiniteValidator:
    """Checks, block by block, that the valid cells of a raster are finite.

    Parameters
    ----------
    name
        Name of the layer.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nan = InvalidCells(
            tr("the value is NaN (not a number) but not marked as nodata"),
            tr("Run Translate (convert format) with the additional parameter '-a_nodata nan' and use the result."),
            show_value=False,
        )
        self._infinite = InvalidCells(
            tr("the value is infinite"),
            tr("Use nodata for barriers. If the raster calculator made this raster, look for a division by zero."),
        )

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> None:
        """Check a block of rows that begins at row `first_row` of the raster."""
        self._nan.add(np.isnan(values) & valid, values, first_row)
        self._infinite.add(np.isinf(values) & valid, values, first_row)

    def require_no_nan(self) -> None:
        """Raise an error if a valid cell is NaN, which should have been declared as nodata."""
        self._nan.raise_if_any(self._name)

    def require_valid(self) -> None:
        """Raise an error if a valid cell is NaN or infinite."""
        self._nan.raise_if_any(self._name)
        self._infinite.raise_if_any(self._name)


class LandscapeValidator:
    """Checks, block by block, that a raster is a valid landscape.

    Parameters
    ----------
    name
        Name of the layer.
    values
        Quantity of the raster: ``"permeability"`` or ``"resistance"``.

    Attributes
    ----------
    valid_cells
        Number of valid cells in the blocks checked until now.
    """

    def __init__(self, name: str, values: str) -> None:
        if values not in VALUES:
            raise QgsProcessingException(
                tr("A landscape holds 'permeability' or 'resistance', not '{values}'.").format(values=values)
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
        """Check a block of rows that begins at row `first_row` of the raster."""
        self.valid_cells += int(np.count_nonzero(valid))
        self._any_positive = self._any_positive or bool(((values > 0) & valid).any())
        self._numbers.add(values, valid, first_row)
        self._negative.add((values < 0) & valid, values, first_row)
        if self._values == "resistance":
            self._zero.add((values == 0) & valid, values, first_row)

    def require_valid(self) -> None:
        """Raise the error of `validate_landscape` if the blocks hold an invalid cell or no positive value."""
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
                    "'{layer}': permeability is zero in every cell, so nothing can move. Check that this is the "
                    "right raster and band."
                ).format(layer=self._name)
            )


class QualityValidator:
    """Checks, block by block, that a raster holds habitat quality for a landscape.

    Parameters
    ----------
    name
        Name of the layer.
    landscape
        Name of the landscape layer.
    """

    def __init__(self, name: str, landscape: str) -> None:
        self._name, self._landscape = name, landscape
        self._invalid = 0
        self._first = (0, 0, 0.0)
        self._any_positive = False
        self._missing = 0

    def add(self, values: np.ndarray, valid: np.ndarray, crossable: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Check a block of rows and return its quality, 0 where there is no data.

        Parameters
        ----------
        values, valid
            Values of the raster, and where they are valid.
        crossable
            Where the landscape can be crossed.
        first_row
            Row of the raster at which the block begins.
        """
        quality = np.where(valid, values, 0.0)
        invalid = ~np.isfinite(quality) | (quality < 0)
        if invalid.any():
            if not self._invalid:
                row, column = np.unravel_index(int(np.argmax(invalid)), invalid.shape)
                self._first = (first_row + int(row) + 1, int(column) + 1, float(quality[row, column]))
            self._invalid += int(np.count_nonzero(invalid))
        self._any_positive = self._any_positive or bool((quality[crossable] > 0).any())
        self._missing += int(np.count_nonzero(crossable & ~valid))
        return quality

    def _texts(self) -> tuple[str, str, str]:
        """Return the messages for invalid values, for no positive value and for missing values."""
        return (
            tr(
                "Habitat quality must be 0 or more: {count:,} cells of '{name}' are negative or infinite, the "
                "first at row {row}, column {column} ({value:g}). Set them to 0 or to nodata."
            ),
            tr(
                "The landscape has no habitat: '{name}' is 0 or nodata wherever '{landscape}' can "
                "be crossed. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:,} cells of the landscape; their quality is taken as 0."),
        )

    def require_valid(self) -> None:
        """Raise an error if the blocks hold an invalid value, or no positive one.

        Raises
        ------
        QgsProcessingException
            If a value is negative or infinite, or if no cell has quality above 0.
        """
        if self._invalid:
            row, column, value = self._first
            text = self._texts()[0]
            raise QgsProcessingException(
                text.format(count=self._invalid, name=self._name, row=row, column=column, value=value)
            )
        if not self._any_positive:
            raise QgsProcessingException(self._texts()[1].format(name=self._name, landscape=self._landscape))

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Log how many cells of the landscape have no data."""
        if self._missing:
            feedback.pushInfo(self._texts()[2].format(name=self._name, count=self._missing))


class StrengthValidator(QualityValidator):
    """Checks, block by block, that a raster holds source strengths for a landscape."""

    def _texts(self) -> tuple[str, str, str]:
        return (
            tr(
                "Source strength must be 0 or more: {count:,} cells of '{name}' are negative or infinite, the first "
                "at row {row}, column {column} ({value:g}). Set them to 0 or to nodata."
            ),
            tr(
                "The landscape has no source: '{name}' is 0 or nodata wherever '{landscape}' can be "
                "crossed. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:,} cells of the landscape; they are not sources."),
        )


class WeightValidator(QualityValidator):
    """Checks, block by block, that a raster holds weights of interest for a landscape."""

    def _texts(self) -> tuple[str, str, str]:
        return (
            tr(
                "Weights of interest must be 0 or more: {count:,} cells of '{name}' are negative or infinite, the "
                "first at row {row}, column {column} ({value:g}). Set them to 0 or to nodata."
            ),
            tr(
                "No cell of the landscape is of interest: '{name}' is 0 or nodata wherever '{landscape}' can be "
                "crossed. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:,} cells of the landscape; their weight is 0."),
        )


class ConditionValidator:
    """Checks, block by block, that a raster holds the attribute by which sources and targets are matched.

    Parameters
    ----------
    name
        Name of the layer.
    landscape
        Name of the landscape layer.
    classes
        Whether values are compared as classes, which must be whole numbers.
    """

    def __init__(self, name: str, landscape: str, *, classes: bool) -> None:
        self._name, self._landscape = name, landscape
        self._numbers = FiniteValidator(name)
        self._fractional = InvalidCells(
            tr("the value is not a whole number, so hardly any two cells would be equal"),
            tr("Compare “within” limits instead, or reclassify the raster first."),
        )
        self._classes = classes
        self._any_known = False
        self._missing = 0

    def add(self, values: np.ndarray, valid: np.ndarray, crossable: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Check a block of rows and return its attribute, NaN where it is unknown.

        Parameters
        ----------
        values, valid
            Values of the raster, and where they are valid.
        crossable
            Where the landscape can be crossed.
        first_row
            Row of the raster at which the block begins.
        """
        self._numbers.add(values, valid, first_row)
        if self._classes:
            self._fractional.add(valid & np.isfinite(values) & (values != np.rint(values)), values, first_row)
        self._any_known = self._any_known or bool((valid & crossable).any())
        self._missing += int(np.count_nonzero(crossable & ~valid))
        return np.where(valid, values, np.nan)

    def require_valid(self) -> None:
        """Raise an error if the blocks hold an invalid value, or no data for the landscape.

        Raises
        ------
        QgsProcessingException
            If a value is infinite or NaN, if a class is not a whole number, or if the raster has no data wherever the
            landscape can be crossed.
        """
        self._numbers.require_valid()
        self._fractional.raise_if_any(self._name)
        if not self._any_known:
            text = tr(
                "'{name}' cannot be used as a condition: it has no data wherever '{landscape}' can be crossed. Check "
                "that the two rasters cover the same area."
            )
            raise QgsProcessingException(text.format(name=self._name, landscape=self._landscape))

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Log how many cells of the landscape have no data."""
        if self._missing:
            text = tr(
                "'{name}' has no data in {count:,} cells of the landscape. As sources these cells match every target, "
                "and a block of targets without any data matches every source."
            )
            feedback.pushInfo(text.format(name=self._name, count=self._missing))


def validate_landscape(raster: Raster, values: str) -> None:
    """Require that a raster is a valid landscape.

    Parameters
    ----------
    raster
        Raster read by `read_raster`.
    values
        Quantity of the raster: ``"permeability"`` or ``"resistance"``.

    Raises
    ------
    QgsProcessingException
        If a valid cell is negative, infinite or NaN, if a resistance is zero, or if there is no valid cell. The message
        gives the number of such cells and the row and column (counted from 1) of the first. Zero permeability is
        allowed: it is a barrier.
    """
    check = LandscapeValidator(raster.name, values)
    check.add(raster.values, raster.valid)
    check.require_valid()


def require_no_nan(raster: Raster) -> None:
    """Raise an error if a valid cell is NaN, which should have been declared as nodata."""
    check = FiniteValidator(raster.name)
    check.add(raster.values, raster.valid)
    check.require_no_nan()


def format_cells(count: int) -> str:
    """Format a number of cells: "1 cell", "12 cells"."""
    return tr("1 cell") if count == 1 else tr("{count} cells").format(count=count)
