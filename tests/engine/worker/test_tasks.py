"""Job folders: results of simple tasks, refusals, and no partly written files."""

import json

import jax.numpy as jnp
import numpy as np
import pytest
from worker_process import DONE, REFUSED, run_job, start, write_job

from permea.engine import GridGraph, LCPDistance, MeanPathLength, ResistanceDistance, RSPDistance, connected_components
from permea.engine.connectivity import sensitivity

THETA = 0.3

LANDSCAPE = np.random.default_rng(41).lognormal(size=(4, 5))
LANDSCAPE[:, 3] = 0
LANDSCAPE[1, 1] = np.nan
SOURCES = np.array([[0, 0], [3, 2]])


@pytest.fixture(scope="module")
def grid():
    return GridGraph(LANDSCAPE)


@pytest.fixture(scope="module")
def vertices(grid):
    return grid.coord_to_active_vertex_index(*SOURCES.T)


def nearest(grid, distance, vertices):
    return grid.node_values_to_array(distance.nearest(grid, vertices))


TASKS = {
    "leastcost.distance": ({}, "distance", lambda grid, vertices: nearest(grid, LCPDistance(), vertices)),
    "resistance.distance": ({}, "distance", lambda grid, vertices: nearest(grid, ResistanceDistance(), vertices)),
    "rsp.distance": (
        {"theta": THETA, "cost": "inverse", "measure": "expected_cost"},
        "distance",
        lambda grid, vertices: nearest(grid, RSPDistance(THETA), vertices),
    ),
    "connectivity.sensitivity": (
        {"distance": "leastcost", "scalar": "mean_distance", "respect_to": "permeability"},
        "sensitivity",
        lambda grid, vertices: sensitivity(MeanPathLength(LCPDistance()), grid, vertices).raster,
    ),
    "components.label": ({}, "components", lambda grid, vertices: connected_components(grid)),
}


@pytest.mark.costly_variants
@pytest.mark.parametrize("task", TASKS)
def test_job_output_matches_library(task, grid, vertices, tmp_path):
    parameters, output, compute = TASKS[task]
    ended = run_job(tmp_path, task, parameters, landscape=LANDSCAPE, sources=SOURCES)
    assert ended.status == DONE, ended.log
    np.testing.assert_allclose(ended.output(output), compute(grid, vertices), rtol=1e-10, atol=1e-12)
    assert (ended.metrics["active_cells"], ended.metrics["components"]) == (15, 2)
    assert ended.metrics["seconds"] > 0 and ended.metrics["peak_memory_bytes"] > 1e6
    assert ended.said("progress")[-1]["percent"] == 100
    assert ended.said("estimate")[0]["bytes"] > 0


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    return run_job(
        tmp_path_factory.mktemp("job") / "with a space, and ü",
        "leastcost.distance",
        {
            "values": "resistance",
            "edge_rule": "resistance",
            "neighbors": "rook",
            "pixel_size": [30, 20],
            "per_source": True,
        },
        landscape=LANDSCAPE[:, 4:],
        sources=np.array([[0, 0], [3, 0]]),
    )


def test_resistance_raster_gives_map_per_source(run_once):
    resistance = LANDSCAPE[:, 4]
    along = np.concatenate([[0], np.cumsum(30 * (resistance[:-1] + resistance[1:]) / 2)])
    expected = np.stack([along, along[-1] - along])[:, :, None]
    np.testing.assert_allclose(run_once.output("distance"), expected, rtol=1e-12, atol=1e-12)


def test_job_folder_can_be_run_again(run_once):
    first, before = run_once.output("distance"), (run_once.folder / "job.json").read_bytes()
    (run_once.folder / "result.json").unlink()
    again = start(run_once.folder)
    assert again.status == DONE
    np.testing.assert_array_equal(again.output("distance"), first)
    assert (run_once.folder / "job.json").read_bytes() == before


def test_finished_job_leaves_no_temporary_files(run_once):
    names = {path.name for path in run_once.folder.iterdir()}
    assert names == {"job.json", "landscape.npy", "valid.npy", "sources.npy", "distance.npy", "result.json"}


def replaced(cell, value):
    changed = LANDSCAPE.copy()
    changed[cell] = value
    return changed


REFUSALS = {
    "negative": (
        {"landscape": replaced((2, 2), -0.5)},
        {},
        "permeability is negative in 1 cell, the first at row 3, column 3 (counted from 1, value -0.5)",
    ),
    "zero resistance": ({}, {"values": "resistance"}, "resistance is zero in 4 cells, the first at row 1, column 4"),
    "source on a barrier": (
        {"sources": np.array([[0, 0], [0, 3]])},
        {},
        "1 of 2 sources lies on nodata or on a barrier (permeability 0), the first at row 1, column 4",
    ),
    "source outside": ({"sources": np.array([[4, 0]])}, {}, "1 of 1 source lies outside the raster of 4 × 5 cells"),
    "unknown rule": ({}, {"edge_rule": "median"}, "must be one of mean, resistance, target, not 'median'"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_invalid_job_is_refused_without_result(case, tmp_path):
    inputs, parameters, sentence = REFUSALS[case]
    ended = run_job(
        tmp_path, "leastcost.distance", parameters, **{"landscape": LANDSCAPE, "sources": SOURCES, **inputs}
    )
    assert (ended.status, ended.error["kind"]) == (REFUSED, "input")
    assert sentence in ended.error["text"]
    assert not list(tmp_path.glob("result.json*")) and not (tmp_path / "distance.npy").exists()


def test_sensitivity_of_disconnected_nodes_is_refused(tmp_path):
    parameters = TASKS["connectivity.sensitivity"][0]
    ended = run_job(
        tmp_path, "connectivity.sensitivity", parameters, landscape=LANDSCAPE, sources=np.array([[0, 0], [0, 4]])
    )
    assert ended.status == REFUSED
    assert "no source can reach a target (2 pairs): they lie in different connected components" in ended.error["text"]


def test_unknown_task_error_lists_known_tasks(tmp_path):
    ended = run_job(tmp_path, "no.such_task", {}, landscape=LANDSCAPE)
    assert ended.status == REFUSED
    assert all(task in ended.error["text"] for task in ["no.such_task", *TASKS])


def test_folder_without_job_is_refused(tmp_path):
    ended = start(tmp_path)
    assert (ended.status, ended.error["kind"]) == (REFUSED, "input")
    assert "job.json does not exist" in ended.error["text"]


def test_input_outside_job_folder_is_refused(tmp_path):
    folder = write_job(tmp_path / "job", "components.label", {}, {"landscape": LANDSCAPE, "valid": LANDSCAPE > 0})
    job = json.loads((folder / "job.json").read_text())
    job["inputs"]["landscape"] = "../landscape.npy"
    (folder / "job.json").write_text(json.dumps(job))
    ended = start(folder)
    assert (ended.status, "must be a file in the job folder itself" in ended.error["text"]) == (REFUSED, True)


def test_pickled_input_is_refused(tmp_path):
    folder = write_job(tmp_path, "components.label", {}, {"landscape": LANDSCAPE, "valid": LANDSCAPE > 0})
    np.save(folder / "landscape.npy", np.array([{}], dtype=object), allow_pickle=True)
    ended = start(folder)
    assert (ended.status, 'input "landscape" cannot be read' in ended.error["text"]) == (REFUSED, True)


def test_invalid_command_line_shows_usage():
    ended = start("--help")
    assert (ended.status, "python -m engine JOBDIR" in ended.error["text"]) == (REFUSED, True)


@pytest.mark.parametrize("name", ["leastcost.distance", "resistance.distance"])
def test_sources_of_several_cells(tmp_path, grid, name):
    """Two sources: one of two cells, one of a single cell."""
    cells, owners = np.array([[0, 0], [3, 2], [1, 0]]), np.array([0, 1, 0])
    inputs = {"landscape": LANDSCAPE, "sources": cells, "owners": owners}
    vertices = np.asarray(grid.coord_to_active_vertex_index(*cells.T))
    if name == "leastcost.distance":
        each = [nearest(grid, LCPDistance(), vertices[owners == owner]) for owner in (0, 1)]
    else:
        regions = np.zeros((2, *LANDSCAPE.shape), bool)
        regions[owners, cells[:, 0], cells[:, 1]] = True
        to_region = ResistanceDistance().to_region
        each = [grid.node_values_to_array(to_region(grid, jnp.asarray(region))) for region in regions]
    for per_source, expected in ((True, np.stack(each)), (False, np.fmin(*each))):
        ended = run_job(tmp_path / str(per_source), name, {"per_source": per_source}, **inputs)
        assert ended.status == DONE, ended.log
        np.testing.assert_allclose(ended.output("distance"), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("owners", [[0, 2, 0], [0, 1], [0.0, 1.0, 0.0]])
def test_owners_that_do_not_number_the_sources_are_refused(tmp_path, owners):
    cells = np.array([[0, 0], [3, 2], [1, 0]])
    ended = run_job(tmp_path, "leastcost.distance", {}, landscape=LANDSCAPE, sources=cells, owners=np.array(owners))
    assert ended.status == REFUSED and 'input "owners"' in str(ended.lines)
