"""Source and target cells, from a point layer or a raster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback, QgsWkbTypes

from ..i18n import tr
from .alignment import AlignedBand
from .cell_mask import CellMask
from .computed_raster import RasterRows
from .features import CellLocator, FeatureReader, label_of, listed, shortened
from .raster_grid import Raster, RasterGrid
from .validation import FiniteValidator, format_cells


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
    owners
        For sources of several cells, int64 (k,): index in `ids` of the source of each cell.
    """

    cells: np.ndarray
    ids: list[int]
    labels: list[str]
    owners: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.cells) if self.owners is None else len(self.ids)


def read_points(
    reader: FeatureReader,
    grid: RasterGrid,
    valid: np.ndarray | CellMask,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    barrier: np.ndarray | CellMask | None = None,
) -> Points:
    """Return the cells that contain the points of a layer.

    Points are transformed to the CRS of `grid`; multipoints contribute all their points. Points outside the raster, on
    nodata or on a barrier are left out with a warning that lists their feature ids. If a cell contains several points,
    the first is used, with a warning.

    Parameters
    ----------
    reader
        Features of a point layer.
    grid, valid
        Grid and mask of the landscape, bool (rows, columns).
    context
        Provides the project's coordinate operations.
    feedback
        Receives warnings.
    barrier
        Valid cells that cannot be crossed, bool (rows, columns).

    Raises
    ------
    QgsProcessingException
        If the layer is empty, is not a point layer, or has no point on a passable cell.
    """
    require_points(reader)
    name = reader.name
    locator = CellLocator(reader, grid, context, feedback)
    owners: dict[tuple[int, int], tuple[int, str]] = {}
    unusable: dict[str, list[int]] = {}
    outside: list[int] = []
    on_nodata: list[int] = []
    on_barrier: list[int] = []
    shared: list[tuple[int, int]] = []
    for feature in reader.features():
        covered = locator.cells_under_points(feature)
        if covered.reason:
            unusable.setdefault(covered.reason, []).append(feature.id())
        for cell in covered.cells:
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
        *unusable.items(),
        (tr("outside the raster"), outside),
        (tr("on nodata"), on_nodata),
        (tr("on a barrier (permeability 0)"), on_barrier),
    ]
    report_left_out(name, reasons, len(owners), locator, feedback)
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


def point_cells(
    raster: Raster | AlignedBand,
    passable: RasterRows | None = None,
    feedback: QgsProcessingFeedback | None = None,
) -> np.ndarray:
    """Return the cells of a source raster that are neither nodata nor zero, int64 (k, 2), in row-major order.

    Cells outside `passable` (where the landscape is neither nodata nor a barrier) are left out with a warning.

    Parameters
    ----------
    raster
        Source raster on the grid of the landscape, which is read block by block.
    passable
        Passable cells, bool (rows, columns).
    feedback
        Receives progress and warnings; can cancel.

    Raises
    ------
    QgsProcessingException
        If there is no such cell, or a value is NaN.
    """
    finite, blocked, cells = FiniteValidator(raster.name), 0, [np.empty((0, 2), np.int64)]
    for first, block, valid in raster.blocks(feedback):
        finite.add(block, valid, first)
        marked = valid & (block != 0)
        if passable is not None:
            usable = marked & passable[first : first + len(block)]
            blocked += int(np.count_nonzero(marked)) - int(np.count_nonzero(usable))
            marked = usable
        cells.append(np.argwhere(marked).astype(np.int64) + (first, 0))
    finite.require_no_nan()
    result = np.concatenate(cells)
    if not len(result) and not blocked:
        raise QgsProcessingException(
            tr("'{layer}' marks no cell: every cell is nodata or zero. Set source cells to 1.").format(
                layer=raster.name
            )
        )
    if not len(result):
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
    return result


def report_left_out(
    name: str,
    reasons: Iterable[tuple[str, list[int]]],
    used: int,
    locator: CellLocator,
    feedback: QgsProcessingFeedback,
    *,
    are_points: bool = True,
) -> None:
    """Warn about the points, or other features, of a layer that are left out.

    Parameters
    ----------
    name
        Name of the layer.
    reasons
        Reasons, each with the ids of the features concerned.
    used
        Number of points on passable cells.
    locator
        Describes where the points and the raster lie.
    feedback
        Receives the warning.
    are_points
        Whether the features are points.

    Raises
    ------
    QgsProcessingException
        If no feature is on a passable cell.
    """
    left_out = "; ".join(listed(reason, ids) for reason, ids in reasons if ids)
    if not used:
        text = (
            tr("No point of '{layer}' lies on a passable cell of the raster{reasons}. {advice}")
            if are_points
            else tr("No feature of '{layer}' covers a passable cell of the raster{reasons}. {advice}")
        )
        message = text.format(
            layer=name,
            reasons=f": {left_out}" if left_out else "",
            advice=tr("Check the CRS of the points, or move them to cells with a value above 0.")
            if are_points
            else tr("Check the CRS of the layer, or move the features to cells with a value above 0."),
        )
        raise QgsProcessingException(f"{message} {locator.extents()}".rstrip())
    if left_out:
        text = (
            tr("Points of '{layer}' left out: {reasons}.")
            if are_points
            else tr("Features of '{layer}' left out: {reasons}.")
        )
        feedback.pushWarning(text.format(layer=name, reasons=left_out))


def require_points(reader: FeatureReader) -> None:
    """Raise an error if a layer does not hold points."""
    if reader.geometry_type != QgsWkbTypes.GeometryType.PointGeometry:
        raise QgsProcessingException(
            tr("'{layer}' is not a point layer. Use Centroids or Point on surface to convert it to points.").format(
                layer=reader.name
            )
        )
    if reader.is_empty:
        raise QgsProcessingException(
            tr("'{layer}' has no points. Add points or, if only selected features are used, select some.").format(
                layer=reader.name
            )
        )
