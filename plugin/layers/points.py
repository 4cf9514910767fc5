"""Source and target cells, from a point layer or a raster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsWkbTypes,
)

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from .raster_grid import SAME_GRID_TOLERANCE, Raster, RasterGrid
from .validation import format_cells, require_no_nan

LABEL_FIELDS = ("name", "label")

# A warning that lists a million ids would be unreadable.
MAX_LISTED_IDS = 20


@dataclass(frozen=True, eq=False)
class Points:
    """Cells that contain points.

    Parameters
    ----------
    cells
        int64 (k, 2): row and column, counted from 0; unique.
    ids
        Feature id of each cell.
    labels
        Label of each cell: the feature's `name` (or `label`) if it has one, else its id.
    """

    cells: np.ndarray
    ids: list[int]
    labels: list[str]


def read_points(
    source: QgsProcessingFeatureSource,
    grid: RasterGrid,
    valid: np.ndarray,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    name: str,
    barrier: np.ndarray | None = None,
) -> Points:
    """Return the cells that contain the points of a layer.

    Points are transformed to the CRS of `grid`; multipoints contribute all their points. Points outside the raster, on
    nodata or on a barrier are left out with a warning that lists their feature ids. If a cell contains several points,
    the first is used, with a warning.

    Parameters
    ----------
    source
        Features of a point layer.
    grid, valid
        Grid and mask of the landscape, bool (rows, columns).
    context
        Provides the project's coordinate operations.
    feedback
        Receives warnings; can cancel.
    name
        Name of the layer, for messages.
    barrier
        Valid cells that cannot be crossed, bool (rows, columns).

    Raises
    ------
    QgsProcessingException
        If the layer is empty, is not a point layer, or has no point on a cell that can be crossed.
    """
    _require_points(source, name)
    transform = transform_to(grid, source, context, feedback, name)
    owners: dict[tuple[int, int], tuple[int, str]] = {}
    without_geometry: list[int] = []
    outside: list[int] = []
    on_nodata: list[int] = []
    on_barrier: list[int] = []
    shared: list[tuple[int, int]] = []
    for feature in source.getFeatures():
        stop_if_cancelled(feedback)
        if feature.geometry().isEmpty():
            without_geometry.append(feature.id())
        for cell in _cells_under(feature, transform, grid):
            if cell is None:
                outside.append(feature.id())
            elif not valid[cell]:
                on_nodata.append(feature.id())
            elif barrier is not None and barrier[cell]:
                on_barrier.append(feature.id())
            elif cell in owners:
                shared.append((feature.id(), owners[cell][0]))
            else:
                owners[cell] = (feature.id(), label_of(feature))
    reasons = [
        listed(tr("no geometry"), without_geometry),
        listed(tr("outside the raster"), outside),
        listed(tr("on nodata"), on_nodata),
        listed(tr("on a barrier (permeability 0)"), on_barrier),
    ]
    left_out = "; ".join(reason for reason in reasons if reason)
    if not owners:
        raise QgsProcessingException(
            tr("No point of '{layer}' lies on a cell of the raster that can be crossed: {reasons}. {advice}").format(
                layer=name,
                reasons=left_out,
                advice=tr("Check the CRS of the points, or move them to cells with a value above 0."),
            )
        )
    if left_out:
        feedback.pushWarning(tr("Points of '{layer}' left out: {reasons}.").format(layer=name, reasons=left_out))
    if shared:
        pairs = [f"{second} ({tr('with')} {first})" for second, first in shared]
        feedback.pushWarning(
            tr("Points of '{layer}' in the same cell as another point; each cell is used once: {features}.").format(
                layer=name, features=tr("features") + " " + shortened(pairs)
            )
        )
    return Points(
        cells=np.array(list(owners), np.int64).reshape(-1, 2),
        ids=[number for number, _ in owners.values()],
        labels=[label for _, label in owners.values()],
    )


def cells_of(
    raster: Raster, crossable: np.ndarray | None = None, feedback: QgsProcessingFeedback | None = None
) -> np.ndarray:
    """Return the cells of a source raster that are neither nodata nor zero, int64 (k, 2), in row-major order.

    Cells outside `crossable` (where the landscape is neither nodata nor a barrier) are left out with a warning.

    Raises
    ------
    QgsProcessingException
        If there is no such cell, or a value is NaN.
    """
    require_no_nan(raster)
    marked = raster.valid & (raster.values != 0)
    if not marked.any():
        raise QgsProcessingException(
            tr("'{layer}' marks no cell: every cell is nodata or zero. Set source cells to 1.").format(
                layer=raster.name
            )
        )
    if crossable is not None:
        blocked = int(np.count_nonzero(marked & ~crossable))
        marked = marked & crossable
        if not marked.any():
            raise QgsProcessingException(
                tr("All marked cells of '{layer}' ({cells}) lie on nodata or barriers of the landscape.").format(
                    layer=raster.name, cells=format_cells(blocked)
                )
            )
        if blocked and feedback is not None:
            feedback.pushWarning(
                tr("'{layer}': {cells} on nodata or barriers of the landscape left out.").format(
                    layer=raster.name, cells=format_cells(blocked)
                )
            )
    return np.argwhere(marked).astype(np.int64)


def _require_points(source: QgsProcessingFeatureSource, name: str) -> None:
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.GeometryType.PointGeometry:
        raise QgsProcessingException(
            tr("'{layer}' is not a point layer. Use Centroids or Point on surface to convert it to points.").format(
                layer=name
            )
        )
    if source.featureCount() == 0:
        raise QgsProcessingException(
            tr("'{layer}' has no points. Add points or, if only selected features are used, select some.").format(
                layer=name
            )
        )


def transform_to(
    grid: RasterGrid,
    source: QgsProcessingFeatureSource,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    name: str,
) -> QgsCoordinateTransform:
    """Return the transform from the CRS of a layer to that of a raster; the identity if either is unknown.

    Parameters
    ----------
    grid, source
        Grid of the raster, and the features.
    context, feedback
        Provides the project's coordinate operations; receives a warning if a CRS is missing.
    name
        Name of the layer, for messages.
    """
    if source.sourceCrs().isValid() != grid.crs.isValid():
        feedback.pushWarning(
            tr(
                "'{layer}': either the features or the raster have no CRS; both are assumed to have the same one."
            ).format(layer=name)
        )
    return QgsCoordinateTransform(source.sourceCrs(), grid.crs, context.transformContext())


def _cells_under(
    feature: QgsFeature, transform: QgsCoordinateTransform, grid: RasterGrid
) -> Iterator[tuple[int, int] | None]:
    """Yield the cell (row, column) under each point of a feature, None outside the raster."""
    for vertex in feature.geometry().vertices():
        try:
            point = transform.transform(vertex.x(), vertex.y())
        except QgsCsException:
            yield None  # a point that cannot be projected lies outside the raster
        else:
            yield cell_at(point.x(), point.y(), grid)


def cell_at(x: float, y: float, grid: RasterGrid) -> tuple[int, int] | None:
    """Return the cell (row, column) that contains a point, None outside the raster."""
    left, width, _, top, _, step_down = grid.geotransform
    row, column = (y - top) / step_down, (x - left) / width
    margin = SAME_GRID_TOLERANCE
    inside = -margin <= row <= grid.rows + margin and -margin <= column <= grid.columns + margin
    if not inside:
        return None
    # A point on the outer edge belongs to the adjacent cell.
    return min(max(int(row // 1), 0), grid.rows - 1), min(max(int(column // 1), 0), grid.columns - 1)


def label_of(feature: QgsFeature) -> str:
    """Return the name or label of a feature, else its id."""
    fields = {field.name().lower(): index for index, field in enumerate(feature.fields())}
    for name in LABEL_FIELDS:
        if name in fields and isinstance(feature.attribute(fields[name]), str):
            text = feature.attribute(fields[name]).strip()
            if text:
                return text
    return str(feature.id())


def listed(reason: str, ids: Iterable[int]) -> str:
    """Format a reason with the unique ids of its features; empty if there are none."""
    unique = list(dict.fromkeys(ids))
    if not unique:
        return ""
    which = tr("feature") if len(unique) == 1 else tr("features")
    return f"{reason}: {which} {shortened(unique)}"


def shortened(items: Iterable[object]) -> str:
    """Format items as a list, truncated after `MAX_LISTED_IDS`."""
    texts = [str(item) for item in items]
    if len(texts) <= MAX_LISTED_IDS:
        return ", ".join(texts)
    shown = ", ".join(texts[:MAX_LISTED_IDS])
    return tr("{shown} and {more} more").format(shown=shown, more=len(texts) - MAX_LISTED_IDS)
