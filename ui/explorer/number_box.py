"""A spin box of positive numbers of any magnitude."""

from __future__ import annotations

import math

from qgis.PyQt.QtWidgets import QDoubleSpinBox

DECIMALS = 12


class NumberBox(QDoubleSpinBox):
    """A spin box that shows four significant digits and steps by a tenth of its magnitude."""

    def __init__(self, parent=None) -> None:
        super().__init__(parent)
        self.setDecimals(DECIMALS)
        self.setRange(10.0**-DECIMALS, 1e12)
        self.setKeyboardTracking(False)

    def textFromValue(self, value: float) -> str:
        return self.locale().toString(float(f"{value:.4g}"), "g", 6)

    def stepBy(self, steps: int) -> None:
        magnitude = 10.0 ** math.floor(math.log10(max(self.value(), self.minimum())) + 1e-9)
        self.setValue(self.value() + steps * magnitude)
