"""The form of an algorithm's dialog: it shows the parameters that have an effect with the values of the others."""

from __future__ import annotations

from processing.gui.wrappers import WidgetWrapper
from qgis.gui import QgsAbstractProcessingParameterWidgetWrapper
from qgis.PyQt.QtWidgets import QLabel, QWidget

from ...plugin.algorithms.applicability import is_set, reasons_without_effect
from ...plugin.algorithms.parameter_types import MEANING_OF
from ...plugin.i18n import tr
from .landscape_layer import RasterFacts, chosen_raster


class AlgorithmForm:
    """Follows the widgets of a dialog; hides parameters without an effect, but never one that the user has set.

    Parameters
    ----------
    wrappers
        QGIS's wrappers of all widgets of the dialog, of inputs and of outputs.
    """

    def __init__(self, wrappers: list[QgsAbstractProcessingParameterWidgetWrapper]) -> None:
        self._wrappers = {wrapper.parameterDefinition().name(): wrapper for wrapper in wrappers}
        self._algorithm = wrappers[0].parameterDefinition().algorithm()
        self._texts: dict[str, str] = {}
        self._proposed = ""
        for wrapper in wrappers:
            wrapper.widgetValueHasChanged.connect(self.update)
        self.update()

    def update(self, changed: QgsAbstractProcessingParameterWidgetWrapper | None = None) -> None:
        """Show and hide the parameters, and propose the meaning of a landscape whose band names it."""
        if changed is None or changed.parameterDefinition().name() in ("INPUT", "BAND"):
            self._propose_meaning()
        values = {name: wrapper.parameterValue() for name, wrapper in self._wrappers.items()}
        for name, wrapper in self._wrappers.items():
            definition = wrapper.parameterDefinition()
            reasons = list(reasons_without_effect(self._algorithm, definition, values))
            if definition.type() == "band":
                raster = chosen_raster(self._wrappers.get(definition.parentLayerParameterName()))
                reasons += [tr("the raster has a single band")] * (raster is None or len(raster.meanings) == 1)
            used = not reasons or is_set(definition, values)
            for widget in _widgets(wrapper):
                widget.setVisible(used)
            if name != "VALUES":
                self._annotate(name, tr("no effect: {reason}").format(reason=reasons[0]) if reasons and used else "")

    def _propose_meaning(self) -> None:
        """Choose permeability or resistance if the band of the landscape is called so, unless the user has chosen."""
        wrapper = self._wrappers.get("VALUES")
        if wrapper is None or MEANING_OF not in wrapper.parameterDefinition().metadata():
            return
        if wrapper.parameterValue() not in (None, self._proposed):
            return
        raster = chosen_raster(self._wrappers.get(wrapper.parameterDefinition().metadata()[MEANING_OF]))
        band = self._wrappers["BAND"].parameterValue() if "BAND" in self._wrappers else 1
        meaning = _meaning(raster, band)
        if meaning or self._proposed:
            self._proposed = meaning
            wrapper.setValue(meaning or None)
        self._annotate("VALUES", tr("the band is called “{name}”").format(name=meaning) if meaning else "")

    def _annotate(self, name: str, note: str) -> None:
        """Append a note to the label of a parameter."""
        for label in _widgets(self._wrappers[name])[:1]:
            if hasattr(label, "setText") and (note or name in self._texts):
                text = self._texts.setdefault(name, label.text())
                label.setText(f"{text} – {note}" if note else text)
                if isinstance(label, QLabel):
                    label.setWordWrap(True)


def _widgets(wrapper: QgsAbstractProcessingParameterWidgetWrapper) -> list[QWidget]:
    """Return the label and the widget of a parameter; check boxes have no label of their own."""
    is_python = isinstance(wrapper, WidgetWrapper)
    label = wrapper.label if is_python else wrapper.wrappedLabel()
    widget = wrapper.widget if is_python else wrapper.wrappedWidget()
    return [each for each in (label, widget) if each is not None]


def _meaning(raster: RasterFacts | None, band: object) -> str:
    number = int(band) if isinstance(band, (int, str)) and str(band).isdecimal() else 1
    return raster.meanings[number - 1] if raster is not None and 1 <= number <= len(raster.meanings) else ""
