"""Refuse, in plain language, a raster that cannot be habitat quality."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr


class QualityValidator:
    """Whether a raster can be the habitat of a landscape, looked at block by block.

    Parameters
    ----------
    name
        The layer's name.
    landscape
        The name of the landscape's layer.
    """

    def __init__(self, name: str, landscape: str) -> None:
        self._name, self._landscape = name, landscape
        self._wrong = 0
        self._first = (0, 0, 0.0)
        self._any = False
        self._missing = 0

    def add(self, values: np.ndarray, valid: np.ndarray, crossable: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Look at some rows and return their quality, 0 where there is no data.

        Parameters
        ----------
        values, valid
            What the raster says, and where it says something.
        crossable
            Where the landscape can be crossed.
        first_row
            Which row of the raster the first of these rows is.
        """
        quality = np.where(valid, values, 0.0)
        wrong = ~np.isfinite(quality) | (quality < 0)
        if wrong.any():
            if not self._wrong:
                row, column = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
                self._first = (first_row + int(row) + 1, int(column) + 1, float(quality[row, column]))
            self._wrong += int(np.count_nonzero(wrong))
        self._any = self._any or bool((quality[crossable] > 0).any())
        self._missing += int(np.count_nonzero(crossable & ~valid))
        return quality

    def _texts(self) -> tuple[str, str, str]:
        """Return what is said of wrong values, of none at all, and of missing ones."""
        return (
            tr(
                "Habitat quality must be 0 or more: {count:,} cells of '{name}' are negative or infinite, the "
                "first at row {row}, column {column} ({value:g}). Set them to 0 or to nodata."
            ),
            tr(
                "No cell of the landscape has habitat: '{name}' is 0 or without data wherever '{landscape}' can "
                "be crossed. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:,} cells of the landscape; they count as quality 0."),
        )

    def require_valid(self) -> None:
        """Raise what is wrong with all that was looked at.

        Raises
        ------
        QgsProcessingException
            A value is negative or infinite, or there is no cell with quality above 0.
        """
        if self._wrong:
            row, column, value = self._first
            text = self._texts()[0]
            raise QgsProcessingException(
                text.format(count=self._wrong, name=self._name, row=row, column=column, value=value)
            )
        if not self._any:
            raise QgsProcessingException(self._texts()[1].format(name=self._name, landscape=self._landscape))

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Say where the landscape has no quality."""
        if self._missing:
            feedback.pushInfo(self._texts()[2].format(name=self._name, count=self._missing))


class StrengthValidator(QualityValidator):
    """Whether a raster can say how strong the sources of a landscape are."""

    def _texts(self) -> tuple[str, str, str]:
        return (
            tr(
                "Source strength must be 0 or more: {count:,} cells of '{name}' are negative or infinite, the first "
                "at row {row}, column {column} ({value:g}). Set them to 0 or to nodata."
            ),
            tr(
                "No cell of the landscape is a source: '{name}' is 0 or without data wherever '{landscape}' can be "
                "crossed. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:,} cells of the landscape; they are no sources."),
        )


class WeightValidator(QualityValidator):
    """Whether a raster can say which places of a landscape are of interest, and how much."""

    def _texts(self) -> tuple[str, str, str]:
        return (
            tr(
                "Places of interest must have 0 or more: {count:,} cells of '{name}' are negative or infinite, the "
                "first at row {row}, column {column} ({value:g}). Set them to 0 or to nodata."
            ),
            tr(
                "No cell of the landscape is of interest: '{name}' is 0 or without data wherever '{landscape}' can be "
                "crossed. Check that the two rasters cover the same area."
            ),
            tr("'{name}' has no data in {count:,} cells of the landscape; they are of no interest."),
        )
