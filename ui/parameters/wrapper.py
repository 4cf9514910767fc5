"""Base class of the widgets of parameters in QGIS's dialogs of algorithms and batches."""

from __future__ import annotations

from typing import Any

from processing.gui.wrappers import WidgetWrapper
from qgis.core import QgsProcessingParameterDefinition
from qgis.gui import QgsAbstractProcessingParameterWidgetWrapper, QgsGui, QgsProcessingGui
from qgis.PyQt.QtWidgets import QDialog, QLabel, QWidget

from .algorithm_form import AlgorithmForm

MODELER_DIALOG = "ModelerParametersDialog"


class ParameterWidget(WidgetWrapper):
    """A widget in dialogs and batches; the modeler has QGIS's own, which also offers model inputs and expressions.

    Parameters
    ----------
    parameter
        The parameter.
    dialog
        The dialog that requests a widget.
    row, column
        Position in the table of a batch.
    options
        The other entries of `widget_wrapper` in the parameter's metadata.
    """

    def __new__(
        cls,
        parameter: QgsProcessingParameterDefinition,
        dialog: QDialog,
        row: int = 0,
        column: int = 0,
        **options: Any,
    ) -> Any:
        if type(dialog).__name__ == MODELER_DIALOG:
            registry = QgsGui.processingGuiRegistry()
            widget = registry.createModelerParameterWidget(dialog.model, dialog.childId, parameter, dialog.context)
            widget.setDialog(dialog)
            cls.adapt_modeler_widget(parameter, widget, **options)
            return widget
        return super().__new__(cls)

    @classmethod
    def adapt_modeler_widget(cls, parameter: QgsProcessingParameterDefinition, widget: QWidget, **options: Any) -> None:
        """Change QGIS's widget in the modeler; nothing by default."""

    def createLabel(self) -> QLabel | None:
        """Return the label; like the widget, it explains the parameter when pointed at."""
        label = super().createLabel()
        if label is not None:
            label.setToolTip(self.parameterDefinition().toolTip())
        return label

    def postInitialize(self, wrappers: list[QgsAbstractProcessingParameterWidgetWrapper]) -> None:
        """Show, in an algorithm's dialog, only the parameters that have an effect: one form for all widgets."""
        super().postInitialize(wrappers)
        standard = self.dialogType == QgsProcessingGui.WidgetType.Standard
        if standard and next(each for each in wrappers if isinstance(each, ParameterWidget)) is self:
            self.form = AlgorithmForm(wrappers)
