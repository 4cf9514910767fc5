"""Alignment of a raster to the grid of the landscape."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..i18n import tr
from ..temporary_folder import temporary_folder
from .bands import Band, Block, blocks_of, collected, open_band
from .grid_difference import describe_difference
from .lost_labels import Labels
from .raster_grid import Raster, RasterGrid
from .resampling import ResampledBand
from .validation import format_cells


def align(
    raster_layer: QgsRasterLayer,
    band: int,
    grid: RasterGrid,
    feedback: QgsProcessingFeedback,
    *,
    labels: bool = False,
    nearest: bool = False,
) -> Raster:
    """Read a band and, if it is not on `grid`, resample it to that grid with a warning in the log.

    Integers (classes, 0/1 masks) and labels are resampled by nearest neighbour, other values bilinearly.

    Parameters
    ----------
    raster_layer, band
        Band to read, counted from 1.
    grid
        Grid of the landscape.
    feedback
        Receives progress and warnings; can cancel.
    labels
        Whether the values are labels (ids, classes, marks); those lost in resampling are named.
    nearest
        Whether to resample by nearest neighbour whatever the values are, such as a mask, which bilinear resampling
        would widen.

    Raises
    ------
    QgsProcessingException
        If the layer cannot be read, cannot be transformed to the CRS of `grid` or does not overlap it; or if it must
        be resampled and holds NaN or infinite values that are not nodata.
    """
    with tempfile.TemporaryDirectory(dir=temporary_folder()) as folder:
        source = AlignedBand(open_band(raster_layer, band), grid, Path(folder), labels=labels, nearest=nearest)
        raster = collected(source.name, grid, source.blocks(feedback))
    return replace(raster, lost_labels=source.lost_labels)


class AlignedBand:
    """A band on the grid of the landscape, resampled if it has another.

    Parameters
    ----------
    source
        Band to read.
    grid, labels, nearest
        As for `align`.
    folder
        Folder for the temporary copy of a band that must be resampled: it may be much larger than `grid`.

    Attributes
    ----------
    name
        Name of the layer.
    lost_labels
        Which labels were lost in resampling, and why; known when all blocks have been read.
    """

    def __init__(
        self, source: Band, grid: RasterGrid, folder: Path, *, labels: bool = False, nearest: bool = False
    ) -> None:
        self.name, self.lost_labels = source.name, ""
        self._source, self._grid, self._folder = source, grid, folder
        self._labels, self._nearest = labels, nearest or labels

    def blocks(self, feedback: QgsProcessingFeedback) -> Iterator[Block]:
        """Read the band block by block, and warn if it is resampled.

        Raises
        ------
        QgsProcessingException
            As `align`.
        """
        source, grid = self._source, self._grid
        if source.grid.crs.isValid() != grid.crs.isValid():
            feedback.pushWarning(
                tr("'{layer}': one of the two rasters has no CRS; it is assumed to have the CRS of the other.").format(
                    layer=source.name
                )
            )
        if source.grid.same_grid_as(grid):
            yield from blocks_of(source, feedback)
            return
        resampled = ResampledBand(source, grid, self._folder, feedback, labels=self._labels, nearest=self._nearest)
        covered, remaining = 0, Labels()
        try:
            for block in blocks_of(resampled, feedback, measured=False):
                covered += int(np.count_nonzero(block.valid))
                if self._labels:
                    remaining.add(block.values, block.valid)
                yield block
            if covered and self._labels:
                self.lost_labels = resampled.describe_lost_labels(remaining)
        finally:
            resampled.close()
        self._report(resampled.whole_numbers, covered, feedback)

    def _report(self, whole_numbers: bool, covered: int, feedback: QgsProcessingFeedback) -> None:
        source, grid = self._source, self._grid
        if not covered:
            raise QgsProcessingException(
                tr(
                    "'{layer}' ({from_}) has no values within the extent of the landscape ({to}). Check that both "
                    "layers have the right CRS."
                ).format(layer=source.name, from_=source.grid, to=grid)
            )
        feedback.pushWarning(
            tr(
                "'{layer}' is not on the grid of the landscape and was resampled ({method}) {change}; it has values in "
                "{covered} of {all}."
            ).format(
                layer=source.name,
                method=self._method(whole_numbers),
                change=_describe_change(source.grid, grid),
                covered=covered,
                all=format_cells(grid.rows * grid.columns),
            )
        )
        if self.lost_labels:
            text = tr("'{layer}': values lost in resampling: {lost}.")
            feedback.pushWarning(text.format(layer=source.name, lost=self.lost_labels))

    def _method(self, whole_numbers: bool) -> str:
        if whole_numbers:
            return tr("nearest neighbour, because it holds integers")
        return tr("nearest neighbour") if self._nearest else tr("bilinear")


def aligned_blocks(
    source: Band, grid: RasterGrid, feedback: QgsProcessingFeedback, folder: Path, *, labels: bool = False
) -> Iterator[Block]:
    """Read and resample a band as `align` does, block by block.

    Parameters
    ----------
    source
        Band to read.
    grid, feedback, labels
        As for `align`.
    folder
        Folder for the temporary copy of a band that must be resampled: it may be much larger than `grid`.

    Raises
    ------
    QgsProcessingException
        As `align`.
    """
    return AlignedBand(source, grid, folder, labels=labels).blocks(feedback)


def _describe_change(source: RasterGrid, grid: RasterGrid) -> str:
    if str(source) != str(grid):
        return tr("from {from_} to {to}").format(from_=source, to=grid)
    return f"({describe_difference(source, grid)})"
