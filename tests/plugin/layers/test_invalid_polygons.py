"""Polygons that cross or touch themselves: repaired where their area is clear, refused by name where it is not."""

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsProcessingException, QgsVectorLayer

from permea.plugin.layers import read_focal_nodes, read_short_circuit_regions

WEST, NORTH, PIXEL = 290_000, 9_120_000, 30
ROWS, COLUMNS = 8, 8


def ring(*corners):
    """A ring through corners of cells (row, column)."""
    return "(" + ", ".join(f"{WEST + x * PIXEL} {NORTH - y * PIXEL}" for y, x in (*corners, corners[0])) + ")"


def square(top, left, size):
    return ring((top, left), (top, left + size), (top + size, left + size), (top + size, left))


def polygon(*rings):
    return f"POLYGON({', '.join(rings)})"


BOW_TIE = polygon(ring((0, 0), (4, 6), (0, 6), (4, 0)))
# Two squares that overlap in four cells, drawn as one line: around those cells it runs twice.
LOOPED = polygon(ring((0, 0), (0, 4), (4, 4), (4, 2), (2, 2), (2, 6), (6, 6), (6, 0)))
WELL_FORMED = polygon(square(6, 6, 2))


@pytest.fixture
def polygons(feature_reader):
    def make(*texts, codes=(), check="repair"):
        layer = QgsVectorLayer("MultiPolygon?crs=EPSG:31985&field=code:integer", "reserves", "memory")
        for number, text in enumerate(texts, 1):
            feature = QgsFeature(layer.fields())
            if text:
                geometry = QgsGeometry.fromWkt(text)
                geometry.convertToMultiType()
                feature.setGeometry(geometry)
            feature.setAttributes([codes[number - 1] if codes else number])
            layer.dataProvider().addFeature(feature)
        return feature_reader(layer, check)

    return make


@pytest.fixture
def covered(grid, context, feedback):
    """The cells of each focal region, as an array of feature numbers."""

    def read(reader, id_field=""):
        valid = np.ones((ROWS, COLUMNS), bool)
        focal = read_focal_nodes(reader, grid(ROWS, COLUMNS), valid, context, feedback, at_least=1, id_field=id_field)
        regions = np.zeros((ROWS, COLUMNS), int)
        regions[tuple(focal.cells.T)] = focal.cell_ids
        return regions

    return read


@pytest.fixture
def short_circuits(grid, context, feedback):
    return lambda reader: read_short_circuit_regions(reader, grid(ROWS, COLUMNS), context, feedback)


@pytest.fixture
def error_message():
    def of(read, reader):
        with pytest.raises(QgsProcessingException) as error:
            read(reader)
        return str(error.value)

    return of


def test_bow_tie_covers_both_wings(polygons, covered, feedback):
    regions = covered(polygons(BOW_TIE, WELL_FORMED))
    wings = regions[:4, :6] == 1
    assert wings.sum() == 12 and (wings == wings[::-1]).all() and (wings == wings[:, ::-1]).all()
    assert feedback.warnings == [
        "'reserves': self-intersecting boundaries of feature 1 were repaired for this run; the layer is unchanged."
    ]


def test_boundary_that_touches_itself_leaves_the_hole_open(polygons, covered, feedback):
    around_hole = ring((0, 0), (0, 2), (1, 1), (3, 1), (3, 3), (1, 3), (0, 2), (0, 4), (4, 4), (4, 0))
    regions = covered(polygons(polygon(around_hole), WELL_FORMED))
    assert regions[2, 2] == 0 and regions[3, 3] == 1 and "feature 1" in feedback.warnings[0]


def test_overlapping_parts_are_united(polygons, covered, feedback):
    parts = f"MULTIPOLYGON(({square(0, 0, 3)}), ({square(1, 1, 3)}))"
    regions = covered(polygons(parts))
    assert regions[:4, :4].sum() == 14 and "feature 1" in feedback.warnings[0]


def test_hole_that_leaves_its_polygon_by_less_than_a_cell_is_repaired(polygons, covered, feedback):
    hole = ring((1, 1), (1, 4.2), (2, 4.2), (2, 1))
    regions = covered(polygons(polygon(square(0, 0, 4), hole)))
    assert regions[1, :5].tolist() == [1, 0, 0, 0, 0] and regions.sum() == 13
    assert "feature 1" in feedback.warnings[0]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        (LOOPED, 4),
        (polygon(square(0, 0, 4), ring((1, 1), (1, 7), (2, 7), (2, 1))), 3),
    ],
)
@pytest.mark.parametrize("reading", ["covered", "short_circuits"])
def test_unclear_polygon_is_rejected_by_feature_and_position(polygons, error_message, request, reading, text, cells):
    message = error_message(request.getfixturevalue(reading), polygons(WELL_FORMED, text))
    assert message.startswith(
        f"'reserves': the area of feature 2 is ambiguous, because boundaries cross themselves; {cells} cells "
        "are affected. The first error is at x 290120, y 9119"
    )
    assert "Fix geometries" in message


def test_short_circuit_regions_are_repaired_too(polygons, short_circuits, feedback):
    assert (short_circuits(polygons(BOW_TIE, WELL_FORMED))[:] == 1).sum() == 12
    assert "feature 1" in feedback.warnings[0]


def test_features_without_an_area_are_left_out(polygons, short_circuits, covered, feedback):
    line = polygon("(290000 9120000, 290090 9119910, 290000 9120000)")
    beyond = polygon(square(20, 20, 2))
    reader = polygons("", line, WELL_FORMED, beyond, polygon(square(1.1, 1.1, 0.3)))
    regions = short_circuits(reader)[:]
    assert (regions > 0).sum() == 4
    assert feedback.warnings == [
        "Short-circuit regions of 'reserves' left out: no geometry: feature 1; no area: feature 2; outside the raster: "
        "feature 4; too small to contain a cell centre: feature 5."
    ]
    feedback.warnings.clear()
    assert sorted(np.unique(covered(reader))) == [0, 3, 5]
    assert feedback.warnings[1] == (
        "Focal nodes of 'reserves' left out: no geometry: feature 1; no area: feature 2; outside the raster: feature 4."
    )


def test_error_of_layer_without_usable_polygon_reports_both_extents(polygons, short_circuits, error_message):
    message = error_message(short_circuits, polygons("", polygon(square(20, 20, 2))))
    assert message == (
        "No polygon of 'reserves' contains a cell centre of the raster (no geometry: feature 1; outside the raster: "
        "feature 2). Check its CRS. The features lie at x 290600 to 290660, y 9119340 to 9119400 (EPSG:31985); the "
        "raster covers x 290000 to 290240, y 9119760 to 9120000 (EPSG:31985)."
    )


def test_infinite_coordinates_are_left_out(polygons, covered, feedback):
    endless = polygon(f"({WEST} {NORTH}, inf {NORTH}, {WEST} {NORTH - 90}, {WEST} {NORTH})")
    covered(polygons(endless, WELL_FORMED))
    assert "feature 1" in feedback.warnings[-1]


def test_feature_without_geometry_is_named_although_its_region_has_others(polygons, covered, feedback):
    assert sorted(np.unique(covered(polygons("", WELL_FORMED, codes=(7, 7)), "code"))) == [0, 7]
    assert feedback.warnings == ["Features of focal nodes of 'reserves' left out: no geometry: feature 1."]


def test_choice_to_skip_or_to_stop_is_followed(polygons, covered, feedback, error_message):
    assert sorted(np.unique(covered(polygons(BOW_TIE, WELL_FORMED, check="skip")))) == [0, 2]
    assert feedback.warnings == ["Focal nodes of 'reserves' left out: invalid, to be skipped as chosen: feature 1."]
    message = error_message(covered, polygons(WELL_FORMED, BOW_TIE, check="stop"))
    assert message.startswith("'reserves': feature 2 is invalid. The first error is at x 290090, y 9119940")


def test_layer_is_not_changed_by_the_repair(polygons, covered):
    reader = polygons(BOW_TIE, WELL_FORMED)
    before = [feature.geometry().asWkt() for feature in reader.features()]
    covered(reader)
    assert [feature.geometry().asWkt() for feature in reader.features()] == before


@pytest.mark.parametrize("far", [1e9, 1e100, 1e300])
def test_polygon_far_beyond_the_raster_covers_all_of_it(polygons, covered, far):
    around = f"({-far} {-far}, {far} {-far}, {far} {far}, {-far} {far}, {-far} {-far})"
    assert (covered(polygons(polygon(around))) == 1).all()


def test_polygon_far_away_is_outside(polygons, covered, feedback):
    covered(polygons(polygon("(1e300 1e300, 2e300 1e300, 2e300 2e300, 1e300 1e300)"), WELL_FORMED))
    assert "outside the raster: feature 1" in feedback.warnings[0]
