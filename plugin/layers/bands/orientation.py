"""Rasters whose rows do not run from west to east and from north to south."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException

from ...i18n import tr
from ..raster_grid import SAME_GRID_TOLERANCE, RasterGrid

if TYPE_CHECKING:
    from .reader import Band

# Data types that hold −9999.
SIGNED_TYPES = (gdal.GDT_Int16, gdal.GDT_Int32, gdal.GDT_Float32, gdal.GDT_Float64)


def require_rectified(name: str, geotransform: tuple | None, dataset: gdal.Dataset) -> None:
    """Raise an error if a raster is rotated, or has control points but no nodata; the message says how to rectify it.

    Parameters
    ----------
    name
        Name of the layer.
    geotransform
        GDAL's six numbers; None if it has none.
    dataset
        The file.

    Raises
    ------
    QgsProcessingException
        Its rows do not run from west to east, or its columns not from north to south.
    """
    if geotransform is None:
        _require_nodata_around(name, dataset)
        return
    _, width, row_shear, _, column_shear, step_down = geotransform
    if abs(row_shear) * dataset.RasterYSize <= SAME_GRID_TOLERANCE * abs(width) and abs(
        column_shear
    ) * dataset.RasterXSize <= SAME_GRID_TOLERANCE * abs(step_down):
        return
    raise QgsProcessingException(
        tr("'{layer}' is rotated: its rows do not run from west to east. {advice}").format(
            layer=name, advice=warp_advice(dataset)
        )
    )


def _require_nodata_around(name: str, dataset: gdal.Dataset) -> None:
    """Raise an error if QGIS, which turns a raster with control points, would give the empty corners 0."""
    if dataset.GetGCPCount() and dataset.GetRasterBand(1).GetNoDataValue() is None:
        text = tr("'{layer}' is georeferenced by control points, and its rows do not run from west to east. {advice}")
        raise QgsProcessingException(text.format(layer=name, advice=warp_advice(dataset)))


def warp_advice(dataset: gdal.Dataset) -> str:
    """Return how to rectify a raster without giving the corners that it does not cover a value."""
    band = dataset.GetRasterBand(1)
    if band is not None and band.GetNoDataValue() is not None:
        nodata = tr("“Nodata value for output bands” to {value:.17g}").format(value=band.GetNoDataValue())
    elif band is None or band.DataType in SIGNED_TYPES:
        nodata = tr("“Nodata value for output bands” to a value that no cell has, such as -9999")
    else:
        nodata = tr("“Nodata value for output bands” to -9999 and “Output data type” to Float32")
    return tr(
        "Rectify it first with Raster ▸ Projections ▸ Warp (reproject) and use the result. Set the same CRS as source "
        "and target, and {nodata}: otherwise the corners that the raster does not cover become 0."
    ).format(nodata=nodata)


class NorthUpBand:
    """A band whose rows run from south to north, or whose columns run from east to west, read in the usual order.

    Parameters
    ----------
    band
        The band as it is stored.

    Attributes
    ----------
    name, grid, block_rows
        As for any `Band`; north is up. All other attributes are those of the band.
    """

    def __init__(self, band: Band) -> None:
        self._band = band
        left, width, row_shear, top, column_shear, step_down = band.grid.geotransform
        self._is_south_up, self._is_mirrored = step_down > 0, width < 0
        stored = band.grid
        if self._is_south_up:
            top, step_down = top + stored.rows * step_down, -step_down
        if self._is_mirrored:
            left, width = left + stored.columns * width, -width
        self.name, self.block_rows = band.name, band.block_rows
        geotransform = (left, width, row_shear, top, column_shear, step_down)
        self.grid = RasterGrid(stored.rows, stored.columns, geotransform, stored.crs, stored.nodata)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._band, name)

    def read(self, first_row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Read values (float64) and mask (bool) of a block of rows."""
        first_stored = self.grid.rows - first_row - rows if self._is_south_up else first_row
        order = (slice(None, None, -1 if self._is_south_up else 1), slice(None, None, -1 if self._is_mirrored else 1))
        values, valid = self._band.read(first_stored, rows)
        return values[order], valid[order]


def north_up(band: Band) -> Band:
    """Return a band whose rows run from north to south and whose columns run from west to east."""
    _, width, _, _, _, step_down = band.grid.geotransform
    return NorthUpBand(band) if step_down > 0 or width < 0 else band
