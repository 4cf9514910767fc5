"""Amounts at cells: what enters or leaves a landscape at points, or everywhere in a raster."""

from __future__ import annotations

from typing import Any

import numpy as np
from qgis.core import (
    QgsCsException,
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsRasterLayer,
    QgsWkbTypes,
)

from ..i18n import tr
from .alignment import align
from .points import cell_at, listed, transform_to
from .raster_grid import RasterGrid
from .raster_reader import open_band, read_raster


def amounts_at_points(
    source: QgsProcessingFeatureSource,
    grid: RasterGrid,
    crossable: np.ndarray,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    name: str,
    *,
    field: str = "",
    default: float = 1.0,
    reciprocal: bool = False,
) -> np.ndarray:
    """Return the sum of the amounts of the points in every cell, float64 (rows, columns), 0 where there is none.

    Parameters
    ----------
    source
        Features of a point layer.
    grid, crossable
        The landscape's grid, and where it can be crossed, bool (rows, columns).
    context, feedback
        Knows which coordinate operations the project prefers; hears which points are left out.
    name
        What the messages call the layer.
    field
        The numeric field with the amounts; `default` for every point where it is empty.
    default
        In the unit of the result.
    reciprocal
        Whether the field holds resistances of which conductances are wanted; 0 is then infinite.

    Raises
    ------
    QgsProcessingException
        Not a layer of points; a point without an amount; no point on a cell that can be crossed.
    """
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.GeometryType.PointGeometry:
        raise QgsProcessingException(
            tr("'{layer}' is not a point layer. Use Centroids or Point on surface to make points of it.").format(
                layer=name
            )
        )
    transform = transform_to(grid, source, context, feedback, name)
    result = np.zeros((grid.rows, grid.columns))
    without: list[int] = []
    outside: list[int] = []
    blocked: list[int] = []
    placed = 0
    for feature in source.getFeatures():
        amount = default if not field else _amount(feature, field, reciprocal)
        if amount is None:
            without.append(feature.id())
            continue
        for vertex in feature.geometry().vertices():
            try:
                place = transform.transform(vertex.x(), vertex.y())
            except QgsCsException:
                outside.append(feature.id())
                continue
            cell = cell_at(place.x(), place.y(), grid)
            if cell is None:
                outside.append(feature.id())
            elif not crossable[cell]:
                blocked.append(feature.id())
            else:
                result[cell] += amount
                placed += 1
    if without:
        text = tr("'{layer}': the field '{field}' holds no number in {features}. Fill it in, or choose another field.")
        raise QgsProcessingException(
            text.format(layer=name, field=field, features=listed(tr("the following"), without))
        )
    reasons = [listed(tr("outside the raster"), outside), listed(tr("on nodata or a barrier"), blocked)]
    lost = "; ".join(reason for reason in reasons if reason)
    if not placed:
        raise QgsProcessingException(
            tr("No point of '{layer}' lies on a cell of the raster that can be crossed{reasons}. {advice}").format(
                layer=name,
                reasons=f": {lost}" if lost else "",
                advice=tr("Check the CRS of the points, and move them onto cells that have a value above 0."),
            )
        )
    if lost:
        feedback.pushWarning(tr("Points of '{layer}' left out: {reasons}.").format(layer=name, reasons=lost))
    return result


def amounts_of_raster(layer: QgsRasterLayer, grid: RasterGrid, feedback: QgsProcessingFeedback) -> np.ndarray:
    """Return the amounts of a raster, float64 (rows, columns), NaN where it has no data.

    Parameters
    ----------
    layer
        Its first band is read.
    grid
        The landscape's grid. A raster that does not lie on it is brought there, and the log says how the sum changed.
    feedback
        Hears what was done.

    Raises
    ------
    QgsProcessingException
        As `align`.
    """
    aligned = align(layer, 1, grid, feedback)
    values = np.where(aligned.valid, aligned.values, np.nan)
    if not open_band(layer, 1).grid.same_grid_as(grid):
        before = float(np.nansum(read_raster(layer, 1, feedback).values))
        text = tr("'{layer}': its values summed to {before:g}, and sum to {after:g} on the cells of the landscape.")
        feedback.pushWarning(text.format(layer=layer.name(), before=before, after=float(np.nansum(values))))
    return values


def _amount(feature: QgsFeature, field: str, reciprocal: bool) -> float | None:
    value: Any = feature.attribute(field)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        return None
    if not reciprocal:
        return float(value)
    return float(1 / value) if value else float("inf")
