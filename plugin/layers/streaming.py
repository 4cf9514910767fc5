"""Layers written block by block into files for the engine, so that they need not fit in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import NpyFile, row_blocks, written_by_rows
from ..system_errors import system_reason
from .alignment import AlignedBand, aligned_blocks
from .bands import Band, blocks_of
from .computed_raster import ComputedRaster, RasterRows
from .raster_grid import RasterGrid
from .validation import (
    ConditionValidator,
    FiniteValidator,
    LandscapeValidator,
    QualityValidator,
    StrengthValidator,
    WeightValidator,
)


@dataclass(frozen=True, eq=False)
class StreamedRaster:
    """A `Raster` whose arrays are files.

    Parameters
    ----------
    name
        Name of the layer, for messages.
    values
        float64 (rows, columns), scale and offset applied. NaN where `valid` is False.
    valid
        bool (rows, columns): False where nodata.
    grid
        Grid of the raster.
    valid_cells
        Number of valid cells.
    """

    name: str
    values: NpyFile
    valid: NpyFile
    grid: RasterGrid
    valid_cells: int

    @property
    def passable(self) -> ComputedRaster:
        """Passable cells, bool (rows, columns): neither nodata nor zero permeability."""
        return ComputedRaster(lambda values, valid: valid & (values > 0), self.values, self.valid, dtype=bool)

    @property
    def barriers(self) -> ComputedRaster:
        """Cells with data that cannot be crossed, bool (rows, columns)."""
        return ComputedRaster(lambda values, valid: valid & ~(values > 0), self.values, self.valid, dtype=bool)


def stream_landscape(source: Band, values: str, folder: Path, feedback: QgsProcessingFeedback) -> StreamedRaster:
    """Write a landscape to `landscape.npy` and `valid.npy`, and validate it while reading.

    Parameters
    ----------
    source
        Band of the landscape.
    values
        Quantity of the raster: ``"permeability"`` or ``"resistance"``.
    folder
        Output folder.
    feedback
        Receives progress; can cancel.

    Raises
    ------
    QgsProcessingException
        As `LandscapeValidator`; or the band cannot be read, or the disk is full.
    """
    validator = LandscapeValidator(source.name, values)
    shape = (source.grid.rows, source.grid.columns)
    paths = folder / "landscape.npy", folder / "valid.npy"
    try:
        with ExitStack() as files:
            append_values = files.enter_context(written_by_rows(paths[0], shape, np.float64))
            append_valid = files.enter_context(written_by_rows(paths[1], shape, bool))
            for first, block, valid in blocks_of(source, feedback):
                validator.add(block, valid, first)
                append_values(block)
                append_valid(valid)
    except OSError as error:
        raise _write_error(folder, error) from error
    validator.require_valid()
    validator.report(feedback)
    return StreamedRaster(source.name, NpyFile(paths[0]), NpyFile(paths[1]), source.grid, validator.valid_cells)


def mask_landscape(
    landscape: StreamedRaster, mask: Band, folder: Path, feedback: QgsProcessingFeedback
) -> StreamedRaster:
    """Set the cells of a streamed landscape outside a mask (nodata, 0 or less) to nodata, in its files.

    Parameters
    ----------
    landscape
        Landscape, already streamed.
    mask
        Band of the mask, on any grid.
    folder
        Folder for the temporary copy of a mask that must be resampled.
    feedback
        Receives progress and a warning if the mask is resampled; can cancel.

    Raises
    ------
    QgsProcessingException
        As `align`; or the mask holds NaN, or excludes all cells.
    """
    aligned = AlignedBand(mask, landscape.grid, folder, nearest=True)
    validator, valid_cells = FiniteValidator(mask.name), 0
    try:
        for first, block, valid in aligned.blocks(feedback):
            validator.add(block, valid, first)
            rows = slice(first, first + len(block))
            included = landscape.valid[rows] & valid & (block > 0)
            landscape.values.replace_rows(first, np.where(included, landscape.values[rows], np.nan))
            landscape.valid.replace_rows(first, included)
            valid_cells += int(np.count_nonzero(included))
    except OSError as error:
        raise _write_error(folder, error) from error
    validator.require_no_nan()
    if not valid_cells:
        text = tr("The mask '{mask}' excludes all cells of '{layer}': it must be above 0 in the cells to include.")
        raise QgsProcessingException(text.format(mask=mask.name, layer=landscape.name))
    return replace(landscape, valid_cells=valid_cells)


def write_rows(blocks: Iterable[np.ndarray], path: Path, shape: tuple[int, int], dtype: type) -> NpyFile:
    """Write a raster, block after block of whole rows, to an `.npy` file.

    Raises
    ------
    QgsProcessingException
        The disk is full.
    """
    try:
        with written_by_rows(path, shape, dtype) as append:
            for block in blocks:
                append(block)
    except OSError as error:
        raise _write_error(path.parent, error) from error
    return NpyFile(path)


def save_rows(raster: RasterRows, path: Path) -> NpyFile:
    """Write a raster in memory, on disk or computed to an `.npy` file, a block of rows at a time.

    Raises
    ------
    QgsProcessingException
        The disk is full.
    """
    return write_rows((raster[rows] for rows in row_blocks(raster.shape)), path, raster.shape, raster.dtype)


def stream_quality(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Write habitat quality on the grid of the landscape to `quality.npy`; 0 where it has no data.

    Parameters
    ----------
    source
        Band of the quality, on any grid.
    landscape
        Landscape, already streamed.
    folder
        Output folder.
    feedback
        Receives progress and a warning if the band is resampled; can cancel.

    Raises
    ------
    QgsProcessingException
        As `align`; or a value is negative or infinite, there is no habitat, or the disk is full.
    """
    return _streamed(source, QualityValidator(source.name, landscape.name), landscape, folder / "quality.npy", feedback)


def stream_strengths(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Write the source strength of each cell of the landscape to `sources.npy`, as `stream_quality` does."""
    return _streamed(
        source, StrengthValidator(source.name, landscape.name), landscape, folder / "sources.npy", feedback
    )


def stream_weights(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Write the weight of interest of each cell of the landscape to `weights.npy`, as `stream_quality` does."""
    return _streamed(source, WeightValidator(source.name, landscape.name), landscape, folder / "weights.npy", feedback)


def stream_condition(
    source: Band, landscape: StreamedRaster, path: Path, feedback: QgsProcessingFeedback, *, classes: bool
) -> NpyFile:
    """Write an attribute of the cells of the landscape to a file; NaN where it is unknown.

    Parameters
    ----------
    source, landscape, feedback
        As for `stream_quality`.
    path
        Output file.
    classes
        Whether the values are compared as classes.

    Raises
    ------
    QgsProcessingException
        As `align`; or a value cannot be compared, there is no data for the landscape, or the disk is full.
    """
    validator = ConditionValidator(source.name, landscape.name, classes=classes)
    return _streamed(source, validator, landscape, path, feedback, labels=classes)


def _streamed(
    source: Band,
    validator: QualityValidator | ConditionValidator,
    landscape: StreamedRaster,
    path: Path,
    feedback: QgsProcessingFeedback,
    *,
    labels: bool = False,
) -> NpyFile:
    def blocks() -> Iterator[np.ndarray]:
        for first, block, valid in aligned_blocks(source, landscape.grid, feedback, path.parent, labels=labels):
            passable = landscape.passable[first : first + len(block)]
            yield validator.add(block, valid, passable, first)

    written = write_rows(blocks(), path, landscape.values.shape, np.float64)
    validator.require_valid()
    validator.report(feedback)
    return written


def _write_error(folder: Path, error: OSError) -> QgsProcessingException:
    return QgsProcessingException(
        tr(
            "The input files of the run cannot be written to {folder}: {reason}. Free disk space, or choose another "
            "temporary folder in Settings ▸ Options ▸ Processing ▸ General."
        ).format(folder=folder, reason=system_reason(error))
    )
