"""Focal nodes: places between which movement is asked for, each a cell or a region, by an id that the user knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsWkbTypes,
)

from ..cancelled import stop_if_cancelled
from ..i18n import tr
from .points import cell_at, label_of, listed, shortened, transform_to
from .raster_grid import Raster, RasterGrid
from .rasterize import cells_inside
from .validation import InvalidCells, format_cells, require_no_nan

Cell = tuple[int, int]


@dataclass(frozen=True, eq=False)
class FocalNodes:
    """Focal nodes, in the order of their ids.

    Parameters
    ----------
    ids
        int64 (n,): what the engine calls them, all different: the ids that the user gave if those are whole numbers,
        else 1, 2, ….
    names
        What the user calls them: values of the id field, else feature ids, else values of the raster.
    labels
        A text for each: the feature's `name` (or `label`) where it has one, else its name in `names`.
    cells
        int64 (k, 2): row and column, counted from 0, of every cell of every node.
    owners
        int64 (k,): to which node each cell belongs, as a place in `ids`.
    """

    ids: np.ndarray
    names: list[int | str]
    labels: list[str]
    cells: np.ndarray
    owners: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def cell_ids(self) -> np.ndarray:
        """int64 (k,): the id of the node that each cell belongs to."""
        return self.ids[self.owners]

    def named(self) -> dict[int, int | str]:
        """Return what the user calls each node, by the engine's id."""
        return dict(zip(self.ids.tolist(), self.names))


@dataclass
class _Node:
    """A focal node while its features are read."""

    name: int | str
    label: str
    features: list[int]
    cells: dict[Cell, None]


def read_focal_nodes(
    source: QgsProcessingFeatureSource,
    grid: RasterGrid,
    valid: np.ndarray,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    name: str,
    *,
    barrier: np.ndarray | None = None,
    id_field: str = "",
    at_least: int = 2,
) -> FocalNodes:
    """Find the cells of focal nodes in a layer of points or polygons.

    A point is the cell that it falls in, a polygon the cells whose centres lie in it (or, where it holds no centre, the
    cell under a point inside), a feature of several parts all of these. Cells outside the raster, on nodata or on a
    barrier do not count; a node that has no other is left out with a warning that says why.

    Parameters
    ----------
    source
        Features.
    grid, valid
        The landscape's grid, and its mask, bool (rows, columns).
    context, feedback
        Knows which coordinate operations the project prefers; hears the warnings.
    name
        What the messages call the layer.
    barrier
        Cells with data that cannot be crossed, bool (rows, columns), if there are any.
    id_field
        The field with the ids; feature ids where it is empty. Polygons, and features of a layer of multipoints, that
        share an id are one node.
    at_least
        How many nodes are needed.

    Raises
    ------
    QgsProcessingException
        The layer is empty, or holds neither points nor polygons; features without an id; points that share one; two
        regions that overlap; fewer nodes than needed.
    """
    polygons = _is_of_polygons(source, name)
    nodes = _by_id(source, id_field, name, polygons or QgsWkbTypes.isMultiType(source.wkbType()))
    transform = transform_to(grid, source, context, feedback, name)
    open_cells = valid if barrier is None else valid & ~barrier
    missing: dict[str, list[int]] = {}
    small: list[int] = []
    for feature in source.getFeatures():
        stop_if_cancelled(feedback)
        node = nodes[_id_of(feature, id_field)]
        if feature.geometry().isEmpty():
            missing.setdefault(tr("no geometry"), []).append(feature.id())
            continue
        if polygons:
            inside, is_small = _cells_in(feature, transform, grid)
            small += [feature.id()] * is_small
        else:
            inside = _cells_under(feature, transform, grid)
        for cell in inside:
            if cell is not None and open_cells[cell]:
                node.cells[cell] = None
            else:
                missing.setdefault(_reason(cell, valid), []).append(feature.id())
    _warn(nodes, missing, small, name, polygons, feedback)
    kept = {identity: node for identity, node in nodes.items() if node.cells}
    reasons = "; ".join(listed(reason, features) for reason, features in missing.items())
    _require_enough_nodes(len(kept), at_least, name, reasons)
    if polygons:
        _require_disjoint_regions(list(kept.values()), name)
    else:
        _warn_about_shared_cells(list(kept.values()), name, feedback)
    return _assemble(list(kept.values()))


def focal_nodes_of(
    raster: Raster, crossable: np.ndarray, feedback: QgsProcessingFeedback, *, at_least: int = 2
) -> FocalNodes:
    """Return the focal nodes of a raster of ids: all cells of one whole number above 0 are one node.

    Parameters
    ----------
    raster
        On the grid of the landscape.
    crossable
        Where the landscape has neither nodata nor a barrier; other cells do not count.
    feedback
        Hears which nodes are left out.
    at_least
        How many nodes are needed.

    Raises
    ------
    QgsProcessingException
        Values that are not whole numbers, or fewer nodes than needed.
    """
    require_no_nan(raster)
    fault = InvalidCells(
        tr("the value is no whole number"),
        tr("A raster of focal nodes holds their ids: round it, or use Polygons ▸ Rasterize with a field of ids."),
    )
    fault.add(raster.valid & (raster.values != np.rint(raster.values)), raster.values)
    fault.raise_if_any(raster.name)
    marked = raster.valid & (raster.values > 0)
    wanted = np.unique(raster.values[marked]).astype(np.int64)
    cells = np.argwhere(marked & crossable).astype(np.int64)
    values = raster.values[tuple(cells.T)].astype(np.int64)
    ids, owners = np.unique(values, return_inverse=True)
    lost = np.setdiff1d(wanted, ids)
    why = tr("only on nodata or barriers: {ids}").format(ids=shortened(lost.tolist())) if lost.size else ""
    _require_enough_nodes(len(ids), at_least, raster.name, why)
    if lost.size:
        feedback.pushWarning(
            tr("Focal nodes of '{layer}' left out, as all their cells lie on nodata or barriers: {ids}.").format(
                layer=raster.name, ids=shortened(lost.tolist())
            )
        )
    names = ids.tolist()
    order = np.argsort(owners, kind="stable")
    return FocalNodes(ids, names, [str(value) for value in names], cells[order], owners[order].astype(np.int64))


def _is_of_polygons(source: QgsProcessingFeatureSource, name: str) -> bool:
    kind = QgsWkbTypes.geometryType(source.wkbType())
    if kind not in (QgsWkbTypes.GeometryType.PointGeometry, QgsWkbTypes.GeometryType.PolygonGeometry):
        raise QgsProcessingException(
            tr("'{layer}' holds neither points nor polygons: focal nodes are one or the other.").format(layer=name)
        )
    if source.featureCount() == 0:
        raise QgsProcessingException(
            tr(
                "'{layer}' has no features, so there are no focal nodes. Add some, or, if only selected features are "
                "used, select some."
            ).format(layer=name)
        )
    return kind == QgsWkbTypes.GeometryType.PolygonGeometry


def _id_of(feature: QgsFeature, id_field: str) -> int | str | None:
    """The id of a feature: a whole number where it is one, else a text; None where it has none."""
    if not id_field:
        return feature.id()
    value: Any = feature.attribute(id_field)
    if value is None or (hasattr(value, "isNull") and value.isNull()) or str(value).strip() == "":
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) else str(value).strip()


def _by_id(
    source: QgsProcessingFeatureSource, id_field: str, name: str, may_share: bool
) -> dict[int | str | None, _Node]:
    nodes: dict[int | str | None, _Node] = {}
    for feature in source.getFeatures():
        identity = _id_of(feature, id_field)
        if identity in nodes:
            nodes[identity].features.append(feature.id())
        else:
            label = label_of(feature)
            label = str(identity) if label == str(feature.id()) else label
            nodes[identity] = _Node(identity, label, [feature.id()], {})
    if None in nodes:
        raise QgsProcessingException(
            tr("'{layer}': the id field '{field}' is empty in {features}. Fill it in, or choose another field.").format(
                layer=name, field=id_field, features=listed(tr("the following"), nodes[None].features)
            )
        )
    shared = [f"{node.name} ({listed(tr('of'), node.features)})" for node in nodes.values() if len(node.features) > 1]
    if shared and not may_share:
        raise QgsProcessingException(
            tr(
                "'{layer}': points share an id in the field '{field}': {ids}. Give each point an id of its own; or, if "
                "points with one id are one region, collect them into multipoints first (Collect geometries)."
            ).format(layer=name, field=id_field, ids=shortened(shared))
        )
    return nodes


def _cells_under(feature: QgsFeature, transform: QgsCoordinateTransform, grid: RasterGrid) -> Iterator[Cell | None]:
    for vertex in feature.geometry().vertices():
        try:
            place = transform.transform(vertex.x(), vertex.y())
        except QgsCsException:
            yield None  # where the projection is not defined, there is no raster either
        else:
            yield cell_at(place.x(), place.y(), grid)


def _cells_in(
    feature: QgsFeature, transform: QgsCoordinateTransform, grid: RasterGrid
) -> tuple[Sequence[Cell | None], bool]:
    """The cells of a polygon, and whether it holds no centre of a cell."""
    geometry = QgsGeometry(feature.geometry())
    try:
        geometry.transform(transform)
    except QgsCsException:
        return [None], False
    inside = cells_inside(geometry, grid)
    if inside:
        return inside, False
    within = geometry.pointOnSurface()
    if within.isEmpty():
        return [None], False
    cell = cell_at(within.asPoint().x(), within.asPoint().y(), grid)
    return [cell], cell is not None


def _reason(cell: Cell | None, valid: np.ndarray) -> str:
    if cell is None:
        return tr("outside the raster")
    return tr("on a barrier (permeability 0)") if valid[cell] else tr("on nodata")


def _warn(nodes, missing, small, name: str, polygons: bool, feedback: QgsProcessingFeedback) -> None:
    joined = [f"{node.name} ({len(node.features)})" for node in nodes.values() if len(node.features) > 1]
    if joined:
        feedback.pushInfo(
            tr("'{layer}': features that share an id are one focal node: {ids}.").format(
                layer=name, ids=shortened(joined)
            )
        )
    if small:
        text = tr("'{layer}': polygons that hold no centre of a cell, each taken for the cell under it: {which}.")
        feedback.pushWarning(text.format(layer=name, which=listed(tr("too small"), small)))
    empty = {feature for node in nodes.values() if not node.cells for feature in node.features}
    lost = "; ".join(
        listed(reason, [feature for feature in features if feature in empty])
        for reason, features in missing.items()
        if empty.intersection(features)
    )
    if lost:
        feedback.pushWarning(tr("Focal nodes of '{layer}' left out: {reasons}.").format(layer=name, reasons=lost))
    partly = {reason: [f for f in features if f not in empty] for reason, features in missing.items()}
    counted = "; ".join(
        tr("{cells} {reason}").format(cells=format_cells(len(features)), reason=reason)
        for reason, features in partly.items()
        if features
    )
    if counted:
        feedback.pushInfo(
            (
                tr("'{layer}': of focal regions, {counted} do not count.")
                if polygons
                else tr("'{layer}': of focal nodes of several points, {counted} do not count.")
            ).format(layer=name, counted=counted)
        )


def _require_enough_nodes(nodes: int, at_least: int, name: str, reasons: str) -> None:
    if nodes >= at_least:
        return
    count = tr("one focal node") if nodes == 1 else tr("{} focal nodes").format(nodes)
    if nodes:
        text = tr("'{layer}' has {count} on cells that can be crossed; {needed} or more are needed{reasons}. {advice}")
    else:
        text = tr("No focal node of '{layer}' lies on a cell of the raster that can be crossed{reasons}. {advice}")
    raise QgsProcessingException(
        text.format(
            layer=name,
            count=count,
            needed=at_least,
            reasons=f" ({reasons})" if reasons else "",
            advice=tr("Check the CRS of the layer, and that its features lie on cells with a value above 0."),
        )
    )


def _require_disjoint_regions(nodes: list[_Node], name: str) -> None:
    owner: dict[Cell, int] = {}
    shared: dict[tuple[int, int], int] = {}
    for number, node in enumerate(nodes):
        for cell in node.cells:
            first = owner.setdefault(cell, number)
            if first != number:
                shared[first, number] = shared.get((first, number), 0) + 1
    if shared:
        pairs = [
            tr("{one} and {other} ({cells})").format(
                one=nodes[one].name, other=nodes[other].name, cells=format_cells(count)
            )
            for (one, other), count in shared.items()
        ]
        raise QgsProcessingException(
            tr(
                "Focal regions of '{layer}' overlap: {pairs}. Cut the overlap from one of the two, or give both the "
                "same id so that they are one region."
            ).format(layer=name, pairs=shortened(pairs))
        )


def _warn_about_shared_cells(nodes: list[_Node], name: str, feedback: QgsProcessingFeedback) -> None:
    owner: dict[Cell, int | str] = {}
    shared = []
    for node in nodes:
        for cell in node.cells:
            if owner.setdefault(cell, node.name) != node.name:
                shared.append(tr("{one} and {other}").format(one=owner[cell], other=node.name))
    if shared:
        feedback.pushWarning(
            tr("Focal nodes of '{layer}' in the same cell, so that nothing lies between them: {pairs}.").format(
                layer=name, pairs=shortened(shared)
            )
        )


def _assemble(nodes: list[_Node]) -> FocalNodes:
    whole = all(isinstance(node.name, int) for node in nodes)
    nodes = sorted(nodes, key=lambda node: node.name) if whole else nodes
    ids = [node.name for node in nodes] if whole else range(1, len(nodes) + 1)
    cells = [cell for node in nodes for cell in node.cells]
    owners = [number for number, node in enumerate(nodes) for _ in node.cells]
    return FocalNodes(
        np.array(ids, np.int64),
        [node.name for node in nodes],
        [node.label for node in nodes],
        np.array(cells, np.int64).reshape(-1, 2),
        np.array(owners, np.int64),
    )
