"""Points find their cells, and those that find none are named."""

import numpy as np
import pytest
from permea.plugin.layers import Raster, cells_of, read_points
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameters,
    QgsProject,
    QgsVectorLayer,
)

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30


def centre(row, column):
    return WEST + (column + 0.5) * PIXEL, NORTH - (row + 0.5) * PIXEL


@pytest.fixture
def point_source(context):
    """A feature source over a memory layer of points; each item is one feature, a list of places a multipoint."""
    layers = []

    def make(places, *, crs="EPSG:31985", kind="MultiPoint", names=None):
        layer = QgsVectorLayer(f"{kind}?crs={crs}&field=name:string", "sites", "memory")
        layers.append(layer)
        features = []
        for index, place in enumerate(places):
            feature = QgsFeature(layer.fields())
            if place is not None:
                several = place if isinstance(place, list) else [place]
                feature.setGeometry(QgsGeometry.fromMultiPointXY([QgsPointXY(*one) for one in several]))
            if names:
                feature.setAttribute("name", names[index])
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        QgsProject.instance().addMapLayer(layer, False)
        parameter = QgsProcessingParameterFeatureSource("SOURCES")
        source = QgsProcessingParameters.parameterAsSource(parameter, {"SOURCES": layer.id()}, context)
        assert isinstance(source, QgsProcessingFeatureSource)
        return source

    yield make
    QgsProject.instance().clear()


@pytest.fixture
def read(grid, context, feedback):
    def run(source, rows=4, columns=5, holes=()):
        valid = np.ones((rows, columns), bool)
        for hole in holes:
            valid[hole] = False
        return read_points(source, grid(rows, columns), valid, context, feedback, "sites")

    return run


def test_points_fall_into_the_cells_that_they_lie_in(point_source, read, feedback):
    points = read(point_source([centre(0, 0), centre(3, 4), centre(2, 1)]))
    assert points.cells.tolist() == [[0, 0], [3, 4], [2, 1]]
    assert points.cells.dtype == np.int64
    assert points.ids == [1, 2, 3]
    assert feedback.warnings == []


def test_points_in_degrees_are_brought_to_the_landscape(point_source, read, context):
    to_degrees = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:31985"),
        QgsCoordinateReferenceSystem("EPSG:4326"),
        context.transformContext(),
    )
    place = to_degrees.transform(QgsPointXY(*centre(2, 3)))
    assert read(point_source([(place.x(), place.y())], crs="EPSG:4326")).cells.tolist() == [[2, 3]]


def test_every_point_of_a_multipoint_counts(point_source, read):
    points = read(point_source([[centre(0, 0), centre(1, 1)], centre(2, 2)]))
    assert points.cells.tolist() == [[0, 0], [1, 1], [2, 2]]
    assert points.ids == [1, 1, 2]


def test_a_point_on_the_outer_edge_belongs_to_the_cell_it_touches(point_source, read):
    corners = [(WEST, NORTH), (WEST + 5 * PIXEL, NORTH - 4 * PIXEL)]
    assert read(point_source(corners)).cells.tolist() == [[0, 0], [3, 4]]


def test_names_become_labels_and_ids_stand_in_for_them(point_source, read):
    points = read(point_source([centre(0, 0), centre(1, 1)], names=["Mangrove", None]))
    assert points.labels == ["Mangrove", "2"]


def test_points_outside_and_on_nodata_are_left_out_by_id(point_source, read, feedback):
    places = [centre(0, 0), centre(9, 9), centre(1, 1), centre(-1, 0), None]
    points = read(point_source(places), holes=[(1, 1)])
    assert points.ids == [1]
    assert feedback.warnings == [
        "Points of 'sites' left out: no geometry: feature 5; outside the raster: features 2, 4; on nodata: feature 3."
    ]


def test_points_on_barriers_are_left_out_by_id(point_source, grid, context, feedback):
    barrier = np.zeros((4, 5), bool)
    barrier[1, 1] = True
    source = point_source([centre(0, 0), centre(1, 1)])
    points = read_points(source, grid(4, 5), np.ones((4, 5), bool), context, feedback, "sites", barrier=barrier)
    assert points.ids == [1]
    assert feedback.warnings == ["Points of 'sites' left out: on a barrier (permeability 0): feature 2."]


def test_two_points_in_one_cell_count_once_and_are_named(point_source, read, feedback):
    points = read(point_source([centre(0, 0), centre(1, 1), centre(0, 0)]))
    assert points.cells.tolist() == [[0, 0], [1, 1]]
    assert feedback.warnings == [
        "Points of 'sites' in the same cell as another, each cell counted once: features 3 (with 1)."
    ]


def test_a_thousand_lost_points_are_not_all_listed(point_source, read, feedback):
    read(point_source([centre(0, 0)] + [centre(50, 50)] * 1000))
    assert "and 980 more" in feedback.warnings[0]
    assert len(feedback.warnings[0]) < 300


def refused(read, source, **how):
    with pytest.raises(QgsProcessingException) as error:
        read(source, **how)
    return str(error.value)


def test_no_point_on_the_landscape_is_an_error(point_source, read):
    message = refused(read, point_source([centre(9, 9), centre(1, 1)]), holes=[(1, 1)])
    assert message.startswith(
        "No point of 'sites' lies on a cell of the raster that can be crossed: "
        "outside the raster: feature 1; on nodata: feature 2."
    )
    assert "Check the CRS of the points" in message


def test_an_empty_layer_is_an_error(point_source, read):
    assert refused(read, point_source([])).startswith("'sites' has no points.")


def test_polygons_are_an_error_that_says_what_to_do(point_source, read):
    message = refused(read, point_source([], kind="Polygon"))
    assert message == "'sites' is not a point layer. Use Centroids or Point on surface to make points of it."


def test_points_where_the_projection_ends_are_outside(point_source, read, feedback):
    to_mercator = point_source([(0, 91), (0, -91)], crs="EPSG:4326")
    assert "outside the raster: features 1, 2" in refused(read, to_mercator)


def test_points_without_a_crs_are_taken_as_they_are_with_a_warning(grid, context, feedback, point_source):
    source = point_source([centre(1, 1)])
    points = read_points(source, grid(4, 5, crs=""), np.ones((4, 5), bool), context, feedback, "sites")
    assert points.cells.tolist() == [[1, 1]]
    assert "have no CRS" in feedback.warnings[0]


@pytest.fixture
def patches(grid):
    def make(values, valid=None):
        values = np.array(values, float)
        return Raster("patches", values, ~np.isnan(values) if valid is None else valid, grid(*values.shape))

    return make


def test_source_cells_are_those_that_are_neither_nodata_nor_zero(patches):
    cells = cells_of(patches([[0, 1, np.nan], [-2, 0, 7]]))
    assert cells.tolist() == [[0, 1], [1, 0], [1, 2]]
    assert cells.dtype == np.int64


def test_source_cells_on_nodata_of_the_landscape_are_left_out(patches, feedback):
    cells = cells_of(patches([[1, 1]]), np.array([[True, False]]), feedback)
    assert cells.tolist() == [[0, 0]]
    assert feedback.warnings == ["'patches': 1 cell on nodata or barriers of the landscape left out."]


@pytest.mark.parametrize(
    ("values", "landscape", "message"),
    [
        ([[0, np.nan]], None, "'patches' marks no cell"),
        ([[1, 0]], [[False, True]], "All of 'patches' (1 cell) lies on nodata or barriers of the landscape."),
    ],
)
def test_a_source_raster_without_sources_is_an_error(patches, values, landscape, message):
    with pytest.raises(QgsProcessingException) as error:
        cells_of(patches(values), None if landscape is None else np.array(landscape))
    assert message in str(error.value)


def test_nan_in_a_source_raster_is_no_source(patches):
    with pytest.raises(QgsProcessingException, match="NaN"):
        cells_of(patches([[1, np.nan]], np.ones((1, 2), bool)))
