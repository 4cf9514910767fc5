"""The explorer's map above the canvas: a picture in memory, drawn in the project's coordinate system."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsCoordinateTransform, QgsCsException, QgsPointXY
from qgis.gui import QgsMapCanvas, QgsMapCanvasItem
from qgis.PyQt.QtCore import QPointF, QRectF
from qgis.PyQt.QtGui import QImage, QPainter, QPainterPath, QPolygonF, QTransform

# A picture in another coordinate system is drawn in this many tiles along each side, each with its own perspective.
TILES = 12

DEFAULT_OPACITY = 0.8


class MapOverlay(QgsMapCanvasItem):
    """A picture of cells on the map canvas.

    Parameters
    ----------
    canvas
        The map canvas.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._image: QImage | None = None
        self._corner, self._cell, self._extent = (0.0, 0.0), (1.0, -1.0), (0.0, 0.0, 0.0, 0.0)
        self._transform = QgsCoordinateTransform()
        self._smooth, self._factor = False, 1
        self.opacity = DEFAULT_OPACITY
        self.setZValue(5)  # below the brush and the markers

    @property
    def image(self) -> QImage | None:
        """The picture; None if nothing is shown."""
        return self._image

    def clear(self) -> None:
        """Show nothing."""
        self._image = None
        self.update()

    def set_opacity(self, opacity: float) -> None:
        """Set the opacity, 0 to 1."""
        self.opacity = opacity
        self.update()

    def set_extent(
        self,
        corner: tuple[float, float],
        cell: tuple[float, float],
        extent: tuple[float, float, float, float],
        transform: QgsCoordinateTransform,
    ) -> None:
        """Set where pictures lie.

        Parameters
        ----------
        corner
            x and y of the upper left corner, in the layer's coordinate system.
        cell
            Width of a cell of the layer, and its height with a minus sign.
        extent
            West, south, east and north of the layer: nothing is drawn beyond.
        transform
            From the layer's coordinate system to that of the project.
        """
        self._corner, self._cell, self._extent, self._transform = corner, cell, extent, transform
        self.update()

    def show_picture(self, pixels: np.ndarray, colours: tuple[int, ...], factor: int, *, smooth: bool) -> None:
        """Show a picture.

        Parameters
        ----------
        pixels
            uint8 (rows, columns).
        colours
            The colour of each byte.
        factor
            Number of cells of the layer along one side of a pixel.
        smooth
            Whether to interpolate between pixels.
        """
        rows, columns = pixels.shape
        pixels = np.ascontiguousarray(pixels)
        indexed = QImage(pixels.data, columns, rows, columns, QImage.Format.Format_Indexed8)
        indexed.setColorTable(list(colours))
        # A copy, which does not refer to the array.
        self._image = indexed.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        self._factor, self._smooth = factor, smooth
        self.update()

    def boundingRect(self) -> QRectF:
        return QRectF(0, 0, self._canvas.width(), self._canvas.height())

    def updatePosition(self) -> None:
        self.update()

    def paint(self, painter: QPainter, _option=None, _widget=None) -> None:
        if self._image is None:
            return
        painter.save()
        painter.setOpacity(self.opacity)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
        try:
            self._draw(painter)
        except QgsCsException:
            # A part of the layer cannot be shown in this coordinate system; the dock says so.
            return
        finally:
            painter.restore()

    def can_be_drawn(self) -> bool:
        """Return whether the corners of the layer exist in the project's coordinate system."""
        west, south, east, north = self._extent
        try:
            points = [self._canvas_point(x, y) for x in (west, east) for y in (south, north)]
        except QgsCsException:
            return False
        return all(np.isfinite([point.x(), point.y()]).all() for point in points)

    def _draw(self, painter: QPainter) -> None:
        image, step = self._image, self._factor
        width, height = image.width(), image.height()
        tiles = 1 if self._transform.isShortCircuited() else TILES
        painter.setClipPath(self._outline(tiles))
        columns = sorted({round(width * n / tiles) for n in range(tiles + 1)})
        rows = sorted({round(height * n / tiles) for n in range(tiles + 1)})
        (left, top), (cell_width, cell_height) = self._corner, self._cell
        corners = [
            [
                self._canvas_point(left + column * step * cell_width, top + row * step * cell_height)
                for column in columns
            ]
            for row in rows
        ]
        for i, (first_row, last_row) in enumerate(zip(rows, rows[1:])):
            for j, (first, last) in enumerate(zip(columns, columns[1:])):
                quad = [corners[i][j], corners[i][j + 1], corners[i + 1][j + 1], corners[i + 1][j]]
                if not QPolygonF(quad).boundingRect().intersects(self.boundingRect()):
                    continue
                source = QRectF(first, first_row, last - first, last_row - first_row)
                self._draw_tile(painter, source, quad)

    def _draw_tile(self, painter: QPainter, source: QRectF, quad: list[QPointF]) -> None:
        square = QPolygonF([source.topLeft(), source.topRight(), source.bottomRight(), source.bottomLeft()])
        transform = QTransform()
        if QTransform.quadToQuad(square, QPolygonF(quad), transform):
            painter.save()
            painter.setTransform(transform, True)
            painter.drawImage(source, self._image, source)
            painter.restore()

    def _outline(self, tiles: int) -> QPainterPath:
        west, south, east, north = self._extent
        along = [n / tiles for n in range(tiles)]
        points = [
            *((west + t * (east - west), north) for t in along),
            *((east, north + t * (south - north)) for t in along),
            *((east + t * (west - east), south) for t in along),
            *((west, south + t * (north - south)) for t in along),
        ]
        path = QPainterPath()
        path.addPolygon(QPolygonF([self._canvas_point(x, y) for x, y in points]))
        path.closeSubpath()
        return path

    def _canvas_point(self, x: float, y: float) -> QPointF:
        return self.toCanvasCoordinates(self._transform.transform(QgsPointXY(x, y)))
