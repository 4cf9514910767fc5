"""Sensitivity of moving-window current: equal to finite differences of the current."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .conftest import NODATA, NORTH, WEST

WINDOWS = {"RADIUS": 90.0, "BLOCK_SIZE": 3}


@pytest.fixture
def strengths():
    """Source strengths of the valley, 0 in a corner."""
    values = np.random.default_rng(12).uniform(0.2, 2.0, (9, 12))
    values[:3, 9:] = 0.0
    return values


@pytest.fixture
def reserve():
    """Weights of places of interest: three rows of four cells, one of weight 0.5, one without data."""
    values = np.zeros((9, 12))
    values[2:5, 5:9] = 1.0
    values[2, 5], values[3, 6] = 0.5, NODATA
    return values


@pytest.mark.parametrize(
    ("respect_to", "elasticity"),
    [
        ("permeability", False),
        pytest.param("resistance", True, marks=pytest.mark.long),
        pytest.param("sources", False, marks=pytest.mark.long),
    ],
)
def test_current_sensitivity_equals_finite_difference(
    run, read, geotiff, valley, strengths, reserve, respect_to, elasticity
):
    there = valley != NODATA
    interest = np.where(reserve == NODATA, 0.0, reserve)

    def layers(landscape, sources, name):
        return {
            "INPUT": geotiff(np.where(there, landscape, NODATA), nodata=NODATA, name=f"land {name}"),
            "VALUES": "resistance" if respect_to == "resistance" else "permeability",
            "SOURCE_STRENGTH": geotiff(sources, name=f"sources {name}"),
        }

    def current_in_places(landscape, sources, name):
        result = run("movingwindowcurrent", **layers(landscape, sources, name), **WINDOWS)
        return np.nansum(interest * read(result["OUTPUT"]).band)

    land = 1 / np.where(there, valley, 1.0) if respect_to == "resistance" else valley
    result = run(
        "movingwindowsensitivity",
        PLACES=geotiff(reserve, nodata=NODATA, name="reserve"),
        RESPECT_TO=respect_to,
        ELASTICITY=elasticity,
        **layers(land, strengths, "as it is"),
        **WINDOWS,
    )
    made = read(result["OUTPUT"])
    assert result["WEIGHTED_CURRENT"] == pytest.approx(current_in_places(land, strengths, "once more"), rel=1e-5)
    assert made.names == [f"{'elasticity' if elasticity else 'sensitivity'} to {respect_to}"]
    np.testing.assert_array_equal(np.isnan(made.band), ~there)
    # The map of current is stored in seven digits, so the step cannot be small.
    cell = np.unravel_index(np.nanargmax(np.abs(made.band)), made.band.shape)
    own = (strengths if respect_to == "sources" else land)[cell]
    ends = []
    for sign in (1, -1):
        changed = {"landscape": land.copy(), "sources": strengths.copy()}
        changed["sources" if respect_to == "sources" else "landscape"][cell] += sign * 0.01 * own
        ends.append(current_in_places(**changed, name=f"changed {sign}"))
    slope = (ends[0] - ends[1]) / (0.02 * own)
    assert made.band[cell] == pytest.approx(slope * own if elasticity else slope, rel=2e-3)


def test_bypass_is_negative_access_is_positive(run, read, geotiff):
    # Two rows lead from the sources on the left to those on the right; the middle of the upper one is of interest.
    land, sources, places = np.ones((3, 9)), np.zeros((3, 9)), np.zeros((3, 9))
    land[1, 2:7] = 0.0
    sources[:, [0, 8]] = 1.0
    places[0, 4] = 1.0
    files = {"SOURCE_STRENGTH": geotiff(sources, name="sources"), "PLACES": geotiff(places, name="places")}
    rules = {"RADIUS": 270.0, "BLOCK_SIZE": 1, "AS_OMNISCAPE": False}
    result = run("movingwindowsensitivity", INPUT=geotiff(land, name="land"), **files, **rules)
    made = read(result["OUTPUT"]).band
    assert (made[0, 3:6] > 0).all() and (made[2, 3:6] < 0).all()
    np.testing.assert_allclose(made[0, 3:6], -made[2, 3:6], rtol=1e-5)
    assert np.isnan(made[1, 2:7]).all()


def test_sensitivity_run_is_resumed_and_logged(run, read, valley_file, feedback, tmp_path):
    choices = {"INPUT": valley_file, "RADIUS": 90, "BLOCK_SIZE": 1, "BATCH": 9}
    kept = {"CHECKPOINT": str(tmp_path / "kept")}
    once = run("movingwindowsensitivity", **choices, **kept)
    (tmp_path / "kept" / "batch-00000001.npz").unlink()
    again = run("movingwindowsensitivity", **choices, **kept)
    np.testing.assert_array_equal(read(again["OUTPUT"]).band, read(once["OUTPUT"]).band)
    assert once["WEIGHTED_CURRENT"] == again["WEIGHTED_CURRENT"] > 0
    assert once["MINIMUM"] < once["MAXIMUM"]
    story = "\n".join(feedback.infos)
    assert (
        "Current in the places of interest of the present landscape: " in story and "Sensitivities range from" in story
    )
    # The map of the current itself is another run.
    with pytest.raises(QgsProcessingException, match="cannot be continued"):
        run("movingwindowcurrent", **choices, **kept)


def test_invalid_weights_are_rejected(error_message, geotiff, valley_file, feedback):
    def message_of(**parameters):
        return error_message("movingwindowsensitivity", INPUT=valley_file, **WINDOWS, **parameters)

    bad = np.ones((9, 12))
    bad[2, 1] = -3.0
    message = message_of(PLACES=geotiff(bad, name="bad"))
    assert "1 cell of 'bad' is negative or infinite, the first at row 3, column 2 (-3)" in message
    message = message_of(PLACES=geotiff(np.zeros((9, 12)), name="none"))
    assert "No cell of the landscape is of interest: 'none' is 0 or nodata" in message
    far = geotiff(np.ones((4, 5)), geotransform=(WEST + 1e5, 30.0, 0.0, NORTH, 0.0, -30.0), name="far")
    assert "'far'" in message_of(PLACES=far)
    assert "has limits or future values, but no raster" in message_of(FUTURE_2=valley_file)
    assert not feedback.commands
