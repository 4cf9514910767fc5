"""Conditions on pairs of source and target: currents computed by hand, and error messages."""

import numpy as np
import pytest

from .conftest import NODATA, NORTH, PIXEL, WEST

# Every target has its two neighbours for sources, and nothing of Omniscape's edges.
ROW = {"RADIUS": PIXEL, "BLOCK_SIZE": 1, "AS_OMNISCAPE": False}


@pytest.fixture
def row(geotiff):
    """A row of four equal cells."""
    return geotiff(np.ones((1, 4)), name="row")


@pytest.fixture
def error_message(error_message, row):
    """Run moving windows that fail; return the message."""
    return lambda **parameters: error_message("movingwindowcurrent", **{"INPUT": row, **ROW, **parameters})


def test_current_without_conditions(run, read, row):
    result = run("movingwindowcurrent", INPUT=row, **ROW)
    # Each receives 1 A; an end gives half of its neighbour's, its neighbour all of the end's and half of the next.
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1.5, 2.5, 2.5, 1.5]], rtol=1e-6)


def test_equal_classes_exchange_current_only(run, read, row, geotiff):
    classes = geotiff(np.array([[1.0, 1.0, 2.0, 2.0]]), name="classes")
    result = run("movingwindowcurrent", INPUT=row, CONDITION_1=classes, COMPARISON_1="equal", **ROW)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1.5, 1.5, 1.5, 1.5]], rtol=1e-6)


def test_future_values_direct_current(run, read, row, geotiff):
    now, then = (geotiff(np.arange(first, first + 4.0)[None], name=f"from {first}") for first in (10, 11))
    climate = {"CONDITION_2": now, "FUTURE_2": then, "LOWEST_2": -1.0, "HIGHEST_2": 0.0}
    result = run("movingwindowcurrent", INPUT=row, **climate, **ROW)
    # The first receives 1 A from the second, the second and third ½ A from the next, the last nothing.
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1.0, 1.5, 1.0, 0.5]], rtol=1e-6)


def test_both_conditions_must_be_met(run, read, row, geotiff):
    classes = geotiff(np.array([[1.0, 1.0, 1.0, 2.0]]), name="classes")
    height = geotiff(np.array([[5.0, 9.0, 9.0, 9.0]]), name="height")
    both = {"CONDITION_1": classes, "COMPARISON_1": "equal", "CONDITION_2": height, "HIGHEST_2": 0.0}
    result = run("movingwindowcurrent", INPUT=row, **both, **ROW)
    # To the second ½ A from either side; to the third ½ A from the second; the first is too low for its neighbour.
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[0.5, 1.5, 1.0, 0.0]], rtol=1e-6)


def test_nodata_matches_all_conditions_and_is_logged(run, read, row, geotiff, feedback):
    classes = geotiff(np.array([[1.0, NODATA, 2.0, 2.0]]), nodata=NODATA, name="classes")
    result = run("movingwindowcurrent", INPUT=row, CONDITION_1=classes, COMPARISON_1="equal", **ROW)
    # Nothing is lost: neighbours are of one class, or of none.
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1.5, 2.5, 2.5, 1.5]], rtol=1e-6)
    assert any("'classes' has no data in 1 cell of the landscape" in text for text in feedback.infos)


def test_condition_raster_is_resampled(run, read, row, geotiff, feedback):
    halves = geotiff(
        np.repeat([[1.0, 2.0]], 2, axis=0),
        geotransform=(WEST, 2 * PIXEL, 0.0, NORTH + 15, 0.0, -PIXEL),
        name="halves",
    )
    result = run("movingwindowcurrent", INPUT=row, CONDITION_1=halves, COMPARISON_1="equal", **ROW)
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1.5, 1.5, 1.5, 1.5]], rtol=1e-6)
    assert any("'halves' is not on the grid" in text and "nearest neighbour" in text for text in feedback.warnings)


def test_changed_conditions_prevent_resume(run, error_message, row, geotiff, tmp_path):
    kept = {"CHECKPOINT": str(tmp_path / "kept"), "CONDITION_1": geotiff(np.arange(4.0)[None], name="height")}
    run("movingwindowcurrent", INPUT=row, LOWEST_1=-2.0, **kept, **ROW)
    assert "cannot be continued, because something has changed: conditions" in error_message(LOWEST_1=-1.0, **kept)


def test_invalid_conditions_are_rejected(error_message, geotiff):
    height = geotiff(np.array([[0.5, 1.0, 2.0, 3.0]]), name="height")
    assert "has limits or future values, but no raster" in error_message(LOWEST_2=1.0)
    assert "has limits or future values, but no raster" in error_message(FUTURE_1=height)
    assert "has no limits: set the lower or the upper limit" in error_message(CONDITION_1=height)
    assert "compares classes, which have no limits" in error_message(
        CONDITION_1=height, COMPARISON_1="equal", HIGHEST_1=1.0
    )
    message = error_message(CONDITION_1=height, LOWEST_1=2.0, HIGHEST_1=1.0)
    assert "the lower limit of the difference (2) exceeds the upper limit (1)" in message
    message = error_message(CONDITION_1=height, COMPARISON_1="equal")
    assert "'height': the value is not a whole number" in message and "in 1 cell, at row 1, column 1 (0.5)" in message
    bad = geotiff(np.array([[1.0, np.inf, np.inf, 3.0]]), name="bad")
    assert "'bad': the value is infinite in 2 cells, the first at row 1, column 2" in error_message(
        CONDITION_1=height, FUTURE_1=bad, LOWEST_1=0.0
    )
    none = geotiff(np.full((1, 4), NODATA), nodata=NODATA, name="none")
    assert "it has no data in the passable cells of 'row'" in error_message(CONDITION_1=none, LOWEST_1=0.0)
    far = geotiff(np.ones((4, 5)), geotransform=(WEST + 1e5, 30.0, 0.0, NORTH, 0.0, -30.0), name="far")
    assert "'far'" in error_message(CONDITION_1=far, LOWEST_1=0.0)


def test_unmatched_conditions_are_rejected(error_message, geotiff):
    height = geotiff(np.array([[0.0, 10.0, 20.0, 30.0]]), name="height")
    message = error_message(CONDITION_1=height, LOWEST_1=-1.0, HIGHEST_1=1.0)
    assert "no current reaches any target" in message and "no source suits its target" in message
