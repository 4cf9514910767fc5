"""Rasters of any size, brought block by block from a layer into files for the engine."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import NpyFile, written_by_rows
from .alignment import aligned_blocks
from .condition_validation import ConditionValidator
from .quality_validation import QualityValidator, StrengthValidator, WeightValidator
from .raster_grid import RasterGrid
from .raster_reader import Band, blocks_of
from .validation import LandscapeValidator


@dataclass(frozen=True, eq=False)
class StreamedRaster:
    """A raster on disk; otherwise like a `Raster`.

    Parameters
    ----------
    name
        The layer's name, for messages.
    values
        float64 (rows, columns), scale and offset applied. NaN where `valid` is False.
    valid
        bool (rows, columns): False where nodata.
    grid
        The grid.
    valid_cells
        How many cells hold data.
    """

    name: str
    values: NpyFile
    valid: NpyFile
    grid: RasterGrid
    valid_cells: int


def stream_landscape(source: Band, values: str, folder: Path, feedback: QgsProcessingFeedback) -> StreamedRaster:
    """Write a landscape into `landscape.npy` and `valid.npy`, and check it on the way.

    Parameters
    ----------
    source
        The band that holds it.
    values
        ``"permeability"`` or ``"resistance"``: what the raster holds.
    folder
        Where to.
    feedback
        Hears about progress, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        As `check_landscape`; or the band cannot be read, or the disk is full.
    """
    check = LandscapeValidator(source.name, values)
    shape = (source.grid.rows, source.grid.columns)
    paths = folder / "landscape.npy", folder / "valid.npy"
    try:
        with ExitStack() as files:
            append_values = files.enter_context(written_by_rows(paths[0], shape, np.float64))
            append_valid = files.enter_context(written_by_rows(paths[1], shape, bool))
            for first, block, valid in blocks_of(source, feedback):
                check.add(block, valid, first)
                append_values(block)
                append_valid(valid)
    except OSError as error:
        raise _not_written(folder, error) from error
    check.require_valid()
    return StreamedRaster(source.name, NpyFile(paths[0]), NpyFile(paths[1]), source.grid, check.valid_cells)


def stream_quality(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Write habitat quality on the cells of the landscape into `quality.npy`; 0 where it has no data.

    Parameters
    ----------
    source
        The band that holds it, on any grid.
    landscape
        The landscape.
    folder
        Where to.
    feedback
        Hears about progress and resampling, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        As `align`; a value is negative or infinite, there is no habitat, or the disk is full.
    """
    return _streamed(source, QualityValidator(source.name, landscape.name), landscape, folder / "quality.npy", feedback)


def stream_strengths(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Write how strong a source each cell of the landscape is into `sources.npy`, like `stream_quality`."""
    return _streamed(
        source, StrengthValidator(source.name, landscape.name), landscape, folder / "sources.npy", feedback
    )


def stream_weights(source: Band, landscape: StreamedRaster, folder: Path, feedback: QgsProcessingFeedback) -> NpyFile:
    """Write how much each cell of the landscape is of interest into `weights.npy`, like `stream_quality`."""
    return _streamed(source, WeightValidator(source.name, landscape.name), landscape, folder / "weights.npy", feedback)


def stream_condition(
    source: Band, landscape: StreamedRaster, path: Path, feedback: QgsProcessingFeedback, *, classes: bool
) -> NpyFile:
    """Write a property of the cells of the landscape into a file; NaN where it is unknown.

    Parameters
    ----------
    source, landscape, feedback
        As for `stream_quality`.
    path
        Where to.
    classes
        Whether its values are classes.

    Raises
    ------
    QgsProcessingException
        As `align`; a value that cannot be compared, nothing known of the landscape, or the disk is full.
    """
    check = ConditionValidator(source.name, landscape.name, classes=classes)
    return _streamed(source, check, landscape, path, feedback)


def _streamed(
    source: Band,
    check: QualityValidator | ConditionValidator,
    landscape: StreamedRaster,
    path: Path,
    feedback: QgsProcessingFeedback,
) -> NpyFile:
    folder = path.parent
    try:
        with written_by_rows(path, landscape.values.shape, np.float64) as append:
            for first, block, valid in aligned_blocks(source, landscape.grid, feedback, folder):
                rows = slice(first, first + len(block))
                crossable = landscape.valid[rows] & (landscape.values[rows] > 0)
                append(check.add(block, valid, crossable, first))
    except OSError as error:
        raise _not_written(folder, error) from error
    check.require_valid()
    check.report(feedback)
    return NpyFile(path)


def _not_written(folder: Path, error: OSError) -> QgsProcessingException:
    return QgsProcessingException(
        tr("The job cannot be written into {folder}: {reason}. Is the disk full?").format(
            folder=folder, reason=error.strerror or error
        )
    )
