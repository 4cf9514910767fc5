"""Validation of the attributes by which sources and targets are matched."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...i18n import tr
from .cells import FiniteValidator, InvalidCells


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

    def add(self, values: np.ndarray, valid: np.ndarray, passable: np.ndarray, first_row: int = 0) -> np.ndarray:
        """Check a block of rows and return its attribute, NaN where it is unknown.

        Parameters
        ----------
        values, valid
            Values of the raster, and where they are valid.
        passable
            Passable cells of the landscape.
        first_row
            Row of the raster at which the block begins.
        """
        self._numbers.add(values, valid, first_row)
        if self._classes:
            self._fractional.add(valid & np.isfinite(values) & (values != np.rint(values)), values, first_row)
        self._any_known = self._any_known or bool((valid & passable).any())
        self._missing += int(np.count_nonzero(passable & ~valid))
        return np.where(valid, values, np.nan)

    def require_valid(self) -> None:
        """Raise an error if the blocks hold an invalid value, or no data for the landscape.

        Raises
        ------
        QgsProcessingException
            If a value is infinite or NaN, if a class is not a whole number, or if the raster has no data in any
            passable cell of the landscape.
        """
        self._numbers.require_valid()
        self._fractional.raise_if_any(self._name)
        if not self._any_known:
            text = tr(
                "'{name}' cannot be used as a condition: it has no data in the passable cells of '{landscape}'. Check "
                "that the two rasters cover the same area."
            )
            raise QgsProcessingException(text.format(name=self._name, landscape=self._landscape))

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Log how many cells of the landscape have no data."""
        if self._missing:
            text = tr(
                "'{name}' has no data in {count:# cell|# cells} of the landscape. As sources these cells match every "
                "target, and a block of targets without any data matches every source."
            )
            feedback.pushInfo(text.format(name=self._name, count=self._missing))
