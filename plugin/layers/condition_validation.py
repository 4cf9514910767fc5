"""Refuse, in plain language, a raster that cannot be a property by which sources and targets are matched."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from .validation import FiniteValidator, InvalidCells


class ConditionValidator:
    """Whether a raster can be a property of the cells of a landscape, looked at block by block.

    Parameters
    ----------
    name
        The layer's name.
    landscape
        The name of the landscape's layer.
    classes
        Whether values are compared as classes, which only whole numbers can be.
    """

    def __init__(self, name: str, landscape: str, *, classes: bool) -> None:
        self._name, self._landscape = name, landscape
        self._numbers = FiniteValidator(name)
        self._no_class = InvalidCells(
            tr("the value is no whole number, so that hardly any two cells are equal"),
            tr("Compare it “within” limits, or reclassify it first."),
        )
        self._classes = classes
        self._known = False
        self._missing = 0

    def add(self, values: np.ndarray, valid: np.ndarray, crossable: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Look at some rows and return their property, NaN where it is unknown.

        Parameters
        ----------
        values, valid
            What the raster says, and where it says something.
        crossable
            Where the landscape can be crossed.
        first_row
            Which row of the raster the first of these rows is.
        """
        self._numbers.add(values, valid, first_row)
        if self._classes:
            self._no_class.add(valid & np.isfinite(values) & (values != np.rint(values)), values, first_row)
        self._known = self._known or bool((valid & crossable).any())
        self._missing += int(np.count_nonzero(crossable & ~valid))
        return np.where(valid, values, np.nan)

    def require_valid(self) -> None:
        """Raise what is wrong with all that was looked at.

        Raises
        ------
        QgsProcessingException
            A value is infinite or NaN, or no class where classes are compared; or nothing is known of the landscape.
        """
        self._numbers.require_valid()
        self._no_class.raise_if_any(self._name)
        if not self._known:
            text = tr(
                "'{name}' has no data wherever '{landscape}' can be crossed, so it is no condition. Check that the "
                "two rasters cover the same area."
            )
            raise QgsProcessingException(text.format(name=self._name, landscape=self._landscape))

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Say where the property is unknown."""
        if self._missing:
            text = tr(
                "'{name}' has no data in {count:,} cells of the landscape: as sources they suit every target, and a "
                "block without any data suits every source."
            )
            feedback.pushInfo(text.format(name=self._name, count=self._missing))
