"""A raster band read through its QGIS data provider: virtual rasters, web coverages, databases."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from qgis.core import (
    Qgis,
    QgsProcessingException,
    QgsRasterBlock,
    QgsRasterBlockFeedback,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRectangle,
)

from ...detailed_exception import DetailedException
from ...i18n import tr
from ..raster_grid import RasterGrid
from .file_changes import opened_again
from .nodata import DeclaredNodata
from .user_nodata import single_values

NUMPY_TYPES = {
    Qgis.DataType.Byte: np.uint8,
    Qgis.DataType.UInt16: np.uint16,
    Qgis.DataType.Int16: np.int16,
    Qgis.DataType.UInt32: np.uint32,
    Qgis.DataType.Int32: np.int32,
    Qgis.DataType.Float32: np.float32,
    Qgis.DataType.Float64: np.float64,
}

# In QGIS 3.22 the raster calculator behind virtual rasters uses this nodata value without declaring it.
UNDECLARED_NODATA = {"virtualraster": -float(np.finfo(np.float32).max)}


# Providers that keep the files of their inputs open, also when these are replaced.
HOLDING_INPUTS = ("virtualraster",)


class ProviderBand:
    """One band as read by the data provider, which applies scale, offset and the user's nodata.

    Attributes
    ----------
    name
        Name of the layer, for messages.
    grid
        Grid of the raster.
    block_rows
        Preferred number of rows to read at a time.
    stored_type, scaling
        Data type of the provider, which scales its values itself.
    """

    def __init__(self, layer: QgsRasterLayer, band: int) -> None:
        self.name = layer.name()
        self._provider = _current(layer.dataProvider(), band)
        self._band = band
        if self._provider.dataType(band) not in NUMPY_TYPES:
            raise QgsProcessingException(
                tr(
                    "'{layer}': band {band} holds colours or complex numbers, not one real number per cell. "
                    "Use the original data."
                ).format(layer=self.name, band=band)
            )
        extent = layer.extent()
        rows, columns = layer.height(), layer.width()
        if rows < 1 or columns < 1:
            raise QgsProcessingException(
                tr("'{layer}' has no fixed raster size (provider: {provider}). Export it to a GeoTIFF first.").format(
                    layer=self.name, provider=self._provider.name()
                )
            )
        geotransform = (
            extent.xMinimum(),
            extent.width() / columns,
            0.0,
            extent.yMaximum(),
            0.0,
            -extent.height() / rows,
        )
        has_nodata = self._provider.sourceHasNoDataValue(band) and self._provider.useSourceNoDataValue(band)
        undeclared = UNDECLARED_NODATA.get(self._provider.name())
        nodata = self._provider.sourceNoDataValue(band) if has_nodata else undeclared
        self._undeclared_nodata = None if has_nodata else undeclared
        self.scaling = 1.0, 0.0
        self.stored_type = np.dtype(NUMPY_TYPES[self._provider.dataType(band)])
        typed = single_values(self._provider.userNoDataValues(band))
        declared = [*([nodata] if has_nodata else []), *typed]
        self._nodata = DeclaredNodata(self.name, declared, self.stored_type)
        self.block_rows = max(1, self._provider.yBlockSize())
        self.grid = RasterGrid(rows, columns, geotransform, layer.crs(), nodata)

    def read(self, first_row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Read values (float64) and mask (bool) of a block of rows."""
        block, stored = self._block(first_row, rows)
        nodata = self._nodata_of(block, stored) | self._undeclared(stored) | self._nodata.mask(stored, self._all_stored)
        return stored.astype(np.float64), ~nodata

    @property
    def notes(self) -> list[str]:
        """What was taken as nodata without being equal to a declared value, in the rows read until now."""
        return self._nodata.notes

    def _all_stored(self) -> Iterator[np.ndarray]:
        for first in range(0, self.grid.rows, self.block_rows):
            yield self._block(first, min(self.block_rows, self.grid.rows - first))[1]

    def _block(self, first_row: int, rows: int) -> tuple[QgsRasterBlock, np.ndarray]:
        left, _, _, top, _, step_down = self.grid.geotransform
        (_, _), (right, _) = self.grid.corners()
        extent = QgsRectangle(left, top + (first_row + rows) * step_down, right, top + first_row * step_down)
        block = self._provider.block(self._band, extent, self.grid.columns, rows, QgsRasterBlockFeedback())
        if block is None or not block.isValid() or block.dataType() not in NUMPY_TYPES:
            text = tr(
                "'{layer}' cannot be read at row {row}: its source ({provider}) returns no data. Check in QGIS that "
                "the layer is drawn there; export it to a GeoTIFF if it is read from a server."
            )
            raise DetailedException(
                text.format(layer=self.name, row=first_row + 1, provider=self._provider.name()),
                [block.error().summary()] if block is not None else [],
            )
        stored = np.frombuffer(bytes(block.data()), NUMPY_TYPES[block.dataType()]).reshape(rows, self.grid.columns)
        return block, stored

    def _nodata_of(self, block, stored: np.ndarray) -> np.ndarray:
        if block.hasNoDataValue():
            nodata = block.noDataValue()
            return np.isnan(stored) if nodata != nodata else stored == nodata
        if not block.hasNoData():
            return np.zeros(stored.shape, bool)
        # Without a nodata value, a block holds a bitmap that Python can only query cell by cell.
        flat = (block.isNoData(index) for index in range(stored.size))
        return np.fromiter(flat, bool, stored.size).reshape(stored.shape)

    def _undeclared(self, stored: np.ndarray) -> np.ndarray:
        if self._undeclared_nodata is None:
            return np.zeros(stored.shape, bool)
        return stored == self._undeclared_nodata


def _current(provider: QgsRasterDataProvider, band: int) -> QgsRasterDataProvider:
    """Return a provider that reads the files of its inputs as they are now, with the user's nodata."""
    if provider.name() not in HOLDING_INPUTS:
        return provider
    now = opened_again(provider)
    if now is None or not now.isValid():
        return provider  # the inputs are layers that cannot be opened a second time
    now.setUseSourceNoDataValue(band, provider.useSourceNoDataValue(band))
    now.setUserNoDataValue(band, provider.userNoDataValues(band))
    return now
