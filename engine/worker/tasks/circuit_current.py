"""Current between focal nodes: pair by pair, from one to all, from all to one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ...circuits.accumulator import CumulativeCurrent
from ...circuits.grid_circuit import GridCircuit
from ...circuits.one_to_all import AllToOne, FocalNodeResult, OneToAll
from ...circuits.pairwise import PairResult
from ...graph.focal_nodes import FocalNodes
from ...linalg.auto import select_solver
from ...linalg.nested_dissection.cpu.streamed_solve import peak_bytes
from ...linalg.solver_stats import record_stats
from ...parallel.numba_jit import cpu_count
from .. import circuit_inputs
from ..inputs import choice_parameter
from ..partial_results import PartialResultWriter, ThrottledMatrixWriter
from ..resumable_runs import (
    PER_RUN_OUTPUTS,
    RunSet,
    accumulate_resumable,
    lock_output_folder,
    open_array_store,
    run_resumable,
    warn_if_not_conserved,
)
from ..task import Job, ResourceEstimate, Task, TaskResult

MODES = ("pairwise", "one_to_all", "all_to_one")

#: So many patterns of what enters at its rim a region has, about.
PATTERNS = 14

#: The piece that holds the resistances so far.
SO_FAR = "resistances_partial"


class CircuitCurrentTask(Task):
    """Resistances between focal nodes, maps of each run as they come, their sum and, if wanted, their maximum."""

    name = "circuit.current"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One solve for each focal node, and the potentials of all of them."""
        cells = len(job.inputs["focal_ids"])
        nodes = len(np.unique(job.inputs["focal_ids"]))
        one_each = cells == nodes
        with_maps = job.parameters.get("per_run_outputs", "none") != "none"
        runs = nodes * (nodes - 1) // 2 if job.parameters.get("mode") == "pairwise" else nodes
        if one_each or job.parameters.get("mode") != "pairwise":
            return circuit_inputs.estimate(job, nodes if one_each else min(nodes, 8), runs if with_maps else 1)
        # Regions keep the network between their rims instead of the potentials of all of them.
        with_sums = job.parameters.get("cumulative", True)
        each = circuit_inputs.estimate(job, 8, runs if with_maps or with_sums else 1)
        patterns = min(PATTERNS * nodes, runs) if with_sums and not with_maps else 0
        together = peak_bytes(job.inputs["landscape"].shape, patterns, cpu_count())
        return ResourceEstimate(each.bytes + circuit_inputs.boundary_bytes(job) + together, each.seconds)

    def run(self, job: Job) -> TaskResult:
        """Resistances first, then run by run."""
        mode = choice_parameter(job, "mode", MODES)
        each = (
            choice_parameter(job, "per_run_outputs", PER_RUN_OUTPUTS) if "per_run_outputs" in job.parameters else "none"
        )
        with_sums = bool(job.parameters.get("cumulative", True))
        largest = with_sums and bool(job.parameters.get("maximum", True))
        # Before anything is handed over that might replace results of something else.
        lock_output_folder(job, self.name)
        job.report.progress(1, "The landscape as a circuit")
        circuit = circuit_inputs.read_circuit(job)
        focal = circuit_inputs.read_focal(job, circuit.shape)
        nodes = len(focal)
        job.report.message(select_solver(circuit.shape, max(nodes - 1, 1), symmetric=True).reason)
        job.report.progress(3, f"Potentials of {nodes:,} focal nodes")
        with record_stats() as entries:
            if mode == "pairwise":
                found, sums = _pairwise(job, circuit, focal, each, with_sums, largest)
            else:
                found, sums = _sweep(job, circuit, focal, mode, each, with_sums)
        outputs = dict(found)
        metrics = circuit_inputs.circuit_metrics(circuit, entries) | {
            "focal_nodes": nodes,
            "cells_without_flow": circuit_inputs.cells_without_flow(circuit, focal),
            "maximum_current": None,
            "runs": None,
            "kcl_residual": None,
        }
        if sums is not None:
            outputs |= {"cumulative": sums.total} | ({"maximum": sums.largest} if largest else {})
            most = float(np.nanmax(sums.total, initial=0.0))
            warn_if_not_conserved(job, sums.residual)
            metrics |= {"maximum_current": most, "runs": sums.runs, "kcl_residual": sums.residual}
        return TaskResult(outputs, metrics | resistance_metrics(mode, outputs["resistances"]))


def _pairwise(
    job: Job, circuit: GridCircuit, focal: FocalNodes, each: str, with_sums: bool, largest: bool
) -> tuple[dict[str, np.ndarray], CumulativeCurrent | None]:
    keep = with_sums or each != "none"
    points = all(len(places) == 1 for places in focal.cells)
    room = (8 * circuit.node_of.size * len(focal) if keep else 0) if points else circuit_inputs.boundary_bytes(job) // 3
    finished, pieces = open_array_store(job, CircuitCurrentTask.name, room), PartialResultWriter(job)
    pairwise = circuit_inputs.pairwise_without(circuit, focal, circuit_inputs.read_pairs(job, "excluded"), finished)
    # In the sum only, or in the map of each pair, too.
    zero_in_maps = bool(job.parameters.get("zero_all_maps"))
    zero = zero_in_maps or bool(job.parameters.get("zero_focal_currents"))
    known = ThrottledMatrixWriter(pieces if finished else None, SO_FAR, "resistances", {"ids": focal.ids})

    def so_far(done: int, of: int, matrix: Callable[[], np.ndarray]) -> None:
        job.report.progress(3 + 7 * done / of, f"Potentials of {len(focal):,} focal nodes: {done:,} of {of:,}")
        if done < of:
            known.give(matrix)

    resistances = pairwise.resistances(retain=keep, on_partial=so_far)
    if finished and finished.taken:
        job.report.message(f"{finished.taken:,} parts of what had to be solved were there from an earlier run")
    found = {"ids": resistances.ids, "resistances": resistances.matrix}
    pieces.give("resistances", found)
    if each == "none" and not with_sums:
        return found, None
    if each == "none" and pairwise.uses_superposition:
        job.report.progress(50, "Sum over all pairs")
        return found, pairwise.cumulative(zero_focal_currents=zero, largest=largest)
    nothing = circuit.to_map(np.zeros(circuit.node_of.size))
    if each == "none" and pairwise.uses_shared_circuit:

        def sums_from(done: int, so_far: Callable[[float], None]) -> Iterator[tuple[int, CumulativeCurrent]]:
            return pairwise.partial_sums(done, zero_focal_currents=zero, on_progress=so_far)

        return found, accumulate_resumable(job, CircuitCurrentTask.name, nothing, len(pairwise.pairs), sums_from)
    pairs = {f"{one}_{other}": (one, other) for one, other in pairwise.pairs}

    def maps(names: Iterable[str]) -> Iterator[tuple[str, PairResult, np.ndarray]]:
        for pair in pairwise.maps([pairs[name] for name in names]):
            counted = pairwise.currents_for_sum(pair, zero)
            yield f"{pair.first}_{pair.second}", replace(pair, currents=counted) if zero_in_maps else pair, counted

    return found, run_resumable(job, CircuitCurrentTask.name, nothing, RunSet(list(pairs), maps), each, pieces)[0]


def _sweep(
    job: Job, circuit: GridCircuit, focal: FocalNodes, mode: str, each: str, with_sums: bool
) -> tuple[dict[str, np.ndarray], CumulativeCurrent | None]:
    kind = OneToAll if mode == "one_to_all" else AllToOne
    sweep = kind(
        circuit,
        focal,
        strengths=circuit_inputs.read_strengths(job),
        excluded=circuit_inputs.read_pairs(job, "excluded"),
        zero_focal_currents=bool(job.parameters.get("zero_all_maps")),
    )
    names = [str(identity) for identity in focal.ids.tolist()]

    def maps(wanted: Iterable[str]) -> Iterator[tuple[str, FocalNodeResult, np.ndarray]]:
        for run in sweep.maps([int(name) for name in wanted]):
            yield str(run.id), run, run.currents

    nothing = circuit.to_map(np.zeros(circuit.node_of.size))
    pieces = PartialResultWriter(job)
    known = ThrottledMatrixWriter(
        pieces if job.parameters.get("checkpoint") else None, SO_FAR, "resistances", {"ids": focal.ids}
    )

    def so_far(values: dict[str, float]) -> None:
        known.give(lambda: np.array([values.get(name, np.nan) for name in names]))

    runs = RunSet(names, maps)
    sums, values = run_resumable(job, CircuitCurrentTask.name, nothing, runs, each, pieces, so_far=so_far)
    found = {"ids": focal.ids, "resistances": np.array([values[name] for name in names])}
    return found, sums if with_sums else None


def resistance_metrics(mode: str, resistances: np.ndarray) -> dict[str, Any]:
    """Return the resistances in numbers; all-to-one has none.

    Parameters
    ----------
    mode
        One of `MODES`.
    resistances
        In ohm, infinite where not connected, NaN where left out: (n, n), or (n,) of a sweep.
    """
    values = resistances[np.triu_indices(len(resistances), 1)] if mode == "pairwise" else resistances
    asked = values[~np.isnan(values)]
    finite = asked[np.isfinite(asked)]
    has_any = finite.size > 0 and mode != "all_to_one"
    return {
        "unconnected": int(np.isinf(asked).sum()),
        "minimum": finite.min() if has_any else None,
        "maximum": finite.max() if has_any else None,
        "mean": finite.mean() if has_any else None,
    }
