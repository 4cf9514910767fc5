"""RSP flow and connected habitat: equal to engine results, and error messages."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.distance_registry import distance_names

RSP = {"theta": 0.01, "cost": "inverse"}
WEST_AND_SOUTH, ISLAND = ((0, 0), (8, 2)), (7, 10)


def landscape_arrays(valley):
    """Return the valley's arrays for the engine: permeability and mask."""
    valid = valley >= 0
    return {"landscape": np.where(valid, valley, np.nan), "valid": valid}


@pytest.mark.costly_variants
@pytest.mark.parametrize("passage", ["net", "total"])
def test_rsp_flow_equals_engine_result(passage, run, read, valley, valley_file, points, ask_engine):
    found = run("rspflow", INPUT=valley_file, SOURCES=points(*WEST_AND_SOUTH), THETA=0.01, PASSAGE=passage)
    arrays = {**landscape_arrays(valley), "sources": np.array(WEST_AND_SOUTH)}
    outputs, numbers = ask_engine("rsp.flow", arrays, **RSP, passage=passage)
    np.testing.assert_allclose(read(found["OUTPUT"]).band, outputs["passage"], rtol=1e-6)
    assert found["PAIRS"] == numbers["pairs"] == 2 and found["IMBALANCE"] < 1e-9


def test_rsp_flow_is_one_at_targets(run, read, valley_file, points):
    ends = {"SOURCES": points((0, 0)), "TARGETS": points((8, 2))}
    passages = read(run("rspflow", INPUT=valley_file, THETA=0.01, **ends)["OUTPUT"]).band
    assert passages[0, 0] == pytest.approx(1) and passages[8, 2] == pytest.approx(1)


def test_rsp_flow_grows_with_habitat(run, read, valley, valley_file, geotiff):
    quality = np.zeros(valley.shape)
    quality[0, 0] = quality[8, 2] = 1.0
    once = {"INPUT": valley_file, "THETA": 0.01, "LANDMARKS": 1}
    one = run("rspflow", QUALITY=geotiff(quality, name="one"), **once)
    two = run("rspflow", QUALITY=geotiff(2 * quality, name="two"), **once)
    np.testing.assert_allclose(read(two["OUTPUT"]).band, 4 * read(one["OUTPUT"]).band, rtol=1e-5)


@pytest.mark.costly_variants
@pytest.mark.parametrize("distance", distance_names("habitat.connected"))
def test_connected_habitat_equals_engine_result(distance, run, read, valley, valley_file, geotiff, ask_engine):
    quality = np.random.default_rng(3).random(valley.shape)
    given = {"DISTANCE": distance, "ALPHA": 300.0, "LANDMARKS": 2, "THETA": 0.01}
    found = run("connectedhabitat", INPUT=valley_file, QUALITY=geotiff(quality, name="quality"), **given)
    stored = np.where(valley > 0, quality.astype(np.float32), 0)
    parameters = {**RSP, "distance": distance, "alpha": 300.0, "landmarks": 2}
    outputs, numbers = ask_engine("habitat.connected", {**landscape_arrays(valley), "quality": stored}, **parameters)
    np.testing.assert_allclose(read(found["OUTPUT"]).band, outputs["habitat"], rtol=1e-5)
    assert found["EQUIVALENT_HABITAT"] == pytest.approx(np.sqrt(numbers["connectivity"]), rel=1e-5)


def test_rsp_flow_from_island_is_rejected(run, valley_file, points):
    with pytest.raises(QgsProcessingException, match="no flow: no source can reach a target .1 pair.: they lie"):
        run("rspflow", INPUT=valley_file, SOURCES=points((0, 0)), TARGETS=points(ISLAND), THETA=0.01)


def test_rsp_flow_requires_sources_or_habitat(run, valley_file, points, geotiff, valley):
    with pytest.raises(QgsProcessingException, match="No sources: choose either source points or habitat quality"):
        run("rspflow", INPUT=valley_file)
    with pytest.raises(QgsProcessingException, match="Two sets of"):
        quality = geotiff(np.ones(valley.shape), name="quality")
        run("rspflow", INPUT=valley_file, SOURCES=points((0, 0)), QUALITY=quality)


def test_zero_habitat_quality_is_rejected(run, valley_file, geotiff, valley):
    with pytest.raises(QgsProcessingException, match="The landscape has no habitat: .nothing. is 0"):
        run("connectedhabitat", INPUT=valley_file, QUALITY=geotiff(np.zeros(valley.shape), name="nothing"))
