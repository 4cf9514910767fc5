"""A length in the unit of the landscape's coordinates, or in another unit that the user chooses."""

from __future__ import annotations

from typing import Any

from qgis.core import QgsUnitTypes
from qgis.gui import QgsAbstractProcessingParameterWidgetWrapper
from qgis.PyQt.QtWidgets import QComboBox, QWidget

from .landscape_layer import chosen_raster, unit_of_length
from .number_widget import NumberWidget

#: Units that can be chosen where the landscape is in one of them.
UNITS = tuple(QgsUnitTypes.decodeDistanceUnit(name)[0] for name in ("meters", "km", "feet", "mi", "yd"))


class LengthWidget(NumberWidget):
    """A length; the parameter's value is in the unit of the landscape's coordinates."""

    def createWidget(self) -> QWidget:
        """Return the spin box with the units that can be chosen."""
        self._landscape_unit: Any = None
        widget = super().createWidget()
        self.unit_box = QComboBox()
        for unit in UNITS:
            self.unit_box.addItem(QgsUnitTypes.toString(unit))
        self.unit_box.hide()
        self.unit_box.currentIndexChanged.connect(lambda index: self.widgetValueHasChanged.emit(self))
        widget.layout().addWidget(self.unit_box)
        return widget

    def value(self) -> float | None:
        """Return the length in the unit of the landscape; None if it is not set."""
        number = super().value()
        if number is None or self._landscape_unit is None:
            return number
        factor = QgsUnitTypes.fromUnitToUnitFactor(UNITS[self.unit_box.currentIndex()], self._landscape_unit)
        return number * factor

    def setValue(self, value: Any) -> None:
        """Show a length in the unit of the landscape."""
        if self._landscape_unit is not None:
            self.unit_box.setCurrentIndex(UNITS.index(self._landscape_unit))
        super().setValue(value)

    def _has_another_unit(self) -> bool:
        """Return whether the user has chosen another unit than the landscape's: the length then stays as it is."""
        return self._landscape_unit is not None and UNITS[self.unit_box.currentIndex()] != self._landscape_unit

    def _landscape_name(self) -> str:
        return self.parameterDefinition().parentParameterName()

    def _show_unit(self, changed: QgsAbstractProcessingParameterWidgetWrapper | None = None) -> None:
        raster = chosen_raster(self._landscape)
        unit = raster.unit if raster is not None else None
        convertible = unit in UNITS
        if convertible and unit != self._landscape_unit and not self._has_another_unit():
            self.unit_box.setCurrentIndex(UNITS.index(unit))
        self._landscape_unit = unit if convertible else None
        self.unit_box.setVisible(convertible)
        self.unit_label.setText(unit_of_length(raster))
        self.unit_label.setVisible(not convertible)
