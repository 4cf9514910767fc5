"""A raster band read through GDAL, in the precision of the file."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from ...detailed_exception import DetailedException
from ...i18n import tr
from ..gdal_errors import collected_gdal_errors, reading_reason
from ..raster_grid import RasterGrid
from .file_changes import missing_file_error, require_unchanged
from .nodata import DeclaredNodata
from .orientation import require_rectified
from .text_rasters import comma_in_grid, decimal_comma_note, with_all_digits
from .user_nodata import in_user_nodata, single_values

# Cells read at a time when the whole band is searched for nodata.
CELLS_PER_SCAN = 1 << 20

NUMPY_TYPES = {
    gdal.GDT_Byte: np.uint8,
    gdal.GDT_UInt16: np.uint16,
    gdal.GDT_Int16: np.int16,
    gdal.GDT_UInt32: np.uint32,
    gdal.GDT_Int32: np.int32,
    gdal.GDT_Float32: np.float32,
    gdal.GDT_Float64: np.float64,
    # UInt64, Int64 (GDAL 3.5) and Int8 (GDAL 3.7) by number, because older GDAL versions lack the names.
    12: np.uint64,
    13: np.int64,
    14: np.int8,
}


class GdalBand:
    """One band of a dataset, with its scale, offset, mask and nodata values.

    Attributes
    ----------
    name
        Name of the layer, for messages.
    grid
        Grid of the raster.
    block_rows
        Height of the file's blocks; reading multiples of it decodes each block once.
    stored_type, scaling
        Data type of the file, and the scale and offset of its values.
    """

    def __init__(
        self, layer: QgsRasterLayer, band: int, dataset: gdal.Dataset, geotransform: tuple, notes: list[str]
    ) -> None:
        self.name, self._notes = layer.name(), notes
        self._dataset = dataset  # a band does not keep its dataset alive
        self._band = dataset.GetRasterBand(band)
        self._mask = self._band.GetMaskBand() if self._band.GetMaskFlags() & gdal.GMF_PER_DATASET else None
        if self._band.DataType not in NUMPY_TYPES:
            raise QgsProcessingException(
                tr("'{layer}': band {band} holds {type} values, but a landscape needs real numbers.").format(
                    layer=self.name, band=band, type=gdal.GetDataTypeName(self._band.DataType)
                )
            )
        self._stored = np.dtype(NUMPY_TYPES[self._band.DataType])
        self._signed_bytes = self._band.GetMetadataItem("PIXELTYPE", "IMAGE_STRUCTURE") == "SIGNEDBYTE"
        self._scale, self._offset = self._band.GetScale() or 1.0, self._band.GetOffset() or 0.0
        self.stored_type, self.scaling = self._stored, (self._scale, self._offset)
        provider = layer.dataProvider()
        nodata = self._band.GetNoDataValue()
        # QGIS says that there is none if the data type cannot hold it; otherwise the user may have switched it off.
        if provider.sourceHasNoDataValue(band) and not provider.useSourceNoDataValue(band):
            nodata = None
        declared = [] if nodata is None else [nodata]
        stored = np.dtype(np.int8) if self._signed_bytes else self._stored
        self._nodata = DeclaredNodata(self.name, declared, stored)
        self._user_ranges = provider.userNoDataValues(band)
        typed = single_values(self._user_ranges)
        self._user_nodata = DeclaredNodata(self.name, typed, np.float64)
        self.block_rows = self._band.GetBlockSize()[1]
        self.grid = RasterGrid(dataset.RasterYSize, dataset.RasterXSize, geotransform, layer.crs(), nodata)

    @classmethod
    def of(cls, layer: QgsRasterLayer, band: int) -> GdalBand | None:
        """Open the band, or return None if GDAL presents the layer differently from QGIS.

        Raises
        ------
        QgsProcessingException
            If the raster is rotated, its file was deleted or replaced since the layer was loaded, or it is a text whose
            numbers have several readings.
        """
        if layer.dataProvider().name() != "gdal":
            return None
        path, *options = layer.dataProvider().dataSourceUri().split("|option:")
        dataset, geotransform = _opened(path, options)
        if dataset is None and os.path.isabs(path) and not os.path.exists(path):
            raise missing_file_error(layer, path)
        if dataset is not None:
            require_rectified(layer.name(), geotransform, dataset)
        require_unchanged(layer, path)
        if dataset is None or geotransform is None:
            return None
        comma, notes = comma_in_grid(path, dataset), []
        if comma is not None:
            if dataset.GetDriver().ShortName == "AAIGrid":
                dataset, geotransform = _opened(path, with_all_digits(options))
            notes = [decimal_comma_note(layer.name(), comma)]
        # QGIS shows a mask as an extra band.
        return cls(layer, band, dataset, tuple(geotransform), notes) if band <= dataset.RasterCount else None

    def read(self, first_row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Read values (float64) and mask (bool) of a block of rows."""
        stored = self._read_stored(first_row, rows)
        valid = ~self._nodata.mask(stored, self._all_stored)
        values = self._scaled(stored)
        if self._mask is not None:
            mask = np.empty(stored.shape, np.uint8)
            self._read_into(self._mask, first_row, mask)
            valid &= mask != 0
        valid &= ~in_user_nodata(values, self._user_ranges) & ~self._user_nodata.mask(values, self._all_scaled)
        return values, valid

    @property
    def notes(self) -> list[str]:
        """Decimal commas, and what was taken as nodata without being equal to a declared value, in the rows read."""
        return [*self._notes, *self._nodata.notes, *self._user_nodata.notes]

    def _read_stored(self, first_row: int, rows: int) -> np.ndarray:
        stored = np.empty((rows, self.grid.columns), self._stored)
        self._read_into(self._band, first_row, stored)
        return stored.view(np.int8) if self._signed_bytes else stored

    def _scaled(self, stored: np.ndarray) -> np.ndarray:
        values = stored.astype(np.float64)
        return values if (self._scale, self._offset) == (1.0, 0.0) else values * self._scale + self._offset

    def _all_stored(self) -> Iterator[np.ndarray]:
        step = max(1, CELLS_PER_SCAN // self.grid.columns)
        for first in range(0, self.grid.rows, step):
            yield self._read_stored(first, min(step, self.grid.rows - first))

    def _all_scaled(self) -> Iterator[np.ndarray]:
        return map(self._scaled, self._all_stored())

    def _read_into(self, band: gdal.Band, first_row: int, array: np.ndarray) -> None:
        rows, columns = array.shape
        data_type = gdal.GDT_Byte if band is self._mask else band.DataType
        data = None
        with collected_gdal_errors() as errors:
            data = band.ReadRaster(0, first_row, columns, rows, buf_type=data_type, buf_obj=array)
            if (first_row + rows) % self.block_rows == 0:
                band.FlushCache()  # otherwise GDAL caches up to 5 % of the memory
        if data is None or errors:
            text = tr("'{layer}' cannot be read at row {row}: {reason}. Restore the file from a copy, or make it anew.")
            raise DetailedException(
                text.format(layer=self.name, row=first_row + 1, reason=reading_reason(errors)), errors
            )


def _opened(path: str, options: list[str]) -> tuple[gdal.Dataset | None, tuple | None]:
    """Return a dataset and its geotransform, None for either if there is none."""
    with collected_gdal_errors():
        dataset = gdal.OpenEx(path, gdal.OF_RASTER | gdal.OF_READONLY, open_options=options)
        return dataset, None if dataset is None else dataset.GetGeoTransform(can_return_null=True)
    return None, None
