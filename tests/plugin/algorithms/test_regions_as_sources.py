"""Lines and polygons as sources, grounds and focal nodes, compared with rasters and points of the same cells."""

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsVectorLayer

from .conftest import NORTH, PIXEL, WEST


@pytest.fixture
def lines(qgis_app):
    """Make a layer of lines through the centres of cells (row, column)."""

    def layer(*paths, name="hedges"):
        made = QgsVectorLayer("LineString?crs=EPSG:31985&field=name:string&field=strength:double", name, "memory")
        for number, path in enumerate(paths):
            feature = QgsFeature(made.fields())
            corners = ", ".join(f"{WEST + (c + 0.5) * PIXEL} {NORTH - (r + 0.5) * PIXEL}" for r, c in path)
            feature.setGeometry(QgsGeometry.fromWkt(f"LINESTRING({corners})"))
            feature.setAttributes([f"hedge {number + 1}", 2.0])
            made.dataProvider().addFeature(feature)
        return made

    return layer


@pytest.fixture
def land(geotiff):
    values = np.random.default_rng(11).uniform(0.2, 1.0, (7, 9))
    values[3, 4] = 0
    return geotiff(values, name="land")


def marked(geotiff, *areas):
    marks = np.zeros((7, 9), np.uint8)
    for top, bottom, left, right in areas:
        marks[top : bottom + 1, left : right + 1] = 1
    return geotiff(marks, name="marks")


def test_least_cost_to_polygons_is_that_to_their_cells(run, read, geotiff, land, patches):
    areas = (0, 1, 0, 1), (5, 6, 6, 8)
    polygons = read(run("leastcostdistance", INPUT=land, SOURCES=patches(*areas))["OUTPUT"]).band
    cells = read(run("leastcostdistance", INPUT=land, SOURCE_RASTER=marked(geotiff, *areas))["OUTPUT"]).band
    np.testing.assert_array_equal(polygons, cells)


def test_one_band_for_each_line_or_polygon(run, read, geotiff, land, lines, patches):
    areas = (0, 0, 0, 3), (6, 6, 6, 8)
    hedges = lines(((0, 0), (0, 3)), ((6, 6), (6, 8)))
    each = read(run("leastcostdistance", INPUT=land, SOURCES=hedges, PER_SOURCE=True)["OUTPUT"])
    assert each.names == ["1: hedge 1", "2: hedge 2"]
    for band, area in zip(each.bands, areas, strict=True):
        expected = read(run("leastcostdistance", INPUT=land, SOURCE_RASTER=marked(geotiff, area))["OUTPUT"]).band
        np.testing.assert_array_equal(band, expected)
    same = read(run("leastcostdistance", INPUT=land, SOURCES=patches(*areas), PER_SOURCE=True)["OUTPUT"])
    np.testing.assert_array_equal(same.bands, each.bands)


def test_polygons_that_overlap_are_sources_of_their_own(run, read, land, patches):
    both = read(
        run("leastcostdistance", INPUT=land, SOURCES=patches((0, 2, 0, 2), (1, 3, 1, 3)), PER_SOURCE=True)["OUTPUT"]
    )
    assert (both.bands[:, 1, 1] == 0).all() and both.bands[0, 3, 3] > 0


def test_resistance_to_a_polygon_is_that_to_one_node(run, read, rows, geotiff, land, patches):
    """The distance matrix, in which each polygon is one node, has the same resistance."""
    region = (5, 6, 6, 8)
    mapped = read(run("resistancedistance", INPUT=land, SOURCES=patches(region))["OUTPUT"]).band
    focal = patches(region, (0, 0, 0, 0))
    [pair] = rows(run("distancematrix", INPUT=land, FOCAL=focal, DISTANCE="resistance")["OUTPUT"])
    assert mapped[0, 0] == pytest.approx(pair["distance"], rel=1e-5)
    separate = read(run("resistancedistance", INPUT=land, SOURCE_RASTER=marked(geotiff, region))["OUTPUT"]).band
    assert (mapped[5:, 6:] == 0).all() and mapped[0, 0] < separate[0, 0]


def test_nearest_of_several_regions(run, read, land, patches):
    areas = (0, 1, 0, 1), (5, 6, 6, 8)
    each = read(run("resistancedistance", INPUT=land, SOURCES=patches(*areas), PER_SOURCE=True)["OUTPUT"]).bands
    nearest = read(run("resistancedistance", INPUT=land, SOURCES=patches(*areas))["OUTPUT"]).band
    np.testing.assert_allclose(nearest, each.min(0), rtol=1e-6)


@pytest.mark.parametrize("name", ["rspdistance", "sensitivity", "rspflow"])
def test_polygons_are_an_error_where_sources_are_single_cells(run, land, patches, name):
    with pytest.raises(
        QgsProcessingException, match="'habitat' is not a point layer. Use Centroids or Point on surface"
    ):
        run(name, INPUT=land, SOURCES=patches((0, 1, 0, 1), (5, 6, 6, 8)))


def test_current_from_a_polygon_to_a_line(run, read, geotiff, land, patches, lines, feedback):
    """The cells of a source share its ampere; every cell of a ground is grounded."""
    result = run("currentflowadvanced", INPUT=land, SOURCES=patches((0, 1, 0, 1)), GROUNDS=lines(((6, 5), (6, 8))))
    sources, grounds = np.zeros((2, 7, 9))
    sources[:2, :2], grounds[6, 5:] = 0.25, 1e12
    expected = run(
        "currentflowadvanced",
        INPUT=land,
        SOURCE_RASTER=geotiff(sources, name="s"),
        GROUND_RASTER=geotiff(np.where(grounds > 0, 0.0, -1.0), name="g", nodata=-1.0),
        GROUND_VALUES="resistance",
    )
    np.testing.assert_allclose(read(result["OUTPUT"]).band, read(expected["OUTPUT"]).band, rtol=1e-5, atol=1e-9)
    assert any("its features cover 4 cells of the landscape" in text for text in feedback.infos)


def test_strength_of_a_line_is_shared_by_its_passable_cells(run, read, land, lines, points, feedback):
    """The second cell of the line is a barrier."""
    source = lines(((3, 3), (3, 5)))
    result = run("currentflowadvanced", INPUT=land, SOURCES=source, STRENGTH_FIELD="strength", GROUNDS=points((6, 8)))
    assert read(result["OUTPUT"]).band[6, 8] == pytest.approx(2.0, rel=1e-6)
    assert any("1 cell of its features is ignored" in text for text in feedback.infos)


def test_polygon_outside_is_named(run, land, patches, points):
    with pytest.raises(QgsProcessingException, match="No feature of 'habitat' covers a passable cell"):
        run("currentflowadvanced", INPUT=land, SOURCES=patches((3, 3, 4, 4)), GROUNDS=points((0, 0)))


@pytest.mark.parametrize("name", ["currentflow", "leastcostpaths", "leastcostcorridor", "barriers"])
def test_lines_are_focal_nodes(run, read, land, lines, patches, name):
    less = dict.fromkeys(("IMPROVEMENT", "RESTORED_GAIN", "PINCH_POINTS")) if name == "barriers" else {}
    first = run(name, INPUT=land, FOCAL=lines(((0, 0), (0, 3)), ((6, 6), (6, 8))), **less)
    second = run(name, INPUT=land, FOCAL=patches((0, 0, 0, 3), (6, 6, 6, 8)), **less)
    if name == "leastcostpaths":
        costs = [next(layer["OUTPUT"].getFeatures())["cost"] for layer in (first, second)]
        assert costs[0] == costs[1] > 0
    else:
        np.testing.assert_allclose(read(first["OUTPUT"]).band, read(second["OUTPUT"]).band, rtol=1e-9)
