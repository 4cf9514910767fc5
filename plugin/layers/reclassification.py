"""Reclassification of a raster of classes, block by block."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import NpyFile, written_by_rows
from ..system_errors import system_reason
from .bands import Band, blocks_of
from .validation import FiniteValidator

# A raster with more values than this missing from the table is continuous, not a raster of classes.
MAX_MISSING_CLASSES = 1_000


@dataclass
class Reclassified:
    """Result of a reclassification.

    Parameters
    ----------
    values
        float64 (rows, columns) on disk; NaN where the raster is nodata or the class has no value.
    cells
        Number of cells of each class in the table.
    missing
        Number of cells of each class missing from the table.
    """

    values: NpyFile
    cells: Counter = field(default_factory=Counter)
    missing: Counter = field(default_factory=Counter)


def reclassify(source: Band, values: dict[float, float], folder: Path, feedback: QgsProcessingFeedback) -> Reclassified:
    """Replace the class of every cell by its value.

    Parameters
    ----------
    source
        Band of the classes.
    values
        Value of each class; NaN makes the class nodata.
    folder
        Output folder; the result is `reclassified.npy` in it.
    feedback
        Receives progress; can cancel.

    Raises
    ------
    QgsProcessingException
        If the raster has so many values that it cannot hold classes, or NaN that is not nodata; or if the disk is full.
    """
    classes = np.array(sorted(values), float)
    targets = np.array([values[value] for value in classes.tolist()], float)
    cells: Counter = Counter()
    missing: Counter = Counter()
    validator = FiniteValidator(source.name)
    path = folder / "reclassified.npy"
    try:
        with written_by_rows(path, (source.grid.rows, source.grid.columns), np.float64) as append:
            for first, block, valid in blocks_of(source, feedback, measured=False):
                validator.add(block, valid, first)
                position = np.minimum(np.searchsorted(classes, block), len(classes) - 1)
                known = valid & (classes[position] == block)
                append(np.where(known, targets[position], np.nan))
                _count(cells, block[known])
                _count(missing, block[valid & ~known])
                _require_few_classes(missing, source.name)
    except OSError as error:
        raise QgsProcessingException(
            tr(
                "The reclassified raster cannot be written to {folder}: {reason}. Free disk space, or choose another "
                "temporary folder in Settings ▸ Options ▸ Processing ▸ General."
            ).format(folder=folder, reason=system_reason(error))
        ) from error
    validator.require_valid()
    return Reclassified(NpyFile(path), cells, missing)


def _count(cells: Counter, values: np.ndarray) -> None:
    for value, count in zip(*np.unique(values, return_counts=True)):
        cells[float(value)] += int(count)


def _require_few_classes(missing: Counter, name: str) -> None:
    if len(missing) > MAX_MISSING_CLASSES:
        raise QgsProcessingException(
            tr(
                "'{layer}' holds more than {limit:# different value|# different values} that are not in the table. Is "
                "it a raster of land-cover classes? Reclassify measured values into classes first."
            ).format(layer=name, limit=MAX_MISSING_CLASSES)
        )
