"""Focal nodes: their cells and ids, and the messages about nodes that are left out."""

import numpy as np
import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingException,
    QgsVectorLayer,
)

from permea.plugin.layers import Raster, focal_nodes_from_ids, read_focal_nodes, read_raster

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30


def point(row, column):
    return f"POINT({WEST + (column + 0.5) * PIXEL} {NORTH - (row + 0.5) * PIXEL})"


def box(top, left, bottom, right):
    """A polygon from one corner of the grid to another, in rows and columns."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return "POLYGON((" + ", ".join(f"{WEST + x * PIXEL} {NORTH - y * PIXEL}" for x, y in corners) + "))"


@pytest.fixture
def source(feature_reader):
    """The features of a memory layer of (geometry, id, name)."""

    def make(features, kind="Point", field="code:integer"):
        layer = QgsVectorLayer(f"{kind}?crs=EPSG:31985&field={field}&field=name:string", "sites", "memory")
        for text, identity, *name in features:
            feature = QgsFeature(layer.fields())
            if text:
                feature.setGeometry(QgsGeometry.fromWkt(text))
            feature.setAttributes([identity, *(name or [None])])
            layer.dataProvider().addFeature(feature)
        return feature_reader(layer)

    return make


@pytest.fixture
def read(grid, context, feedback):
    def run(source, holes=(), walls=(), **how):
        valid, barrier = np.ones((4, 6), bool), np.zeros((4, 6), bool)
        for cell in holes:
            valid[cell] = False
        for cell in walls:
            barrier[cell] = True
        return read_focal_nodes(source, grid(4, 6), valid, context, feedback, barrier=barrier, **how)

    return run


@pytest.fixture
def error_message(read):
    def of(source, **how):
        with pytest.raises(QgsProcessingException) as error:
            read(source, **how)
        return str(error.value)

    return of


def cells(focal, node):
    return focal.cells[focal.owners == node].tolist()


def test_points_use_feature_ids(source, read, feedback):
    focal = read(source([(point(0, 1), 7, "Marsh"), (point(3, 5), 4)]))
    assert focal.ids.tolist() == [1, 2] and focal.labels == ["Marsh", "2"]
    assert focal.cells.tolist() == [[0, 1], [3, 5]] and not feedback.warnings


def test_id_field_sets_ids_and_order(source, read):
    focal = read(source([(point(0, 1), 7, "Marsh"), (point(3, 5), 4)]), id_field="code")
    assert focal.ids.tolist() == focal.names == [4, 7]
    assert focal.labels == ["4", "Marsh"] and focal.cells.tolist() == [[3, 5], [0, 1]]


def test_text_ids_are_numbered_and_remembered(source, read):
    focal = read(source([(point(0, 1), "north"), (point(3, 5), "east")], field="code:string"), id_field="code")
    assert focal.named() == {1: "north", 2: "east"}


def test_polygon_covers_cells_with_centre_inside(source, read):
    focal = read(source([(box(0, 0, 2, 2), 1), (box(1.4, 3.4, 3.6, 5.6), 2)], "Polygon"))
    assert cells(focal, 0) == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert cells(focal, 1) == [[row, column] for row in (1, 2, 3) for column in (3, 4, 5)]


def test_polygon_hole_is_not_covered(source, read):
    ring = box(0, 0, 3, 3)[:-1] + ", " + box(1, 1, 2, 2)[len("POLYGON(") :]
    focal = read(source([(ring, 1)], "Polygon"), at_least=1)
    assert [1, 1] not in cells(focal, 0) and len(cells(focal, 0)) == 8


def test_tiny_polygon_becomes_cell_under_it(source, read, feedback):
    focal = read(source([(box(0.1, 0.1, 0.3, 0.3), 1), (box(2, 2, 4, 4), 2)], "Polygon"))
    assert cells(focal, 0) == [[0, 0]]
    assert "contain no cell centre" in feedback.warnings[0] and "feature 1" in feedback.warnings[0]


def test_polygons_sharing_an_id_form_one_region(source, read, feedback):
    features = [(box(0, 0, 1, 1), 5), (box(3, 5, 4, 6), 5), (box(0, 4, 1, 5), 8)]
    focal = read(source(features, "Polygon"), id_field="code")
    assert focal.ids.tolist() == [5, 8] and cells(focal, 0) == [[0, 0], [3, 5]]
    assert feedback.infos == ["'sites': features that share an id are one focal node: 5 (2)."]


def test_multipoint_is_one_region(source, read):
    several = f"MULTIPOINT({point(0, 0)[6:-1]}, {point(2, 2)[6:-1]})"
    focal = read(source([(several, 1), (point(3, 5).replace("POINT", "MULTIPOINT"), 2)], "MultiPoint"))
    assert cells(focal, 0) == [[0, 0], [2, 2]]


def test_points_sharing_an_id_are_rejected(source, error_message):
    message = error_message(source([(point(0, 0), 3), (point(1, 1), 3), (point(2, 2), 4)]), id_field="code")
    assert message.startswith("'sites': points share an id in the field 'code': 3 (of: features 1, 2).")


def test_feature_without_id_is_rejected(source, error_message):
    message = error_message(source([(point(0, 0), 3), (point(1, 1), None)]), id_field="code")
    assert "the id field 'code' is empty in the following: feature 2" in message


def test_overlapping_regions_are_rejected(source, error_message):
    message = error_message(source([(box(0, 0, 2, 3), 11), (box(1, 1, 3, 4), 12)], "Polygon"), id_field="code")
    assert message.startswith("Focal regions of 'sites' overlap: 11 and 12 (2 cells).")


def test_nodes_without_valid_cell_are_left_out(source, read, feedback):
    features = [(point(0, 0), 1), (point(1, 1), 2), (point(2, 2), 3), (point(9, 9), 4), (point(3, 3), 5), ("", 6)]
    focal = read(source(features), holes=[(1, 1)], walls=[(2, 2)])
    assert focal.ids.tolist() == [1, 5]
    assert feedback.warnings == [
        "Focal nodes of 'sites' left out: on nodata: feature 2; on a barrier (permeability 0): feature 3; outside the "
        "raster: feature 4; no geometry: feature 6."
    ]


def test_blocked_cells_of_region_are_ignored(source, read, feedback):
    features = [(box(0, 0, 2, 2), 1), (box(2, 4, 4, 8), 2)]
    focal = read(source(features, "Polygon"), holes=[(0, 0)], walls=[(1, 1)])
    assert cells(focal, 0) == [[0, 1], [1, 0]] and len(cells(focal, 1)) == 4
    assert "1 cell on nodata; 1 cell on a barrier (permeability 0)" in feedback.infos[0]


def test_points_in_one_cell_stay_separate_nodes(source, read, feedback):
    focal = read(source([(point(0, 0), 1), (point(0, 0), 2)]))
    assert len(focal) == 2
    assert feedback.warnings == ["Focal nodes of 'sites' in the same cell, with no distance between them: 1 and 2."]


def test_single_focal_node_is_rejected(source, error_message):
    message = error_message(source([(point(0, 0), 1), (point(9, 9), 2)]))
    assert "'sites' has only one focal node on passable cells; at least 2 are needed" in message
    assert "outside the raster: feature 2" in message


def test_layer_outside_landscape_is_rejected(source, error_message):
    message = error_message(source([(point(1, 1), 1), (point(9, 9), 2)]), holes=[(1, 1)])
    assert message.startswith("No focal node of 'sites' lies on a passable cell of the raster")


def test_empty_layer_and_lines_are_rejected(source, error_message):
    assert error_message(source([])).startswith("'sites' has no features")
    assert "neither points, lines nor polygons" in error_message(source([("", 1)], "None"))


@pytest.fixture
def ids(grid):
    def make(values):
        values = np.array(values, float)
        return Raster("ids", values, ~np.isnan(values), grid(*values.shape))

    return make


def test_raster_cells_with_one_id_form_a_node(ids, feedback):
    focal = focal_nodes_from_ids(ids([[0, 7, np.nan], [3, 7, -9]]), np.ones((2, 3), bool), feedback)
    assert focal.names == [3, 7] and cells(focal, 0) == [[1, 0]] and cells(focal, 1) == [[0, 1], [1, 1]]


def test_raster_ids_on_barriers_only_are_reported(ids, feedback):
    focal = focal_nodes_from_ids(ids([[1, 2, 3]]), np.array([[True, False, True]]), feedback)
    assert focal.names == [1, 3] and feedback.warnings[0].endswith("nodata or barriers: 2.")


def test_raster_ids_must_be_integers(ids, feedback):
    with pytest.raises(QgsProcessingException, match="the value is not a whole number in 2 cells, the first"):
        focal_nodes_from_ids(ids([[1, 2.5, 3.5]]), np.ones((1, 3), bool), feedback)


def test_raster_with_one_id_off_barriers_is_rejected(ids, feedback):
    with pytest.raises(QgsProcessingException, match=r"one focal node .* \(only on nodata or barriers: 2, 3\)"):
        focal_nodes_from_ids(ids([[1, 2, 3]]), np.array([[True, False, False]]), feedback)


def test_raster_with_single_id_is_rejected(ids, feedback):
    with pytest.raises(QgsProcessingException, match="'ids' has only one focal node"):
        focal_nodes_from_ids(ids([[4, 4]]), np.ones((1, 2), bool), feedback)


def test_ids_below_zero_are_named(raster_layer, feedback):
    raster = read_raster(raster_layer(np.array([[1, 0, -7], [2, -1, 0]], "int32")), 1, feedback)
    nodes = focal_nodes_from_ids(raster, raster.valid, feedback)
    assert nodes.ids.tolist() == [1, 2]
    assert any("ids below 0 are no focal nodes and are left out: -7, -1" in text for text in feedback.warnings)


def line(*cells):
    """A line through the centres of cells (row, column)."""
    return "LINESTRING(" + ", ".join(f"{WEST + (c + 0.5) * PIXEL} {NORTH - (r + 0.5) * PIXEL}" for r, c in cells) + ")"


def test_line_covers_all_cells_that_it_touches(source, read):
    nodes = read(source([(line((0, 0), (0, 3)), 1), (line((2, 1), (3, 3)), 2)], "LineString"), id_field="code")
    cells = [tuple(cell) for cell in nodes.cells.tolist()]
    assert cells[:4] == [(0, 0), (0, 1), (0, 2), (0, 3)]
    # Halfway between the rows the line passes through the cells above and below.
    assert set(cells[4:]) == {(2, 1), (2, 2), (3, 2), (3, 3)}
    assert nodes.owners.tolist() == [0] * 4 + [1] * 4


def test_line_along_a_boundary_beyond_the_raster_or_on_barriers(source, read, feedback):
    along = f"LINESTRING({WEST + 60} {NORTH}, {WEST + 60} {NORTH - 120})"
    beyond = line((1, 4), (1, 9))
    nodes = read(source([(along, 1), (beyond, 2)], "LineString"), id_field="code", walls=[(1, 4)])
    assert {tuple(cell)[1] for cell in nodes.cells[nodes.owners == 0].tolist()} <= {1, 2}
    assert nodes.cells[nodes.owners == 1].tolist() == [[1, 5]]
    assert any("cells of focal regions that are ignored" in text for text in feedback.infos)


def test_lines_that_cross_overlap(source, error_message):
    crossing = source([(line((0, 0), (0, 3)), 1), (line((0, 2), (3, 2)), 2)], "LineString")
    assert "Focal regions of 'sites' overlap: 1 and 2 (1 cell)" in error_message(crossing, id_field="code")


def test_lines_without_geometry_are_left_out(source, read, feedback):
    read(source([("", 1), (line((0, 0), (0, 1)), 2), (line((3, 0), (3, 1)), 3)], "LineString"))
    assert any("no geometry" in text for text in feedback.warnings)
