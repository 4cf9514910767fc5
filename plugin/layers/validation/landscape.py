"""Validation of landscapes: rasters of permeability or resistance."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...i18n import tr
from .cells import SMALLEST, ComputableValidator, FiniteValidator, InvalidCells, declare_nodata_advice
from .meaning import range_warning

VALUES = ("permeability", "resistance")


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
        self._lowest, self._highest = np.inf, 0.0
        self._numbers = FiniteValidator(name)
        quantity = tr("permeability") if values == "permeability" else tr("resistance")
        self._negative = InvalidCells(
            tr("{quantity} is negative").format(quantity=quantity),
            declare_nodata_advice(),
        )
        self._zero = InvalidCells(
            tr("resistance is zero"),
            tr(
                "Movement would be free there, and distances meaningless. Use a small positive resistance,"
                " or nodata for a barrier."
            ),
        )

        self._computable = ComputableValidator(name, quantity, SMALLEST)

    def add(self, values: np.ndarray, valid: np.ndarray, first_row: int = 0) -> None:
        """Check a block of rows that begins at row `first_row` of the raster."""
        self.valid_cells += int(np.count_nonzero(valid))
        self._any_positive = self._any_positive or bool(((values > 0) & valid).any())
        self._numbers.add(values, valid, first_row)
        positive = values[(values > 0) & valid]
        self._lowest = min(self._lowest, float(positive.min(initial=np.inf)))
        self._highest = max(self._highest, float(positive.max(initial=0.0)))
        self._negative.add((values < 0) & valid, values, first_row)
        self._computable.add(values, valid, first_row)
        if self._values == "resistance":
            self._zero.add((values == 0) & valid, values, first_row)

    def require_valid(self) -> None:
        """Raise an error if the blocks hold an invalid cell or no positive value.

        Raises
        ------
        QgsProcessingException
            If a valid cell is negative, infinite, NaN or too large or small to compute with, if a resistance is zero,
            or if there is no valid cell. The message gives the number of such cells and the row and column (counted
            from 1) of the first. Zero permeability is allowed: it is a barrier.
        """
        if not self.valid_cells:
            raise QgsProcessingException(
                tr("'{layer}' is empty: every cell is nodata. Check its nodata value and its extent.").format(
                    layer=self._name
                )
            )
        self._numbers.require_valid()
        self._negative.raise_if_any(self._name)
        self._zero.raise_if_any(self._name)
        self._computable.require_valid()
        if not self._any_positive:
            raise QgsProcessingException(
                tr(
                    "'{layer}': permeability is zero in every cell, so nothing can move. Check that this is the "
                    "right raster and band."
                ).format(layer=self._name)
            )

    def report(self, feedback: QgsProcessingFeedback) -> None:
        """Warn if the values look like the other quantity."""
        if warning := range_warning(self._name, self._values, self._lowest, self._highest):
            feedback.pushWarning(warning)
