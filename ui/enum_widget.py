"""A combo box that shows labels for an enum parameter whose values are static strings.

QGIS shows the static strings of an enum parameter as they are, such as ``minus_log``. Parameters name this class in
their metadata, and QGIS then uses it in the dialogs of algorithms and batches. Values in scripts, models and the
history stay the static strings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from processing.gui.wrappers import WidgetWrapper
from qgis.core import QgsProcessingContext, QgsProcessingParameterDefinition, QgsProcessingParameters
from qgis.gui import QgsGui
from qgis.PyQt.QtWidgets import QComboBox, QDialog

from ..plugin.i18n import tr

MODELER_DIALOG = "ModelerParametersDialog"


class EnumWidget(WidgetWrapper):
    """A combo box of labels.

    Parameters
    ----------
    parameter
        An enum parameter with static strings.
    dialog
        The dialog that requests a widget.
    row, column
        Position in the table of a batch.
    labels
        Label of each option, in the order of the options.
    """

    def __new__(
        cls,
        parameter: QgsProcessingParameterDefinition,
        dialog: QDialog,
        row: int = 0,
        column: int = 0,
        labels: Sequence[str] = (),
    ) -> Any:
        if type(dialog).__name__ == MODELER_DIALOG:
            # In a model the value may also come from a model input or an expression: QGIS's own widget offers these.
            registry = QgsGui.processingGuiRegistry()
            widget = registry.createModelerParameterWidget(dialog.model, dialog.childId, parameter, dialog.context)
            widget.setDialog(dialog)
            return widget
        return super().__new__(cls)

    def createWidget(self, labels: Sequence[str] = ()) -> QComboBox:
        """Return a combo box that shows the labels and holds the values of the options."""
        parameter = self.parameterDefinition()
        combo_box = QComboBox()
        if parameter.flags() & QgsProcessingParameterDefinition.Flag.FlagOptional:
            combo_box.addItem(tr("[Not selected]"), None)
        for option, label in zip(parameter.options(), labels):
            combo_box.addItem(label, option)
        combo_box.currentIndexChanged.connect(lambda index: self.widgetValueHasChanged.emit(self))
        return combo_box

    def setValue(self, value: Any) -> None:
        """Select the option of a value."""
        context = QgsProcessingContext()
        option = QgsProcessingParameters.parameterAsEnumString(self.parameterDefinition(), value, context)
        self.widget.setCurrentIndex(max(0, self.widget.findData(option or None)))

    def value(self) -> str | None:
        """Return the value of the selected option."""
        return self.widget.currentData()
