"""A combo box that shows labels for an enum parameter whose values are static strings.

QGIS shows the static strings of an enum parameter as they are, such as ``minus_log``. Parameters name this class in
their metadata, and QGIS then uses it in the dialogs of algorithms and batches; in the modeler it relabels QGIS's own.
Values in scripts, models and the history stay the static strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition, QgsProcessingParameters
from qgis.PyQt.QtWidgets import QComboBox, QWidget

from ...plugin.i18n import tr
from .wrapper import ParameterWidget


class EnumWidget(ParameterWidget):
    """A combo box of labels; its metadata has the label of each option, in the order of the options."""

    @classmethod
    def adapt_modeler_widget(
        cls, parameter: QgsProcessingParameterDefinition, widget: QWidget, labels: Sequence[str] = ()
    ) -> None:
        """Show the labels in the combo box of fixed values."""
        options = parameter.options()
        for combo_box in widget.findChildren(QComboBox):
            for option, label in zip(options, labels):
                index = combo_box.findData(option)
                if index >= 0 and combo_box.itemText(index) == option:
                    combo_box.setItemText(index, label)

    def createWidget(self, labels: Sequence[str] = ()) -> QComboBox:
        """Return a combo box that shows the labels and holds the values of the options."""
        parameter = self.parameterDefinition()
        combo_box = QComboBox()
        if parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional:
            combo_box.addItem(tr("[Not selected]"), None)
        elif parameter.defaultValue() is None:
            combo_box.addItem(tr("Choose…"), None)
        for option, label in zip(parameter.options(), labels):
            combo_box.addItem(label, option)
        combo_box.currentIndexChanged.connect(lambda index: self.widgetValueHasChanged.emit(self))
        return combo_box

    def setValue(self, value: Any) -> None:
        """Select the option of a value, which may also be its number from 0."""
        parameter, options = self.parameterDefinition(), self.parameterDefinition().options()
        if str(value).isdecimal() and str(value) not in options and int(value) < len(options):
            value = options[int(value)]
        if value is not None:
            value = QgsProcessingParameters.parameterAsEnumString(parameter, value, QgsProcessingContext())
        self.widget.setCurrentIndex(max(0, self.widget.findData(value or None)))

    def value(self) -> str | None:
        """Return the value of the selected option."""
        return self.widget.currentData()
