"""Rasters that must lie on one grid, because resampling would change what is computed from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import NpyFile
from .alignment import aligned_blocks
from .bands import Band
from .grid_difference import describe_difference
from .raster_grid import RasterGrid
from .streaming import write_rows
from .validation import ComputableValidator, FiniteValidator


def stream_same_grid(
    source: Band, grid: RasterGrid, reference: str, path: Path, feedback: QgsProcessingFeedback
) -> NpyFile:
    """Write a raster of any finite numbers, which must have a given grid; NaN where it has no data.

    Parameters
    ----------
    source
        Band to read.
    grid, reference
        The grid, and the name of the layer that has it.
    path
        Output file.
    feedback
        Receives progress and a warning if one of the layers has no CRS; can cancel.

    Raises
    ------
    QgsProcessingException
        The raster has another grid, or no data; a value is NaN, infinite or too large; or the disk is full.
    """
    if not source.grid.same_grid_as(grid):
        text = tr(
            "'{layer}' is not on the grid of '{reference}': {difference}. It cannot be resampled, because the flow "
            "between neighbouring cells would change; use rasters of the same rows, columns and cell size."
        )
        difference = describe_difference(source.grid, grid)
        raise QgsProcessingException(text.format(layer=source.name, reference=reference, difference=difference))
    finite, computable = FiniteValidator(source.name), ComputableValidator(source.name, tr("the value"))
    cells = 0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal cells
        for first, values, valid in aligned_blocks(source, grid, feedback, path.parent):
            finite.add(values, valid, first)
            computable.add(values, valid, first)
            cells += int(np.count_nonzero(valid))
            yield np.where(valid, values, np.nan)

    written = write_rows(blocks(), path, (grid.rows, grid.columns), np.float64)
    if not cells:
        text = tr("'{layer}' is empty: every cell is nodata. Check its nodata value and its extent.")
        raise QgsProcessingException(text.format(layer=source.name))
    finite.require_valid()
    computable.require_valid()
    return written
