"""Rasterization of polygons and lines."""

from __future__ import annotations

import math

import numpy as np
from osgeo import gdal, ogr
from qgis.core import QgsGeometry, QgsRectangle, QgsWkbTypes

from ...detailed_exception import DetailedException
from ...i18n import tr
from ...npy_file import row_blocks
from ..gdal_errors import collected_gdal_errors
from ..raster_grid import RasterGrid
from .cell_list import CellList

# GDAL counts cells in 32-bit integers.
MAX_CELLS_AWAY = 1e8

# Cells of a bounding box that are rasterized at a time, to limit memory.
CELLS_PER_BLOCK = 1 << 22


def cells_inside(geometry: QgsGeometry, grid: RasterGrid, *, cells_per_block: int = CELLS_PER_BLOCK) -> CellList:
    """Return the cells (row, column) whose centres lie in a polygon; None for cells outside the raster.

    Parameters
    ----------
    geometry
        Polygon or multipolygon in the CRS of `grid`; or, for the cells that it touches, a line or multiline.
    grid
        Grid of the raster.
    cells_per_block
        The most cells rasterized at a time, of at least one row.

    Raises
    ------
    QgsProcessingException
        If the geometry cannot be rasterized.
    """
    left, width, _, top, _, step_down = grid.geotransform
    box = geometry.boundingBox()
    # A margin of one cell shows whether the geometry extends beyond the raster; how far does not matter.
    is_line = geometry.type() == QgsWkbTypes.GeometryType.LineGeometry
    # A line along a boundary has no height or width of its own.
    more = 1 if is_line else 0
    columns = _span((box.xMinimum() - left) / width, (box.xMaximum() - left) / width + more, grid.columns)
    rows = _span((box.yMaximum() - top) / step_down, (box.yMinimum() - top) / step_down + more, grid.rows)
    near = _near(geometry, grid)
    if columns[0] >= columns[1] or rows[0] >= rows[1] or near.isEmpty():
        return CellList.of([])
    source = _data_source(near)
    parts = []
    for block in row_blocks((rows[1] - rows[0], columns[1] - columns[0]), cells_per_block):
        first = rows[0] + block.start
        geotransform = (left + columns[0] * width, width, 0.0, top + first * step_down, 0.0, step_down)
        shape = (block.stop - block.start, columns[1] - columns[0])
        covered = _rasterized(source, geotransform, shape, all_touched=is_line)
        parts.append((np.argwhere(covered) + (first, columns[0])).astype(np.int32))
    cells = np.concatenate(parts)
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


def _data_source(geometry: QgsGeometry) -> ogr.DataSource:
    """Return a data source in memory with a layer of one feature, of which curves are segments."""
    segmented = QgsGeometry(geometry.constGet().segmentize())
    source = None
    with collected_gdal_errors() as errors:
        source = (ogr.GetDriverByName("MEM") or ogr.GetDriverByName("Memory")).CreateDataSource("")
        layer = source.CreateLayer("", None, ogr.wkbUnknown)
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetGeometry(ogr.CreateGeometryFromWkb(bytes(segmented.asWkb())))
        layer.CreateFeature(feature)
    _raise_if_any(errors)
    return source


def _rasterized(
    source: ogr.DataSource, geotransform: tuple, shape: tuple[int, int], *, all_touched: bool
) -> np.ndarray:
    """Return the cells of a block of rows in a polygon or, if `all_touched`, on a line; bool (rows, columns)."""
    rows, columns = shape
    covered = np.zeros(shape, np.uint8)
    with collected_gdal_errors() as errors:
        target = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, gdal.GDT_Byte)
        target.SetGeoTransform(geotransform)
        options = ["ALL_TOUCHED=TRUE"] if all_touched else []
        gdal.RasterizeLayer(target, [1], source.GetLayer(0), burn_values=[1], options=options)
        target.GetRasterBand(1).ReadRaster(buf_obj=covered)
    _raise_if_any(errors)
    return covered > 0


def _raise_if_any(errors: list[str]) -> None:
    if errors:
        text = tr("A polygon or line cannot be converted to cells. Run “Fix geometries” on its layer first.")
        raise DetailedException(text, errors)
