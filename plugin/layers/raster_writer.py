"""Write a result as a GeoTIFF that is either complete or not there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from ..npy_file import NpyFile
from .gdal_errors import collected_gdal_errors
from .output_encoding import GDAL_TYPES, OutputEncoding, choose_encoding
from .raster_grid import RasterGrid
from .resampling import wkt
from .statistics import Statistics

TILE = 256

# A raster that is longer than this gets overviews: without, QGIS reads all of it to draw it small.
LARGE = 4096

# The smallest overview has no side longer than this.
SMALLEST_OVERVIEW = 512

# Files that GDAL reads along with a GeoTIFF of this name: after a new one has taken the name they would be wrong.
SIDECARS = (".aux.xml", ".ovr", ".msk")


def write_raster(
    path: str,
    array: np.ndarray | NpyFile,
    grid: RasterGrid,
    *,
    dtype: str = "float32",
    band_names: Sequence[str] = (),
    feedback: QgsProcessingFeedback,
) -> float:
    """Write an array as a compressed, tiled GeoTIFF on the grid of its input; a large one gets overviews.

    Parameters
    ----------
    path
        Where to; ends in ``.tif`` or ``.tiff``. What is there already is replaced only when the new file is complete.
    array
        (rows, columns), in memory or on disk, or (bands, rows, columns). NaN becomes nodata; infinity stays infinity.
    grid
        The input's grid; also offers the nodata value.
    dtype
        ``"float32"``, ``"float64"`` or ``"int32"``: how values are stored.
    band_names
        One description per band, or none.
    feedback
        Hears about progress, and is asked whether to go on.

    Returns
    -------
    float
        The value that marks nodata in the file: the input's where it fits, else −9999.

    Raises
    ------
    QgsProcessingException
        The folder is missing or not writable, the disk is full, the array does not have the shape of the grid, or a
        value cannot be stored as `dtype`.
    Cancelled
        The user cancelled; nothing is left behind.
    """
    target = Path(path)
    bands = [array] if array.ndim == 2 else list(array)
    _validate_arguments(target, bands, grid, dtype, band_names)
    storage = choose_encoding(bands, dtype, grid.nodata, target.name, feedback)
    if storage.vanishing:
        feedback.pushWarning(
            tr("{count} values of '{name}' are too small for {dtype} and are stored as zero; use float64.").format(
                count=storage.vanishing, name=target.name, dtype=dtype
            )
        )
    unfinished = target.with_name(f".{target.stem}-{uuid.uuid4().hex[:8]}.unfinished.tif")
    try:
        _write(unfinished, bands, grid, storage, band_names, feedback)
        _verify_written(unfinished, (len(bands), grid.rows, grid.columns), target)
        _replace_target(unfinished, target)
    finally:
        for leftover in (unfinished, *_sidecars(unfinished)):
            leftover.unlink(missing_ok=True)
    return storage.nodata


def _validate_arguments(
    target: Path, bands: list[np.ndarray | NpyFile], grid: RasterGrid, dtype: str, band_names: Sequence[str]
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
            tr("'{name}' cannot be written: the result has the shape {shape}, its input {rows} × {columns}.").format(
                name=target.name, shape=(len(bands), *next(iter(shapes), ())), rows=grid.rows, columns=grid.columns
            )
        )
    if dtype not in GDAL_TYPES:
        raise QgsProcessingException(
            tr("A raster is stored as {known}, not as {given}.").format(known=", ".join(GDAL_TYPES), given=dtype)
        )
    if band_names and len(band_names) != len(bands):
        raise QgsProcessingException(
            tr("'{name}' has {bands} bands but {names} band names.").format(
                name=target.name, bands=len(bands), names=len(band_names)
            )
        )


def _write(
    path: Path,
    bands: list[np.ndarray | NpyFile],
    grid: RasterGrid,
    storage: OutputEncoding,
    band_names: Sequence[str],
    feedback: QgsProcessingFeedback,
) -> None:
    options = [
        "COMPRESS=DEFLATE",
        f"PREDICTOR={3 if storage.dtype.kind == 'f' else 2}",
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
                str(path), grid.columns, grid.rows, len(bands), GDAL_TYPES[storage.dtype.name], options=options
            )
            if dataset is not None:
                dataset.SetGeoTransform(grid.geotransform)
                if grid.crs.isValid():
                    dataset.SetProjection(wkt(grid.crs))
                for number, values in enumerate(bands):
                    band = dataset.GetRasterBand(number + 1)
                    if band_names:
                        band.SetDescription(band_names[number])
                    _set_statistics(band, storage.statistics[number])
                    for rows_done in _fill(band, values, storage, errors, feedback):
                        feedback.setProgress(100 * (number + rows_done / grid.rows) / len(bands))
                dataset.FlushCache()
                if not errors:
                    _add_overviews(dataset, storage, feedback)
        finally:
            # The last tiles, and with them a full disk, come out only when the dataset is let go; and a file that
            # is still open cannot be removed on Windows.
            dataset = None
    stop_if_cancelled(feedback)  # GDAL calls it an error, too
    if errors:
        raise QgsProcessingException(_write_error(path, errors))


def _fill(
    band: gdal.Band,
    values: np.ndarray | NpyFile,
    storage: OutputEncoding,
    errors: list[str],
    feedback: QgsProcessingFeedback,
) -> Iterator[int]:
    """Write a band a row of tiles at a time, and yield how many rows are written."""
    band.SetNoDataValue(storage.nodata)
    for first in range(0, len(values), TILE):
        if errors:
            return
        stop_if_cancelled(feedback)
        rows = storage.stored(values[first : first + TILE])
        band.WriteRaster(0, first, rows.shape[1], len(rows), rows, buf_type=GDAL_TYPES[storage.dtype.name])
        band.FlushCache()  # whole tiles, so that none is compressed twice
        yield first + len(rows)


def _set_statistics(band: gdal.Band, statistics: Statistics) -> None:
    """Minimum, maximum, mean and standard deviation of the finite values, so that QGIS need not guess a stretch."""
    if statistics.count:
        band.SetStatistics(statistics.minimum, statistics.maximum, statistics.mean, statistics.deviation)


def _add_overviews(dataset: gdal.Dataset, storage: OutputEncoding, feedback: QgsProcessingFeedback) -> None:
    longest = max(dataset.RasterXSize, dataset.RasterYSize)
    if longest <= LARGE:
        return
    factors = [2]
    while longest / factors[-1] > SMALLEST_OVERVIEW:
        factors.append(2 * factors[-1])
    method = "AVERAGE" if storage.dtype.kind == "f" else "NEAREST"
    dataset.BuildOverviews(method, factors, callback=lambda *_: 0 if feedback.isCanceled() else 1)


def _verify_written(path: Path, shape: tuple[int, int, int], target: Path) -> None:
    """Open the file again and read every tile: a file that cannot be read has not been written."""
    with collected_gdal_errors() as errors:
        dataset = gdal.Open(str(path))
        if dataset is not None:
            found = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
            if found != shape:
                errors.append(tr("it holds {found} instead of {expected}").format(found=found, expected=shape))
            for number in range(1, dataset.RasterCount + 1):
                _read_all_tiles(dataset.GetRasterBand(number))
            dataset = None
        elif not errors:
            errors.append(tr("it cannot be opened again"))
    if errors:
        raise QgsProcessingException(
            tr("'{name}' was not written correctly: {reason}").format(name=target.name, reason=errors[0])
        )


def _read_all_tiles(band: gdal.Band) -> None:
    for first in range(0, band.YSize, TILE):
        band.ReadRaster(0, first, band.XSize, min(TILE, band.YSize - first))
        band.FlushCache()


def _replace_target(unfinished: Path, target: Path) -> None:
    try:
        os.replace(unfinished, target)
    except OSError as error:
        raise QgsProcessingException(
            tr("'{path}' cannot be replaced ({reason}). Is it open in another program or layer?").format(
                path=target, reason=error.strerror
            )
        ) from error
    for stale in _sidecars(target):
        stale.unlink(missing_ok=True)


def _sidecars(path: Path) -> list[Path]:
    return [path.with_name(path.name + ending) for ending in SIDECARS]


def _write_error(path: Path, errors: list[str]) -> str:
    folder = path.parent
    if not os.access(folder, os.W_OK):
        return tr("Nothing can be written into the folder '{folder}': no permission. Choose another.").format(
            folder=folder
        )
    advice = tr("Is the disk full, or the place no longer reachable?")
    return tr("The result cannot be written into '{folder}': {reason}. {advice}").format(
        folder=folder, reason=errors[0].rstrip("."), advice=advice
    )
