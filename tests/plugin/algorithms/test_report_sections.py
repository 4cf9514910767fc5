"""What a report says about the parameters of a run, and how it draws their features."""

import re

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsFeature, QgsGeometry, QgsProject, QgsVectorLayer

from permea.plugin.algorithms.report.largest_rows import largest_rows, rows_html
from permea.plugin.algorithms.report.settings import settings_of
from permea.plugin.algorithms.report.vectors import MAX_FEATURES, input_features
from permea.plugin.algorithms.tables import Column, Table


@pytest.fixture
def shown(provider, context):
    """Return the text of a parameter in the report, and whether it is marked as the default."""

    def of(name, caption, **parameters):
        algorithm = provider.algorithm(name)
        settings = {each.caption: each for each in settings_of(algorithm, parameters, context, "meters")}
        definition = algorithm.parameterDefinition(caption)
        return settings[definition.description()].value, settings[definition.description()].is_default

    return of


def test_numbers_keep_all_their_digits(shown):
    assert shown("sensitivity", "SEED", SEED=12_345_678) == ("12,345,678", False)
    assert shown("barriers", "CUTOFF", CUTOFF=1_234_567.5)[0].startswith("1,234,567.5 ")


def test_default_is_recognised_however_it_is_passed(shown, provider):
    default = provider.algorithm("sensitivity").parameterDefinition("SAMPLES").defaultValue()
    for passed in (default, float(default), str(default)):
        assert shown("sensitivity", "SAMPLES", SAMPLES=passed)[1]


@pytest.mark.parametrize("passed", [True, "true", 1])
def test_unit_follows_a_check_box_however_it_is_passed(shown, passed):
    text, _ = shown("leastcostcorridor", "THRESHOLD", THRESHOLD=2.0, NORMALISED=passed)
    assert text == "2 times the least cost"


@pytest.fixture
def drawn(provider, context, grid):
    """Return how the report draws polygons over a landscape."""

    def of(shapes):
        layer = QgsVectorLayer("Polygon?crs=EPSG:31985", "patches", "memory")
        features = []
        for shape in shapes:
            feature = QgsFeature()
            feature.setGeometry(QgsGeometry.fromWkt(shape))
            features.append(feature)
        layer.dataProvider().addFeatures(features)
        QgsProject.instance().addMapLayer(layer, False)
        landscape = grid(10, 10)
        return input_features(provider.algorithm("leastcostdistance"), {"SOURCES": layer.id()}, context, landscape)

    yield of
    QgsProject.instance().clear()


def square(left, top, size):
    x, y = 290_000 + left, 9_120_000 - top
    return f"({x} {y}, {x + size} {y}, {x + size} {y - size}, {x} {y - size}, {x} {y})"


def test_no_line_leads_from_a_polygon_to_its_hole(drawn):
    overlay = drawn([f"Polygon({square(30, 30, 240)}, {square(120, 120, 60)})"])
    [path] = re.findall(r'd="M(.*?)"', overlay.shapes)
    outline, hole = path.split("M")
    for ring, size in ((outline, 800), (hole, 200)):
        corners = np.array([pair.split(" ") for pair in ring.split("L")], float)
        assert np.ptp(corners, axis=0).tolist() == [size, size]


def test_features_that_are_not_drawn_are_counted(drawn):
    assert "<p>" not in drawn([f"Polygon({square(30, 30, 60)})"]).legend
    overlay = drawn([f"Polygon({square(30, 30, 60)})"] * (MAX_FEATURES + 1))
    assert "patches: the first 500 of 501 features are drawn." in overlay.legend


def test_rows_with_the_largest_values_have_units():
    columns = (Column("from_id", "text"), Column("cost", unit="m × resistance"))
    table = Table("OUTPUT", columns, [("A", 1.0), ("B", 2.0)])
    html = rows_html(table, largest_rows(table))
    assert "Largest values of “cost, m × resistance” (2 of 2 rows)" in html and ">from id<" in html


def test_bands_and_tables_of_costs_have_the_unit_of_the_map(run, valley_file, points, tmp_path):
    places, report = points((0, 0), (8, 0)), tmp_path / "report.html"
    for name, sources in (("leastcostdistance", "SOURCES"), ("leastcostcorridor", "FOCAL"), ("rspdistance", "SOURCES")):
        output = run(name, INPUT=valley_file, REPORT=str(report), **{sources: places})["OUTPUT"]
        assert gdal.Open(output).GetRasterBand(1).GetDescription().endswith(", m × resistance")
        assert "map units × resistance" not in report.read_text(encoding="utf-8")
    run("distancematrix", INPUT=valley_file, FOCAL=places, REPORT=str(report))
    assert "distance, m × resistance" in report.read_text(encoding="utf-8")
