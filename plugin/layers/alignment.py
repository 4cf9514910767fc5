"""Bring a second raster onto the grid of the first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from .raster_grid import Raster, RasterGrid
from .raster_reader import Band, Block, blocks_of, collected, open_band
from .resampling import ResampledBand
from .validation import format_cells


def align(raster_layer: QgsRasterLayer, band: int, grid: RasterGrid, feedback: QgsProcessingFeedback) -> Raster:
    """Read a band and, where it does not lie on `grid`, resample it there, saying so in the log.

    Whole numbers (classes, 0/1 masks) take the nearest cell, anything else is interpolated bilinearly.

    Parameters
    ----------
    raster_layer, band
        What to read; bands count from 1.
    grid
        The grid of the first raster.
    feedback
        Hears what was done, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        The layer cannot be read, cannot be brought into the CRS of `grid`, does not overlap it, or needs resampling
        and holds NaN or infinite values that are not nodata.
    """
    source = open_band(raster_layer, band)
    return collected(source.name, grid, aligned_blocks(source, grid, feedback))


def aligned_blocks(
    source: Band, grid: RasterGrid, feedback: QgsProcessingFeedback, folder: Path | None = None
) -> Iterator[Block]:
    """Read a band as `align` does, block by block.

    Parameters
    ----------
    source
        The band.
    grid, feedback
        As for `align`.
    folder
        Where to keep a copy of a band that has to be resampled, instead of in memory.

    Raises
    ------
    QgsProcessingException
        As `align`.
    """
    if source.grid.crs.isValid() != grid.crs.isValid():
        feedback.pushWarning(
            tr("'{layer}': one of the two rasters has no CRS; they are taken to be in the same one.").format(
                layer=source.name
            )
        )
    if source.grid.same_grid_as(grid):
        yield from blocks_of(source, feedback)
        return
    resampled = ResampledBand(source, grid, folder, feedback)
    covered = 0
    try:
        for block in blocks_of(resampled, feedback):
            covered += int(np.count_nonzero(block.valid))
            yield block
    finally:
        resampled.close()
    if not covered:
        raise QgsProcessingException(
            tr(
                "'{layer}' ({from_}) has no values where the first raster lies ({to}). "
                "Check that both are in the CRS they claim to be in."
            ).format(layer=source.name, from_=source.grid, to=grid)
        )
    feedback.pushWarning(
        tr(
            "'{layer}' did not lie on the grid of the first raster and was resampled ({method}), "
            "from {from_} to {to}; it has values in {covered} of {all}."
        ).format(
            layer=source.name,
            method=tr("nearest cell, as it holds whole numbers") if resampled.whole_numbers else tr("bilinear"),
            from_=source.grid,
            to=grid,
            covered=covered,
            all=format_cells(grid.rows * grid.columns),
        )
    )
