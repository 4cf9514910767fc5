"""The controls of the explorer: landscape, movement, brush."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel
from qgis.gui import QgsCollapsibleGroupBox, QgsMapLayerComboBox, QgsRasterBandComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QRadioButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...plugin.algorithms.formatting import format_number
from ...plugin.i18n import tr
from ..band_meaning import band_meaning
from .exploration import Settings
from .number_box import NumberBox
from .texts import DISTANCES, QUANTITIES

# The slider sets θ times the cost of a typical step, between these powers of ten.
THETA_DECADES = (-3.0, 1.5)
THETA_STEPS = 90

TARGET, ORIGINS, PAINT = "target", "origins", "paint"

MODES = {
    TARGET: (tr("&Place"), tr("Click or drag on the map: movement to this place is shown.")),
    ORIGINS: (tr("&Origins"), tr("Click on the map where movement starts; click an origin again to remove it.")),
    PAINT: (tr("Pai&nt"), tr("Drag on the map to restore or block cells. The layer itself is never changed.")),
}


class Controls(QWidget):
    """The upper part of the dock.

    Signals
    -------
    landscape_changed
        Another layer, band or meaning of its values.
    graph_changed
        Other neighbours or another edge rule.
    request_changed
        Something else is to be shown.
    mode_changed
        What the mouse does: a key of `MODES`, or "" for nothing.
    """

    landscape_changed = pyqtSignal()
    graph_changed = pyqtSignal()
    request_changed = pyqtSignal()
    mode_changed = pyqtSignal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._step_cost = 1.0
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._make_landscape())
        layout.addWidget(self._make_movement())
        layout.addLayout(self._make_modes())
        layout.addWidget(self._make_origins())
        layout.addWidget(self._make_brush())
        self._show_applicable()

    # What is chosen

    @property
    def settings(self) -> Settings | None:
        """How the landscape is read; None as long as its meaning is not chosen."""
        values = self.values_box.currentData()
        if not values or self.layer_box.currentLayer() is None:
            return None
        band = max(1, self.band_box.currentBand())
        return Settings(band, values, self.neighbors_box.currentData(), self.rule_box.currentData())

    @property
    def theta(self) -> float:
        """The inverse temperature θ."""
        low, high = THETA_DECADES
        return 10.0 ** (low + (high - low) * self.theta_slider.value() / THETA_STEPS) / self._step_cost

    @property
    def distance(self) -> str:
        """The distance."""
        return self.distance_box.currentData()

    @property
    def quantity(self) -> str:
        """What the map shows."""
        return self.quantity_box.currentData()

    @property
    def shows_change(self) -> bool:
        """Whether the map shows after − before."""
        return self.change_box.isEnabled() and self.change_box.isChecked()

    @property
    def brush_value(self) -> float:
        """The value that the brush paints; 0 to block."""
        return self.value_box.value() if self.restore_button.isChecked() else 0.0

    @property
    def mode(self) -> str:
        """What the mouse does; "" for nothing."""
        return next((mode for mode, button in self.mode_buttons.items() if button.isChecked()), "")

    def set_mode(self, mode: str) -> None:
        """Choose what the mouse does; "" releases all buttons."""
        self._modes.setExclusive(False)
        for name, button in self.mode_buttons.items():
            button.setChecked(name == mode)
        self._modes.setExclusive(bool(mode))

    def set_typical(self, step_cost: float, radius: float, restored: float) -> None:
        """Set the cost of a typical step, and a radius and value of the brush that suit the landscape."""
        self._step_cost = step_cost
        for box, value in ((self.radius_box, radius), (self.value_box, restored)):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self._show_theta()

    def show_painted(self, strokes: int, undone: int, cells: int) -> None:
        """Show how much is painted."""
        self.undo_button.setEnabled(strokes > 0)
        self.redo_button.setEnabled(undone > 0)
        self.save_button.setEnabled(cells > 0)
        self.change_box.setEnabled(strokes > 0)
        self.painted_label.setText(tr("{cells:# cell|# cells} painted").format(cells=cells) if cells else "")

    def show_origins(self, count: int) -> None:
        """Show how many origins are marked."""
        self.everywhere_button.setEnabled(count > 0)
        text = tr("Movement starts at {count:# place|# places}.") if count else tr("Movement starts everywhere.")
        self.origins_label.setText(text.format(count=count))

    # Widgets

    def _make_landscape(self) -> QWidget:
        box = QGroupBox(tr("Landscape"))
        form = QFormLayout(box)
        self.layer_box = QgsMapLayerComboBox()
        self.layer_box.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer_box.setAllowEmptyLayer(True)
        self.layer_box.setCurrentIndex(0)
        self.band_box = QgsRasterBandComboBox()
        self.values_box = QComboBox()
        for name, data in (
            (tr("Choose…"), ""),
            (tr("Permeability (conductance)"), "permeability"),
            (tr("Resistance (cost)"), "resistance"),
        ):
            self.values_box.addItem(name, data)
        form.addRow(tr("Raster"), self.layer_box)
        form.addRow(tr("Band"), self.band_box)
        form.addRow(tr("Values are"), self.values_box)
        self._band_label = form.labelForField(self.band_box)
        more = QgsCollapsibleGroupBox(tr("Steps between cells"))
        more.setCollapsed(True)
        steps = QFormLayout(more)
        self.neighbors_box, self.rule_box = QComboBox(), QComboBox()
        for name, data in ((tr("Eight (queen)"), "queen"), (tr("Four (rook)"), "rook")):
            self.neighbors_box.addItem(name, data)
        for name, data in ((tr("Mean permeability"), "mean"), (tr("Mean resistance"), "resistance")):
            self.rule_box.addItem(name, data)
        steps.addRow(tr("Neighbours of a cell"), self.neighbors_box)
        steps.addRow(tr("Edge conductance rule"), self.rule_box)
        form.addRow(more)
        self.layer_box.layerChanged.connect(self._layer_changed)
        self.band_box.bandChanged.connect(lambda _: self.landscape_changed.emit())
        self.values_box.currentIndexChanged.connect(lambda _: self.landscape_changed.emit())
        for widget in (self.neighbors_box, self.rule_box):
            widget.currentIndexChanged.connect(lambda _: self.graph_changed.emit())
        self._show_bands()
        return box

    def _make_movement(self) -> QWidget:
        box = QGroupBox(tr("Movement"))
        form = QFormLayout(box)
        self.distance_box, self.quantity_box = QComboBox(), QComboBox()
        for name, label in DISTANCES.items():
            self.distance_box.addItem(label, name)
        for name, label in QUANTITIES.items():
            self.quantity_box.addItem(label, name)
        self.theta_slider = QSlider(Qt.Orientation.Horizontal)
        self.theta_slider.setRange(0, THETA_STEPS)
        self.theta_slider.setValue(THETA_STEPS // 2)
        self.theta_slider.setToolTip(tr("Left: random movement. Right: the cheapest path."))
        self.theta_label = QLabel()
        theta = QHBoxLayout()
        theta.addWidget(self.theta_slider, 1)
        theta.addWidget(self.theta_label)
        self.change_box = QCheckBox(tr("After − before painting"))
        self.change_box.setEnabled(False)
        form.addRow(tr("Distance"), self.distance_box)
        form.addRow(tr("θ"), theta)
        form.addRow(tr("Show"), self.quantity_box)
        form.addRow("", self.change_box)
        self._theta_row = form.labelForField(theta)
        for widget in (self.distance_box, self.quantity_box):
            widget.currentIndexChanged.connect(self._request_changed)
        self.theta_slider.valueChanged.connect(self._request_changed)
        self.change_box.toggled.connect(self._request_changed)
        return box

    def _make_modes(self) -> QHBoxLayout:
        self._modes = QButtonGroup(self)
        self.mode_buttons = {}
        row = QHBoxLayout()
        for mode, (label, tip) in MODES.items():
            button = QToolButton()
            button.setText(label)
            button.setToolTip(tip)
            button.setCheckable(True)
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.clicked.connect(lambda _=False, mode=mode: self._mode_clicked(mode))
            self._modes.addButton(button)
            self.mode_buttons[mode] = button
            row.addWidget(button)
        return row

    def _make_origins(self) -> QWidget:
        self.origins_row = QWidget()
        row = QHBoxLayout(self.origins_row)
        row.setContentsMargins(0, 0, 0, 0)
        self.origins_label = QLabel()
        self.origins_label.setWordWrap(True)
        self.everywhere_button = QPushButton(tr("&Everywhere"))
        self.everywhere_button.setToolTip(tr("Remove the marked origins."))
        row.addWidget(self.origins_label, 1)
        row.addWidget(self.everywhere_button)
        self.show_origins(0)
        return self.origins_row

    def _make_brush(self) -> QWidget:
        self.brush_box = QGroupBox(tr("Brush"))
        form = QFormLayout(self.brush_box)
        self.radius_box, self.value_box = NumberBox(), NumberBox()
        self.radius_box.setSuffix(" " + tr("map units"))
        self.restore_button, self.block_button = QRadioButton(tr("&Restore to")), QRadioButton(tr("&Block"))
        self.restore_button.setChecked(True)
        self.block_button.setToolTip(tr("Turns the cells into barriers."))
        values = QHBoxLayout()
        values.addWidget(self.restore_button)
        values.addWidget(self.value_box, 1)
        values.addWidget(self.block_button)
        self.undo_button, self.redo_button = QPushButton(tr("&Undo")), QPushButton(tr("Re&do"))
        self.save_button = QPushButton(tr("&Save the painted landscape…"))
        self.painted_label = QLabel()
        steps = QHBoxLayout()
        for widget in (self.undo_button, self.redo_button, self.painted_label):
            steps.addWidget(widget)
        steps.addStretch(1)
        form.addRow(tr("Radius"), self.radius_box)
        form.addRow(values)
        form.addRow(steps)
        form.addRow(self.save_button)
        self.restore_button.toggled.connect(self.value_box.setEnabled)
        self.show_painted(0, 0, 0)
        return self.brush_box

    # Reactions

    def _layer_changed(self, _layer) -> None:
        self.values_box.blockSignals(True)
        # Proposed if the band has such a name; otherwise the user must choose.
        meaning = band_meaning(self.layer_box.currentLayer(), 1)
        self.values_box.setCurrentIndex(max(0, self.values_box.findData(meaning)))
        self.values_box.blockSignals(False)
        self._show_bands()
        self.landscape_changed.emit()

    def _show_bands(self) -> None:
        layer = self.layer_box.currentLayer()
        self.band_box.blockSignals(True)
        self.band_box.setLayer(layer)
        self.band_box.blockSignals(False)
        several = layer is not None and layer.bandCount() > 1
        for widget in (self.band_box, self._band_label):
            widget.setVisible(several)

    def _request_changed(self, *_: object) -> None:
        self._show_applicable()
        self.request_changed.emit()

    def _mode_clicked(self, mode: str) -> None:
        self._modes.setExclusive(True)
        self._show_applicable()
        self.mode_changed.emit(mode)

    def _show_applicable(self) -> None:
        """Show only what applies to the choices."""
        randomized = self.distance == "rsp"
        for widget in (self._theta_row, self.theta_slider, self.theta_label):
            widget.setVisible(randomized)
        self.brush_box.setVisible(self.mode == PAINT)
        self.origins_row.setVisible(self.mode != PAINT)
        self._show_theta()

    def _show_theta(self) -> None:
        self.theta_label.setText(format_number(self.theta))
