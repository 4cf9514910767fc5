"""The map tool of the explorer: the mouse as signals, and the outline of the brush."""

from __future__ import annotations

import math

from qgis.core import QgsGeometry, QgsPointXY, QgsWkbTypes
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool, QgsRubberBand
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor

CIRCLE_POINTS = 48


class ExplorerTool(QgsMapTool):
    """Reports where the mouse is pressed, dragged and released, in the project's coordinates.

    Signals
    -------
    pressed, dragged, released
        A point. The canvas pans with the middle button and the space bar, as with any tool.
    """

    pressed = pyqtSignal(QgsPointXY)
    dragged = pyqtSignal(QgsPointXY)
    released = pyqtSignal(QgsPointXY)

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self.setCursor(Qt.CursorShape.CrossCursor)
        self._is_pressed = False
        self._radius = 0.0
        self._brush: QgsRubberBand | None = None

    def set_brush(self, radius: float) -> None:
        """Show the outline of a brush around the mouse; none if the radius, in the project's units, is 0."""
        self._radius = radius
        if not radius:
            self._remove_brush()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._is_pressed = True
            self.pressed.emit(event.mapPoint())

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:
        if self._radius:
            self._draw_brush(event.mapPoint())
        if self._is_pressed:
            self.dragged.emit(event.mapPoint())

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:
        if self._is_pressed and event.button() == Qt.MouseButton.LeftButton:
            self._is_pressed = False
            self.released.emit(event.mapPoint())

    def deactivate(self) -> None:
        self._is_pressed = False
        self._remove_brush()
        super().deactivate()

    def _draw_brush(self, centre: QgsPointXY) -> None:
        if self._brush is None:
            self._brush = QgsRubberBand(self.canvas(), QgsWkbTypes.GeometryType.PolygonGeometry)
            self._brush.setColor(QColor("#1d2b33"))
            self._brush.setFillColor(QColor(255, 255, 255, 60))
            self._brush.setWidth(1)
        angles = [2 * math.pi * n / CIRCLE_POINTS for n in range(CIRCLE_POINTS)]
        points = [
            QgsPointXY(centre.x() + self._radius * math.cos(a), centre.y() + self._radius * math.sin(a)) for a in angles
        ]
        self._brush.setToGeometry(QgsGeometry.fromPolygonXY([points]), None)

    def _remove_brush(self) -> None:
        if self._brush is not None:
            self.canvas().scene().removeItem(self._brush)
            self._brush = None
