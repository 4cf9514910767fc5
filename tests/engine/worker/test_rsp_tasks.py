"""Tasks about flows of randomized shortest paths and connected habitat."""

import numpy as np
import pytest
from worker_process import DONE, REFUSED, run_job

from permea.engine import GridGraph, LCPDistance, ResistanceDistance, RSPDistance, connected_habitat
from permea.engine.connectivity import betweenness, landmarks
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.connectivity.rsp_movement import rsp_flow

LANDSCAPE = np.random.default_rng(43).lognormal(size=(5, 8))
LANDSCAPE[:, 5] = 0
LANDSCAPE[1, 1] = np.nan
QUALITY = np.random.default_rng(44).random((5, 8))
SOURCES, TARGETS = np.array([[0, 0], [4, 7]]), np.array([[4, 2], [0, 3], [1, 0]])
FLOW = {"theta": 0.3, "cost": "inverse", "passage": "total"}
HABITAT = {"distance": "leastcost", "theta": 0.3, "cost": "inverse", "alpha": 2.0, "landmarks": 2}


@pytest.fixture(scope="module")
def grid():
    return GridGraph(np.nan_to_num(LANDSCAPE))


def vertices(grid, cells):
    return grid.coord_to_active_vertex_index(*cells.T)


@pytest.mark.costly
@pytest.mark.parametrize("kind", ["total", "net"])
def test_rsp_flow_between_points_matches_library(kind, grid, tmp_path):
    weights = np.array([[1.0, 2.0, 0.5], [1.0, 1.0, 1.0]])
    inputs = {"landscape": LANDSCAPE, "sources": SOURCES, "targets": TARGETS, "weights": weights}
    ended = run_job(tmp_path, "rsp.flow", {**FLOW, "passage": kind}, **inputs)
    assert ended.status == DONE, ended.log
    ends = vertices(grid, SOURCES), vertices(grid, TARGETS)
    expected = rsp_flow(grid, RSPDistance(0.3), *ends, weights=weights, kind=kind)
    np.testing.assert_allclose(ended.output("passage"), expected.passage, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ended.output("expected_cost"), expected.expected_cost, rtol=1e-10)
    numbers = ended.metrics
    assert (numbers["pairs"], numbers["unreachable_pairs"], numbers["targets"]) == (3, 3, 3)
    assert numbers["flow_balance_error"] < 1e-9 and numbers["steps"] == pytest.approx(expected.steps)
    assert ended.said("estimate")[0]["bytes"] > 0 and ended.said("estimate")[0]["seconds"] > 0
    assert [line["percent"] for line in ended.said("progress")][-1] == 100


@pytest.mark.costly
@pytest.mark.parametrize("weighting", ["quality", "proximity"])
def test_rsp_flow_between_habitat_uses_landmarks(weighting, grid, tmp_path):
    parameters = {**FLOW, "weighting": weighting, "alpha": 2.0, "landmarks": 3}
    ended = run_job(tmp_path, "rsp.flow", parameters, landscape=LANDSCAPE, quality=QUALITY)
    assert ended.status == DONE, ended.log
    goals = landmarks(grid, QUALITY, 3)
    expected = betweenness(
        grid,
        RSPDistance(0.3),
        np.where(np.asarray(grid.active), QUALITY, 0),
        targets=goals.vertices,
        target_quality=goals.quality,
        proximity=ExponentialKernel(2.0) if weighting == "proximity" else None,
    )
    np.testing.assert_allclose(ended.output("passage"), expected.passage, rtol=1e-9)
    assert any("6 targets stand for the habitat of 34 cells" in line["text"] for line in ended.said("message"))
    connected = None if expected.habitat is None else pytest.approx(np.nansum(expected.habitat), rel=1e-9)
    assert ended.metrics["connectivity"] == connected


KINDS = {"leastcost": LCPDistance(), "resistance": ResistanceDistance(), "rsp": RSPDistance(0.3)}


@pytest.mark.parametrize("kind", ["leastcost", "resistance", pytest.param("rsp", marks=pytest.mark.long)])
def test_connected_habitat_matches_library(kind, grid, tmp_path):
    parameters = {**HABITAT, "distance": kind}
    ended = run_job(tmp_path, "habitat.connected", parameters, landscape=LANDSCAPE, quality=QUALITY)
    assert ended.status == DONE, ended.log
    quality = np.where(np.asarray(grid.active), QUALITY, 0)
    goals = landmarks(grid, quality, 2)
    options = {"targets": goals.vertices, "target_quality": goals.quality}
    expected = connected_habitat(grid, KINDS[kind], ExponentialKernel(2.0), quality, **options)
    np.testing.assert_allclose(ended.output("habitat"), expected.raster, rtol=1e-9)
    numbers = ended.metrics
    assert numbers["connectivity"] == pytest.approx(expected.total, rel=1e-9)
    assert numbers["equivalent_habitat"] ** 2 == pytest.approx(expected.total, rel=1e-9)
    assert numbers["unreachable_pairs"] == expected.unreachable_pairs > 0


REFUSALS = {
    "disconnected": (
        FLOW,
        {"sources": SOURCES},
        "no flow: no source can reach a target (2 pairs): they lie in different",
    ),
    "one cell": (FLOW, {"sources": SOURCES[:1]}, "no flow: there is only one source and target"),
    "both": (FLOW, {"sources": SOURCES, "quality": QUALITY}, "give either sources or quality"),
    "neither": (FLOW, {"sources": None}, "the job lacks 'sources'"),
    "no width": ({**FLOW, "weighting": "quality", "landmarks": 0}, {"quality": QUALITY}, "a whole number of 1 or more"),
    "too permeable": (
        {**FLOW, "cost": "minus_log"},
        {"sources": SOURCES},
        "for −log of the conductance no conductance may exceed 1",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_invalid_rsp_flow_is_refused(case, tmp_path):
    parameters, inputs, sentence = REFUSALS[case]
    ended = run_job(tmp_path, "rsp.flow", parameters, landscape=LANDSCAPE, **inputs)
    assert (ended.status, ended.error["kind"]) == (REFUSED, "input")
    assert sentence in ended.error["text"]
    assert not (tmp_path / "passage.npy").exists()


def test_habitat_only_on_barriers_is_refused(tmp_path):
    nowhere = np.where(LANDSCAPE == 0, 1.0, 0.0)
    ended = run_job(tmp_path, "habitat.connected", HABITAT, landscape=LANDSCAPE, quality=nowhere)
    assert (ended.status, ended.error["kind"]) == (REFUSED, "input")
    assert "no active cell has a quality above 0" in ended.error["text"]
