"""Cells of points, and the messages about points that are left out."""

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsVectorLayer,
)

from permea.plugin.layers import Raster, point_cells, read_points

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30


def centre(row, column):
    return WEST + (column + 0.5) * PIXEL, NORTH - (row + 0.5) * PIXEL


@pytest.fixture
def point_source(feature_reader):
    """The features of a memory layer of points; each item is one feature, a list of coordinates a multipoint."""

    def make(features_xy, *, crs="EPSG:31985", kind="MultiPoint", names=None):
        layer = QgsVectorLayer(f"{kind}?crs={crs}&field=name:string", "sites", "memory")
        features = []
        for index, coordinates in enumerate(features_xy):
            feature = QgsFeature(layer.fields())
            if coordinates is not None:
                parts = coordinates if isinstance(coordinates, list) else [coordinates]
                feature.setGeometry(QgsGeometry.fromMultiPointXY([QgsPointXY(*part) for part in parts]))
            if names:
                feature.setAttribute("name", names[index])
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        return feature_reader(layer)

    return make


@pytest.fixture
def read(grid, context, feedback):
    def run(source, rows=4, columns=5, holes=()):
        valid = np.ones((rows, columns), bool)
        for hole in holes:
            valid[hole] = False
        return read_points(source, grid(rows, columns), valid, context, feedback)

    return run


def test_points_map_to_containing_cells(point_source, read, feedback):
    points = read(point_source([centre(0, 0), centre(3, 4), centre(2, 1)]))
    assert points.cells.tolist() == [[0, 0], [3, 4], [2, 1]]
    assert points.cells.dtype == np.int64
    assert points.ids == [1, 2, 3]
    assert feedback.warnings == []


def test_points_in_degrees_are_reprojected(point_source, read, context):
    to_degrees = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:31985"),
        QgsCoordinateReferenceSystem("EPSG:4326"),
        context.transformContext(),
    )
    point = to_degrees.transform(QgsPointXY(*centre(2, 3)))
    assert read(point_source([(point.x(), point.y())], crs="EPSG:4326")).cells.tolist() == [[2, 3]]


def test_multipoints_contribute_all_points(point_source, read):
    points = read(point_source([[centre(0, 0), centre(1, 1)], centre(2, 2)]))
    assert points.cells.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert points.ids == [1, 1, 2]


def test_point_on_outer_edge_maps_to_adjacent_cell(point_source, read):
    corners = [(WEST, NORTH), (WEST + 5 * PIXEL, NORTH - 4 * PIXEL)]
    assert read(point_source(corners)).cells.tolist() == [[0, 0], [3, 4]]


def test_labels_are_names_or_ids(point_source, read):
    points = read(point_source([centre(0, 0), centre(1, 1)], names=["Mangrove", None]))
    assert points.labels == ["Mangrove", "2"]


def test_points_outside_or_on_nodata_are_left_out(point_source, read, feedback):
    features_xy = [centre(0, 0), centre(9, 9), centre(1, 1), centre(-1, 0), None]
    points = read(point_source(features_xy), holes=[(1, 1)])
    assert points.ids == [1]
    assert feedback.warnings == [
        "Points of 'sites' left out: no geometry: feature 5; outside the raster: features 2, 4; on nodata: feature 3."
    ]


def test_points_on_barriers_are_left_out(point_source, grid, context, feedback):
    barrier = np.zeros((4, 5), bool)
    barrier[1, 1] = True
    source = point_source([centre(0, 0), centre(1, 1)])
    points = read_points(source, grid(4, 5), np.ones((4, 5), bool), context, feedback, barrier=barrier)
    assert points.ids == [1]
    assert feedback.warnings == ["Points of 'sites' left out: on a barrier (permeability 0): feature 2."]


def test_points_in_one_cell_are_merged_with_warning(point_source, read, feedback):
    points = read(point_source([centre(0, 0), centre(1, 1), centre(0, 0)]))
    assert points.cells.tolist() == [[0, 0], [1, 1]]
    assert feedback.warnings == [
        "Points of 'sites' in the same cell as another point; each cell is used once: features 3 (with 1)."
    ]


def test_long_lists_of_points_are_truncated(point_source, read, feedback):
    read(point_source([centre(0, 0)] + [centre(50, 50)] * 1000))
    assert "and 980 more" in feedback.warnings[0]
    assert len(feedback.warnings[0]) < 300


def error_message(read, source, **how):
    with pytest.raises(QgsProcessingException) as error:
        read(source, **how)
    return str(error.value)


def test_layer_outside_landscape_is_rejected(point_source, read):
    message = error_message(read, point_source([centre(9, 9), centre(1, 1)]), holes=[(1, 1)])
    assert message.startswith(
        "No point of 'sites' lies on a passable cell of the raster: "
        "outside the raster: feature 1; on nodata: feature 2."
    )
    assert "Check the CRS of the points" in message


def test_empty_layer_is_rejected(point_source, read):
    assert error_message(read, point_source([])).startswith("'sites' has no points.")


def test_polygons_are_rejected_with_advice(point_source, read):
    message = error_message(read, point_source([], kind="Polygon"))
    assert message == "'sites' is not a point layer. Use Centroids or Point on surface to convert it to points."


def test_unprojectable_points_are_outside(point_source, read, feedback):
    to_mercator = point_source([(0, 91), (0, -91)], crs="EPSG:4326")
    assert "outside the raster: features 1, 2" in error_message(read, to_mercator)


def test_points_without_crs_are_accepted_with_warning(grid, context, feedback, point_source):
    source = point_source([centre(1, 1)])
    points = read_points(source, grid(4, 5, crs=""), np.ones((4, 5), bool), context, feedback)
    assert points.cells.tolist() == [[1, 1]]
    assert "have no CRS" in feedback.warnings[0]


@pytest.fixture
def patches(grid):
    def make(values, valid=None):
        values = np.array(values, float)
        return Raster("patches", values, ~np.isnan(values) if valid is None else valid, grid(*values.shape))

    return make


def test_source_cells_are_valid_and_nonzero(patches):
    cells = point_cells(patches([[0, 1, np.nan], [-2, 0, 7]]))
    assert cells.tolist() == [[0, 1], [1, 0], [1, 2]]
    assert cells.dtype == np.int64


def test_source_cells_on_landscape_nodata_are_left_out(patches, feedback):
    cells = point_cells(patches([[1, 1]]), np.array([[True, False]]), feedback)
    assert cells.tolist() == [[0, 0]]
    assert feedback.warnings == ["'patches': 1 cell on nodata or barriers of the landscape left out."]


@pytest.mark.parametrize(
    ("values", "landscape", "message"),
    [
        ([[0, np.nan]], None, "'patches' marks no cell"),
        (
            [[1, 0]],
            [[False, True]],
            "All marked cells of 'patches' (1 cell) lie on nodata or barriers of the landscape.",
        ),
    ],
)
def test_source_raster_without_sources_is_rejected(patches, values, landscape, message):
    with pytest.raises(QgsProcessingException) as error:
        point_cells(patches(values), None if landscape is None else np.array(landscape))
    assert message in str(error.value)


def test_nan_in_source_raster_is_rejected(patches):
    with pytest.raises(QgsProcessingException, match="NaN"):
        point_cells(patches([[1, np.nan]], np.ones((1, 2), bool)))
