"""Writing of GeoTIFFs, completely or not at all."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...cancelled import stop_if_cancelled
from ...detailed_exception import DetailedException
from ...i18n import tr
from ..computed_raster import RasterRows
from ..gdal_errors import collected_gdal_errors, writing_reason
from ..raster_grid import RasterGrid
from ..resampling import wkt
from .encoding import GDAL_TYPES, OutputEncoding, choose_encoding
from .staged_files import StagedFiles
from .statistics import Statistics

TILE = 256

# Rasters with a longer side get overviews; without them QGIS reads the whole raster to draw it zoomed out.
MIN_SIZE_FOR_OVERVIEWS = 4096

# Maximum length of the sides of the smallest overview.
SMALLEST_OVERVIEW = 512

# Files that GDAL reads along with a GeoTIFF; they are outdated once the GeoTIFF is replaced.
RASTER_SIDECARS = (".aux.xml", ".ovr", ".msk")


def write_raster(
    path: str,
    array: RasterRows,
    grid: RasterGrid,
    *,
    dtype: str = "float32",
    band_names: Sequence[str] = (),
    keep_infinity: bool = False,
    tags: Mapping[str, str] | None = None,
    feedback: QgsProcessingFeedback,
    staged: StagedFiles | None = None,
) -> float:
    """Write an array as a compressed, tiled GeoTIFF on the grid of its input, with overviews if it is large.

    Parameters
    ----------
    path
        Output file, ``.tif`` or ``.tiff``. An existing file is replaced only when the new one is complete.
    array
        (rows, columns), in memory, on disk or computed, or (bands, rows, columns). NaN becomes nodata, and so does
        infinity unless `keep_infinity`.
    grid
        Grid of the input, with its nodata value.
    dtype
        ``"float32"``, ``"float64"`` or ``"int32"``: data type of the file. Values that single precision cannot hold are
        stored in double precision.
    band_names
        Descriptions of the bands.
    keep_infinity
        Whether infinite values stay infinite. QGIS's statistics and other algorithms cannot compute with them.
    tags
        Metadata items of the file; those that begin with ``TIFFTAG_`` are standard tags of TIFF.
    feedback
        Receives progress, and how many infinite values became nodata; can cancel.
    staged
        Files of the run, which replace their targets together; by default the file is replaced at once.

    Returns
    -------
    float
        Nodata value of the file: that of the input if possible, else usually −9999.

    Raises
    ------
    QgsProcessingException
        The folder is missing or not writable, the disk is full, the array does not have the shape of the grid, or a
        value cannot be stored in an integer `dtype`.
    Cancelled
        If the user cancelled; no file is left behind.
    """
    if staged is None:
        with StagedFiles() as single:
            nodata = write_raster(
                path,
                array,
                grid,
                dtype=dtype,
                band_names=band_names,
                keep_infinity=keep_infinity,
                tags=tags,
                feedback=feedback,
                staged=single,
            )
            single.replace_targets()
        return nodata
    target = Path(os.path.realpath(path))
    bands = [array] if array.ndim == 2 else list(array)
    _validate_arguments(target, bands, grid, dtype, band_names)
    encoding = choose_encoding(bands, dtype, grid.nodata, target.name, feedback, keep_infinity=keep_infinity)
    _report_encoding(encoding, dtype, target.name, feedback)
    unfinished = staged.path(target, [target.with_name(target.name + ending) for ending in RASTER_SIDECARS])
    _write(unfinished, target.parent, bands, grid, encoding, band_names, tags or {}, feedback)
    _verify_written(unfinished, (len(bands), grid.rows, grid.columns), target)
    return encoding.nodata


def _report_encoding(encoding: OutputEncoding, dtype: str, name: str, feedback: QgsProcessingFeedback) -> None:
    if encoding.dtype != np.dtype(dtype):
        text = tr("The values of '{name}' are outside the range of {dtype} and are stored as {stored}.")
        feedback.pushInfo(text.format(name=name, dtype=dtype, stored=encoding.dtype.name))
    if encoding.infinite and not encoding.keep_infinity:
        text = tr("'{name}': {cells:# cell|# cells} without a finite value {cells:is|are} written as nodata.")
        feedback.pushInfo(text.format(name=name, cells=encoding.infinite))
    if encoding.underflows:
        text = tr(
            "{count:# value|# values} of '{name}' {count:is|are} too small for {dtype} and {count:is|are} stored as "
            "zero."
        )
        feedback.pushWarning(text.format(count=encoding.underflows, name=name, dtype=encoding.dtype.name))


def _validate_arguments(
    target: Path, bands: list[RasterRows], grid: RasterGrid, dtype: str, band_names: Sequence[str]
) -> None:
    if target.suffix.lower() not in (".tif", ".tiff"):
        raise QgsProcessingException(
            tr("Results are written as GeoTIFF: choose a file name that ends in .tif instead of '{name}'.").format(
                name=target.name
            )
        )
    if not target.parent.is_dir():
        raise QgsProcessingException(
            tr("'{name}' cannot be written: the folder '{folder}' does not exist. Create it or choose another.").format(
                name=target.name, folder=target.parent
            )
        )
    shapes = {band.shape for band in bands}
    if shapes != {(grid.rows, grid.columns)}:
        raise QgsProcessingException(
            tr(
                "'{name}' cannot be written: the result has the shape {shape}, but its input {rows} × {columns}."
            ).format(
                name=target.name, shape=(len(bands), *next(iter(shapes), ())), rows=grid.rows, columns=grid.columns
            )
        )
    if dtype not in GDAL_TYPES:
        raise QgsProcessingException(
            tr("Unknown data type {dtype}: use one of {known}.").format(known=", ".join(GDAL_TYPES), dtype=dtype)
        )
    if band_names and len(band_names) != len(bands):
        raise QgsProcessingException(
            tr("'{name}' has {bands:# band|# bands} but {names} band names.").format(
                name=target.name, bands=len(bands), names=len(band_names)
            )
        )


def _write(
    path: Path,
    folder: Path,
    bands: list[RasterRows],
    grid: RasterGrid,
    encoding: OutputEncoding,
    band_names: Sequence[str],
    tags: Mapping[str, str],
    feedback: QgsProcessingFeedback,
) -> None:
    options = [
        "COMPRESS=DEFLATE",
        f"PREDICTOR={3 if encoding.dtype.kind == 'f' else 2}",
        "TILED=YES",
        f"BLOCKXSIZE={TILE}",
        f"BLOCKYSIZE={TILE}",
        "INTERLEAVE=BAND",
        "BIGTIFF=IF_SAFER",
    ]
    dataset = None
    with collected_gdal_errors() as errors:
        try:
            dataset = gdal.GetDriverByName("GTiff").Create(
                str(path), grid.columns, grid.rows, len(bands), GDAL_TYPES[encoding.dtype.name], options=options
            )
            if dataset is not None:
                dataset.SetGeoTransform(grid.geotransform)
                if grid.crs.isValid():
                    dataset.SetProjection(wkt(grid.crs))
                for name, text in tags.items():
                    dataset.SetMetadataItem(name, text)
                for number, values in enumerate(bands):
                    band = dataset.GetRasterBand(number + 1)
                    if band_names:
                        band.SetDescription(band_names[number])
                    _set_statistics(band, encoding.statistics[number])
                    for rows_done in _fill(band, values, encoding, errors, feedback):
                        feedback.setProgress(100 * (number + rows_done / grid.rows) / len(bands))
                dataset.FlushCache()
                if not errors:
                    _add_overviews(dataset, encoding, feedback)
        finally:
            # Closing the dataset writes the last tiles, which may reveal a full disk; and on Windows an open file
            # cannot be removed.
            dataset = None
    stop_if_cancelled(feedback)  # GDAL also reports a cancelled callback as an error
    if errors:
        raise _write_error(folder, errors)


def _fill(
    band: gdal.Band,
    values: RasterRows,
    encoding: OutputEncoding,
    errors: list[str],
    feedback: QgsProcessingFeedback,
) -> Iterator[int]:
    """Write a band one row of tiles at a time, and yield the number of rows written."""
    band.SetNoDataValue(encoding.nodata)
    for first in range(0, len(values), TILE):
        if errors:
            return
        stop_if_cancelled(feedback)
        rows = encoding.encode(values[first : first + TILE])
        band.WriteRaster(0, first, rows.shape[1], len(rows), rows, buf_type=GDAL_TYPES[encoding.dtype.name])
        band.FlushCache()  # flush whole tiles, so that none is compressed twice
        yield first + len(rows)


def _set_statistics(band: gdal.Band, statistics: Statistics) -> None:
    """Store the statistics of the finite values, which QGIS uses to stretch colours."""
    if statistics.count and math.isfinite(statistics.deviation):
        band.SetStatistics(statistics.minimum, statistics.maximum, statistics.mean, statistics.deviation)


def _add_overviews(dataset: gdal.Dataset, encoding: OutputEncoding, feedback: QgsProcessingFeedback) -> None:
    longest = max(dataset.RasterXSize, dataset.RasterYSize)
    if longest <= MIN_SIZE_FOR_OVERVIEWS:
        return
    factors = [2]
    while longest / factors[-1] > SMALLEST_OVERVIEW:
        factors.append(2 * factors[-1])
    method = "AVERAGE" if encoding.dtype.kind == "f" else "NEAREST"
    dataset.BuildOverviews(method, factors, callback=lambda *_: 0 if feedback.isCanceled() else 1)


def _verify_written(path: Path, shape: tuple[int, int, int], target: Path) -> None:
    """Reopen the file and read every tile, to detect write errors that GDAL did not report."""
    with collected_gdal_errors() as errors:
        dataset = gdal.Open(str(path))
        if dataset is not None:
            actual = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
            if actual != shape:
                errors.append(f"its shape is {actual} instead of {shape}")
            for number in range(1, dataset.RasterCount + 1):
                _read_all_tiles(dataset.GetRasterBand(number))
            dataset = None
        elif not errors:
            errors.append("it cannot be opened")
    if errors:
        text = tr("'{name}' was not written correctly to '{folder}': {reason}. Write it to another disk.")
        reason = writing_reason(errors, target.parent)
        raise DetailedException(text.format(name=target.name, folder=target.parent, reason=reason), errors)


def _read_all_tiles(band: gdal.Band) -> None:
    for first in range(0, band.YSize, TILE):
        band.ReadRaster(0, first, band.XSize, min(TILE, band.YSize - first))
        band.FlushCache()


def _write_error(folder: Path, errors: list[str]) -> DetailedException:
    text = tr("The result cannot be written to '{folder}': {reason}. Free disk space, or choose another folder.")
    return DetailedException(text.format(folder=folder, reason=writing_reason(errors, folder)), errors)
