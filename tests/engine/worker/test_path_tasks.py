"""Tasks about distances, paths and corridors between focal nodes."""

import numpy as np
import pytest
from worker_process import DONE, REFUSED, run_job

from permea.engine import EuclideanDistance, GridGraph, LCPDistance, ResistanceDistance, RSPDistance
from permea.engine.graph.focal_nodes import FocalNodes
from permea.engine.paths import corridors
from permea.engine.paths.allocation import allocate
from permea.engine.paths.least_cost_corridors import corridor
from permea.engine.paths.pairwise_distances import distance_matrix
from permea.engine.paths.path_search import least_cost_paths

LANDSCAPE = np.random.default_rng(5).lognormal(size=(8, 9))
LANDSCAPE[:, 6] = 0
# The patch 4 of two cells, the points 7 and 9; 12 lies beyond the barrier.
IDS = np.array([4, 4, 7, 9, 12])
CELLS = np.array([[0, 0], [0, 1], [7, 5], [3, 2], [4, 8]])
TARGETS = {"target_ids": np.array([1, 2]), "target_cells": np.array([[7, 0], [0, 5]])}


@pytest.fixture(scope="module")
def grid():
    return GridGraph(LANDSCAPE)


@pytest.fixture(scope="module")
def focal(grid):
    return FocalNodes.from_cells(IDS, *CELLS.T, grid.shape)


@pytest.fixture(scope="module")
def targets(grid):
    return FocalNodes.from_cells(TARGETS["target_ids"], *TARGETS["target_cells"].T, grid.shape)


def run(folder, task, parameters, **inputs):
    inputs = {"landscape": LANDSCAPE, "focal_ids": IDS, "focal_cells": CELLS, **inputs}
    return run_job(folder, task, parameters, **inputs)


@pytest.mark.parametrize(
    ("kind", "distance"),
    [("leastcost", LCPDistance()), ("resistance", ResistanceDistance()), ("euclidean", EuclideanDistance())],
)
def test_distance_matrix_matches_library(kind, distance, grid, focal, tmp_path):
    ended = run(tmp_path, "distance.matrix", {"distance": kind})
    assert ended.status == DONE, ended.log
    np.testing.assert_allclose(ended.output("matrix"), distance_matrix(grid, focal, distance), rtol=1e-10)
    assert ended.metrics["unreachable_pairs"] == (0 if kind == "euclidean" else 3)
    assert (ended.metrics["focal_nodes"], ended.metrics["components"]) == (4, 2)


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["expected_cost", "survival"])
def test_rsp_matrix_holds_both_directions(measure, grid, tmp_path):
    parameters = {"distance": "rsp", "theta": 0.2, "cost": "inverse", "measure": measure}
    points = {"focal_ids": IDS[1:], "focal_cells": CELLS[1:]}
    result = run(tmp_path, "distance.matrix", parameters, **points).output("matrix")
    vertices = grid.coord_to_active_vertex_index(*CELLS[1:].T)
    expected = np.array(RSPDistance(0.2, measure=measure)(grid, nodes=vertices))
    expected[3, :3] = expected[:3, 3] = np.inf
    np.testing.assert_allclose(result, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("kind", "distance"),
    [("leastcost", LCPDistance()), ("resistance", ResistanceDistance()), ("euclidean", EuclideanDistance())],
)
def test_distance_matrix_to_targets_matches_library(kind, distance, grid, focal, targets, tmp_path):
    ended = run(tmp_path, "distance.matrix", {"distance": kind}, **TARGETS)
    assert ended.status == DONE, ended.log
    expected = distance_matrix(grid, focal, distance, targets)
    assert expected.shape == (4, 2)
    np.testing.assert_allclose(ended.output("matrix"), expected, rtol=1e-10)
    assert ended.metrics["unreachable_pairs"] == (0 if kind == "euclidean" else 2)


@pytest.mark.parametrize("kind", ["leastcost", "resistance", pytest.param("rsp", marks=pytest.mark.long)])
def test_interrupted_distance_matrix_resumes_identically(kind, tmp_path):
    """A killed run leaves some of the files; any subset will do."""
    parameters = {"distance": kind, "theta": 0.2, "cost": "inverse", "measure": "expected_cost"}
    cells = np.argwhere(LANDSCAPE > 0)[::2]
    points = {"focal_ids": np.arange(len(cells)), "focal_cells": cells}
    checkpointed = {**parameters, "checkpoint": str(tmp_path / "checkpointed")}
    whole = run(tmp_path / "whole", "distance.matrix", parameters, **points).output("matrix")
    assert run(tmp_path / "first", "distance.matrix", checkpointed, **points).status == DONE
    there = sorted((tmp_path / "checkpointed").glob("cached-*.npy"))
    assert len(there) > 1
    for path in there[1:]:
        path.unlink()
    second = run(tmp_path / "second", "distance.matrix", checkpointed, **points)
    assert "1 search or solve was done in an earlier run" in " ".join(line["text"] for line in second.said("message"))
    np.testing.assert_array_equal(second.output("matrix"), whole)
    assert {line["name"] for line in second.said("partial_result")} == {"distances_partial"}
    known = np.load(second.folder / "distances_partial-matrix.npy")
    there = ~np.isnan(known)
    assert there.any()
    np.testing.assert_allclose(known[there], whole[there], rtol=1e-9)

    refused = run(tmp_path / "other", "distance.matrix", {**checkpointed, "neighbors": "rook"}, **points)
    assert refused.status == REFUSED and 'neighbors ("queen", now "rook")' in refused.error["text"]


def test_rsp_matrix_of_patches_is_refused(tmp_path):
    parameters = {"distance": "rsp", "theta": 0.2, "cost": "inverse", "measure": "survival"}
    ended = run(tmp_path, "distance.matrix", parameters)
    assert (ended.status, "1 of 4 nodes has more than one cell" in ended.error["text"]) == (REFUSED, True)


@pytest.mark.parametrize("pairs", ["all", "nearest", "minimum_planar_graph"])
def test_path_arrays_match_library(pairs, grid, focal, tmp_path):
    ended = run(tmp_path, "leastcost.paths", {"pairs": pairs})
    paths = least_cost_paths(grid, focal, which=pairs)
    cells = np.split(ended.output("path_cells"), ended.output("path_ends")[:-1])
    assert ended.output("pairs").tolist() == [[path.source, path.target] for path in paths]
    assert [each.tolist() for each in cells] == [np.stack([p.rows, p.columns], 1).tolist() for p in paths]
    assert ended.output("costs") == pytest.approx([path.cost for path in paths])
    assert ended.output("lengths") == pytest.approx([path.length for path in paths])
    assert ended.metrics["paths"] == len(paths)


def test_paths_to_targets_match_library(grid, focal, targets, tmp_path):
    ended = run(tmp_path, "leastcost.paths", {"pairs": "all"}, **TARGETS)
    expected = least_cost_paths(grid, focal, targets)
    assert ended.output("costs") == pytest.approx([path.cost for path in expected])
    assert ended.output("pairs").tolist() == [[s, t] for s in range(3) for t in range(2)]


def test_disconnected_nodes_have_no_paths(tmp_path):
    disconnected = {"focal_ids": IDS[3:], "focal_cells": CELLS[3:]}
    ended = run(tmp_path, "leastcost.paths", {"pairs": "all"}, **disconnected)
    assert (ended.status, ended.metrics["paths"], ended.output("path_cells").shape) == (DONE, 0, (0, 2))


def test_corridors_paths_and_allocation_match_library(grid, focal, tmp_path):
    parameters = {"pairs": "all", "relative": True, "truncate_at": 0.5, "paths": True, "allocation": True}
    ended = run(tmp_path, "leastcost.corridor", parameters)
    result, allocation = corridors(grid, focal, relative=True, truncate_at=0.5), allocate(grid, focal)
    np.testing.assert_allclose(ended.output("corridor"), result.excess, atol=1e-12)
    np.testing.assert_array_equal(ended.output("allocation"), allocation.nearest)
    np.testing.assert_array_equal(ended.output("direction"), allocation.direction)
    assert ended.output("pairs").tolist() == result.pairs.tolist()
    assert ended.metrics["least_cost"] == pytest.approx(result.least_cost)


def test_corridor_to_targets_matches_library(grid, focal, targets, tmp_path):
    ended = run(tmp_path, "leastcost.corridor", {"pairs": "all"}, **TARGETS)
    np.testing.assert_allclose(ended.output("corridor"), corridor(grid, focal, targets).excess, atol=1e-12)
    assert ended.result["outputs"].keys() == {"corridor", "joined"}


def test_corridor_between_disconnected_nodes_is_refused(tmp_path):
    disconnected = {"focal_ids": IDS[3:], "focal_cells": CELLS[3:]}
    ended = run(tmp_path, "leastcost.corridor", {"pairs": "all"}, **disconnected)
    assert (ended.status, "no path joins any two of the 2 nodes" in ended.error["text"]) == (REFUSED, True)
