"""Pictures of maps, drawn by QGIS's own renderers.

QGIS looks up the coordinate reference system of every layer that it opens, and those first looked up in the thread of
a run are lost with it. The layers of pictures have none: they are small copies in memory, only as large as the picture.
"""

from __future__ import annotations

import base64
import uuid
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import QgsRasterLayer, QgsRasterRenderer
from qgis.PyQt.QtCore import QBuffer, QByteArray, QIODevice, Qt
from qgis.PyQt.QtGui import QColor, QImage, QPainter

from ..renderers import Style
from .legend import NODATA_COLOUR, Legend, legend_of
from .reduced_band import LONGEST_SIDE

# Shortest side of a picture, in pixels: a landscape of a single row is visible.
SHORTEST_SIDE = 12

# Opacity of the white over a map that is a background, of 255.
PALENESS = 150


@dataclass(frozen=True)
class Picture:
    """A picture of a map.

    Parameters
    ----------
    png
        The picture as a PNG file.
    width, height
        Its size in pixels.
    """

    png: bytes
    width: int
    height: int

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


def draw(values: np.ndarray, style: Style, aspect: float = 1.0, *, pale: bool = False) -> tuple[Picture, Legend]:
    """Draw a map in its style, and return its legend with it.

    Parameters
    ----------
    values
        float64 (rows, columns), one value for each pixel; NaN for no data.
    style
        The layer style.
    aspect
        Height of a cell divided by its width.
    pale
        Whether the map is a background, in pale colours.
    """
    path = f"/vsimem/permea-report-{uuid.uuid4().hex}.tif"
    _write(path, values)
    try:
        options = QgsRasterLayer.LayerOptions(False)
        options.skipCrsValidation = True
        layer = QgsRasterLayer(path, "picture", "gdal", options)
        renderer = style.renderer(layer)
        picture, legend = _render(values, renderer, layer, aspect, pale=pale), legend_of(renderer)
        del renderer, layer
    finally:
        gdal.Unlink(path)
    return picture, legend


def legend_of_style(style: Style) -> Legend:
    """Return the legend of a style."""
    return draw(np.zeros((1, 1)), style)[1]


def _write(path: str, values: np.ndarray) -> None:
    rows, columns = values.shape
    dataset = gdal.GetDriverByName("GTiff").Create(path, columns, rows, 1, gdal.GDT_Float64)
    dataset.SetGeoTransform((0.0, 1.0, 0.0, float(rows), 0.0, -1.0))
    band = dataset.GetRasterBand(1)
    band.SetNoDataValue(float("nan"))
    band.WriteRaster(0, 0, columns, rows, np.ascontiguousarray(values, np.float64), buf_type=gdal.GDT_Float64)
    dataset.FlushCache()


def _render(
    values: np.ndarray, renderer: QgsRasterRenderer, layer: QgsRasterLayer, aspect: float, *, pale: bool
) -> Picture:
    rows, columns = values.shape
    image = QImage(columns, rows, QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.drawImage(0, 0, _nodata_image(values))
    painter.drawImage(0, 0, renderer.block(1, layer.extent(), columns, rows).image())
    if pale:
        painter.fillRect(image.rect(), QColor(255, 255, 255, PALENESS))
    painter.end()
    return as_png(_enlarged(image, aspect))


def _nodata_image(values: np.ndarray) -> QImage:
    """Return an image that is transparent but for the cells without a value."""
    rows, columns = values.shape
    pixels = np.where(np.isnan(values), QColor(NODATA_COLOUR).rgba(), 0).astype(np.uint32)
    return QImage(pixels.tobytes(), columns, rows, 4 * columns, QImage.Format.Format_ARGB32).copy()


def _enlarged(image: QImage, aspect: float) -> QImage:
    """Return an image with cells in their true proportions; cells of small rasters become squares of many pixels."""
    width, height = float(image.width()), image.height() * aspect
    factor = LONGEST_SIDE / max(width, height)
    if factor > 1 and aspect == 1.0:
        factor = float(int(factor))
    size = [max(SHORTEST_SIDE, round(side * factor)) for side in (width, height)]
    mode = Qt.TransformationMode.FastTransformation if factor >= 1 else Qt.TransformationMode.SmoothTransformation
    return image.scaled(*size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)


def as_png(image: QImage) -> Picture:
    """Return an image as a PNG file."""
    data = QByteArray()
    buffer = QBuffer(data)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    buffer.close()
    return Picture(bytes(data), image.width(), image.height())
