"""From classes to values, block by block, for rasters of any size."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import NpyFile, written_by_rows
from .raster_reader import Band, blocks_of
from .validation import FiniteValidator

# A raster with more values than this that no table names holds no classes.
MOST_MISSING_CLASSES = 1_000


@dataclass
class Reclassified:
    """A raster with a value for each class.

    Parameters
    ----------
    values
        float64 (rows, columns) on disk; NaN where the classes have no data or no value.
    cells
        How many cells there are of each class that has a value.
    missing
        How many there are of each class that has none.
    """

    values: NpyFile
    cells: Counter = field(default_factory=Counter)
    missing: Counter = field(default_factory=Counter)


def reclassify(source: Band, values: dict[float, float], folder: Path, feedback: QgsProcessingFeedback) -> Reclassified:
    """Give every cell the value of its class.

    Parameters
    ----------
    source
        The band with the classes.
    values
        The value of each class; NaN for one that is to have no data.
    folder
        Where the result is written, as `reclassified.npy`.
    feedback
        Hears about progress, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        The raster holds so many values that it has no classes, or NaN that is not nodata; or the disk is full.
    """
    classes = np.array(sorted(values), float)
    targets = np.array([values[each] for each in classes.tolist()], float)
    cells: Counter = Counter()
    missing: Counter = Counter()
    check = FiniteValidator(source.name)
    path = folder / "reclassified.npy"
    try:
        with written_by_rows(path, (source.grid.rows, source.grid.columns), np.float64) as append:
            for first, block, valid in blocks_of(source, feedback):
                check.add(block, valid, first)
                position = np.minimum(np.searchsorted(classes, block), len(classes) - 1)
                known = valid & (classes[position] == block)
                append(np.where(known, targets[position], np.nan))
                _count(cells, block[known])
                _count(missing, block[valid & ~known])
                _require_few_classes(missing, source.name)
    except OSError as error:
        raise QgsProcessingException(
            tr("The reclassified raster cannot be written into {folder}: {reason}. Is the disk full?").format(
                folder=folder, reason=error.strerror or error
            )
        ) from error
    check.require_valid()
    return Reclassified(NpyFile(path), cells, missing)


def _count(cells: Counter, found: np.ndarray) -> None:
    for value, count in zip(*np.unique(found, return_counts=True)):
        cells[float(value)] += int(count)


def _require_few_classes(missing: Counter, name: str) -> None:
    if len(missing) > MOST_MISSING_CLASSES:
        raise QgsProcessingException(
            tr(
                "'{layer}' holds more than {most:,} different values that the table does not name: is it a raster of "
                "land-cover classes? Reclassify measured values into classes first."
            ).format(layer=name, most=MOST_MISSING_CLASSES)
        )
