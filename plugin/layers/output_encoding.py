"""What a result's numbers become on disk: data type, nodata value, and what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from ..npy_file import NpyFile
from .statistics import Statistics
from .validation import format_cells

FALLBACK_NODATA = -9999.0

CELLS_AT_A_TIME = 1 << 20

GDAL_TYPES = {"float32": gdal.GDT_Float32, "float64": gdal.GDT_Float64, "int32": gdal.GDT_Int32}


@dataclass(frozen=True)
class OutputEncoding:
    """How one result is stored.

    Parameters
    ----------
    dtype
        The data type on disk.
    nodata
        The value that marks nodata.
    vanishing
        How many values are not zero but too small for `dtype`, and become zero.
    statistics
        Of the finite values, one a band.
    """

    dtype: np.dtype
    nodata: float
    vanishing: int
    statistics: tuple[Statistics, ...]

    def stored(self, values: np.ndarray) -> np.ndarray:
        """The values as they go to disk: of `dtype`, contiguous, NaN replaced by nodata."""
        if values.dtype.kind == "f":
            with np.errstate(under="ignore"):
                return np.where(np.isnan(values), self.nodata, values).astype(self.dtype)
        return np.ascontiguousarray(values, self.dtype)


def choose_encoding(
    bands: Sequence[np.ndarray | NpyFile],
    dtype: str,
    preferred_nodata: float | None,
    name: str,
    feedback: QgsProcessingFeedback,
) -> OutputEncoding:
    """Choose the nodata value and make sure that every value can be stored.

    Parameters
    ----------
    bands
        Each (rows, columns), in memory or on disk.
    dtype
        ``"float32"``, ``"float64"`` or ``"int32"``.
    preferred_nodata
        The input's nodata value, kept where it can be.
    name
        What messages call the result.
    feedback
        Asked whether to go on.

    Raises
    ------
    QgsProcessingException
        A value is too large for `dtype`, or is no whole number where one is needed.
    """
    target = np.dtype(dtype)
    # A value that the file cannot hold exactly would mark no cell at all.
    candidates = [value for value in (preferred_nodata, FALLBACK_NODATA) if value is not None and _fits(value, target)]
    candidates.append(float(np.finfo(target).min) if target.kind == "f" else float(np.iinfo(target).min))
    taken = [False] * len(candidates)
    vanishing = 0
    statistics = tuple(Statistics() for _ in bands)
    for band, of_band in zip(bands, statistics):
        for rows in _parts(band):
            stop_if_cancelled(feedback)
            of_band.add(rows)
            _require_storable(rows, target, name)
            with np.errstate(under="ignore", invalid="ignore"):
                stored = rows.astype(target)
            if target.kind == "f":
                vanishing += int(np.count_nonzero((stored == 0) & (rows != 0)))
            known = stored[~np.isnan(rows)] if rows.dtype.kind == "f" else stored
            taken = [was or bool((known == value).any()) for was, value in zip(taken, candidates)]
    free = [value for value, is_taken in zip(candidates, taken) if not is_taken]
    if not free:
        raise QgsProcessingException(
            tr("'{name}' uses every value that could mark nodata. Choose another data type.").format(name=name)
        )
    return OutputEncoding(target, float(free[0]), vanishing, statistics)


def _parts(band: np.ndarray | NpyFile) -> Iterator[np.ndarray]:
    step = max(1, CELLS_AT_A_TIME // band.shape[1])
    return (band[first : first + step] for first in range(0, len(band), step))


def _fits(value: float, target: np.dtype) -> bool:
    if target.kind == "f":
        with np.errstate(over="ignore"):
            return value != value or float(target.type(value)) == value
    limits = np.iinfo(target)
    return float(value).is_integer() and limits.min <= value <= limits.max


def _require_storable(rows: np.ndarray, target: np.dtype, name: str) -> None:
    if rows.dtype.kind in "iu" and target.kind == "f":
        return
    if target.kind == "f":
        wrong = np.isfinite(rows) & (np.abs(rows) > np.finfo(target).max)
        reason = tr("too large for {dtype}; store them as float64").format(dtype=target.name)
    else:
        limits = np.iinfo(target)
        wrong = ~np.isnan(rows) & ~((rows >= limits.min) & (rows <= limits.max) & (rows == np.rint(rows)))
        reason = tr("no whole numbers between {low} and {high}").format(low=limits.min, high=limits.max)
    count = int(np.count_nonzero(wrong))
    if count:
        raise QgsProcessingException(
            tr("'{name}' cannot be stored: {cells} hold values that are {reason} (the first is {value:g}).").format(
                name=name, cells=format_cells(count), reason=reason, value=rows[wrong][0]
            )
        )
