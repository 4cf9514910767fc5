"""Focal nodes: the cells or regions between which connectivity is computed, with the user's ids."""

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
    """Focal nodes, ordered by id.

    Parameters
    ----------
    ids
        int64 (n,): unique ids for the engine: the user's ids if these are integers, else 1, 2, ….
    names
        The user's ids: values of the id field, else feature ids; or values of a raster.
    labels
        Label of each node: the feature's `name` (or `label`) if it has one, else its id in `names`.
    cells
        int64 (k, 2): row and column, counted from 0, of every cell of every node.
    owners
        int64 (k,): index in `ids` of the node of each cell.
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
        """int64 (k,): id of the node of each cell."""
        return self.ids[self.owners]

    def named(self) -> dict[int, int | str]:
        """Return the user's id of each node, by the engine's id."""
        return dict(zip(self.ids.tolist(), self.names))


@dataclass
class _Node:
    """A focal node while its features are being read."""

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
    """Read focal nodes from a layer of points or polygons.

    A point becomes the cell that contains it; a polygon becomes the cells whose centres it contains or, if it contains
    no centre, the cell under a point on its surface; a multipart feature becomes the cells of all its parts. Cells
    outside the raster, on nodata or on a barrier are ignored. A node without any other cell is left out with a warning
    that gives the reason.

    Parameters
    ----------
    source
        Point or polygon features.
    grid, valid
        Grid and mask of the landscape, bool (rows, columns).
    context, feedback
        Provides the project's coordinate operations; receives warnings.
    name
        Name of the layer, for messages.
    barrier
        Valid cells that cannot be crossed, bool (rows, columns).
    id_field
        Field with the ids; feature ids by default. Polygons or multipoints that share an id form one node.
    at_least
        Minimum number of nodes.

    Raises
    ------
    QgsProcessingException
        If the layer is empty or holds neither points nor polygons, if a feature has no id, if points share an id, if
        regions overlap, or if there are too few nodes.
    """
    polygons = _has_polygons(source, name)
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
    included = {node_id: node for node_id, node in nodes.items() if node.cells}
    reasons = "; ".join(listed(reason, features) for reason, features in missing.items())
    _require_enough_nodes(len(included), at_least, name, reasons)
    if polygons:
        _require_disjoint_regions(list(included.values()), name)
    else:
        _warn_about_shared_cells(list(included.values()), name, feedback)
    return _assemble(list(included.values()))


def focal_nodes_of(
    raster: Raster, crossable: np.ndarray, feedback: QgsProcessingFeedback, *, at_least: int = 2
) -> FocalNodes:
    """Return the focal nodes of a raster of ids: the cells of each positive integer form a node.

    Parameters
    ----------
    raster
        Raster of ids on the grid of the landscape.
    crossable
        Where the landscape is neither nodata nor a barrier; other cells are ignored.
    feedback
        Receives a warning about nodes that are left out.
    at_least
        Minimum number of nodes.

    Raises
    ------
    QgsProcessingException
        If a value is not a whole number, or if there are too few nodes.
    """
    require_no_nan(raster)
    fractional = InvalidCells(
        tr("the value is not a whole number"),
        tr("A raster of focal nodes must hold their ids: round it, or rasterize polygons with a field of ids."),
    )
    fractional.add(raster.valid & (raster.values != np.rint(raster.values)), raster.values)
    fractional.raise_if_any(raster.name)
    marked = raster.valid & (raster.values > 0)
    marked_ids = np.unique(raster.values[marked]).astype(np.int64)
    cells = np.argwhere(marked & crossable).astype(np.int64)
    values = raster.values[tuple(cells.T)].astype(np.int64)
    ids, owners = np.unique(values, return_inverse=True)
    missing = np.setdiff1d(marked_ids, ids)
    why = tr("only on nodata or barriers: {ids}").format(ids=shortened(missing.tolist())) if missing.size else ""
    _require_enough_nodes(len(ids), at_least, raster.name, why)
    if missing.size:
        feedback.pushWarning(
            tr("Focal nodes of '{layer}' left out because all their cells lie on nodata or barriers: {ids}.").format(
                layer=raster.name, ids=shortened(missing.tolist())
            )
        )
    names = ids.tolist()
    order = np.argsort(owners, kind="stable")
    return FocalNodes(ids, names, [str(value) for value in names], cells[order], owners[order].astype(np.int64))


def _has_polygons(source: QgsProcessingFeatureSource, name: str) -> bool:
    kind = QgsWkbTypes.geometryType(source.wkbType())
    if kind not in (QgsWkbTypes.GeometryType.PointGeometry, QgsWkbTypes.GeometryType.PolygonGeometry):
        raise QgsProcessingException(
            tr("'{layer}' holds neither points nor polygons. Focal nodes must be points or polygons.").format(
                layer=name
            )
        )
    if source.featureCount() == 0:
        raise QgsProcessingException(
            tr(
                "'{layer}' has no features, so there are no focal nodes. Add features or, if only selected features "
                "are used, select some."
            ).format(layer=name)
        )
    return kind == QgsWkbTypes.GeometryType.PolygonGeometry


def _id_of(feature: QgsFeature, id_field: str) -> int | str | None:
    """Return the id of a feature: an int if it is integral, else a text; None if it is empty."""
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
        node_id = _id_of(feature, id_field)
        if node_id in nodes:
            nodes[node_id].features.append(feature.id())
        else:
            label = label_of(feature)
            label = str(node_id) if label == str(feature.id()) else label
            nodes[node_id] = _Node(node_id, label, [feature.id()], {})
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
                "'{layer}': points share an id in the field '{field}': {ids}. Give each point a unique id or, if "
                "points with the same id form one region, collect them into multipoints first (Collect geometries)."
            ).format(layer=name, field=id_field, ids=shortened(shared))
        )
    return nodes


def _cells_under(feature: QgsFeature, transform: QgsCoordinateTransform, grid: RasterGrid) -> Iterator[Cell | None]:
    for vertex in feature.geometry().vertices():
        try:
            point = transform.transform(vertex.x(), vertex.y())
        except QgsCsException:
            yield None  # a point that cannot be projected lies outside the raster
        else:
            yield cell_at(point.x(), point.y(), grid)


def _cells_in(
    feature: QgsFeature, transform: QgsCoordinateTransform, grid: RasterGrid
) -> tuple[Sequence[Cell | None], bool]:
    """Return the cells of a polygon, and whether it is too small to contain a cell centre."""
    geometry = QgsGeometry(feature.geometry())
    try:
        geometry.transform(transform)
    except QgsCsException:
        return [None], False
    inside = cells_inside(geometry, grid)
    if inside:
        return inside, False
    interior = geometry.pointOnSurface()
    if interior.isEmpty():
        return [None], False
    cell = cell_at(interior.asPoint().x(), interior.asPoint().y(), grid)
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
        text = tr("'{layer}': polygons that contain no cell centre, each replaced by the cell under it: {which}.")
        feedback.pushWarning(text.format(layer=name, which=listed(tr("too small"), small)))
    empty = {feature for node in nodes.values() if not node.cells for feature in node.features}
    left_out = "; ".join(
        listed(reason, [feature for feature in features if feature in empty])
        for reason, features in missing.items()
        if empty.intersection(features)
    )
    if left_out:
        feedback.pushWarning(tr("Focal nodes of '{layer}' left out: {reasons}.").format(layer=name, reasons=left_out))
    partly = {reason: [f for f in features if f not in empty] for reason, features in missing.items()}
    counted = "; ".join(
        tr("{cells} {reason}").format(cells=format_cells(len(features)), reason=reason)
        for reason, features in partly.items()
        if features
    )
    if counted:
        feedback.pushInfo(
            (
                tr("'{layer}': cells of focal regions that are ignored: {counted}.")
                if polygons
                else tr("'{layer}': cells of multipoint focal nodes that are ignored: {counted}.")
            ).format(layer=name, counted=counted)
        )


def _require_enough_nodes(nodes: int, at_least: int, name: str, reasons: str) -> None:
    if nodes >= at_least:
        return
    count = tr("only one focal node") if nodes == 1 else tr("{} focal nodes").format(nodes)
    if nodes:
        text = tr("'{layer}' has {count} on cells that can be crossed; at least {needed} are needed{reasons}. {advice}")
    else:
        text = tr("No focal node of '{layer}' lies on a cell of the raster that can be crossed{reasons}. {advice}")
    raise QgsProcessingException(
        text.format(
            layer=name,
            count=count,
            needed=at_least,
            reasons=f" ({reasons})" if reasons else "",
            advice=tr("Check the CRS of the layer, and whether its features lie on cells with a value above 0."),
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
            tr("{first} and {second} ({cells})").format(
                first=nodes[first].name, second=nodes[second].name, cells=format_cells(count)
            )
            for (first, second), count in shared.items()
        ]
        raise QgsProcessingException(
            tr(
                "Focal regions of '{layer}' overlap: {pairs}. Remove the overlap from one of them, or give both the "
                "same id to make them one region."
            ).format(layer=name, pairs=shortened(pairs))
        )


def _warn_about_shared_cells(nodes: list[_Node], name: str, feedback: QgsProcessingFeedback) -> None:
    owner: dict[Cell, int | str] = {}
    shared = []
    for node in nodes:
        for cell in node.cells:
            if owner.setdefault(cell, node.name) != node.name:
                shared.append(tr("{first} and {second}").format(first=owner[cell], second=node.name))
    if shared:
        feedback.pushWarning(
            tr("Focal nodes of '{layer}' in the same cell, with no distance between them: {pairs}.").format(
                layer=name, pairs=shortened(shared)
            )
        )


def _assemble(nodes: list[_Node]) -> FocalNodes:
    integer_ids = all(isinstance(node.name, int) for node in nodes)
    nodes = sorted(nodes, key=lambda node: node.name) if integer_ids else nodes
    ids = [node.name for node in nodes] if integer_ids else range(1, len(nodes) + 1)
    cells = [cell for node in nodes for cell in node.cells]
    owners = [number for number, node in enumerate(nodes) for _ in node.cells]
    return FocalNodes(
        np.array(ids, np.int64),
        [node.name for node in nodes],
        [node.label for node in nodes],
        np.array(cells, np.int64).reshape(-1, 2),
        np.array(owners, np.int64),
    )
