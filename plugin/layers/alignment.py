"""Alignment of a raster to the grid of the landscape."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsProcessingUtils, QgsRasterLayer

from ..i18n import tr
from .grid_difference import describe_difference
from .raster_grid import Raster, RasterGrid
from .raster_reader import Band, Block, blocks_of, collected, open_band
from .resampling import ResampledBand
from .validation import format_cells


def align(raster_layer: QgsRasterLayer, band: int, grid: RasterGrid, feedback: QgsProcessingFeedback) -> Raster:
    """Read a band and, if it is not on `grid`, resample it to that grid with a warning in the log.

    Integers (classes, 0/1 masks) are resampled by nearest neighbour, other values bilinearly.

    Parameters
    ----------
    raster_layer, band
        Band to read, counted from 1.
    grid
        Grid of the first raster.
    feedback
        Receives progress and warnings; can cancel.

    Raises
    ------
    QgsProcessingException
        If the layer cannot be read, cannot be transformed to the CRS of `grid` or does not overlap it; or if it must
        be resampled and holds NaN or infinite values that are not nodata.
    """
    source = open_band(raster_layer, band)
    with tempfile.TemporaryDirectory(dir=QgsProcessingUtils.tempFolder()) as folder:
        return collected(source.name, grid, aligned_blocks(source, grid, feedback, Path(folder)))


def aligned_blocks(source: Band, grid: RasterGrid, feedback: QgsProcessingFeedback, folder: Path) -> Iterator[Block]:
    """Read and resample a band as `align` does, block by block.

    Parameters
    ----------
    source
        Band to read.
    grid, feedback
        As for `align`.
    folder
        Folder for the temporary copy of a band that must be resampled: it may be much larger than `grid`.

    Raises
    ------
    QgsProcessingException
        As `align`.
    """
    if source.grid.crs.isValid() != grid.crs.isValid():
        feedback.pushWarning(
            tr("'{layer}': one of the two rasters has no CRS; it is assumed to have the CRS of the other.").format(
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
                "'{layer}' ({from_}) has no values within the extent of the first raster ({to}). "
                "Check that both layers have the right CRS."
            ).format(layer=source.name, from_=source.grid, to=grid)
        )
    feedback.pushWarning(
        tr(
            "'{layer}' is not on the grid of the first raster and was resampled ({method}) {change}; it has values in "
            "{covered} of {all}."
        ).format(
            layer=source.name,
            method=tr("nearest neighbour, because it holds integers") if resampled.whole_numbers else tr("bilinear"),
            change=_describe_change(source.grid, grid),
            covered=covered,
            all=format_cells(grid.rows * grid.columns),
        )
    )


def _describe_change(source: RasterGrid, grid: RasterGrid) -> str:
    if str(source) != str(grid):
        return tr("from {from_} to {to}").format(from_=source, to=grid)
    return f"({describe_difference(source, grid)})"
