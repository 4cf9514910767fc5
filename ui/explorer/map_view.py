"""What the explorer draws on the map canvas, and where points of the map lie in the landscape."""

from __future__ import annotations

import numpy as np
from qgis.core import Qgis, QgsCoordinateTransform, QgsCsException, QgsPointXY, QgsProject
from qgis.gui import QgsMapCanvas, QgsVertexMarker
from qgis.PyQt.QtGui import QColor

from .exploration import Exploration, ShownView
from .map_tool import ExplorerTool
from .overlay import MapOverlay

# A click hits an origin within this many pixels.
CLICK_PIXELS = 8

TARGET_COLOUR, ORIGIN_COLOUR = "#1d2b33", "#1b7f5c"


class MapView:
    """The explorer's picture, markers and mouse on a map canvas.

    Parameters
    ----------
    exploration
        Its landscape is shown.
    canvas
        The map canvas.
    """

    def __init__(self, exploration: Exploration, canvas: QgsMapCanvas) -> None:
        self._exploration, self._canvas = exploration, canvas
        self.overlay = MapOverlay(canvas)
        self.tool = ExplorerTool(canvas)
        self._markers: list[QgsVertexMarker] = []

    def remove(self) -> None:
        """Remove everything from the canvas."""
        self.draw_markers(None, [])
        self._canvas.unsetMapTool(self.tool)
        self._canvas.scene().removeItem(self.overlay)

    def set_overlay_extent(self) -> None:
        """Put the picture where the landscape lies."""
        landscape = self._exploration.landscape
        if landscape is None:
            return
        left, width, _, top, _, step_down = landscape.grid.geotransform
        (west, north), (east, south) = landscape.grid.corners()
        self.overlay.set_extent((left, top), (width, step_down), (west, south, east, north), self._to_project())

    def cell(self, point: QgsPointXY) -> tuple[float, float] | None:
        """Return row and column, not rounded, of a point in the project's coordinates; None without a landscape.

        Raises
        ------
        QgsCsException
            The point does not exist in the coordinate system of the landscape.
        """
        if self._exploration.landscape is None:
            return None
        backward = Qgis.TransformDirection.Reverse
        there = self._to_project().transform(point, backward)
        return self._exploration.cell_at(there.x(), there.y())

    def value_at(self, view: ShownView, point: QgsPointXY) -> float | None:
        """Return the value of a view at a point in the project's coordinates; None if there is none."""
        try:
            cell = self.cell(point)
        except QgsCsException:
            return None
        if cell is None:
            return None
        step = view.factor // self._exploration.landscape.factor
        row, column = int(np.floor(cell[0])) // step, int(np.floor(cell[1])) // step
        if not (0 <= row < view.values.shape[0] and 0 <= column < view.values.shape[1]):
            return None
        value = float(view.values[row, column])
        return value if np.isfinite(value) else None

    def near(self) -> float:
        """Return the distance, in cells, within which a click hits an origin."""
        height, _ = self._exploration.cell_size()
        # Projected units per unit of the layer, at its centre.
        scale = self._in_project(1.0) or 1.0
        return max(0.5, CLICK_PIXELS * self._canvas.mapUnitsPerPixel() / (height * scale))

    def show_brush(self, radius: float) -> None:
        """Show the outline of a brush, whose radius is in the layer's units; none if it is 0."""
        landscape = self._exploration.landscape
        self.tool.set_brush(self._in_project(radius) if radius and landscape is not None else 0.0)

    def draw_markers(self, target: tuple[int, int] | None, origins: list[tuple[int, int]]) -> None:
        """Mark the target and the origins."""
        for marker in self._markers:
            self._canvas.scene().removeItem(marker)
        self._markers = []
        if self._exploration.landscape is None:
            return
        marks = [(origin, QgsVertexMarker.IconType.ICON_BOX, ORIGIN_COLOUR, 9) for origin in origins]
        if target is not None:
            marks.append((target, QgsVertexMarker.IconType.ICON_CROSS, TARGET_COLOUR, 16))
        for cell, icon, colour, size in marks:
            try:
                centre = self._to_project().transform(QgsPointXY(*self._exploration.centre_of(cell)))
            except QgsCsException:
                continue
            marker = QgsVertexMarker(self._canvas)
            marker.setCenter(centre)
            marker.setIconType(icon)
            marker.setColor(QColor(colour))
            marker.setIconSize(size)
            marker.setPenWidth(3)
            marker.setZValue(20)
            self._markers.append(marker)

    def _to_project(self) -> QgsCoordinateTransform:
        crs = self._canvas.mapSettings().destinationCrs()
        return QgsCoordinateTransform(self._exploration.layer.crs(), crs, QgsProject.instance())

    def _in_project(self, length: float) -> float:
        """Return a length in the project's units, measured northwards at the centre of the landscape."""
        transform = self._to_project()
        if transform.isShortCircuited():
            return length
        (west, north), (east, south) = self._exploration.landscape.grid.corners()
        x, y = (west + east) / 2, (south + north) / 2
        step = (north - south) / 4
        try:
            centre, above = transform.transform(QgsPointXY(x, y)), transform.transform(QgsPointXY(x, y + step))
        except QgsCsException:
            return 0.0
        return length * centre.distance(above) / step
