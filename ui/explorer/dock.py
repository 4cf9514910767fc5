"""The dock *Permea ▸ Explorer*."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qgis.core import QgsCsException, QgsPointXY, QgsProject, QgsRasterLayer
from qgis.gui import QgsDockWidget
from qgis.PyQt.QtCore import Qt, QTimer, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QScrollArea, QVBoxLayout, QWidget

from ...plugin.i18n import tr
from .colours import colour_table
from .controls import ORIGINS, PAINT, TARGET, Controls
from .exploration import Exploration, ShownView, ViewRequest
from .full_run import full_run
from .map_view import MapView
from .result_box import ResultBox

# The value that the brush restores to at first: as good as the best cells of the landscape, but for extremes.
GOOD_FRACTION = 0.95

# Radius of the brush at first, in cells.
BRUSH_CELLS = 5

# Wide enough for the brush, which is hidden at first.
WIDTH_IN_LETTERS = 52

# Changes of the controls that follow each other this fast count as one.
DEBOUNCE_MILLISECONDS = 30


class ExplorerDock(QgsDockWidget):
    """Movement to a place under the mouse, and a brush that changes the landscape.

    Parameters
    ----------
    iface
        `QgisInterface` of QGIS.
    open_engine_dialog
        Called when the user wants to install an engine.

    Signals
    -------
    shown
        A `ShownView` has been drawn.
    """

    shown = pyqtSignal(object)

    def __init__(self, iface, open_engine_dialog: Callable[[], None] = lambda: None) -> None:
        super().__init__(tr("Permea Explorer"), iface.mainWindow())
        self.setObjectName("permeaExplorer")
        self._iface, self._canvas = iface, iface.mapCanvas()
        self.exploration = Exploration(self)
        self.map = MapView(self.exploration, self._canvas)
        self.controls, self.results = Controls(), ResultBox()
        self.view: ShownView | None = None
        self.target: tuple[int, int] | None = None
        self.origins: list[tuple[int, int]] = []
        self._stroke_end = QgsPointXY()
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.timeout.connect(self._request_view)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addWidget(self.controls)
        layout.addWidget(self.results)
        layout.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(content)
        width = max(content.minimumSizeHint().width(), WIDTH_IN_LETTERS * self.fontMetrics().averageCharWidth())
        area.setMinimumWidth(width + area.verticalScrollBar().sizeHint().width())
        self.setWidget(area)
        self.results.engine_requested.connect(open_engine_dialog)
        self._connect()
        self._reset()

    def _connect(self) -> None:
        controls, exploration = self.controls, self.exploration
        controls.landscape_changed.connect(self.open_landscape)
        controls.graph_changed.connect(self._change_graph)
        controls.request_changed.connect(lambda: self._debounce.start(DEBOUNCE_MILLISECONDS))
        controls.mode_changed.connect(self._change_mode)
        controls.radius_box.valueChanged.connect(lambda _: self._show_brush())
        controls.everywhere_button.clicked.connect(self.clear_origins)
        controls.undo_button.clicked.connect(self.undo)
        controls.redo_button.clicked.connect(self.redo)
        controls.save_button.clicked.connect(self.save_painted)
        exploration.loaded.connect(self._loaded)
        exploration.viewed.connect(self._viewed)
        exploration.painted.connect(self._painted)
        exploration.refused.connect(lambda text, missing: self.results.show_message(text, engine_missing=missing))
        exploration.busy.connect(self.results.show_message)
        exploration.saved.connect(self._saved)
        self.results.opacity_changed.connect(self.map.overlay.set_opacity)
        self.results.full_run_requested.connect(self.run_at_full_resolution)
        self.map.tool.pressed.connect(self._pressed)
        self.map.tool.dragged.connect(self._dragged)
        self.map.tool.deactivated.connect(self._tool_deactivated)
        self._canvas.xyCoordinates.connect(self._show_value)
        self._canvas.destinationCrsChanged.connect(self._set_overlay_extent)
        QgsProject.instance().layersWillBeRemoved.connect(self._layers_removed)
        self.closed.connect(self._closed)

    # What the user does

    def propose(self, layer: object) -> None:
        """Choose a layer, if it is a raster and none is chosen yet."""
        if isinstance(layer, QgsRasterLayer) and self.controls.layer_box.currentLayer() is None:
            self.controls.layer_box.setLayer(layer)

    def open_landscape(self) -> None:
        """Read the chosen raster, once its meaning is chosen."""
        settings = self.controls.settings
        self.exploration.forget()
        self._reset()
        if settings is not None:
            self.exploration.open(self.controls.layer_box.currentLayer(), settings)
        elif self.controls.layer_box.currentLayer() is not None:
            self.results.show_message(tr("Choose whether the values are permeability or resistance."))

    def move_target(self, point: QgsPointXY) -> None:
        """Show movement to a point in the project's coordinates."""
        cell = self._cell(point)
        if cell is not None:
            self.target = (int(np.floor(cell[0])), int(np.floor(cell[1])))
            self._draw_markers()
            self._request_view()

    def toggle_origin(self, point: QgsPointXY) -> None:
        """Mark a point as origin, or remove the origin there."""
        cell = self._cell(point)
        if cell is None:
            return
        origin = (int(np.floor(cell[0])), int(np.floor(cell[1])))
        near = [other for other in self.origins if np.hypot(*np.subtract(other, origin)) <= self.map.near()]
        self.origins = [other for other in self.origins if other not in near] if near else [*self.origins, origin]
        self._origins_changed()

    def clear_origins(self) -> None:
        """Let movement start everywhere."""
        self.origins = []
        self._origins_changed()

    def paint(self, start: QgsPointXY, end: QgsPointXY, *, extend: bool) -> None:
        """Paint along a line between two points in the project's coordinates."""
        first, last = self._cell(start), self._cell(end)
        if first is None or last is None or not self.exploration.is_ready:
            return
        height, width = self.exploration.cell_size()
        radius = self.controls.radius_box.value() / min(height, width)
        self.exploration.paint(first, last, radius, self.controls.brush_value, extend=extend)
        self._request_view()

    def undo(self) -> None:
        """Undo the last stroke."""
        self.exploration.undo()
        self._request_view()

    def redo(self) -> None:
        """Paint the last undone stroke again."""
        self.exploration.redo()
        self._request_view()

    def save_painted(self) -> None:
        """Ask for a file and write the painted landscape to it."""
        path, _ = QFileDialog.getSaveFileName(self, tr("Save the painted landscape"), "", tr("GeoTIFF (*.tif)"))
        if path:
            self.write_painted(path if path.lower().endswith((".tif", ".tiff")) else f"{path}.tif")

    def write_painted(self, path: str) -> None:
        """Write the painted landscape to a file."""
        layer = self.exploration.layer
        if layer is not None and layer.source().split("|")[0] == path:
            self.results.show_message(tr("This is the file of the landscape. Choose another file: it is not changed."))
            return
        self.exploration.save_painted(path)

    def run_at_full_resolution(self) -> None:
        """Open the dialog of the algorithm that computes what is shown."""
        exploration, controls = self.exploration, self.controls
        if exploration.layer is None or self.target is None:
            return
        origins = self.origins or exploration.spread_origins()
        run = full_run(
            exploration.layer,
            exploration.settings,
            controls.distance,
            controls.quantity,
            controls.theta,
            exploration.centre_of(self.target),
            [exploration.centre_of(origin) for origin in origins],
        )
        notes = []
        if exploration.painted_cells:
            notes.append(tr("The dialog opens with the original landscape: to use the painted one, save it first."))
        if controls.quantity != "distance" and not self.origins:
            text = tr("The algorithm starts from {count:# origin|# origins}, spread evenly over the landscape.")
            notes.append(text.format(count=len(origins)))
        self.results.show_message(" ".join(notes))
        import processing

        self.dialog = processing.createAlgorithmDialog(run.algorithm, run.parameters)
        self.dialog.show()

    # Reactions

    def _loaded(self) -> None:
        landscape, exploration = self.exploration.landscape, self.exploration
        height, width = exploration.cell_size()
        values = exploration.settings.values
        middle = landscape.quantile(0.5)
        resistance = middle if values == "resistance" else 1 / middle
        good = landscape.quantile(GOOD_FRACTION if values == "permeability" else 1 - GOOD_FRACTION)
        if self.target is None:
            self.controls.set_typical(resistance * (height + width) / 2, BRUSH_CELLS * width, good)
        self._set_overlay_extent()
        self._change_mode(TARGET if self.target is None else self.controls.mode)
        if not self.map.overlay.can_be_drawn():
            self.results.show_message(
                tr("The landscape cannot be drawn in the project's coordinate system. Choose that of the layer.")
            )
        elif self.target is None:
            text = tr("Click on the map, or drag, to see movement to that place.")
            if landscape.factor > 1:
                text += " " + tr("The raster is large: it is explored with cells of {k} × {k} cells.").format(
                    k=landscape.factor
                )
            self.results.show_message(text)

    def _viewed(self, view: ShownView) -> None:
        self.view = view
        request = view.request
        colours = colour_table(request.quantity, request.change)
        self.map.overlay.show_picture(view.pixels, colours, view.factor, smooth=view.preview)
        self.results.show_view(
            view,
            self.exploration.settings.values,
            painted=self.exploration.strokes > 0,
        )
        self.shown.emit(view)

    def _painted(self, state: dict) -> None:
        had_change = self.controls.shows_change
        self.controls.show_painted(state["strokes"], state["undone"], state["painted_cells"])
        if had_change != self.controls.shows_change:
            self._request_view()

    def _saved(self, path: str) -> None:
        self.results.show_message(tr("Saved: {path}").format(path=path))
        self._iface.addRasterLayer(path, tr("Painted landscape"))

    def _pressed(self, point: QgsPointXY) -> None:
        if not self.exploration.is_ready:
            return
        mode = self.controls.mode
        if mode == TARGET:
            self.move_target(point)
        elif mode == ORIGINS:
            self.toggle_origin(point)
        elif mode == PAINT:
            self.paint(point, point, extend=False)
            self._stroke_end = point

    def _dragged(self, point: QgsPointXY) -> None:
        if not self.exploration.is_ready:
            return
        if self.controls.mode == TARGET:
            self.move_target(point)
        elif self.controls.mode == PAINT:
            self.paint(self._stroke_end, point, extend=True)
            self._stroke_end = point

    def _change_mode(self, mode: str) -> None:
        if mode and self.exploration.is_ready:
            self._canvas.setMapTool(self.map.tool)
            if mode == PAINT:
                self.exploration.prepare_painting()
        self.controls.set_mode(mode)
        self._show_brush()

    def _tool_deactivated(self) -> None:
        self.controls.set_mode("")

    def _change_graph(self) -> None:
        settings = self.controls.settings
        if settings is not None:
            self.exploration.change_graph(settings.neighbors, settings.edge_rule)

    def _origins_changed(self) -> None:
        self.controls.show_origins(len(self.origins))
        self._draw_markers()
        self._request_view()

    def _layers_removed(self, ids: list[str]) -> None:
        layer = self.exploration.layer
        if layer is not None and layer.id() in ids:
            self.exploration.close()
            self._reset()
            self.results.show_message(tr("The landscape has been removed from the project."))

    def _closed(self) -> None:
        self._canvas.unsetMapTool(self.map.tool)
        self.exploration.close()
        self._reset()
        self.controls.values_box.setCurrentIndex(0)

    def unload(self) -> None:
        """Remove everything from the canvas and end the engine's process."""
        QgsProject.instance().layersWillBeRemoved.disconnect(self._layers_removed)
        self._closed()
        self.map.remove()

    def _reset(self) -> None:
        self.view = self.target = None
        self.origins = []
        self._draw_markers()
        self.map.overlay.clear()
        self.results.clear()
        self.controls.show_painted(0, 0, 0)
        self.controls.show_origins(0)
        self.results.show_message(tr("Choose a raster, and whether its values are permeability or resistance."))

    def _request_view(self) -> None:
        if self.target is None or self.exploration.landscape is None:
            return
        controls = self.controls
        self.exploration.show(
            ViewRequest(
                self.target,
                controls.distance,
                controls.quantity,
                tuple(self.origins),
                controls.theta,
                controls.shows_change,
            )
        )

    def _show_brush(self) -> None:
        painting = self.controls.mode == PAINT
        self.map.show_brush(self.controls.radius_box.value() if painting else 0.0)

    def _draw_markers(self) -> None:
        self.map.draw_markers(self.target, self.origins)

    def _cell(self, point: QgsPointXY) -> tuple[float, float] | None:
        """Return row and column, not rounded, of a point in the project's coordinates."""
        try:
            return self.map.cell(point)
        except QgsCsException:
            self.results.show_message(tr("This point does not exist in the coordinate system of the landscape."))
            return None

    def _set_overlay_extent(self) -> None:
        self.map.set_overlay_extent()
        self._draw_markers()
        self._show_brush()

    def _show_value(self, point: QgsPointXY) -> None:
        """Show the value of the map under the mouse."""
        view, value = self.view, None
        if view is not None and not view.preview and self.isVisible():
            value = self.map.value_at(view, point)
        self.results.show_cursor(value)
