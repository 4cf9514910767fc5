"""Source and target cells: from a point layer, or from a raster."""

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

# A warning that lists a million ids helps nobody.
IDS_IN_A_MESSAGE = 20


@dataclass(frozen=True, eq=False)
class Points:
    """Cells that points fall into.

    Parameters
    ----------
    cells
        int64 (k, 2): row and column, counted from 0, no cell twice.
    ids
        Of each cell, the id of the feature it came from.
    labels
        Of each cell, a text to name it by: the feature's `name` (or `label`) where it has one, else its id.
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
    """Find the cells that the points of a layer fall into.

    Points are brought into the CRS of `grid`; every point of a multipoint counts. Points outside the raster, on
    nodata or on a barrier are left out with a warning that lists their feature ids; of several points in one cell one
    is kept, again with a warning.

    Parameters
    ----------
    source
        Features of a point layer.
    grid, valid
        The landscape's grid, and its mask, bool (rows, columns).
    context
        Knows which coordinate operations the project prefers.
    feedback
        Hears the warnings.
    name
        What the messages call the layer.
    barrier
        Cells with data that cannot be crossed, bool (rows, columns), if there are any.

    Raises
    ------
    QgsProcessingException
        The layer is empty, holds no points, or no point falls on a cell that can be crossed.
    """
    _require_points(source, name)
    transform = transform_to(grid, source, context, feedback, name)
    found: dict[tuple[int, int], tuple[int, str]] = {}
    nowhere: list[int] = []
    outside: list[int] = []
    on_nodata: list[int] = []
    on_barrier: list[int] = []
    shared: list[tuple[int, int]] = []
    for feature in source.getFeatures():
        stop_if_cancelled(feedback)
        if feature.geometry().isEmpty():
            nowhere.append(feature.id())
        for cell in _cells_under(feature, transform, grid):
            if cell is None:
                outside.append(feature.id())
            elif not valid[cell]:
                on_nodata.append(feature.id())
            elif barrier is not None and barrier[cell]:
                on_barrier.append(feature.id())
            elif cell in found:
                shared.append((feature.id(), found[cell][0]))
            else:
                found[cell] = (feature.id(), label_of(feature))
    reasons = [
        listed(tr("no geometry"), nowhere),
        listed(tr("outside the raster"), outside),
        listed(tr("on nodata"), on_nodata),
        listed(tr("on a barrier (permeability 0)"), on_barrier),
    ]
    left_out = "; ".join(reason for reason in reasons if reason)
    if not found:
        raise QgsProcessingException(
            tr("No point of '{layer}' lies on a cell of the raster that can be crossed: {reasons}. {advice}").format(
                layer=name,
                reasons=left_out,
                advice=tr("Check the CRS of the points, and move them onto cells that have a value above 0."),
            )
        )
    if left_out:
        feedback.pushWarning(tr("Points of '{layer}' left out: {reasons}.").format(layer=name, reasons=left_out))
    if shared:
        pairs = [f"{second} ({tr('with')} {first})" for second, first in shared]
        feedback.pushWarning(
            tr("Points of '{layer}' in the same cell as another, each cell counted once: {features}.").format(
                layer=name, features=tr("features") + " " + shortened(pairs)
            )
        )
    return Points(
        cells=np.array(list(found), np.int64).reshape(-1, 2),
        ids=[number for number, _ in found.values()],
        labels=[label for _, label in found.values()],
    )


def cells_of(
    raster: Raster, crossable: np.ndarray | None = None, feedback: QgsProcessingFeedback | None = None
) -> np.ndarray:
    """Cells of a source raster that are neither nodata nor zero, int64 (k, 2), rows first.

    With `crossable`, where the landscape has neither nodata nor a barrier, other cells are left out with a warning to
    `feedback`.

    Raises
    ------
    QgsProcessingException
        There is no such cell, or a value is NaN.
    """
    require_no_nan(raster)
    marked = raster.valid & (raster.values != 0)
    if not marked.any():
        raise QgsProcessingException(
            tr("'{layer}' marks no cell: every cell is nodata or zero. Give the cells that count a value of 1.").format(
                layer=raster.name
            )
        )
    if crossable is not None:
        lost = int(np.count_nonzero(marked & ~crossable))
        marked = marked & crossable
        if not marked.any():
            raise QgsProcessingException(
                tr("All of '{layer}' ({cells}) lies on nodata or barriers of the landscape.").format(
                    layer=raster.name, cells=format_cells(lost)
                )
            )
        if lost and feedback is not None:
            feedback.pushWarning(
                tr("'{layer}': {cells} on nodata or barriers of the landscape left out.").format(
                    layer=raster.name, cells=format_cells(lost)
                )
            )
    return np.argwhere(marked).astype(np.int64)


def _require_points(source: QgsProcessingFeatureSource, name: str) -> None:
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.GeometryType.PointGeometry:
        raise QgsProcessingException(
            tr("'{layer}' is not a point layer. Use Centroids or Point on surface to make points of it.").format(
                layer=name
            )
        )
    if source.featureCount() == 0:
        raise QgsProcessingException(
            tr("'{layer}' has no points. Add some, or, if only selected features are used, select some.").format(
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
    """Return the way from a layer's CRS to the raster's, which does nothing where one of them is unknown.

    Parameters
    ----------
    grid, source
        The raster's grid, and the features.
    context, feedback
        Knows which coordinate operations the project prefers; hears where a CRS is missing.
    name
        What messages call the layer.
    """
    if source.sourceCrs().isValid() != grid.crs.isValid():
        feedback.pushWarning(
            tr(
                "'{layer}': either the features or the raster have no CRS; both are taken to be in the same one."
            ).format(layer=name)
        )
    return QgsCoordinateTransform(source.sourceCrs(), grid.crs, context.transformContext())


def _cells_under(
    feature: QgsFeature, transform: QgsCoordinateTransform, grid: RasterGrid
) -> Iterator[tuple[int, int] | None]:
    """The cell (row, column) under each point of a feature, None for a point outside the raster."""
    for vertex in feature.geometry().vertices():
        try:
            place = transform.transform(vertex.x(), vertex.y())
        except QgsCsException:
            yield None  # where the projection is not defined, there is no raster either
        else:
            yield cell_at(place.x(), place.y(), grid)


def cell_at(x: float, y: float, grid: RasterGrid) -> tuple[int, int] | None:
    """Return the cell (row, column) in which a place lies, None where it is outside the raster."""
    left, width, _, top, _, step_down = grid.geotransform
    row, column = (y - top) / step_down, (x - left) / width
    margin = SAME_GRID_TOLERANCE
    inside = -margin <= row <= grid.rows + margin and -margin <= column <= grid.columns + margin
    if not inside:
        return None
    # A point on the outer edge belongs to the cell that it touches.
    return min(max(int(row // 1), 0), grid.rows - 1), min(max(int(column // 1), 0), grid.columns - 1)


def label_of(feature: QgsFeature) -> str:
    """Return the name that a feature has, else its id."""
    fields = {field.name().lower(): index for index, field in enumerate(feature.fields())}
    for wanted in LABEL_FIELDS:
        if wanted in fields and isinstance(feature.attribute(fields[wanted]), str):
            text = feature.attribute(fields[wanted]).strip()
            if text:
                return text
    return str(feature.id())


def listed(reason: str, ids: Iterable[int]) -> str:
    """Return a reason with the features that it is the reason for, each once; nothing where there are none."""
    unique = list(dict.fromkeys(ids))
    if not unique:
        return ""
    which = tr("feature") if len(unique) == 1 else tr("features")
    return f"{reason}: {which} {shortened(unique)}"


def shortened(items: Iterable[object]) -> str:
    """Return items as words, of very many only the first ones and how many more there are."""
    texts = [str(item) for item in items]
    if len(texts) <= IDS_IN_A_MESSAGE:
        return ", ".join(texts)
    shown = ", ".join(texts[:IDS_IN_A_MESSAGE])
    return tr("{shown} and {more} more").format(shown=shown, more=len(texts) - IDS_IN_A_MESSAGE)
