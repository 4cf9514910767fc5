"""Rasterization of polygons and lines."""

from __future__ import annotations

import math

import numpy as np
from osgeo import gdal, ogr
from qgis.core import QgsGeometry, QgsRectangle, QgsWkbTypes

from ...detailed_exception import DetailedException
from ...i18n import tr
from ..gdal_errors import collected_gdal_errors
from ..raster_grid import RasterGrid
from .cell_list import CellList

# GDAL counts cells in 32-bit integers.
MAX_CELLS_AWAY = 1e8


def cells_inside(geometry: QgsGeometry, grid: RasterGrid) -> CellList:
    """Return the cells (row, column) whose centres lie in a polygon; None for cells outside the raster.

    Parameters
    ----------
    geometry
        Polygon or multipolygon in the CRS of `grid`; or, for the cells that it touches, a line or multiline.
    grid
        Grid of the raster.

    Raises
    ------
    QgsProcessingException
        If the polygon cannot be rasterized, for example because it intersects itself.
    """
    left, width, _, top, _, step_down = grid.geotransform
    box = geometry.boundingBox()
    # A margin of one cell shows whether the polygon extends beyond the raster; how far does not matter.
    is_line = geometry.type() == QgsWkbTypes.GeometryType.LineGeometry
    # A line along a boundary has no height or width of its own.
    more = 1 if is_line else 0
    columns = _span((box.xMinimum() - left) / width, (box.xMaximum() - left) / width + more, grid.columns)
    rows = _span((box.yMaximum() - top) / step_down, (box.yMinimum() - top) / step_down + more, grid.rows)
    if columns[0] >= columns[1] or rows[0] >= rows[1]:
        return CellList.of([])
    geometry = _near(geometry, grid)
    shift = (left + columns[0] * width, width, 0.0, top + rows[0] * step_down, 0.0, step_down)
    covered = _rasterized(geometry, shift, (rows[1] - rows[0], columns[1] - columns[0]), all_touched=is_line)
    cells = np.argwhere(covered)
    cells += (rows[0], columns[0])
    return CellList(cells, ((cells >= 0) & (cells < (grid.rows, grid.columns))).all(1))


def _near(geometry: QgsGeometry, grid: RasterGrid) -> QgsGeometry:
    """Return a geometry, without what lies too far from the raster for GDAL."""
    (left, top), (right, bottom) = grid.corners()
    height, width = grid.pixel_size
    around = QgsRectangle(left, bottom, right, top)
    around.grow(MAX_CELLS_AWAY * min(height, width))
    if around.contains(geometry.boundingBox()):
        return geometry
    margins = QgsRectangle(left - 2 * width, bottom - 2 * height, right + 2 * width, top + 2 * height)
    return geometry.intersection(QgsGeometry.fromRect(margins))


def _span(low: float, high: float, size: int) -> tuple[int, int]:
    return math.floor(min(max(low, -1), size + 1)), math.ceil(min(max(high, -1), size + 1))


def _rasterized(geometry: QgsGeometry, geotransform: tuple, shape: tuple[int, int], *, all_touched: bool) -> np.ndarray:
    rows, columns = shape
    covered = np.zeros(shape, np.uint8)
    if geometry.isEmpty():
        return covered > 0
    segmented = QgsGeometry(geometry.constGet().segmentize())
    with collected_gdal_errors() as errors:
        target = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, gdal.GDT_Byte)
        target.SetGeoTransform(geotransform)
        source = (ogr.GetDriverByName("MEM") or ogr.GetDriverByName("Memory")).CreateDataSource("")
        layer = source.CreateLayer("", None, ogr.wkbUnknown)
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(segmented.asWkb())))
        layer.CreateFeature(feature)
        options = ["ALL_TOUCHED=TRUE"] if all_touched else []
        gdal.RasterizeLayer(target, [1], layer, burn_values=[1], options=options)
        target.GetRasterBand(1).ReadRaster(buf_obj=covered)
    if errors:
        text = tr("A polygon or line cannot be converted to cells. Run “Fix geometries” on its layer first.")
        raise DetailedException(text, errors)
    return covered > 0
