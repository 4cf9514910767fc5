"""Amounts per cell, such as source currents and grounds, from points or a raster, written to files for the engine."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import CELLS_PER_BLOCK, NpyFile, row_blocks
from .alignment import aligned_blocks
from .bands import Band, blocks_of
from .cell_mask import CellMask
from .features import Cell, CellLocator, FeatureReader, listed, number_of
from .points import report_left_out, require_points
from .streaming import StreamedRaster, write_rows
from .validation import ComputableValidator, FiniteValidator

# Sums that differ by less than this fraction print alike.
SAME_SUM = 1e-6


def stream_point_amounts(
    reader: FeatureReader,
    landscape: StreamedRaster,
    path: Path,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    *,
    field: str = "",
    default: float = 1.0,
    reciprocal: bool = False,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> NpyFile:
    """Write the sum of the amounts of the points in each cell, float64 (rows, columns), 0 without a point.

    Parameters
    ----------
    reader
        Features of a point layer.
    landscape
        Landscape, already streamed.
    path
        Output file.
    context, feedback
        Provides the project's coordinate operations; receives a warning about points that are left out.
    field
        Numeric field with the amounts; without one, every point has the amount `default`.
    default
        Amount of a point without a field, in the unit of the result.
    reciprocal
        Whether to take reciprocals, to convert resistances to conductances; 0 becomes infinite.
    cells_per_block
        The most cells read and written at a time, of at least one row.

    Raises
    ------
    QgsProcessingException
        If the layer is empty or not a point layer, if it has no such field, if a point has no amount, if no point lies
        on a passable cell, or if the disk is full.
    """
    require_points(reader)
    name = reader.name
    index = reader.field_index(field) if field else -1
    locator = CellLocator(reader, landscape.grid, context, feedback)
    passable = CellMask(landscape.passable, cells_per_block=cells_per_block)
    sums: dict[Cell, float] = {}
    missing: list[int] = []
    unusable: dict[str, list[int]] = {}
    outside: list[int] = []
    blocked: list[int] = []
    count = 0
    for feature in reader.features():
        amount = _amount(feature, index, reciprocal) if field else default
        if amount is None:
            missing.append(feature.id())
            continue
        covered = locator.cells_under_points(feature)
        if covered.reason:
            unusable.setdefault(covered.reason, []).append(feature.id())
        for cell in covered.cells:
            if cell is None:
                outside.append(feature.id())
            elif not passable[cell]:
                blocked.append(feature.id())
            else:
                sums[cell] = sums.get(cell, 0.0) + amount
                count += 1
    if missing:
        text = tr("'{layer}': the field '{field}' is not a number in {features}. Fill it in, or choose another field.")
        raise QgsProcessingException(
            text.format(layer=name, field=field, features=listed(tr("the following"), missing))
        )
    reasons = [
        *unusable.items(),
        (tr("outside the raster"), outside),
        (tr("on nodata or a barrier"), blocked),
    ]
    report_left_out(name, reasons, count, locator, feedback)
    shape = landscape.values.shape
    return write_rows(sparse_blocks(sums, shape, cells_per_block=cells_per_block), path, shape, np.float64)


def stream_raster_amounts(
    source: Band, landscape: StreamedRaster, path: Path, feedback: QgsProcessingFeedback, *, reciprocal: bool = False
) -> NpyFile:
    """Write the amounts of a raster, float64 (rows, columns), 0 where it has no data.

    Parameters
    ----------
    source
        Band of the amounts. One on another grid than the landscape is resampled, and the log reports how its sum
        changes.
    landscape
        Landscape, already streamed.
    path
        Output file.
    feedback
        Receives progress and warnings; can cancel.
    reciprocal
        Whether to take reciprocals, to convert resistances to conductances; 0 becomes infinite.

    Raises
    ------
    QgsProcessingException
        As `align`; or a value is NaN or too large to compute with, or the disk is full.
    """
    finite, computable = FiniteValidator(source.name), ComputableValidator(source.name, tr("the value"))
    after = 0.0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal after
        for first, values, valid in aligned_blocks(source, landscape.grid, feedback, path.parent):
            finite.add(values, valid, first)
            computable.add(values, valid, first)
            after += float(np.sum(values[valid]))
            amounts = values
            if reciprocal:
                with np.errstate(divide="ignore"):
                    amounts = 1 / np.abs(values) * np.where(values < 0, -1.0, 1.0)
            yield np.where(valid, amounts, 0.0)

    written = write_rows(blocks(), path, landscape.values.shape, np.float64)
    finite.require_no_nan()
    computable.require_valid()
    if not source.grid.same_grid_as(landscape.grid):
        before = sum(float(np.nansum(block.values)) for block in blocks_of(source, feedback, measured=False))
        if not math.isclose(before, after, rel_tol=SAME_SUM):
            text = tr(
                "'{layer}': resampling to the grid of the landscape changed the sum of its values from "
                "{before:g} to {after:g}."
            )
            feedback.pushWarning(text.format(layer=source.name, before=before, after=after))
    return written


def sparse_blocks(
    values: dict[Cell, float], shape: tuple[int, int], fill: float = 0.0, *, cells_per_block: int = CELLS_PER_BLOCK
) -> Iterator[np.ndarray]:
    """Yield blocks of rows of a raster that has values in some cells only, float64.

    Parameters
    ----------
    values
        Values by cell (row, column).
    shape
        Rows and columns of the raster.
    fill
        Value of all other cells.
    cells_per_block
        The most cells of a block, of at least one row.
    """
    cells, amounts = np.array(list(values), np.int64).reshape(-1, 2), np.array(list(values.values()), float)
    order = np.argsort(cells[:, 0], kind="stable")
    cells, amounts = cells[order], amounts[order]
    for rows in row_blocks(shape, cells_per_block):
        within = slice(*np.searchsorted(cells[:, 0], [rows.start, rows.stop]))
        block = np.full((rows.stop - rows.start, shape[1]), fill)
        block[cells[within, 0] - rows.start, cells[within, 1]] = amounts[within]
        yield block


def _amount(feature: QgsFeature, field: int, reciprocal: bool) -> float | None:
    value = number_of(feature.attribute(field))
    if value is None or not reciprocal:
        return value
    return 1 / value if value else float("inf")
