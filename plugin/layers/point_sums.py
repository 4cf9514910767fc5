"""Amounts per cell, such as source currents and grounds, from points or a raster."""

from __future__ import annotations

import math

import numpy as np
from qgis.core import (
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)

from ..i18n import tr
from .alignment import align
from .bands import blocks_of, open_band
from .features import CellLocator, FeatureReader, listed, number_of
from .points import report_left_out, require_points
from .raster_grid import RasterGrid
from .validation import ComputableValidator, require_no_nan

# Sums that differ by less than this fraction print alike.
SAME_SUM = 1e-6


def sum_point_amounts(
    reader: FeatureReader,
    grid: RasterGrid,
    passable: np.ndarray,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    *,
    field: str = "",
    default: float = 1.0,
    reciprocal: bool = False,
) -> np.ndarray:
    """Return the sum of the amounts of the points in each cell, float64 (rows, columns).

    Parameters
    ----------
    reader
        Features of a point layer.
    grid, passable
        Grid of the landscape, and its passable cells, bool (rows, columns).
    context, feedback
        Provides the project's coordinate operations; receives a warning about points that are left out.
    field
        Numeric field with the amounts; without one, every point has the amount `default`.
    default
        Amount of a point without a field, in the unit of the result.
    reciprocal
        Whether to take reciprocals, to convert resistances to conductances; 0 becomes infinite.

    Raises
    ------
    QgsProcessingException
        If the layer is empty or not a point layer, if it has no such field, if a point has no amount, or if no point
        lies on a passable cell.
    """
    require_points(reader)
    name = reader.name
    index = reader.field_index(field) if field else -1
    locator = CellLocator(reader, grid, context, feedback)
    result = np.zeros((grid.rows, grid.columns))
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
                result[cell] += amount
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
    return result


def sum_raster_amounts(layer: QgsRasterLayer, grid: RasterGrid, feedback: QgsProcessingFeedback) -> np.ndarray:
    """Read the amounts of a raster, float64 (rows, columns), NaN where it has no data.

    Parameters
    ----------
    layer
        Layer whose first band is read.
    grid
        Grid of the landscape. A raster on another grid is resampled, and the log reports how its sum changes.
    feedback
        Receives progress and warnings.

    Raises
    ------
    QgsProcessingException
        As `align`; or a value is too large to compute with.
    """
    aligned = align(layer, 1, grid, feedback)
    require_no_nan(aligned)
    computable = ComputableValidator(aligned.name, tr("the value"))
    computable.add(aligned.values, aligned.valid)
    computable.require_valid()
    values = np.where(aligned.valid, aligned.values, np.nan)
    source = open_band(layer, 1)
    if not source.grid.same_grid_as(grid):
        before = sum(float(np.nansum(block.values)) for block in blocks_of(source, feedback, measured=False))
        after = float(np.nansum(values))
        if math.isclose(before, after, rel_tol=SAME_SUM):
            return values
        text = tr(
            "'{layer}': resampling to the grid of the landscape changed the sum of its values from "
            "{before:g} to {after:g}."
        )
        feedback.pushWarning(text.format(layer=layer.name(), before=before, after=after))
    return values


def _amount(feature: QgsFeature, field: int, reciprocal: bool) -> float | None:
    value = number_of(feature.attribute(field))
    if value is None or not reciprocal:
        return value
    return 1 / value if value else float("inf")
