"""Focal nodes from a layer of points, lines or polygons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback, QgsWkbTypes

from ..i18n import tr
from .cell_mask import CellMask
from .features import (
    Cell,
    CellLocator,
    FeatureCells,
    FeatureReader,
    label_of,
    listed,
    require_features,
    shortened,
)
from .focal_nodes import FocalNodes, require_enough_nodes
from .raster_grid import RasterGrid
from .validation import format_cells


def read_focal_nodes(
    reader: FeatureReader,
    grid: RasterGrid,
    valid: np.ndarray | CellMask,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    *,
    barrier: np.ndarray | CellMask | None = None,
    id_field: str = "",
    at_least: int = 2,
    disjoint: bool = True,
) -> FocalNodes:
    """Read focal nodes from a layer of points, lines or polygons.

    A point becomes the cell that contains it; a line all cells that it touches; a polygon the cells whose centres it
    contains or, if it contains no centre, the cell under a point on its surface; a multipart feature becomes the cells of all its parts. Polygons
    that cross themselves are repaired. Cells outside the raster, on nodata or on a barrier are ignored. A node without
    any other cell is left out with a warning that gives the reason.

    Parameters
    ----------
    reader
        Points, lines or polygons.
    grid, valid
        Grid and mask of the landscape, bool (rows, columns).
    context, feedback
        Provides the project's coordinate operations; receives warnings.
    barrier
        Valid cells that cannot be crossed, bool (rows, columns).
    id_field
        Field with the ids; feature ids by default. Polygons, lines or multipoints that share an id form one node.
    at_least
        Minimum number of nodes.
    disjoint
        Whether regions that share a cell are an error.

    Raises
    ------
    QgsProcessingException
        If the layer is empty or holds no geometries, if there is no such field, if a feature has no id,
        if points share an id, if it is unclear what lies inside a polygon, if regions overlap, or if there are too few
        nodes.
    """
    require_features(reader, tr("focal nodes"))
    locator = CellLocator(reader, grid, context, feedback)
    cells = FeatureCells(locator)
    ids = reader.ids(id_field)
    nodes = _by_id(reader, ids, id_field, cells.are_regions or QgsWkbTypes.isMultiType(reader.source.wkbType()))
    omitted = _Omitted()
    for feature in reader.features():
        covered = cells.of(feature)
        node = nodes[ids[feature.id()]]
        if covered.reason:
            omitted.features.setdefault(covered.reason, []).append(feature.id())
        if covered.is_small:
            omitted.small.append(feature.id())
        for cell in covered.cells:
            if cell is not None and valid[cell] and not (barrier is not None and barrier[cell]):
                node.cells[cell] = None
            else:
                omitted.cells.setdefault(_reason(cell, valid), []).append(feature.id())
    cells.finish(feedback)
    _warn(nodes, omitted, reader.name, cells.are_regions, feedback)
    included = [node for node in nodes.values() if node.cells]
    require_enough_nodes(len(included), at_least, reader.name, omitted.described(), locator.extents())
    if cells.are_regions and disjoint:
        _require_disjoint_regions(included, reader.name)
    elif not cells.are_regions:
        _warn_about_shared_cells(included, reader.name, feedback)
    return _assemble(included)


@dataclass
class _Node:
    """A focal node while its features are being read."""

    name: int | str
    label: str
    features: list[int]
    cells: dict[Cell, None]


class _Omitted:
    """Features, and cells of features by feature id, that are omitted for some reason."""

    def __init__(self) -> None:
        self.features: dict[str, list[int]] = {}
        self.cells: dict[str, list[int]] = {}
        self.small: list[int] = []

    def described(self, among: set[int] | None = None) -> str:
        """List the features, or some of them, by reason."""
        lists = []
        for reason, ids in (*self.cells.items(), *self.features.items()):
            lists.append(listed(reason, [i for i in ids if among is None or i in among]))
        return "; ".join(text for text in lists if text)


def _by_id(reader: FeatureReader, ids: dict[int, int | str], id_field: str, may_share: bool) -> dict[int | str, _Node]:
    nodes: dict[int | str, _Node] = {}
    for feature in reader.features(geometry=False):
        node_id = ids[feature.id()]
        if node_id in nodes:
            nodes[node_id].features.append(feature.id())
        else:
            label = label_of(feature)
            label = str(node_id) if label == str(feature.id()) else label
            nodes[node_id] = _Node(node_id, label, [feature.id()], {})
    shared = [f"{node.name} ({listed(tr('of'), node.features)})" for node in nodes.values() if len(node.features) > 1]
    if shared and not may_share:
        raise QgsProcessingException(
            tr(
                "'{layer}': points share an id in the field '{field}': {ids}. Give each point a unique id or, if "
                "points with the same id form one region, collect them into multipoints first (Collect geometries)."
            ).format(layer=reader.name, field=id_field, ids=shortened(shared))
        )
    return nodes


def _reason(cell: Cell | None, valid: np.ndarray | CellMask) -> str:
    if cell is None:
        return tr("outside the raster")
    return tr("on a barrier (permeability 0)") if valid[cell] else tr("on nodata")


def _warn(
    nodes: dict[int | str, _Node], omitted: _Omitted, name: str, are_regions: bool, feedback: QgsProcessingFeedback
) -> None:
    joined = [f"{node.name} ({len(node.features)})" for node in nodes.values() if len(node.features) > 1]
    if joined:
        feedback.pushInfo(
            tr("'{layer}': features that share an id are one focal node: {ids}.").format(
                layer=name, ids=shortened(joined)
            )
        )
    if omitted.small:
        text = tr("'{layer}': polygons that contain no cell centre, each replaced by the cell under it: {which}.")
        feedback.pushWarning(text.format(layer=name, which=listed(tr("too small"), omitted.small)))
    empty = {feature for node in nodes.values() if not node.cells for feature in node.features}
    if left_out := omitted.described(empty):
        feedback.pushWarning(tr("Focal nodes of '{layer}' left out: {reasons}.").format(layer=name, reasons=left_out))
    unusable = {reason: [i for i in ids if i not in empty] for reason, ids in omitted.features.items()}
    if lists := [listed(reason, ids) for reason, ids in unusable.items() if ids]:
        text = tr("Features of focal nodes of '{layer}' left out: {reasons}.")
        feedback.pushWarning(text.format(layer=name, reasons="; ".join(lists)))
    partly = {reason: [i for i in ids if i not in empty] for reason, ids in omitted.cells.items()}
    counted = "; ".join(
        tr("{cells} {reason}").format(cells=format_cells(len(ids)), reason=reason)
        for reason, ids in partly.items()
        if ids
    )
    if counted:
        feedback.pushInfo(
            (
                tr("'{layer}': cells of focal regions that are ignored: {counted}.")
                if are_regions
                else tr("'{layer}': cells of multipoint focal nodes that are ignored: {counted}.")
            ).format(layer=name, counted=counted)
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
