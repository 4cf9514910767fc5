"""Bands of raster files, read at a reduced resolution or row by row, so that no raster is held as a whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal

# Longest side of a picture, in pixels: more are not visible on a page, and the report is sent by e-mail.
LONGEST_SIDE = 640

# Most cells read at once.
CELLS_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class ReducedBand:
    """A band at the resolution of a picture.

    Parameters
    ----------
    values
        float64 (rows, columns): means of the cells with a value, or the most frequent classes; NaN for no data, and
        where a cell of the mean is infinite.
    cells_per_pixel
        Width of a pixel in cells, 1 or more.
    name
        Name of the band; may be empty.
    """

    values: np.ndarray
    cells_per_pixel: float
    name: str


def read_reduced(path: Path | str, number: int, *, classes: bool, longest: int = LONGEST_SIDE) -> ReducedBand:
    """Read a band at the resolution of a picture.

    Parameters
    ----------
    path, number
        The raster file, and the number of the band, from 1.
    classes
        Whether the values are classes, which have no mean.
    longest
        Longest side of the result, in pixels.
    """
    dataset = gdal.Open(str(path))
    band = dataset.GetRasterBand(number)
    factor = max(1.0, max(band.XSize, band.YSize) / longest)
    columns, rows = (max(1, round(size / factor)) for size in (band.XSize, band.YSize))
    method = gdal.GRIORA_Mode if classes else gdal.GRIORA_Average
    raw = band.ReadRaster(0, 0, band.XSize, band.YSize, columns, rows, buf_type=gdal.GDT_Float64, resample_alg=method)
    values = _with_nan(np.frombuffer(raw).reshape(rows, columns), band)
    return ReducedBand(values, factor, band.GetDescription())


def read_blocks(path: Path | str, number: int, rows_at_once: int = 0) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the first row and the values of blocks of whole rows, float64 with NaN for no data and infinite values.

    Parameters
    ----------
    path, number
        The raster file, and the number of the band, from 1.
    rows_at_once
        Rows of a block; by default as many as fit into a few megabytes.
    """
    dataset = gdal.Open(str(path))
    band = dataset.GetRasterBand(number)
    step = rows_at_once or max(1, CELLS_AT_ONCE // band.XSize)
    for first in range(0, band.YSize, step):
        count = min(step, band.YSize - first)
        raw = band.ReadRaster(0, first, band.XSize, count, buf_type=gdal.GDT_Float64)
        band.FlushCache()  # otherwise GDAL caches up to 5 % of the memory
        yield first, _with_nan(np.frombuffer(raw).reshape(count, band.XSize), band)


def band_count(path: Path | str) -> int:
    """Return the number of bands of a raster file."""
    return gdal.Open(str(path)).RasterCount


def size_of(path: Path | str) -> tuple[int, int]:
    """Return the numbers of rows and columns of a raster file."""
    dataset = gdal.Open(str(path))
    return dataset.RasterYSize, dataset.RasterXSize


def reduced_array(array: np.ndarray, *, longest: int = LONGEST_SIDE) -> ReducedBand:
    """Return evenly spaced cells of an array, in memory or on disk, as a picture shows them.

    Parameters
    ----------
    array
        (rows, columns); anything that yields rows when it is sliced.
    longest
        Longest side of the result, in pixels.
    """
    step = max(1, math.ceil(max(array.shape) / longest))
    rows = [array[row : row + 1][:, ::step] for row in range(0, array.shape[0], step)]
    values = np.concatenate(rows).astype(float)
    return ReducedBand(np.where(np.isfinite(values), values, np.nan), float(step), "")


def _with_nan(values: np.ndarray, band: gdal.Band) -> np.ndarray:
    valid, nodata = np.isfinite(values), band.GetNoDataValue()
    if nodata is not None:
        # The nodata value of a file may have more digits than its cells.
        rounded = np.float32(nodata) if band.DataType == gdal.GDT_Float32 else nodata
        valid &= values != float(rounded)
    return np.where(valid, values, np.nan)
