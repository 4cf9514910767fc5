"""A number with its unit."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition, QgsProcessingParameters
from qgis.gui import QgsAbstractProcessingParameterWidgetWrapper
from qgis.PyQt.QtWidgets import QAbstractSpinBox, QHBoxLayout, QLabel, QWidget

from ...plugin.algorithms.units import unit_text
from ...plugin.i18n import tr
from ..plain_spin_box import DIGITS, PlainSpinBox
from .landscape_layer import chosen_raster, landscape_wrapper, unit_of_length
from .wrapper import ParameterWidget

# Bound of numbers without one: next to QGIS's own, 1.8e308, there is no room for “Not set”.
LARGEST = 1e100


class NumberWidget(ParameterWidget):
    """A spin box; the unit behind it follows the landscape and the other parameters."""

    def createWidget(self) -> QWidget:
        """Return the spin box with its unit."""
        widget = QWidget()
        layout = QHBoxLayout(widget)
        layout.setContentsMargins(0, 0, 0, 0)
        self.spin_box, self.unit_label = self._spin_box(), QLabel()
        self.unit_label.hide()
        layout.addWidget(self.spin_box, 1)
        layout.addWidget(self.unit_label)
        return widget

    def _spin_box(self) -> PlainSpinBox:
        parameter, spin_box = self.parameterDefinition(), PlainSpinBox()
        spin_box.setExpressionsEnabled(True)
        spin_box.setDecimals(DIGITS)
        spin_box.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        lowest, highest = max(parameter.minimum(), -LARGEST), min(parameter.maximum(), LARGEST)
        self._is_optional = bool(parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional)
        if self._is_optional:
            # Below the smallest number stands "not set", as in QGIS's own spin boxes.
            spin_box.setRange(lowest - max(1.0, abs(lowest)), highest)
            spin_box.setSpecialValueText(tr("Not set"))
            spin_box.setClearValueMode(PlainSpinBox.ClearValueMode.MinimumValue, tr("Not set"))
            spin_box.clear()
        else:
            spin_box.setRange(lowest, highest)
            spin_box.setClearValue(parameter.defaultValue())
        spin_box.valueChanged.connect(lambda value: self.widgetValueHasChanged.emit(self))
        return spin_box

    def setValue(self, value: Any) -> None:
        """Show a number; nothing if there is none."""
        if value is None or value == "":
            self.spin_box.clear()
            return
        number = QgsProcessingParameters.parameterAsDouble(self.parameterDefinition(), value, QgsProcessingContext())
        self.spin_box.setValue(number)

    def value(self) -> float | None:
        """Return the number; None if it is not set."""
        number = self.spin_box.value()
        return None if self._is_optional and number == self.spin_box.minimum() else number

    def postInitialize(self, wrappers: list[QgsAbstractProcessingParameterWidgetWrapper]) -> None:
        """Let the unit follow the landscape and the other parameters."""
        super().postInitialize(wrappers)
        self._others = {each.parameterDefinition().name(): each for each in wrappers}
        self._landscape = landscape_wrapper(wrappers, self._landscape_name())
        for wrapper in wrappers:
            if wrapper is not self:
                wrapper.widgetValueHasChanged.connect(self._show_unit)
        self._show_unit()

    def _landscape_name(self) -> str:
        return "INPUT"

    def _show_unit(self, changed: QgsAbstractProcessingParameterWidgetWrapper | None = None) -> None:
        names = ("DISTANCE", "COST", "NORMALISED")
        values = {name: self._others[name].parameterValue() for name in names if name in self._others}
        unit = unit_text(self.parameterDefinition(), values, unit_of_length(chosen_raster(self._landscape)))
        self.unit_label.setText(unit)
        self.unit_label.setVisible(bool(unit))
