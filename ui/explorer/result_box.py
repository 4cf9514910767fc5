"""The lower part of the dock: numbers, legend, opacity and messages."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from ...plugin.algorithms.formatting import format_number
from ...plugin.i18n import tr
from ..labels import selectable_label
from .exploration import ShownView
from .legend import Legend
from .overlay import DEFAULT_OPACITY
from .texts import change_text, colour_text, map_title, mean_text


class ResultBox(QWidget):
    """Shows the numbers of a view, its legend, and messages.

    Signals
    -------
    opacity_changed
        Opacity of the map, 0 to 1.
    full_run_requested
        The button for the full resolution was pressed.
    engine_requested
        The button for the engine dialog was pressed.
    """

    opacity_changed = pyqtSignal(float)
    full_run_requested = pyqtSignal()
    engine_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.message_label = selectable_label(tr("Message"))
        self.engine_button = QPushButton(tr("En&gine…"))
        self.engine_button.clicked.connect(self.engine_requested)
        self.mean_label = selectable_label(tr("Mean distance"))
        font = self.mean_label.font()
        font.setBold(True)
        self.mean_label.setFont(font)
        self.change_label = selectable_label(tr("Change by painting"))
        self.note_label = selectable_label(tr("Notes"))
        self.cursor_label = QLabel()
        self.legend = Legend()
        self.opacity_slider = QSlider(Qt.Orientation.Horizontal)
        self.opacity_slider.setRange(0, 100)
        self.opacity_slider.setValue(round(100 * DEFAULT_OPACITY))
        self.opacity_slider.valueChanged.connect(lambda value: self.opacity_changed.emit(value / 100))
        opacity = QHBoxLayout()
        opacity.addWidget(QLabel(tr("Opacity")))
        opacity.addWidget(self.opacity_slider, 1)
        self.run_button = QPushButton(tr("Run at &full resolution…"))
        self.run_button.setToolTip(tr("Opens the algorithm with these parameters; its result is a layer."))
        self.run_button.clicked.connect(self.full_run_requested)
        for widget in (
            self.message_label,
            self.engine_button,
            self.mean_label,
            self.change_label,
            self.legend,
            self.cursor_label,
            self.note_label,
        ):
            layout.addWidget(widget)
        layout.addLayout(opacity)
        layout.addWidget(self.run_button)
        self.clear()

    def clear(self) -> None:
        """Show no result."""
        for label in (self.mean_label, self.change_label, self.note_label, self.cursor_label):
            label.setText("")
            label.setVisible(False)
        self.legend.clear()
        self.run_button.setEnabled(False)
        self.show_message("")

    def show_message(self, text: str, *, engine_missing: bool = False) -> None:
        """Show a message, with a button for the engine dialog if none is installed."""
        self.message_label.setText(text)
        self.message_label.setVisible(bool(text))
        self.engine_button.setVisible(engine_missing)

    def show_view(self, view: ShownView, values: str, *, painted: bool) -> None:
        """Show the numbers of a view.

        Parameters
        ----------
        view
            The view.
        values
            Quantity of the raster.
        painted
            Whether there are strokes, so that before and after are compared.
        """
        request, numbers = view.request, view.numbers
        mean, before = numbers["mean"], numbers["mean_before"]
        origins = len(request.origins)
        _show(self.mean_label, mean_text(request.distance, mean, origins=origins, preview=view.preview))
        _show(self.change_label, change_text(mean, before) if painted else "")
        colours = colour_text(request.quantity, values, change=request.change)
        _show(self.note_label, " ".join(text for text in (colours, _note(view)) if text))
        self.legend.show_scale(
            map_title(request.quantity, request.distance, values, change=request.change),
            request.quantity,
            numbers["low"],
            numbers["high"],
            change=request.change,
            logarithmic=numbers["scale"] == "logarithmic",
        )
        self.run_button.setEnabled(True)
        self.show_message("")

    def show_cursor(self, value: float | None) -> None:
        """Show the value of the map under the mouse."""
        _show(self.cursor_label, "" if value is None else tr("Here: {value}").format(value=format_number(value)))


def _note(view: ShownView) -> str:
    """Return what a view leaves out."""
    notes = []
    unreached, reached = view.numbers["unreached"], view.numbers["origins"]
    if unreached:
        share = 100 * unreached / (unreached + reached)
        notes.append(tr("{share:.3g} % of the origins cannot reach the place.").format(share=share))
    if not view.preview and view.factor > 1:
        notes.append(tr("Computed with cells of {k} × {k} cells of the raster.").format(k=view.factor))
        if view.request.distance == "rsp":
            notes.append(tr("Randomized shortest paths keep closer to the cheapest path with larger cells."))
    return " ".join(notes)


def _show(label: QLabel, text: str) -> None:
    label.setText(text)
    label.setVisible(bool(text))
