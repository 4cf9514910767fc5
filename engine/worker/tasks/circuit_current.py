"""Current between focal nodes: pairwise, one to all, all to one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...circuits import AllToOne, CumulativeCurrent, GridCircuit, OneToAll, Pairwise
from ...counts import count_of
from ...graph import FocalNodes
from ...linalg import peak_bytes, record_stats, select_solver
from ...parallel import cpu_count
from ...storage import CheckpointFolder
from ..accumulator_checkpoint import AccumulatorCheckpoint
from ..circuit_estimates import MATRIX_BYTES, count_pairs, one_sided_seconds, pairwise_seconds
from ..circuit_inputs import (
    boundary_bytes,
    count_cells_without_flow,
    estimate_circuit,
    included_pairs,
    read_circuit,
    read_focal,
    read_pairs,
    read_strengths,
)
from ..inputs import choice_parameter
from ..job_checkpoint import open_array_store, open_checkpoint
from ..metrics import landscape_metrics, resistance_metrics, solver_metrics
from ..partial_results import PartialResultWriter, ThrottledMatrixWriter
from ..resumable_runs import PairNames, Run, per_run_parameter, run_resumable, select_outputs, warn_if_not_conserved
from ..task import Job, ResourceEstimate, Task, TaskResult

MODES = ("pairwise", "one_to_all", "all_to_one")

#: Typical number of basis vectors of the boundary currents of a region, for the memory estimate.
BASIS_VECTORS_PER_REGION = 14

#: Name of the partial result with the resistances computed so far.
PARTIAL_RESISTANCES = "resistances_partial"


@dataclass(frozen=True)
class _Maps:
    """Maps that a job requests.

    Attributes
    ----------
    per_run
        One of `PER_RUN_OUTPUTS`.
    cumulative, maximum
        Whether to compute the sum, and the maximum, over all runs.
    zero_all, zero_cumulative
        Whether to set focal node currents to zero in all maps, or in the cumulative map of pairs.
    """

    per_run: str
    cumulative: bool
    maximum: bool
    zero_all: bool
    zero_cumulative: bool


class CircuitCurrentTask(Task):
    """Effective resistances between focal nodes, maps of each run, and the cumulative and maximum current."""

    name = "circuit.current"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One solve for each focal node, and the potentials of all of them."""
        cells = len(job.inputs["focal_ids"])
        nodes = len(np.unique(job.inputs["focal_ids"]))
        are_points = cells == nodes
        maps = _read_maps(job)
        mode, has_run_maps = job.parameters.get("mode"), maps.per_run != "none"
        if mode != "pairwise":
            solver = estimate_circuit(job, nodes if are_points else min(nodes, 8))
            return _extended(solver, one_sided_seconds(job, all_to_one=mode == "all_to_one"))
        seconds = pairwise_seconds(
            job, are_points=are_points, maximum=maps.maximum, cumulative=maps.cumulative, run_maps=has_run_maps
        )
        if are_points:
            return _extended(estimate_circuit(job, nodes), seconds, MATRIX_BYTES * nodes**2)
        # Regions store the inverse between their boundary cells instead of the potentials of all of them.
        basis = min(BASIS_VECTORS_PER_REGION * nodes, count_pairs(job)) if maps.cumulative and not has_run_maps else 0
        streamed = peak_bytes(job.inputs["landscape"].shape, basis, cpu_count())
        memory = boundary_bytes(job) + streamed + MATRIX_BYTES * nodes**2
        return _extended(estimate_circuit(job, 8), seconds, memory)

    def run(self, job: Job) -> TaskResult:
        """Compute the resistances, then the maps run by run."""
        mode, maps = choice_parameter(job, "mode", MODES), _read_maps(job)
        checkpoint = open_checkpoint(job, self.name)
        job.report.progress(1, "The landscape as a circuit")
        circuit = read_circuit(job)
        focal = read_focal(job, circuit.shape)
        job.report.detail(select_solver(circuit.shape, max(len(focal) - 1, 1), symmetric=True).reason)
        job.report.progress(3, f"Potentials of {count_of(len(focal), 'focal node')}")
        with record_stats() as stats:
            if mode == "pairwise":
                resistances, cumulative = _pairwise(job, checkpoint, circuit, focal, maps)
            else:
                resistances, cumulative = _one_sided(job, checkpoint, circuit, focal, maps, mode)
        outputs = {"ids": focal.ids, "resistances": resistances}
        metrics = landscape_metrics(circuit.grid) | solver_metrics(stats) | resistance_metrics(mode, resistances)
        metrics |= {
            "focal_nodes": len(focal),
            "cells_without_flow": count_cells_without_flow(circuit, focal),
            "maximum_current": None,
            "runs": None,
            "kcl_residual": None,
        }
        if cumulative is not None:
            outputs["cumulative"] = cumulative.total
            if maps.maximum:
                outputs["maximum"] = cumulative.maximum
            warn_if_not_conserved(job, cumulative.residual)
            metrics |= {
                "maximum_current": float(np.nanmax(cumulative.total, initial=0.0)),
                "runs": cumulative.runs,
                "kcl_residual": cumulative.residual,
            }
        return TaskResult(outputs, metrics)


def _extended(solver: ResourceEstimate, seconds: float, nbytes: int = 0) -> ResourceEstimate:
    """Return the estimate of the solves, extended by further memory and time."""
    return ResourceEstimate(solver.bytes + nbytes, None if solver.seconds is None else solver.seconds + seconds)


def _read_maps(job: Job) -> _Maps:
    cumulative = bool(job.parameters.get("cumulative", True))
    zero_all = bool(job.parameters.get("zero_all_maps"))
    return _Maps(
        per_run_parameter(job),
        cumulative,
        cumulative and bool(job.parameters.get("maximum", True)),
        zero_all,
        zero_all or bool(job.parameters.get("zero_focal_currents")),
    )


def _pairwise(
    job: Job, checkpoint: CheckpointFolder | None, circuit: GridCircuit, focal: FocalNodes, maps: _Maps
) -> tuple[np.ndarray, CumulativeCurrent | None]:
    """Return the resistances of all pairs, and their cumulative current."""
    wants_maps, has_run_maps = maps.cumulative or maps.per_run != "none", maps.per_run != "none"
    writer = PartialResultWriter(job)
    store = open_array_store(job, checkpoint, _stored_bytes(job, circuit, focal, wants_maps))
    partial = ThrottledMatrixWriter(writer if store else None, PARTIAL_RESISTANCES, "resistances", {"ids": focal.ids})

    def report(done: int, total: int, matrix: Callable[[], np.ndarray]) -> None:
        """Report the progress, and write the resistances computed so far."""
        job.report.progress(
            3 + 7 * done / total, f"Potentials of {count_of(len(focal), 'focal node')}: {done:,} of {total:,}"
        )
        if done < total:
            partial.write(matrix)

    pairwise = Pairwise(circuit, focal, included_pairs(job, focal), cache=store)
    resistances = pairwise.resistances(retain=wants_maps, on_partial=report).matrix
    if store and store.hits:
        job.report.message(
            f"{count_of(store.hits, 'intermediate solution was', 'intermediate solutions were')} read from an earlier "
            "run"
        )
    writer.write("resistances", {"ids": focal.ids, "resistances": resistances})
    if not wants_maps:
        return resistances, None
    if not has_run_maps and pairwise.uses_superposition:

        def report_sum(fraction: float) -> None:
            job.report.progress(10 + 88 * fraction, f"Sum over {count_of(pairwise.n_pairs, 'pair')}")

        report_sum(0.0)
        return resistances, pairwise.cumulative(
            zero_focal_currents=maps.zero_cumulative, with_maximum=maps.maximum, on_progress=report_sum
        )
    cumulative = AccumulatorCheckpoint(checkpoint, circuit.to_map(np.zeros(circuit.node_of.size)))
    if not has_run_maps and pairwise.uses_shared_circuit:
        _accumulate_blocks(job, pairwise, cumulative, maps)
        return resistances, cumulative.result

    def solve(runs: np.ndarray) -> Iterator[Run]:
        """Yield the maps of some pairs."""
        for pair in pairwise.maps(pairwise.pair_ids[runs]):
            added = pairwise.currents_for_sum(pair, maps.zero_cumulative)
            shown = added if maps.zero_all else pair.currents
            outputs = select_outputs(job, currents=shown, potentials=pair.potentials)
            yield Run(f"{pair.first}_{pair.second}", outputs, added, pair.resistance, pair.residual)

    for _ in run_resumable(job, PairNames(pairwise.pair_ids), solve, cumulative, writer):
        pass
    return resistances, cumulative.result


def _stored_bytes(job: Job, circuit: GridCircuit, focal: FocalNodes, wants_maps: bool) -> int:
    """Return the disk space of intermediate solutions: potentials of points, or the inverse between regions."""
    if all(len(cells) == 1 for cells in focal.cells):
        return 8 * circuit.node_of.size * len(focal) if wants_maps else 0
    return boundary_bytes(job) // 3


def _accumulate_blocks(job: Job, pairwise: Pairwise, cumulative: AccumulatorCheckpoint, maps: _Maps) -> None:
    """Add up the currents of blocks of pairs whose individual maps are not written."""
    total = pairwise.n_pairs
    if cumulative.completed:
        job.report.message(f"{cumulative.completed:,} of {count_of(total, 'pair')} were summed earlier")

    def report(done: float) -> None:
        job.report.progress(10 + 88 * done / total, f"{int(done):,} of {count_of(total, 'pair')}")

    for count, currents in pairwise.partial_sums(
        cumulative.completed, zero_focal_currents=maps.zero_cumulative, on_progress=report
    ):
        cumulative.add_sum(count, currents, is_last=cumulative.completed + count == total)
        report(cumulative.completed)


def _one_sided(
    job: Job, checkpoint: CheckpointFolder | None, circuit: GridCircuit, focal: FocalNodes, maps: _Maps, mode: str
) -> tuple[np.ndarray, CumulativeCurrent | None]:
    """Return the resistance of each focal node and the cumulative current, for one to all or all to one."""
    circuit_mode = (OneToAll if mode == "one_to_all" else AllToOne)(
        circuit,
        focal,
        strengths=read_strengths(job),
        excluded=read_pairs(job, "excluded"),
        zero_focal_currents=maps.zero_all,
    )
    names = [str(identity) for identity in focal.ids.tolist()]
    writer = PartialResultWriter(job)
    partial = ThrottledMatrixWriter(
        writer if checkpoint else None, PARTIAL_RESISTANCES, "resistances", {"ids": focal.ids}
    )
    cumulative = AccumulatorCheckpoint(checkpoint, circuit.to_map(np.zeros(circuit.node_of.size)))

    def solve(runs: np.ndarray) -> Iterator[Run]:
        """Yield the maps of some focal nodes."""
        for run in circuit_mode.maps(focal.ids[runs].tolist()):
            outputs = select_outputs(job, currents=run.currents, potentials=run.potentials)
            yield Run(str(run.id), outputs, run.currents, run.resistance, run.residual)

    def resistances() -> np.ndarray:
        return np.array([cumulative.resistances.get(name, np.nan) for name in names])

    for _ in run_resumable(job, names, solve, cumulative, writer):
        partial.write(resistances)
    return resistances(), cumulative.result if maps.cumulative else None
