"""Validation of rasters that weight the cells of a landscape: quality, source strengths, weights of interest."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...i18n import tr
from .cells import SMALLEST, ComputableValidator, FiniteValidator, exact


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
        self._largest = 0.0
        self._missing = 0
        self._computable = ComputableValidator(name, tr("the value"))
        self._finite = FiniteValidator(name)

    def add(self, values: np.ndarray, valid: np.ndarray, passable: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Check a block of rows and return its quality, 0 where there is no data.

        Parameters
        ----------
        values, valid
            Values of the raster, and where they are valid.
        passable
            Passable cells of the landscape.
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
        self._finite.add(values, valid, first_row)
        self._computable.add(values, valid, first_row)
        self._largest = max(self._largest, float(np.fmax.reduce(quality[passable], initial=0.0)))
        self._missing += int(np.count_nonzero(passable & ~valid))
        return quality

    def _texts(self) -> tuple[str, str, str]:
        """Return the messages for invalid values, for no positive value and for missing values."""
        return (
            tr(
                "Habitat quality must be 0 or more: {count:# cell|# cells} of '{name}' {count:is|are} negative or "
                "infinite, the first at row {row}, column {column} ({value}). Set them to 0 or to nodata."
            ),
            tr(
                "The landscape has no habitat: '{name}' is 0 or nodata in every passable cell of '{landscape}'. Check "
                "that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:# cell|# cells} of the landscape; their quality is taken as 0."),
        )

    def require_valid(self) -> None:
        """Raise an error if the blocks hold an invalid value, or no positive one.

        Raises
        ------
        QgsProcessingException
            If a value is negative, infinite or too large, or if no cell has quality above 0.
        """
        self._finite.require_no_nan()
        if self._invalid:
            row, column, value = self._first
            text = self._texts()[0]
            raise QgsProcessingException(
                text.format(count=self._invalid, name=self._name, row=row, column=column, value=exact(value))
            )
        self._computable.require_valid()
        if not self._largest:
            raise QgsProcessingException(self._texts()[1].format(name=self._name, landscape=self._landscape))
        if self._largest < SMALLEST:
            text = tr(
                "'{name}': the largest value in the landscape is {value}, too small to compute with: use another unit."
            )
            raise QgsProcessingException(text.format(name=self._name, value=exact(self._largest)))

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Log how many cells of the landscape have no data."""
        if self._missing:
            feedback.pushInfo(self._texts()[2].format(name=self._name, count=self._missing))


class StrengthValidator(QualityValidator):
    """Checks, block by block, that a raster holds source strengths for a landscape."""

    def _texts(self) -> tuple[str, str, str]:
        return (
            tr(
                "Source strength must be 0 or more: {count:# cell|# cells} of '{name}' {count:is|are} negative or "
                "infinite, the first at row {row}, column {column} ({value}). Set them to 0 or to nodata."
            ),
            tr(
                "The landscape has no source: '{name}' is 0 or nodata in every passable cell of '{landscape}'. Check "
                "that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:# cell|# cells} of the landscape; they are not sources."),
        )


class WeightValidator(QualityValidator):
    """Checks, block by block, that a raster holds weights of interest for a landscape."""

    def _texts(self) -> tuple[str, str, str]:
        return (
            tr(
                "Weights of interest must be 0 or more: {count:# cell|# cells} of '{name}' {count:is|are} negative or "
                "infinite, the first at row {row}, column {column} ({value}). Set them to 0 or to nodata."
            ),
            tr(
                "No cell of the landscape is of interest: '{name}' is 0 or nodata in every passable cell of "
                "'{landscape}'. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:# cell|# cells} of the landscape; their weight is 0."),
        )
