"""Tasks about circuits: agreement with the library, partial results, and resuming after an interruption."""

import json
import os
import signal
import subprocess
import time
from types import SimpleNamespace

import numpy as np
import pytest
from worker_process import DONE, REFUSED, command, run_job, start, write_job
from worker_process import LANDSCAPE as LANDSCAPE_PARAMETERS

from permea.engine import GridGraph
from permea.engine.circuits import advanced
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.network_circuit import NetworkCircuit
from permea.engine.circuits.one_to_all import AllToOne, OneToAll
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.graph.focal_nodes import FocalNodes, region_cells
from permea.engine.worker.circuit_inputs import boundary_bytes
from permea.engine.worker.job_checkpoint import open_array_store, open_checkpoint
from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks.circuit_current import CircuitCurrentTask

LANDSCAPE = np.random.default_rng(3).lognormal(size=(7, 8))
LANDSCAPE[:, 5] = 0
LANDSCAPE[2, 1] = np.nan
#: 2, 9 and 5 west of the wall, 5 a region; 4 and 6 east of it.
IDS = np.zeros(LANDSCAPE.shape, int)
IDS[0, 0], IDS[6, 3], IDS[3:5, 2], IDS[1, 7], IDS[5, 6] = 2, 9, 5, 4, 6
CELLS = np.argwhere(IDS > 0)
FOCAL = {"focal_ids": IDS[tuple(CELLS.T)], "focal_cells": CELLS}


@pytest.fixture(scope="module")
def circuit():
    return GridCircuit(GridGraph(LANDSCAPE))


@pytest.fixture(scope="module")
def focal():
    return FocalNodes.from_raster(IDS)


def partial_result(ended, name, what):
    return np.load(ended.folder / f"{name}-{what}.npy")


def test_pairwise_maps_match_library(tmp_path, circuit, focal):
    ended = run_job(
        tmp_path, "circuit.current", {"mode": "pairwise", "per_run_outputs": "both"}, landscape=LANDSCAPE, **FOCAL
    )
    assert ended.status == DONE, ended.log
    pairwise = Pairwise(circuit, focal)
    np.testing.assert_allclose(ended.output("resistances"), pairwise.resistances().matrix, rtol=1e-12)
    for pair in pairwise.maps():
        name = f"{pair.first}_{pair.second}"
        np.testing.assert_allclose(partial_result(ended, name, "currents"), pair.currents, atol=1e-12)
        np.testing.assert_allclose(partial_result(ended, name, "potentials"), pair.potentials, atol=1e-12)
    sums = pairwise.cumulative()
    np.testing.assert_allclose(ended.output("cumulative"), sums.total, atol=1e-12)
    np.testing.assert_allclose(ended.output("maximum"), sums.maximum, atol=1e-12)
    metrics = ended.metrics
    assert (metrics["focal_nodes"], metrics["runs"], metrics["unconnected"]) == (5, 4, 6)
    assert metrics["kcl_residual"] < 1e-9 and metrics["cells_without_flow"] == 0
    assert [line["name"] for line in ended.said("partial_result")] == ["resistances", "2_5", "2_9", "4_6", "5_9"]


def test_cumulative_current_does_not_depend_on_pair_maps(tmp_path):
    points = {name: array[IDS[tuple(CELLS.T)] != 5] for name, array in FOCAL.items()}
    without = run_job(tmp_path / "a", "circuit.current", {"mode": "pairwise"}, landscape=LANDSCAPE, **points)
    each = {"mode": "pairwise", "per_run_outputs": "currents"}
    with_maps = run_job(tmp_path / "b", "circuit.current", each, landscape=LANDSCAPE, **points)
    for what in ("cumulative", "maximum"):
        np.testing.assert_allclose(with_maps.output(what), without.output(what), atol=1e-12)


def test_maximum_map_is_optional(tmp_path):
    points = {name: array[IDS[tuple(CELLS.T)] != 5] for name, array in FOCAL.items()}
    with_both = run_job(tmp_path / "a", "circuit.current", {"mode": "pairwise"}, landscape=LANDSCAPE, **points)
    without = {"mode": "pairwise", "maximum": False}
    alone = run_job(tmp_path / "b", "circuit.current", without, landscape=LANDSCAPE, **points)
    np.testing.assert_allclose(alone.output("cumulative"), with_both.output("cumulative"), atol=1e-12)
    assert alone.metrics["kcl_residual"] < 1e-9 and alone.metrics["runs"] == with_both.metrics["runs"]
    assert not (alone.folder / "maximum.npy").exists() and (with_both.folder / "maximum.npy").exists()


def test_excluded_pairs_are_left_out(tmp_path, circuit, focal):
    excluded = {"excluded": np.array([[9, 2], [4, 6]])}
    parameters = {"mode": "pairwise", "zero_focal_currents": True}
    ended = run_job(tmp_path, "circuit.current", parameters, landscape=LANDSCAPE, **FOCAL, **excluded)
    ids = ended.output("ids").tolist()
    left_out = np.isnan(ended.output("resistances"))
    assert {frozenset((ids[i], ids[j])) for i, j in np.argwhere(left_out)} == {frozenset((2, 9)), frozenset((4, 6))}
    pairs = [(2, 5), (5, 9), (2, 4), (2, 6), (5, 4), (5, 6), (9, 4), (9, 6)]
    expected = Pairwise(circuit, focal, pairs).cumulative(zero_focal_currents=True)
    np.testing.assert_allclose(ended.output("cumulative"), expected.total, atol=1e-12)
    # Nothing flows east of the wall, but there are two focal nodes there.
    assert (ended.metrics["runs"], ended.metrics["cells_without_flow"]) == (2, 0)


@pytest.mark.parametrize(("mode", "kind"), [("one_to_all", OneToAll), ("all_to_one", AllToOne)])
def test_one_to_all_and_all_to_one_match_library(tmp_path, circuit, focal, mode, kind):
    inputs = {"strengths": np.array([[2.0, 3.0], [6.0, 0.5]]), "excluded": np.array([[2, 9]])}
    ended = run_job(
        tmp_path, "circuit.current", {"mode": mode, "per_run_outputs": "both"}, landscape=LANDSCAPE, **FOCAL, **inputs
    )
    assert ended.status == DONE, ended.log
    mode_of_library = kind(circuit, focal, strengths={2: 3.0, 6: 0.5}, excluded=[(2, 9)])
    for run, resistance in zip(mode_of_library.maps(), ended.output("resistances"), strict=True):
        assert resistance == pytest.approx(run.resistance)
        np.testing.assert_allclose(partial_result(ended, str(run.id), "currents"), run.currents, atol=1e-12)
    np.testing.assert_allclose(ended.output("cumulative"), mode_of_library.cumulative().total, atol=1e-12)


def test_short_circuits_match_library(tmp_path, focal):
    regions = np.zeros(LANDSCAPE.shape, int)
    regions[0, 3:5], regions[6, 7] = 1, 1
    parameters = {"mode": "pairwise", "neighbors": "rook", "edge_rule": "resistance"}
    ended = run_job(tmp_path, "circuit.current", parameters, landscape=LANDSCAPE, **FOCAL, short_circuits=regions)
    grid = GridGraph(LANDSCAPE, neighbors="rook", edge_rule="resistance")
    expected = Pairwise(GridCircuit(grid, region_cells(regions)), focal)
    np.testing.assert_allclose(ended.output("resistances"), expected.resistances().matrix, rtol=1e-10)
    assert ended.metrics["unconnected"] == 0  # the region bridges the wall


def test_advanced_mode_matches_library(tmp_path, circuit):
    sources, grounds = np.zeros((2, *LANDSCAPE.shape))
    sources[0, 0], sources[6, 4], grounds[3, 0], grounds[5, 2], sources[1, 7] = 2.0, -0.5, 0.3, np.inf, 1.0
    inputs = {"sources": sources, "grounds": grounds}
    ended = run_job(tmp_path, "circuit.advanced", {"policy": "keepall"}, landscape=LANDSCAPE, **inputs)
    flow = advanced(circuit, sources, grounds)
    np.testing.assert_allclose(ended.output("currents"), flow.currents, atol=1e-12)
    np.testing.assert_allclose(ended.output("potentials"), flow.potentials, atol=1e-12)
    assert "connected with a source but with no ground" in ended.said("warning")[0]["text"]
    assert ended.metrics["cells_without_flow"] == 14 and ended.metrics["kcl_residual"] < 1e-9


EDGES = np.array([[0, 1], [1, 2], [2, 0], [2, 3], [4, 5]])
CONDUCTANCES = np.array([1.0, 2.0, 0.5, 1.5, 1.0])


def test_network_has_node_and_branch_currents(tmp_path):
    network = {"edges": EDGES, "conductances": CONDUCTANCES}
    focal = {"focal_ids": np.array([0, 3, 4]), "focal_cells": np.array([[0], [3], [4]])}
    ended = run_job(tmp_path, "circuit.network", {"mode": "pairwise", "per_run_outputs": "both"}, **network, **focal)
    assert ended.status == DONE, ended.log
    # By hand: 0 and 2 are joined by 0.5 S and by 1 S and 2 S in a row, 2 and 3 by 1.5 S.
    assert ended.output("resistances")[0, 1] == pytest.approx(1 / (0.5 + 2 / 3) + 1 / 1.5)
    assert partial_result(ended, "0_3", "branches") == pytest.approx(
        np.array([[0, 1, 4 / 7], [0, 2, 3 / 7], [1, 2, 4 / 7], [2, 3, 1]])
    )
    assert ended.output("branches")[:4] == pytest.approx(partial_result(ended, "0_3", "branches"))
    assert partial_result(ended, "0_3", "currents") == pytest.approx([1, 4 / 7, 1, 1, 0, 0])


def test_network_advanced_mode_matches_library(tmp_path):
    sources, grounds = np.array([1.0, 0, 0, 0, 0, 0]), np.array([0, 0, 0, np.inf, 0, 0])
    network = {"edges": EDGES, "conductances": CONDUCTANCES, "sources": sources, "grounds": grounds}
    ended = run_job(tmp_path, "circuit.network", {"mode": "advanced", "policy": "keepall"}, **network)
    flow = advanced(NetworkCircuit(*EDGES.T, CONDUCTANCES), sources, grounds)
    np.testing.assert_allclose(ended.output("potentials"), flow.potentials)
    assert ended.output("branches").shape == (4, 3)


@pytest.mark.parametrize(("size", "boundary_cells"), [(1, 1), (3, 8), (40, 156)])
def test_memory_estimate_counts_boundary_cells(tmp_path, size, boundary_cells):
    ids = np.zeros((50, 100), int)
    ids[5 : 5 + size, 5 : 5 + size], ids[5 : 5 + size, 55 : 55 + size] = 1, 2
    cells = np.argwhere(ids > 0)
    inputs = {"landscape": np.ones(ids.shape), "focal_ids": ids[tuple(cells.T)], "focal_cells": cells}
    with (tmp_path / "said").open("w") as said:
        job = Job({"mode": "pairwise", **LANDSCAPE_PARAMETERS}, inputs, Reporter(said), tmp_path)
        needed = CircuitCurrentTask().estimate(job).bytes
    assert boundary_bytes(job) == 3 * 8 * (2 * boundary_cells) ** 2
    assert needed > boundary_bytes(job)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({}, "the job lacks 'focal_ids'"),
        ({"focal_ids": np.array([1]), "focal_cells": np.array([[0, 0]])}, "two or more focal nodes; there is 1"),
        ({"focal_ids": np.array([1, 2]), "focal_cells": np.array([[0, 0], [9, 9]])}, "1 of 2 focal cells lies outside"),
        (
            {**FOCAL, "excluded": np.array([[2, 77]])},
            "1 id in the excluded pairs belongs to no focal node, the first is 77",
        ),
        ({**FOCAL, "short_circuits": np.ones((2, 2), int)}, "must be of one size, not (2, 2)"),
        ({**FOCAL, "focal_ids": np.ones(6)}, "must hold whole numbers"),
    ],
)
def test_invalid_circuit_inputs_are_named(tmp_path, inputs, words):
    ended = run_job(tmp_path, "circuit.current", {"mode": "pairwise"}, landscape=LANDSCAPE, **inputs)
    assert ended.status == REFUSED and words in ended.error["text"]


def test_sources_without_grounds_are_refused(tmp_path):
    sources = np.zeros(LANDSCAPE.shape)
    sources[0, 0] = 1
    inputs = {"sources": sources, "grounds": np.zeros(LANDSCAPE.shape)}
    ended = run_job(tmp_path, "circuit.advanced", {"policy": "keepall"}, landscape=LANDSCAPE, **inputs)
    assert ended.status == REFUSED and "no ground in the landscape: 0 given" in ended.error["text"]


@pytest.fixture(scope="module")
def many():
    """Enough regions that a run can be killed halfway."""
    values = np.random.default_rng(8).lognormal(size=(40, 40))
    ids = np.zeros(values.shape, int)
    for number in range(9):
        row, column = divmod(number, 3)
        ids[4 + 14 * row : 7 + 14 * row, 4 + 14 * column : 6 + 14 * column] = number + 1
    cells = np.argwhere(ids > 0)
    return {
        "landscape": values,
        "valid": values > 0,
        "focal_ids": ids[tuple(cells.T)],
        "focal_cells": cells,
    }


def kill_after(folder, arrays):
    """Run a job, read and delete its partial results, and kill it after a number of arrays."""
    worker = subprocess.Popen(**command(folder), stdout=subprocess.PIPE, text=True)
    read = {}
    for line in worker.stdout:
        said = json.loads(line)
        if said["type"] == "partial_result":
            for what, file in said["files"].items():
                read[said["name"], what] = np.load(folder / file)
                (folder / file).unlink()
            if len(read) >= arrays:
                os.kill(worker.pid, signal.SIGKILL)
                break
    worker.wait()
    return read


def test_killed_run_resumes_with_same_sum(tmp_path, many):
    plain = {"mode": "pairwise", "per_run_outputs": "currents"}
    checkpointed = {**plain, "checkpoint": str(tmp_path / "checkpointed"), "max_pending": 1}
    first = kill_after(write_job(tmp_path / "first", "circuit.current", checkpointed, many), 2 + 25)
    have = sorted(name for name, what in first if what == "currents")
    assert len(have) == 25
    resumed = {**checkpointed, "completed_runs": have, "max_pending": 99}
    second = start(write_job(tmp_path / "second", "circuit.current", resumed, many))
    whole = start(write_job(tmp_path / "whole", "circuit.current", plain, many))
    assert "runs were summed earlier" in " ".join(line["text"] for line in second.said("message"))
    assert len(second.said("partial_result")) == 1 + 36 - 25
    for what in ("cumulative", "maximum"):
        np.testing.assert_allclose(second.output(what), whole.output(what), rtol=1e-12)

    changed = {**many, "landscape": many["landscape"] * 2}
    refused = start(write_job(tmp_path / "changed", "circuit.current", checkpointed, changed))
    assert (
        refused.status == REFUSED
        and "cannot be continued, because something has changed: landscape" in refused.error["text"]
    )


def test_cumulative_region_currents_resume(tmp_path, many):
    plain = {"mode": "pairwise"}
    checkpointed = {**plain, "checkpoint": str(tmp_path / "checkpointed")}
    circuit = GridCircuit(GridGraph(many["landscape"], edge_rule="mean"))
    focal = FocalNodes.from_cells(many["focal_ids"], *many["focal_cells"].T, many["landscape"].shape)
    folder = write_job(tmp_path / "first", "circuit.current", checkpointed, many)
    first = start(folder)
    # The checkpoint after the first sixteen pairs, as if the run had been killed then.
    some, sums = next(Pairwise(circuit, focal).partial_sums())
    with np.load(tmp_path / "checkpointed" / "cumulative.npz") as there:
        arrays = dict(there)
    assert (some, int(arrays["completed"])) == (16, 36)
    arrays |= {"total": sums.total, "maximum": sums.maximum, "runs": np.array(16), "completed": np.array(16)}
    np.savez(tmp_path / "checkpointed" / "cumulative.npz", **arrays)
    second = start(write_job(tmp_path / "second", "circuit.current", checkpointed, many))
    assert "16 of 36 pairs were summed earlier" in " ".join(line["text"] for line in second.said("message"))
    for what in ("cumulative", "maximum"):
        np.testing.assert_array_equal(second.output(what), first.output(what))
    assert second.metrics["runs"] == 36 and second.metrics["kcl_residual"] < 1e-9


@pytest.fixture(scope="module")
def many_points():
    """Enough points for several blocks of right-hand sides, some of them behind a wall."""
    values = np.random.default_rng(8).lognormal(size=(40, 40))
    values[:, 30] = 0
    cells = np.argwhere(np.indices(values.shape).sum(0) % 9 == 4)[::4]
    cells = cells[values[tuple(cells.T)] > 0]
    return {
        "landscape": values,
        "valid": values >= 0,
        "focal_ids": np.arange(1, len(cells) + 1),
        "focal_cells": cells,
    }


@pytest.mark.costly_variants
@pytest.mark.parametrize("cumulative", [True, False])
def test_stored_potentials_are_reused_after_kill(tmp_path, many_points, cumulative):
    plain = {"mode": "pairwise", "cumulative": cumulative}
    checkpointed = {**plain, "checkpoint": str(tmp_path / "checkpointed"), "max_pending": 1}
    first = kill_after(write_job(tmp_path / "first", "circuit.current", checkpointed, many_points), 2)
    there = sorted((tmp_path / "checkpointed").glob("cached-*.npy"))
    assert 1 <= len(there) < -(-len(many_points["focal_ids"]) // 16)
    written = {path.name: path.stat().st_mtime_ns for path in there}

    resumed = {**checkpointed, "max_pending": 99}
    second = start(write_job(tmp_path / "second", "circuit.current", resumed, many_points))
    whole = start(write_job(tmp_path / "whole", "circuit.current", plain, many_points))
    said = " ".join(line["text"] for line in second.said("message"))
    assert f"{len(there)} intermediate solution" in said
    assert (
        written.items()
        <= {path.name: path.stat().st_mtime_ns for path in (tmp_path / "checkpointed").glob("cached-*.npy")}.items()
    )
    for what in ("resistances", *(("cumulative", "maximum") if cumulative else ())):
        np.testing.assert_array_equal(second.output(what), whole.output(what))
    # The partial matrix agrees with the complete one, and is neither empty nor complete.
    known = first["resistances_partial", "resistances"]
    there = ~np.isnan(known)
    np.testing.assert_allclose(known[there], whole.output("resistances")[there], rtol=1e-9)
    assert there[~np.eye(len(known), dtype=bool)].any() and not there.all()

    changed = {**many_points, "focal_cells": many_points["focal_cells"][::-1]}
    refused = start(write_job(tmp_path / "changed", "circuit.current", checkpointed, changed))
    assert refused.status == REFUSED and "something has changed: focal_cells" in refused.error["text"]


@pytest.mark.parametrize("on_barriers", [False, True])
def test_stored_region_solutions_are_reused(tmp_path, many, on_barriers):
    """Regions that include barriers are solved pair by pair; others by the inverse between their boundary cells."""
    landscape = many["landscape"].copy()
    if on_barriers:
        landscape[tuple(many["focal_cells"][0])] = 0
    inputs = {**many, "landscape": landscape}
    plain = {"mode": "pairwise", "cumulative": False}
    checkpointed = {**plain, "checkpoint": str(tmp_path / "checkpointed")}
    first = start(write_job(tmp_path / "first", "circuit.current", checkpointed, inputs))
    if on_barriers:
        (tmp_path / "checkpointed" / "cached-pair-resistances-00000016.npy").unlink()
    second = start(write_job(tmp_path / "second", "circuit.current", checkpointed, inputs))
    parts = len(list((tmp_path / "checkpointed").glob("cached-*.npy")))
    assert parts == (-(-36 // 8) if on_barriers else 1)
    assert f"{parts - on_barriers} intermediate solution" in " ".join(m["text"] for m in second.said("message"))
    np.testing.assert_array_equal(second.output("resistances"), first.output("resistances"))
    np.testing.assert_array_equal(
        second.output("resistances"),
        start(write_job(tmp_path / "whole", "circuit.current", plain, inputs)).output("resistances"),
    )


def test_full_disk_disables_array_store_with_warning(tmp_path, many_points, monkeypatch):
    said = (tmp_path / "said").open("w+")
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=1_000_000))
    job = Job({"checkpoint": str(tmp_path / "checkpointed")}, many_points, Reporter(said), tmp_path)
    checkpoint = open_checkpoint(job, "circuit.current")
    assert open_array_store(job, checkpoint, 1_000_001) is None
    assert open_array_store(job, checkpoint, 1_000_000) is not None
    said.seek(0)
    [line] = [json.loads(line) for line in said]
    assert line["type"] == "warning" and "would take 1 MB" in line["text"]


def test_damaged_intermediate_array_is_named(tmp_path, many_points):
    checkpointed = {"mode": "pairwise", "checkpoint": str(tmp_path / "checkpointed")}
    assert start(write_job(tmp_path / "first", "circuit.current", checkpointed, many_points)).status == DONE
    damaged = sorted((tmp_path / "checkpointed").glob("cached-potentials-*.npy"))[-1]
    damaged.write_bytes(b"rubbish")
    refused = start(write_job(tmp_path / "second", "circuit.current", checkpointed, many_points))
    assert refused.status == REFUSED and f"{damaged.name} is damaged" in refused.error["text"]


def test_max_pending_limits_unread_partial_results(tmp_path, many):
    parameters = {"mode": "pairwise", "per_run_outputs": "currents", "max_pending": 3}
    folder = write_job(tmp_path / "job", "circuit.current", parameters, many)
    worker = subprocess.Popen(**command(folder), stdout=subprocess.PIPE, text=True)
    try:
        waiting = next(line for line in worker.stdout if json.loads(line).get("name") == "pending_partial_results")
        time.sleep(0.3)
        assert json.loads(waiting)["value"] == 3
        assert len({file.name.split("-")[0] for file in folder.glob("*-*.npy")}) == 3
    finally:
        worker.kill()
        worker.wait()
