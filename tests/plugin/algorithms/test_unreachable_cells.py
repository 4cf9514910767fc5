"""Unreachable cells are nodata by default, so that statistics, means and further algorithms work; infinite if asked."""

import numpy as np
import pytest
from qgis.core import QgsFeature, QgsGeometry, QgsRasterLayer, QgsVectorLayer

from .conftest import NODATA

DISTANCES = ["leastcostdistance", "resistancedistance", "rspdistance"]


@pytest.fixture
def island(valley):
    cells = np.zeros(valley.shape, bool)
    cells[6:, 9:] = True
    return cells & (valley != NODATA)


@pytest.mark.parametrize("name", DISTANCES)
def test_unreachable_cells_are_nodata(run, read, points, feedback, valley, valley_file, island, name):
    result = run(name, INPUT=valley_file, SOURCES=points((0, 0)))
    band = read(result["OUTPUT"]).band
    np.testing.assert_array_equal(np.isnan(band), island | (valley == NODATA))
    assert np.isfinite(band[~np.isnan(band)]).all()
    assert result["UNREACHABLE_CELLS"] == island.sum()
    assert any(text.startswith(f"{island.sum()} cells cannot reach any source") for text in feedback.warnings)


def test_survival_is_zero_in_unreachable_cells(run, read, points, feedback, valley_file, island):
    result = run("rspdistance", INPUT=valley_file, SOURCES=points((0, 0)), MEASURE="survival", THETA=1e-4)
    np.testing.assert_array_equal(read(result["OUTPUT"]).band[island], 0)
    assert result["UNREACHABLE_CELLS"] == island.sum()
    [warning] = [text for text in feedback.warnings if "from all sources" in text]
    assert warning.startswith(f"The survival probability of {island.sum()} cells is 0: ")
    assert "infinite" not in warning and any(
        text.startswith("Values of the map range from 0") for text in feedback.infos
    )


@pytest.mark.parametrize("name", DISTANCES)
def test_unreachable_cells_are_infinite_on_request(run, read, points, valley, valley_file, island, name):
    result = run(name, INPUT=valley_file, SOURCES=points((0, 0)), UNREACHABLE="infinity")
    band = read(result["OUTPUT"]).band
    np.testing.assert_array_equal(np.isposinf(band), island)
    np.testing.assert_array_equal(np.isnan(band), valley == NODATA)


def test_bands_of_single_sources(run, read, points, valley_file, feedback):
    result = run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0), (7, 10)), PER_SOURCE=True)
    mainland, islands = read(result["OUTPUT"]).bands
    assert np.isnan(mainland[7, 10]) and np.isnan(islands[0, 0])
    assert result["UNREACHABLE_CELLS"] == 0
    assert any("99 cells without a finite value are written as nodata" in text for text in feedback.infos)


def test_means_and_next_algorithm_work(run, read, points, valley_file, geotiff):
    import processing

    distance = run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))["OUTPUT"]
    band = read(distance).band
    statistics = processing.run("native:rasterlayerstatistics", {"INPUT": distance, "BAND": 1})
    assert statistics["MEAN"] == pytest.approx(np.nanmean(band), rel=1e-5)
    assert statistics["MAX"] == pytest.approx(np.nanmax(band), rel=1e-6)
    layer = QgsRasterLayer(distance, "distance")
    zone = QgsVectorLayer("Polygon?crs=EPSG:31985", "zone", "memory")
    feature = QgsFeature()
    feature.setGeometry(QgsGeometry.fromRect(layer.extent()))
    zone.dataProvider().addFeature(feature)
    given = {"INPUT": zone, "INPUT_RASTER": distance, "RASTER_BAND": 1, "STATISTICS": [0, 2]}
    [row] = processing.run("native:zonalstatisticsfb", {**given, "OUTPUT": "TEMPORARY_OUTPUT"})["OUTPUT"].getFeatures()
    assert row["_count"] == np.isfinite(band).sum()
    assert row["_mean"] == pytest.approx(np.nanmean(band), rel=1e-5)
    # The distance as a resistance: a chain of two runs.
    shifted = geotiff(np.where(np.isnan(band), NODATA, band + 1), nodata=NODATA, name="shifted")
    assert run("connectedcomponents", INPUT=shifted)["COMPONENTS"] == 1
    assert run("connectedcomponents", INPUT=distance)["ACTIVE_CELLS"] == (band > 0).sum()
