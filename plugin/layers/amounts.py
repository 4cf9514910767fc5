"""Amounts per cell, such as source currents and grounds, from features or a raster, written to files for the engine."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from qgis.core import QgsFeature, QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback

from ..i18n import tr
from ..npy_file import CELLS_PER_BLOCK, NpyFile, row_blocks
from .alignment import aligned_blocks
from .bands import Band, blocks_of
from .cell_mask import CellMask
from .features import CellList, CellLocator, FeatureCells, FeatureReader, listed, number_of, require_features
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
    numbers, amounts = array("q"), array("d")  # of the cells of all features, row by row
    columns = landscape.grid.columns
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
        inside = CellList.of(covered.cells).inside_cells()
        usable = inside[passable.at(inside)].astype(np.int64)
        numbers.frombytes((usable @ (columns, 1)).tobytes())
        each = amount / len(usable) if shared and cells.are_regions and len(usable) else amount
        amounts.frombytes(np.full(len(usable), each, float).tobytes())
        count += len(usable)
        if cells.are_regions and len(usable):
            ignored += len(covered.cells) - len(usable)
        elif cells.are_regions and len(covered.cells):
            (blocked if len(inside) else outside).append(feature.id())
        else:
            outside += [feature.id()] * (len(covered.cells) - len(inside))
            blocked += [feature.id()] * (len(inside) - len(usable))
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
    cell_numbers, places = np.unique(np.array(numbers, np.int64), return_inverse=True)
    sums = np.bincount(places, np.array(amounts, float), minlength=cell_numbers.size)
    report_left_out(name, reasons, count, locator, feedback, are_points=not cells.are_regions)
    if cells.are_regions:
        text = tr("'{layer}': its features cover {covered} of the landscape.")
        feedback.pushInfo(text.format(layer=name, covered=format_cells(len(sums))))
    if ignored:
        text = tr(
            "'{layer}': {count:# cell of its features is|# cells of its features are} ignored: outside the landscape, "
            "on nodata or on barriers."
        )
        feedback.pushInfo(text.format(layer=name, count=ignored))
    shape = landscape.values.shape
    blocks = sparse_blocks(cell_numbers, sums, shape, cells_per_block=cells_per_block)
    return write_rows(blocks, path, shape, np.float64)


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
    cells: np.ndarray,
    values: np.ndarray,
    shape: tuple[int, int],
    fill: float = 0.0,
    *,
    cells_per_block: int = CELLS_PER_BLOCK,
) -> Iterator[np.ndarray]:
    """Yield blocks of rows of a raster that has values in some cells only, float64.

    Parameters
    ----------
    cells
        int64 (k,): numbers of the cells, counted row by row, in ascending order.
    values
        float64 (k,): their values.
    shape
        Rows and columns of the raster.
    fill
        Value of all other cells.
    cells_per_block
        The most cells of a block, of at least one row.

    Examples
    --------
    >>> [block.tolist() for block in sparse_blocks(np.array([1, 3]), np.array([5.0, 7.0]), (2, 2), cells_per_block=2)]
    [[[0.0, 5.0]], [[0.0, 7.0]]]
    """
    for rows in row_blocks(shape, cells_per_block):
        first, last = rows.start * shape[1], rows.stop * shape[1]
        within = slice(*np.searchsorted(cells, [first, last]))
        block = np.full(last - first, fill)
        block[cells[within] - first] = values[within]
        yield block.reshape(-1, shape[1])


def _amount(feature: QgsFeature, field: int, reciprocal: bool) -> float | None:
    value = number_of(feature.attribute(field))
    if value is None or not reciprocal:
        return value
    return 1 / value if value else float("inf")
