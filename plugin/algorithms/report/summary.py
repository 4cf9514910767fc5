"""Summary of the values of a raster: how they are distributed, and where the largest ones are."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingFeedback

from ...cancelled import stop_if_cancelled
from .reduced_band import CELLS_AT_ONCE, read_blocks, size_of

# Cells in the list of the largest values, and their smallest distance from each other as a fraction of the longer side:
# neighbouring cells have similar values.
LISTED_CELLS, SEPARATION = 10, 0.04

# Blocks along the longer side; only the largest value of each is a candidate.
BLOCKS = 64

# Values of a histogram, about; of large rasters they are evenly spaced rows.
SAMPLE_SIZE = 1 << 18


@dataclass(frozen=True)
class Peak:
    """A cell with a large value.

    Parameters
    ----------
    row, column
        The cell, from 0.
    value
        Its value.
    """

    row: int
    column: int
    value: float


@dataclass(frozen=True, eq=False)
class BandSummary:
    """The values of a band.

    Parameters
    ----------
    cells
        Number of cells with a value.
    minimum, maximum, mean
        Statistics of the values; NaN if there are none.
    sample
        Values of evenly spaced rows.
    peaks
        Cells with the largest values (or magnitudes), largest first, none of them close to another.
    class_cells
        Number of cells of each class; empty if the values are not classes.
    """

    cells: int
    minimum: float
    maximum: float
    mean: float
    sample: np.ndarray
    peaks: tuple[Peak, ...]
    class_cells: Counter[float]


def summarize(
    path: Path | str, number: int, feedback: QgsProcessingFeedback, *, classes: bool = False, by_magnitude: bool = False
) -> BandSummary:
    """Read a band in blocks and summarize it.

    Parameters
    ----------
    path, number
        The raster file, and the number of the band, from 1.
    feedback
        Can cancel.
    classes
        Whether the values are classes, which are counted.
    by_magnitude
        Whether negative values count as large if their magnitude is.
    """
    rows, columns = size_of(path)
    side = min(max(1, math.ceil(max(rows, columns) / BLOCKS)), max(1, CELLS_AT_ONCE // columns))
    stride = max(1, math.ceil(rows * columns / SAMPLE_SIZE))
    cells, total, low, high = 0, 0.0, math.inf, -math.inf
    class_cells: Counter[float] = Counter()
    samples: list[np.ndarray] = []
    candidates: list[Peak] = []
    for first, block in read_blocks(path, number, side):
        stop_if_cancelled(feedback)
        values = block[np.isfinite(block)]
        if not values.size:
            continue
        cells += values.size
        total += float(values.sum())
        low, high = min(low, float(values.min())), max(high, float(values.max()))
        samples.append(_sampled_rows(block, first, stride))
        if classes:
            class_cells.update(dict(zip(*(part.tolist() for part in np.unique(values, return_counts=True)))))
        else:
            candidates += _largest_of_each(block, first, side, by_magnitude=by_magnitude)
    sample = np.concatenate(samples) if samples else np.empty(0)
    mean = total / cells if cells else math.nan
    separation = max(1.0, SEPARATION * max(rows, columns))
    peaks = _separated(candidates, separation, by_magnitude=by_magnitude) if high > low else ()
    return BandSummary(cells, low if cells else math.nan, high if cells else math.nan, mean, sample, peaks, class_cells)


def _sampled_rows(block: np.ndarray, first: int, stride: int) -> np.ndarray:
    rows = block[-first % stride :: stride]
    return rows[np.isfinite(rows)]


def _largest_of_each(block: np.ndarray, first: int, side: int, *, by_magnitude: bool) -> list[Peak]:
    """Return the cell with the largest value of each square of a block of rows."""
    rows, columns = block.shape
    padded = np.pad(block, ((0, 0), (0, -columns % side)), constant_values=np.nan)
    squares = padded.reshape(rows, -1, side).transpose(1, 0, 2).reshape(-1, rows * side)
    sizes = np.abs(squares) if by_magnitude else squares
    sizes = np.where(np.isnan(sizes), -np.inf, sizes)
    largest = sizes.argmax(axis=1)
    peaks = []
    for square, index in enumerate(largest.tolist()):
        value = float(squares[square, index])
        if math.isfinite(value):
            peaks.append(Peak(first + index // side, square * side + index % side, value))
    return peaks


def _separated(candidates: list[Peak], separation: float, *, by_magnitude: bool) -> tuple[Peak, ...]:
    """Return the largest candidates of which none is close to a larger one."""
    chosen: list[Peak] = []
    size = (lambda peak: abs(peak.value)) if by_magnitude else (lambda peak: peak.value)
    for peak in sorted(candidates, key=size, reverse=True):
        if size(peak) == 0 or len(chosen) == LISTED_CELLS:
            break
        distances = (math.hypot(peak.row - other.row, peak.column - other.column) for other in chosen)
        if all(distance > separation for distance in distances):
            chosen.append(peak)
    return tuple(chosen)
