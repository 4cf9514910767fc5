"""Focal nodes from a layer of points, lines or polygons."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProcessingFeedback, QgsWkbTypes

from ..i18n import tr
from .cell_mask import CellMask
from .features import (
    Cell,
    CellList,
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
    contains or, if it contains no centre, the cell under a point on its surface; a multipart feature becomes the cells
    of all its parts. Polygons that cross themselves are repaired. Cells outside the raster, on nodata or on a barrier
    are ignored. A node without any other cell is left out with a warning that gives the reason.

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
        if isinstance(covered.cells, CellList):
            node.add(_sorted_out(covered.cells, valid, barrier, omitted, feature.id()), grid)
            continue
        for cell in covered.cells:
            if cell is not None and valid[cell] and not (barrier is not None and barrier[cell]):
                node.cells.append(cell[0] * grid.columns + cell[1])
            else:
                omitted.add(_reason(cell, valid), feature.id())
    cells.finish(feedback)
    for node in nodes.values():
        node.drop_repeated()
    _warn(nodes, omitted, reader.name, cells.are_regions, feedback)
    included = [node for node in nodes.values() if node.cells]
    require_enough_nodes(len(included), at_least, reader.name, omitted.described(), locator.extents())
    if cells.are_regions and disjoint:
        _require_disjoint_regions(included, reader.name)
    elif not cells.are_regions:
        _warn_about_shared_cells(included, reader.name, feedback)
    return _assemble(included, grid)


@dataclass
class _Node:
    """A focal node while its features are being read; its cells are numbered row by row."""

    name: int | str
    label: str
    features: list[int]
    cells: array = field(default_factory=lambda: array("q"))

    def add(self, cells: np.ndarray, grid: RasterGrid) -> None:
        """Add cells, int (k, 2): row and column."""
        self.cells.frombytes((cells.astype(np.int64) @ (grid.columns, 1)).tobytes())

    def drop_repeated(self) -> None:
        """Keep the first of equal cells."""
        numbers = np.array(self.cells, np.int64)
        unique, first = np.unique(numbers, return_index=True)
        if unique.size < numbers.size:
            self.cells = array("q", numbers[np.sort(first)].tobytes())


class _Omitted:
    """Features, and numbers of cells by feature id, that are omitted for some reason."""

    def __init__(self) -> None:
        self.features: dict[str, list[int]] = {}
        self.cells: dict[str, dict[int, int]] = {}
        self.small: list[int] = []

    def add(self, reason: str, feature: int, cells: int = 1) -> None:
        """Count cells of a feature."""
        counts = self.cells.setdefault(reason, {})
        counts[feature] = counts.get(feature, 0) + cells

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
            nodes[node_id] = _Node(node_id, label, [feature.id()])
    shared = [f"{node.name} ({listed(tr('of'), node.features)})" for node in nodes.values() if len(node.features) > 1]
    if shared and not may_share:
        raise QgsProcessingException(
            tr(
                "'{layer}': points share an id in the field '{field}': {ids}. Give each point a unique id or, if "
                "points with the same id form one region, collect them into multipoints first (Collect geometries)."
            ).format(layer=reader.name, field=id_field, ids=shortened(shared))
        )
    return nodes


def _sorted_out(
    cells: CellList,
    valid: np.ndarray | CellMask,
    barrier: np.ndarray | CellMask | None,
    omitted: _Omitted,
    feature: int,
) -> np.ndarray:
    """Return the usable cells of a line or polygon, int (k, 2), and count the others."""
    inside = cells.inside_cells()
    is_valid = _looked_up(valid, inside)
    is_barrier = np.zeros(len(inside), bool) if barrier is None else is_valid & _looked_up(barrier, inside)
    usable = is_valid & ~is_barrier
    # Each reason by the first of its cells, in the order of the cells.
    kinds = np.full(len(cells), 1, np.int8)
    kinds[cells.inside] = np.where(usable, 0, np.where(is_valid, 3, 2))
    texts = {1: tr("outside the raster"), 2: tr("on nodata"), 3: tr("on a barrier (permeability 0)")}
    found, first, counts = np.unique(kinds, return_index=True, return_counts=True)
    for place in np.argsort(first):
        if found[place]:
            omitted.add(texts[int(found[place])], feature, int(counts[place]))
    return inside[usable]


def _looked_up(mask: np.ndarray | CellMask, cells: np.ndarray) -> np.ndarray:
    return mask.at(cells) if isinstance(mask, CellMask) else mask[tuple(cells.T)]


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
    partly = {
        reason: sum(count for feature, count in counts.items() if feature not in empty)
        for reason, counts in omitted.cells.items()
    }
    counted = "; ".join(
        tr("{cells} {reason}").format(cells=format_cells(count), reason=reason)
        for reason, count in partly.items()
        if count
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
    numbers, owners = _cells_and_owners(nodes)
    order = np.argsort(numbers, kind="stable")
    is_first = np.ones(len(order), bool)
    is_first[1:] = np.diff(numbers[order]) != 0
    if not is_first.all():
        first_owners = owners[order[is_first]][np.cumsum(is_first) - 1]
        again = ~is_first
        shared = np.stack([first_owners[again], owners[order[again]]], axis=1)
        shared = shared[np.argsort(order[again])]  # in the order of the nodes and their cells
        unique, places, counts = np.unique(shared, axis=0, return_index=True, return_counts=True)
        pairs = [
            tr("{first} and {second} ({cells})").format(
                first=nodes[first].name, second=nodes[second].name, cells=format_cells(count)
            )
            for (first, second), count in zip(unique[np.argsort(places)].tolist(), counts[np.argsort(places)].tolist())
        ]
        raise QgsProcessingException(
            tr(
                "Focal regions of '{layer}' overlap: {pairs}. Remove the overlap from one of them, or give both the "
                "same id to make them one region."
            ).format(layer=name, pairs=shortened(pairs))
        )


def _warn_about_shared_cells(nodes: list[_Node], name: str, feedback: QgsProcessingFeedback) -> None:
    owner: dict[int, int | str] = {}
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


def _cells_and_owners(nodes: list[_Node]) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of all cells, node by node, and the index of the node of each."""
    cells = [np.array(node.cells, np.int64) for node in nodes]
    return np.concatenate(cells), np.repeat(np.arange(len(nodes), dtype=np.int64), [each.size for each in cells])


def _assemble(nodes: list[_Node], grid: RasterGrid) -> FocalNodes:
    integer_ids = all(isinstance(node.name, int) for node in nodes)
    nodes = sorted(nodes, key=lambda node: node.name) if integer_ids else nodes
    ids = [node.name for node in nodes] if integer_ids else range(1, len(nodes) + 1)
    numbers, owners = _cells_and_owners(nodes)
    return FocalNodes(
        np.array(ids, np.int64),
        [node.name for node in nodes],
        [node.label for node in nodes],
        np.stack(np.divmod(numbers, grid.columns), axis=1),
        owners,
    )
