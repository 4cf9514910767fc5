"""Barriers and pinch points as a user runs them: a gain is what a trial shows, what is missing is said."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .conftest import NODATA

ENDS, ISLAND = ((0, 0), (8, 2)), (7, 10)


@pytest.mark.parametrize("distance", ["leastcost", "resistance", "rsp"])
def test_the_gain_of_a_cell_is_what_a_trial_of_it_shows(distance, run, read, valley, geotiff, points):
    step = 1e-4
    given = {"DISTANCE": distance, "THETA": 0.01, "FOCAL": points(*ENDS), "IMPROVEMENT": None, "PINCH_POINTS": None}
    here = run("barriers", INPUT=geotiff(valley, nodata=NODATA, name="before"), **given)
    gain = read(here["OUTPUT"]).band
    cell = np.unravel_index(np.nanargmax(gain), gain.shape)
    changed = valley.copy()
    changed[cell] += step
    then = run("barriers", INPUT=geotiff(changed, nodata=NODATA, name="after"), **given)
    assert (here["MEAN_DISTANCE"] - then["MEAN_DISTANCE"]) / step == pytest.approx(gain[cell], rel=2e-3)
    assert here["MAXIMUM"] == pytest.approx(gain[cell], rel=1e-6)


def test_improvement_and_pinch_points_are_the_engines(run, read, valley, valley_file, points, ask_engine):
    wanted = {"SEARCH_RADIUS": 45.0, "IMPROVEMENT": "TEMPORARY_OUTPUT", "CUTOFF": 60.0}
    found = run("barriers", INPUT=valley_file, FOCAL=points(*ENDS), DISTANCE="leastcost", **wanted)
    valid = valley >= 0
    arrays = {
        "landscape": np.where(valid, valley, np.nan),
        "valid": valid,
        "focal_ids": np.array([1, 2]),
        "focal_cells": np.array(ENDS),
    }
    parameters = {"distance": "leastcost", "search_radius": 45.0, "restored_resistance": 1.0, "cutoff": 60.0}
    outputs, numbers = ask_engine("flow.barriers", arrays, **parameters)
    np.testing.assert_allclose(read(found["IMPROVEMENT"]).band, outputs["improvement"], rtol=1e-6)
    np.testing.assert_allclose(read(found["PINCH_POINTS"]).band, outputs["pinch_points"], rtol=1e-6, atol=1e-12)
    assert found["LARGEST_IMPROVEMENT"] == pytest.approx(numbers["largest_improvement"]) and found["UNCONSERVED"] < 1e-9
    assert outputs["pinch_points"][ENDS[0]] == pytest.approx(1) and outputs["pinch_points"][ENDS[1]] == pytest.approx(1)


def test_pairs_that_nothing_joins_are_left_out_and_counted(run, valley_file, points):
    places = {"FOCAL": points(*ENDS, ISLAND), "IMPROVEMENT": None, "PINCH_POINTS": None}
    found = run("barriers", INPUT=valley_file, **places)
    assert (found["PAIRS"], found["UNREACHABLE_PAIRS"]) == (2, 4)
    with pytest.raises(QgsProcessingException, match="can reach each other"):
        run("barriers", INPUT=valley_file, **{**places, "FOCAL": points(ENDS[0], ISLAND)})


def test_a_map_says_what_it_needs(run, valley_file, points):
    with pytest.raises(QgsProcessingException, match="needs the radius of restored windows"):
        run("barriers", INPUT=valley_file, FOCAL=points(*ENDS), PINCH_POINTS=None)
    with pytest.raises(QgsProcessingException, match="Pinch points need the width of corridors"):
        run("barriers", INPUT=valley_file, FOCAL=points(*ENDS), IMPROVEMENT=None)
    with pytest.raises(QgsProcessingException, match="No focal nodes"):
        run("barriers", INPUT=valley_file, IMPROVEMENT=None, PINCH_POINTS=None)
