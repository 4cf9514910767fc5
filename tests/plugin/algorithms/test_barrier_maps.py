"""Barriers and pinch points: gains equal recomputed distances, and missing parameters are reported."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.distance_registry import distance_names

from .conftest import NODATA, PIXEL

ENDS, ISLAND = ((0, 0), (8, 2)), (7, 10)
OUT = "TEMPORARY_OUTPUT"
#: What no other test here looks at is not made.
LESS = {"IMPROVEMENT": None, "PINCH_POINTS": None, "RESTORED_GAIN": None}


@pytest.mark.costly_variants
@pytest.mark.parametrize("distance", distance_names("flow.barriers"))
def test_gain_equals_finite_difference(distance, run, read, valley, geotiff, points):
    step = 1e-4
    given = {"DISTANCE": distance, "THETA": 0.01, "FOCAL": points(*ENDS), **LESS}
    here = run("barriers", INPUT=geotiff(valley, nodata=NODATA, name="before"), **given)
    gain = read(here["OUTPUT"]).band
    cell = np.unravel_index(np.nanargmax(gain), gain.shape)
    changed = valley.copy()
    changed[cell] += step
    then = run("barriers", INPUT=geotiff(changed, nodata=NODATA, name="after"), **given)
    assert (here["MEAN_DISTANCE"] - then["MEAN_DISTANCE"]) / step == pytest.approx(gain[cell], rel=2e-3)
    assert here["MAXIMUM"] == pytest.approx(gain[cell], rel=1e-6)


def test_improvement_and_pinch_points_equal_engine_results(run, read, valley, valley_file, points, ask_engine):
    wanted = {"SEARCH_RADIUS": 45.0, "IMPROVEMENT": "TEMPORARY_OUTPUT", "CUTOFF": 60.0, "RESTORED_GAIN": None}
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


def test_unreachable_pairs_are_excluded_and_counted(run, valley_file, points):
    places = {"FOCAL": points(*ENDS, ISLAND), **LESS}
    found = run("barriers", INPUT=valley_file, **places)
    assert (found["PAIRS"], found["UNREACHABLE_PAIRS"]) == (2, 4)
    with pytest.raises(QgsProcessingException, match="can reach another"):
        run("barriers", INPUT=valley_file, **{**places, "FOCAL": points(ENDS[0], ISLAND)})


def test_optional_maps_require_their_parameters(run, valley_file, points):
    with pytest.raises(QgsProcessingException, match="needs a search radius"):
        run("barriers", INPUT=valley_file, FOCAL=points(*ENDS), PINCH_POINTS=None, RESTORED_GAIN=None)
    with pytest.raises(QgsProcessingException, match="Pinch points need a corridor width cutoff"):
        run("barriers", INPUT=valley_file, FOCAL=points(*ENDS), IMPROVEMENT=None)
    gains = {"IMPROVEMENT": None, "PINCH_POINTS": None, "FOCAL": points(*ENDS)}
    with pytest.raises(QgsProcessingException, match="available for least cost and resistance"):
        run("barriers", INPUT=valley_file, DISTANCE="rsp", **gains)
    with pytest.raises(QgsProcessingException, match="discs is available for least cost only"):
        run("barriers", INPUT=valley_file, DISTANCE="resistance", RESTORED_RADIUS=60, **gains)
    with pytest.raises(QgsProcessingException, match="No focal nodes"):
        run("barriers", INPUT=valley_file, **LESS)


@pytest.mark.costly_variants
@pytest.mark.parametrize(("distance", "radius"), [("leastcost", None), ("leastcost", 65.0), ("resistance", None)])
@pytest.mark.parametrize("regions", [False, True])
def test_restoration_gain_equals_recomputed_distance(
    run, read, valley, geotiff, points, patches, distance, radius, regions
):
    """Restore a few cells, or discs of radius 65 around them, in the raster and compute the distances again."""
    focal = patches((0, 1, 0, 1), (7, 8, 1, 2), (0, 2, 10, 11)) if regions else points(*ENDS, (1, 11))
    valley[6, 3] = valley[2, 7] = 0.0
    given = {"DISTANCE": distance, "FOCAL": focal, "RESTORED": 0.8, "RESTORED_RADIUS": radius, **LESS}
    here = run("barriers", INPUT=geotiff(valley, nodata=NODATA, name="before"), **given | {"RESTORED_GAIN": OUT})
    gain = read(here["RESTORED_GAIN"]).band
    rows, columns = np.indices(valley.shape)
    assert (np.isnan(gain) == (valley == NODATA)).all() and here["LARGEST_RESTORED_GAIN"] == pytest.approx(
        np.nanmax(gain)
    )
    assert (here["JOINING_CELLS"], np.nanmin(gain)) == (0, pytest.approx(0, abs=1e-9))
    best = np.unravel_index(np.argsort(-np.nan_to_num(gain), axis=None)[[0, 5]], gain.shape)
    for number, cell in enumerate([(6, 3), *zip(*best, strict=True)]):
        disc = np.hypot(rows - cell[0], columns - cell[1]) * PIXEL <= (radius or 1.0)
        changed = np.where(disc & (valley != NODATA), np.maximum(valley, 1 / 0.8), valley)
        then = run("barriers", INPUT=geotiff(changed, nodata=NODATA, name=f"after {number}"), **given)
        fall = here["MEAN_DISTANCE"] - then["MEAN_DISTANCE"]
        assert gain[cell] == pytest.approx(fall, rel=1e-5, abs=1e-5)
    assert gain[best][0] > 0


@pytest.mark.costly
def test_connecting_cell_has_infinite_gain(run, read, geotiff, points, feedback):
    values = np.ones((5, 9))
    values[:, 4] = 0.0
    for distance in ("leastcost", "resistance"):
        given = {"DISTANCE": distance, "FOCAL": points((2, 0), (3, 1), (2, 8)), **LESS, "RESTORED_GAIN": OUT}
        found = run("barriers", INPUT=geotiff(values, name="walled"), **given)
        assert (np.isnan(read(found["RESTORED_GAIN"]).band) == (values == 0)).all()
        assert found["JOINING_CELLS"] == 5
        assert any("Cells whose restoration connects separated places are nodata" in text for text in feedback.infos)
        assert any("Restoration at 5 cells would connect pairs that are not" in text for text in feedback.infos)
    windows = {"SEARCH_RADIUS": 60.0, "IMPROVEMENT": OUT, "UNREACHABLE": "infinity"}
    found = run("barriers", INPUT=geotiff(values, name="walled"), **(given | windows))
    gain, improvement = read(found["RESTORED_GAIN"]).band, read(found["IMPROVEMENT"]).band
    assert (np.isinf(gain) == (values == 0)).all()
    assert found["JOINING_WINDOWS"] == np.isinf(improvement).sum() > 0
