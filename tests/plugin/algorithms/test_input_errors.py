"""Invalid inputs and their error messages."""

import os

import numpy as np
import pytest
from qgis.core import QgsVectorLayer

from .conftest import NODATA, NORTH, WEST


@pytest.fixture
def open_land(geotiff):
    return geotiff(np.ones((4, 5)))


def test_missing_sources_are_rejected(error_message, open_land):
    assert "No sources: choose either a layer of sources or a source raster." in error_message(
        "leastcostdistance", INPUT=open_land
    )


def test_two_sets_of_sources_are_rejected(error_message, open_land, points):
    message = error_message("rspdistance", INPUT=open_land, SOURCES=points((0, 0)), SOURCE_RASTER=open_land)
    assert "Two sets of sources: choose either a layer of sources or a source raster, not both." in message


def test_unloadable_landscape_is_rejected(error_message, points, tmp_path):
    message = error_message("leastcostdistance", INPUT=str(tmp_path / "nowhere.tif"), SOURCES=points((0, 0)))
    assert "nowhere.tif" in message


def test_negative_permeability_is_rejected(error_message, geotiff, points):
    values = np.ones((4, 5))
    values[1, 2:4] = -0.4
    message = error_message("leastcostdistance", INPUT=geotiff(values), SOURCES=points((0, 0)))
    assert "'landscape': permeability is negative in 2 cells, the first at row 2, column 3 (-0.4)." in message


def test_zero_resistance_is_rejected(error_message, geotiff, points):
    values = np.ones((4, 5))
    values[3, 4] = 0.0
    message = error_message("leastcostdistance", INPUT=geotiff(values), SOURCES=points((0, 0)), VALUES="resistance")
    assert "resistance is zero in 1 cell, at row 4, column 5" in message


def test_landscape_without_data_is_rejected(error_message, geotiff):
    message = error_message("connectedcomponents", INPUT=geotiff(np.full((3, 3), NODATA), nodata=NODATA))
    assert "every cell is nodata" in message


def test_missing_band_is_rejected(error_message, open_land, points):
    message = error_message("leastcostdistance", INPUT=open_land, BAND=3, SOURCES=points((0, 0)))
    assert "'landscape' has no band 3: its bands are numbered from 1 to 1." in message


def test_south_up_landscape_gives_the_same_map(run, read, geotiff, points, valley, valley_file):
    usual = read(run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))["OUTPUT"])
    south = NORTH - len(valley) * 30.0
    turned = geotiff(valley[::-1], geotransform=(WEST, 30.0, 0.0, south, 0.0, 30.0), nodata=-1, name="south-up")
    other = read(run("leastcostdistance", INPUT=turned, SOURCES=points((0, 0)))["OUTPUT"])
    np.testing.assert_array_equal(other.band, usual.band)
    assert other.geotransform == usual.geotransform


def test_rotated_landscape_is_rejected(error_message, geotiff, points):
    rotated = geotiff(np.ones((4, 5)), geotransform=(WEST, 30.0, 4.0, NORTH, 4.0, -30.0))
    message = error_message("leastcostdistance", INPUT=rotated, SOURCES=points((0, 0)))
    assert "'landscape' is rotated: its rows do not run from west to east. Rectify it first" in message


@pytest.mark.parametrize(
    ("value", "what"),
    [(np.nan, "the value is NaN (not a number) but not marked as nodata"), (np.inf, "the value is infinite")],
)
def test_non_finite_landscape_is_rejected(error_message, geotiff, points, value, what):
    values = np.ones((4, 5))
    values[2, 0:3] = value
    message = error_message("leastcostdistance", INPUT=geotiff(values), SOURCES=points((0, 0)))
    assert f"'landscape': {what} in 3 cells, the first at row 3, column 1" in message


def test_complex_landscape_is_rejected(error_message, geotiff, points):
    message = error_message("leastcostdistance", INPUT=geotiff(np.ones((4, 5), "complex64")), SOURCES=points((0, 0)))
    assert "band 1 holds CFloat32 values, but a landscape needs real numbers" in message


def test_points_outside_landscape_are_listed(error_message, open_land, points):
    message = error_message("leastcostdistance", INPUT=open_land, SOURCES=points((40, 40), (50, 50)))
    assert "'patches'" in message and "outside the raster: features 1, 2" in message


def test_points_on_nodata_are_ignored_and_logged(run, geotiff, points, feedback):
    values = np.ones((4, 5))
    values[0, 0] = NODATA
    result = run("leastcostdistance", INPUT=geotiff(values, nodata=NODATA), SOURCES=points((0, 0), (2, 2), (2, 2)))
    assert result["UNREACHABLE_CELLS"] == 0
    assert any("on nodata: feature 1" in text for text in feedback.warnings)
    assert any("3 (with 2)" in text for text in feedback.warnings)


def test_points_on_barriers_are_ignored_and_logged(run, geotiff, points, feedback):
    values = np.ones((4, 5))
    values[0, 0] = 0.0
    run("leastcostdistance", INPUT=geotiff(values), SOURCES=points((0, 0), (2, 2)))
    assert any("on a barrier (permeability 0): feature 1" in text for text in feedback.warnings)


def test_points_on_barriers_only_are_rejected(error_message, geotiff, points):
    values = np.ones((4, 5))
    values[0, 0] = 0.0
    message = error_message("leastcostdistance", INPUT=geotiff(values), SOURCES=points((0, 0)))
    assert "No point of 'patches' lies on a passable cell of the raster" in message
    assert "on a barrier (permeability 0): feature 1" in message


def test_source_raster_on_barriers_is_rejected(error_message, geotiff):
    values = np.ones((4, 5))
    values[0, 0] = 0.0
    marks = np.zeros((4, 5), np.uint8)
    marks[0, 0] = 1
    message = error_message("leastcostdistance", INPUT=geotiff(values), SOURCE_RASTER=geotiff(marks, name="marks"))
    assert "All marked cells of 'marks' (1 cell) lie on nodata or barriers of the landscape." in message


def test_source_raster_is_resampled_and_logged(run, geotiff, feedback):
    coarse = np.zeros((2, 3), np.uint8)
    coarse[0, 0] = 1
    marks = geotiff(coarse, geotransform=(WEST, 60.0, 0.0, NORTH, 0.0, -60.0), name="marks")
    result = run("leastcostdistance", INPUT=geotiff(np.ones((4, 6))), SOURCE_RASTER=marks, PER_SOURCE=True)
    assert any(
        "'marks' is not on the grid of the landscape and was resampled (nearest neighbour" in text
        for text in feedback.warnings
    )
    assert result["MINIMUM"] == 0


def test_empty_source_layer_is_rejected(error_message, open_land, qgis_app):
    empty = QgsVectorLayer("Point?crs=EPSG:31985", "empty", "memory")
    assert "'empty' has no points." in error_message("leastcostdistance", INPUT=open_land, SOURCES=empty)


def test_line_sources_are_rejected(error_message, open_land, qgis_app):
    lines = QgsVectorLayer("LineString?crs=EPSG:31985", "roads", "memory")
    assert "'roads' is not a point layer." in error_message("rspdistance", INPUT=open_land, SOURCES=lines)
    message = error_message("leastcostdistance", INPUT=open_land, SOURCES=lines)
    assert "'roads' has no features, so there are no sources." in message
    table = QgsVectorLayer("None?field=a:integer", "rows", "memory")
    message = error_message("leastcostdistance", INPUT=open_land, SOURCES=table)
    assert "'rows' holds neither points, lines nor polygons, so there are no sources." in message


def test_source_raster_without_sources_is_rejected(error_message, geotiff, open_land):
    message = error_message("leastcostdistance", INPUT=open_land, SOURCE_RASTER=geotiff(np.zeros((4, 5)), name="marks"))
    assert "'marks' marks no cell" in message


def test_source_raster_elsewhere_is_rejected(error_message, geotiff, open_land):
    far = geotiff(np.ones((4, 5)), geotransform=(WEST + 1e5, 30.0, 0.0, NORTH, 0.0, -30.0), name="far")
    message = error_message("leastcostdistance", INPUT=open_land, SOURCE_RASTER=far)
    assert "'far'" in message and "has no values within the extent of the landscape" in message


@pytest.mark.parametrize("name", ["result.img", "result.asc", "result"])
def test_other_raster_formats_are_rejected_before_run(error_message, open_land, points, tmp_path, feedback, name):
    message = error_message("leastcostdistance", INPUT=open_land, SOURCES=points((0, 0)), OUTPUT=str(tmp_path / name))
    assert "choose a file name that ends in .tif" in message and f"'{name}'" in message
    assert not feedback.commands  # the engine was not started


def test_missing_output_folder_is_rejected_before_run(error_message, open_land, points, tmp_path, feedback):
    target = tmp_path / "nowhere" / "result.tif"
    message = error_message("leastcostdistance", INPUT=open_land, SOURCES=points((0, 0)), OUTPUT=str(target))
    assert f"there is no folder '{target.parent}'" in message
    assert not feedback.commands


def test_theta_must_be_positive(error_message, open_land, points):
    assert "THETA" in error_message("rspdistance", INPUT=open_land, SOURCES=points((0, 0)), THETA=0)


def test_unknown_enum_value_is_rejected(error_message, open_land, points):
    assert "NEIGHBORS" in error_message("leastcostdistance", INPUT=open_land, SOURCES=points((0, 0)), NEIGHBORS="king")


def test_mean_distance_rejects_quality(error_message, open_land):
    message = error_message("sensitivity", INPUT=open_land, QUALITY=open_land)
    assert "does not depend on habitat quality" in message
    assert "does not depend on habitat quality" in error_message("sensitivity", INPUT=open_land, RESPECT_TO="quality")


def test_targets_without_sources_are_rejected(error_message, open_land, points):
    message = error_message("sensitivity", INPUT=open_land, TARGETS=points((0, 0)))
    assert "no sources" in message


def test_single_source_is_rejected(error_message, open_land, points):
    message = error_message("sensitivity", INPUT=open_land, SOURCES=points((0, 0)))
    assert "A single place has no connectivity" in message


def test_resistance_rejects_directed_edge_rule(error_message, provider, open_land, points):
    places = {"INPUT": open_land, "SOURCES": points((0, 0), (1, 1)), "EDGE_RULE": "target"}
    assert "is symmetric" in error_message("sensitivity", DISTANCE="resistance", **places)
    assert "EDGE_RULE" in error_message("resistancedistance", **places)


def test_negative_quality_is_rejected(error_message, geotiff, open_land, points):
    bad = np.ones((4, 5))
    bad[2, 1] = -3.0
    places = {"INPUT": open_land, "SOURCES": points((0, 0), (1, 1)), "SCALAR": "quality_weighted"}
    message = error_message("sensitivity", QUALITY=geotiff(bad, name="quality"), **places)
    assert "1 cell of 'quality' is negative or infinite, the first at row 3, column 2 (-3)" in message


def test_landscape_without_habitat_is_rejected(error_message, geotiff, open_land, points):
    places = {"INPUT": open_land, "SOURCES": points((0, 0), (1, 1)), "SCALAR": "quality_weighted"}
    message = error_message("sensitivity", QUALITY=geotiff(np.zeros((4, 5)), name="quality"), **places)
    assert "The landscape has no habitat" in message


def test_too_many_sources_for_bands_are_rejected(error_message, geotiff):
    everywhere = geotiff(np.ones((300, 300), np.uint8), name="everywhere")
    message = error_message("leastcostdistance", INPUT=everywhere, SOURCE_RASTER=everywhere, PER_SOURCE=True)
    assert "at most 65,535 bands, and there are 90,000 sources" in message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_folder_is_rejected(error_message, open_land, points, tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    message = error_message("leastcostdistance", INPUT=open_land, SOURCES=points((0, 0)), OUTPUT=str(folder / "x.tif"))
    assert "No permission" in message
