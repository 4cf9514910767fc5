"""Resampling of a band to another grid, by GDAL and on demand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingFeedback

from ..detailed_exception import DetailedException
from ..i18n import tr
from .bands import Band, blocks_of
from .gdal_errors import collected_gdal_errors, writing_reason
from .lost_labels import Labels, describe_lost, labels_inside
from .raster_grid import RasterGrid
from .transformation import require_transformation
from .validation import FiniteValidator

# Height of the blocks in which GDAL resamples.
BLOCK_ROWS = 128


class ResampledBand:
    """A band resampled to another grid.

    Integers (classes, 0/1 masks) are resampled by nearest neighbour, other values bilinearly.

    Parameters
    ----------
    source
        Band to resample.
    grid
        Target grid.
    folder
        Folder for a temporary copy of the band.
    feedback
        Receives progress; can cancel.
    labels
        Whether the values are labels (ids, classes, marks), of which none should be lost.
    nearest
        Whether to resample by nearest neighbour whatever the values are.

    Attributes
    ----------
    name, grid, block_rows
        As for any `Band`.
    whole_numbers
        Whether all values are integers.
    stored_type, scaling, notes
        None, no scaling and nothing: these are about the source.

    Raises
    ------
    QgsProcessingException
        If the band holds NaN or infinite values that are not nodata, cannot be transformed to the CRS of `grid`, or
        its copy cannot be written.
    """

    def __init__(
        self,
        source: Band,
        grid: RasterGrid,
        folder: Path,
        feedback: QgsProcessingFeedback,
        *,
        labels: bool = False,
        nearest: bool = False,
    ) -> None:
        self.name, self.grid, self.block_rows = source.name, grid, BLOCK_ROWS
        self.stored_type, self.scaling, self.notes = None, (1.0, 0.0), []
        self._from = source.grid
        require_transformation(source.name, source.grid.crs, grid.crs)
        self._file = folder / "to-be-resampled.tif"
        self._copy = self._warped = None
        self._labels = Labels()
        self._copy, self.whole_numbers = self._copied(source, labels, feedback)
        both_known = source.grid.crs.isValid() and grid.crs.isValid()
        systems = {"srcSRS": wkt(source.grid.crs), "dstSRS": wkt(grid.crs)} if both_known else {}
        (left, top), (right, bottom) = grid.corners()
        options = gdal.WarpOptions(
            format="VRT",
            outputBounds=(left, bottom, right, top),
            width=grid.columns,
            height=grid.rows,
            resampleAlg="near" if self.whole_numbers or nearest else "bilinear",
            srcNodata="nan",
            dstNodata="nan",
            errorThreshold=0,  # exact coordinates: an approximation may select the neighbouring cell
            warpOptions=self._ratio_of_cells(grid, systems),
            **systems,
        )
        with collected_gdal_errors() as errors:
            self._warped = gdal.Warp("", self._copy, options=options)
        self._raise_if_any(errors)

    def read(self, first_row: int, rows: int) -> tuple[np.ndarray, np.ndarray]:
        """Read values (float64) and mask (bool) of a block of rows."""
        values = np.empty((rows, self.grid.columns), np.float64)
        with collected_gdal_errors() as errors:
            self._warped.GetRasterBand(1).ReadRaster(
                0, first_row, self.grid.columns, rows, buf_type=gdal.GDT_Float64, buf_obj=values
            )
            self._warped.FlushCache()  # otherwise GDAL caches up to 5 % of the memory
        self._raise_if_any(errors)
        return values, ~np.isnan(values)

    def describe_lost_labels(self, remaining: Labels) -> str:
        """Return which labels of the source the resampled band does not have, and why; empty if it has them all.

        Parameters
        ----------
        remaining
            Labels of the resampled band.
        """
        lost = self._labels.missing_in(remaining)
        if not lost:
            return ""
        wkts = [wkt(crs) for crs in (self._from.crs, self.grid.crs)]
        blocks = self._blocks_of_copy()
        return describe_lost(lost, labels_inside(lost, blocks, self._copy, self._warped, wkts if all(wkts) else []))

    def _blocks_of_copy(self) -> Iterator[tuple[int, np.ndarray]]:
        rows, columns = self._from.rows, self._from.columns
        for first in range(0, rows, BLOCK_ROWS):
            values = np.empty((min(BLOCK_ROWS, rows - first), columns), np.float64)
            self._copy.GetRasterBand(1).ReadRaster(
                0, first, columns, len(values), buf_type=gdal.GDT_Float64, buf_obj=values
            )
            yield first, values

    def _ratio_of_cells(self, grid: RasterGrid, systems: dict[str, str]) -> list[str]:
        """Return the option for the size of the source's cells in those of a grid, which sets how much GDAL smooths.

        Without it GDAL guesses the ratio from each block that it reads, so that the values depend on the blocks, and
        cells that are as large as those of the grid, or larger, are smoothed where it guesses too low.
        """
        unchanged = None
        with collected_gdal_errors():
            unchanged = gdal.AutoCreateWarpedVRT(self._copy, systems.get("srcSRS"), systems.get("dstSRS"))
        if unchanged is None:
            return []
        _, width, _, _, _, height = unchanged.GetGeoTransform()
        _, grid_width, _, _, _, grid_height = grid.geotransform
        ratios = {"XSCALE": abs(width / grid_width), "YSCALE": abs(height / grid_height)}
        return [f"{name}={ratio if ratio < 0.999 else 1!r}" for name, ratio in ratios.items()]

    def close(self) -> None:
        """Close and delete the temporary copy."""
        self._warped = self._copy = None
        self._file.unlink(missing_ok=True)

    def _copied(self, source: Band, labels: bool, feedback: QgsProcessingFeedback) -> tuple[gdal.Dataset, bool]:
        """Copy the band with nodata as NaN, and return whether it holds only integers."""
        numbers, whole = FiniteValidator(source.name), True
        size = (source.grid.columns, source.grid.rows)
        copy = None
        with collected_gdal_errors() as errors:
            copy = gdal.GetDriverByName("GTiff").Create(
                str(self._file), *size, 1, gdal.GDT_Float64, options=["BIGTIFF=IF_SAFER"]
            )
            for first, values, valid in blocks_of(source, feedback) if copy is not None else ():
                numbers.add(values, valid, first)
                known = values[valid]
                if labels:
                    self._labels.add(values, valid)
                whole = whole and bool((known == np.rint(known)).all())
                block = np.ascontiguousarray(values)
                copy.GetRasterBand(1).WriteRaster(0, first, *block.shape[::-1], block, buf_type=gdal.GDT_Float64)
                copy.FlushCache()
                if errors:
                    break
            if copy is not None:
                copy.SetGeoTransform(source.grid.geotransform)
                copy.GetRasterBand(1).SetNoDataValue(np.nan)
                copy.FlushCache()
        if errors or copy is None:
            copy = None
            self.close()
            text = tr(
                "'{layer}' cannot be copied to '{folder}' for resampling: {reason}. Free disk space, or choose another "
                "temporary folder in Settings ▸ Options ▸ Processing ▸ General."
            )
            folder = self._file.parent
            raise DetailedException(
                text.format(layer=self.name, folder=folder, reason=writing_reason(errors, folder)), errors
            )
        numbers.require_valid()
        return copy, whole

    def _raise_if_any(self, errors: list[str]) -> None:
        if errors:
            text = tr(
                "'{layer}' ({from_}) cannot be resampled to the grid of the landscape ({to}). Check the CRS of both; "
                "“Warp (reproject)” may bring it to the CRS of the landscape."
            )
            raise DetailedException(text.format(layer=self.name, from_=self._from, to=self.grid), errors)


def wkt(crs: QgsCoordinateReferenceSystem) -> str:
    """Return the CRS as WKT2:2019, for GDAL; empty if it is not valid."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019) if crs.isValid() else ""
