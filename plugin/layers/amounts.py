"""Amounts per cell, such as source currents and grounds, from features or a raster, written to files for the engine."""

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
from .features import Cell, CellLocator, FeatureCells, FeatureReader, listed, number_of, require_features
from .points import report_left_out
from .streaming import StreamedRaster, write_rows
from .validation import ComputableValidator, FiniteValidator, format_cells

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
    shared: bool = False,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> NpyFile:
    """Write the sum of the amounts of the features in each cell, float64 (rows, columns), 0 without a feature.

    Parameters
    ----------
    reader
        Points, lines or polygons.
    landscape
        Landscape, already streamed.
    path
        Output file.
    context, feedback
        Provides the project's coordinate operations; receives a warning about features that are left out.
    field
        Numeric field with the amounts; without one, every feature has the amount `default`.
    default
        Amount of a feature without a field, in the unit of the result.
    reciprocal
        Whether to take reciprocals, to convert resistances to conductances; 0 becomes infinite.
    shared
        Whether the passable cells of a line or polygon share its amount equally, rather than have it each.
    cells_per_block
        The most cells read and written at a time, of at least one row.

    Raises
    ------
    QgsProcessingException
        If the layer is empty or has no geometries, if it has no such field, if a feature has no amount, if none lies on
        a passable cell, or if the disk is full.
    """
    require_features(reader, tr("sources or grounds"))
    name = reader.name
    index = reader.field_index(field) if field else -1
    locator = CellLocator(reader, landscape.grid, context, feedback)
    cells = FeatureCells(locator)
    passable = CellMask(landscape.passable, cells_per_block=cells_per_block)
    sums: dict[Cell, float] = {}
    missing: list[int] = []
    unusable: dict[str, list[int]] = {}
    outside: list[int] = []
    blocked: list[int] = []
    count = ignored = 0
    for feature in reader.features():
        amount = _amount(feature, index, reciprocal) if field else default
        if amount is None:
            missing.append(feature.id())
            continue
        covered = cells.of(feature)
        if covered.reason:
            unusable.setdefault(covered.reason, []).append(feature.id())
        usable = [cell for cell in covered.cells if cell is not None and passable[cell]]
        for cell in usable:
            sums[cell] = sums.get(cell, 0.0) + (amount / len(usable) if shared and cells.are_regions else amount)
        count += len(usable)
        if cells.are_regions and usable:
            ignored += len(covered.cells) - len(usable)
        elif cells.are_regions and covered.cells:
            (blocked if any(covered.cells) else outside).append(feature.id())
        else:
            outside += [feature.id() for cell in covered.cells if cell is None]
            blocked += [feature.id() for cell in covered.cells if cell is not None and not passable[cell]]
    cells.finish(feedback)
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
    report_left_out(name, reasons, count, locator, feedback, are_points=not cells.are_regions)
    if cells.are_regions:
        text = tr("'{layer}': its features cover {covered} of the landscape.")
        feedback.pushInfo(text.format(layer=name, covered=format_cells(len(sums))))
    if ignored:
        text = tr(
            "'{layer}': {count:# cell of its features is|# cells of its features are} ignored: outside the landscape, on "
            "nodata or on barriers."
        )
        feedback.pushInfo(text.format(layer=name, count=ignored))
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
