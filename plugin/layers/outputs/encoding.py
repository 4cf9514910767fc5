"""Data type and nodata value of output rasters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ...cancelled import stop_if_cancelled
from ...i18n import tr
from ...npy_file import row_blocks
from ..computed_raster import RasterRows
from .statistics import Statistics

FALLBACK_NODATA = -9999.0

GDAL_TYPES = {"float32": gdal.GDT_Float32, "float64": gdal.GDT_Float64, "int32": gdal.GDT_Int32}


@dataclass(frozen=True)
class OutputEncoding:
    """Encoding of an output raster.

    Parameters
    ----------
    dtype
        Data type of the file.
    nodata
        Nodata value of the file.
    keep_infinity
        Whether infinite values stay infinite; else they become nodata.
    infinite
        Number of infinite values.
    underflows
        Number of nonzero values that underflow to zero in `dtype`.
    statistics
        Statistics of the finite values of each band.
    """

    dtype: np.dtype
    nodata: float
    keep_infinity: bool
    infinite: int
    underflows: int
    statistics: tuple[Statistics, ...]

    def encode(self, values: np.ndarray) -> np.ndarray:
        """Return the values as stored in the file: of `dtype`, contiguous, missing ones replaced by nodata."""
        if values.dtype.kind == "f":
            with np.errstate(under="ignore"):
                return np.where(_is_missing(values, self.keep_infinity), self.nodata, values).astype(self.dtype)
        return np.ascontiguousarray(values, self.dtype)


def choose_encoding(
    bands: Sequence[RasterRows],
    dtype: str,
    preferred_nodata: float | None,
    name: str,
    feedback: QgsProcessingFeedback,
    *,
    keep_infinity: bool = False,
) -> OutputEncoding:
    """Choose a nodata value that no cell has, and a data type that can hold every value.

    Values in single precision that are too large for it, or all too small, are stored in double precision.

    Parameters
    ----------
    bands
        Arrays (rows, columns), in memory, on disk or computed.
    dtype
        ``"float32"``, ``"float64"`` or ``"int32"``.
    preferred_nodata
        Nodata value of the input, used if possible.
    name
        Name of the output, for messages.
    feedback
        Can cancel.
    keep_infinity
        Whether infinite values stay infinite; else they become nodata.

    Raises
    ------
    QgsProcessingException
        If a value is not a whole number, or too large, but `dtype` is an integer type.
    """
    target = np.dtype(dtype)
    # A nodata value that `dtype` cannot represent exactly would match no cell.
    candidates = [value for value in (preferred_nodata, FALLBACK_NODATA) if value is not None and _fits(value, target)]
    candidates.append(float(np.finfo(target).min) if target.kind == "f" else float(np.iinfo(target).min))
    is_used = [False] * len(candidates)
    infinite = underflows = 0
    statistics = tuple(Statistics() for _ in bands)
    for band, band_statistics in zip(bands, statistics):
        for rows in _blocks(band):
            stop_if_cancelled(feedback)
            band_statistics.add(rows)
            if rows.dtype.kind == "f":
                infinite += int(np.count_nonzero(np.isinf(rows)))
            _require_storable(rows, target, name, keep_infinity)
            with np.errstate(over="ignore", under="ignore", invalid="ignore"):
                stored = rows.astype(target)
            if target.kind == "f":
                underflows += int(np.count_nonzero((stored == 0) & (rows != 0)))
            known = stored[~_is_missing(rows, keep_infinity)] if rows.dtype.kind == "f" else stored
            is_used = [used or bool((known == value).any()) for used, value in zip(is_used, candidates)]
    if target == np.float32 and not _in_single_precision(statistics):
        return choose_encoding(bands, "float64", preferred_nodata, name, feedback, keep_infinity=keep_infinity)
    free = [value for value, used in zip(candidates, is_used) if not used]
    if not free:
        raise QgsProcessingException(
            tr("'{name}' contains every candidate for the nodata value. Choose another data type.").format(name=name)
        )
    return OutputEncoding(target, float(free[0]), keep_infinity, infinite, underflows, statistics)


def _blocks(band: RasterRows) -> Iterator[np.ndarray]:
    return (band[rows] for rows in row_blocks(band.shape))


def _fits(value: float, target: np.dtype) -> bool:
    if target.kind == "f":
        with np.errstate(over="ignore"):
            return value != value or float(target.type(value)) == value
    limits = np.iinfo(target)
    return float(value).is_integer() and limits.min <= value <= limits.max


def _is_missing(values: np.ndarray, keep_infinity: bool) -> np.ndarray:
    return np.isnan(values) if keep_infinity else ~np.isfinite(values)


def _in_single_precision(statistics: Sequence[Statistics]) -> bool:
    """Return whether no finite value is too large for single precision, and not all are too small for it."""
    largest = max((max(abs(band.minimum), abs(band.maximum)) for band in statistics if band.count), default=0.0)
    limits = np.finfo(np.float32)
    return largest == 0 or float(limits.tiny) <= largest <= float(limits.max)


def _require_storable(rows: np.ndarray, target: np.dtype, name: str, keep_infinity: bool) -> None:
    if target.kind == "f":
        return
    limits = np.iinfo(target)
    missing = _is_missing(rows, keep_infinity) if rows.dtype.kind == "f" else np.zeros(rows.shape, bool)
    invalid = ~missing & ~((rows >= limits.min) & (rows <= limits.max) & (rows == np.rint(rows)))
    reason = tr("not whole numbers between {low} and {high}").format(low=limits.min, high=limits.max)
    count = int(np.count_nonzero(invalid))
    if count:
        raise QgsProcessingException(
            tr(
                "'{name}' cannot be stored: {cells:# cell holds|# cells hold} values that are {reason} (the first is "
                "{value:g})."
            ).format(name=name, cells=count, reason=reason, value=rows[invalid][0])
        )
