"""Current in a network of nodes and edges: between focal nodes, or from sources to grounds."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ...circuits import CumulativeCurrent, NetworkCircuit, Pairwise
from ...counts import count_of
from ...storage import CheckpointFolder
from .. import resource_estimates
from ..accumulator_checkpoint import AccumulatorCheckpoint
from ..advanced_runs import advanced_metrics, solve_advanced
from ..circuit_estimates import MATRIX_BYTES, network_seconds
from ..circuit_inputs import included_pairs, read_focal
from ..inputs import choice_parameter, require_input
from ..job_checkpoint import open_array_store, open_checkpoint
from ..metrics import resistance_metrics
from ..partial_results import PartialResultWriter
from ..resumable_runs import PairNames, Run, per_run_parameter, run_resumable, select_outputs, warn_if_not_conserved
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Bytes per edge: the edges, the matrix, and a factor with the fill-in of maps and road networks.
BYTES_PER_EDGE = 1_000


class CircuitNetworkTask(Task):
    """Effective resistances, potentials, and currents through nodes and along edges of a network."""

    name = "circuit.network"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A sparse factor, and the potentials of every focal node."""
        edges, nodes = len(job.inputs["edges"]), int(np.max(job.inputs["edges"], initial=0)) + 1
        focal = len(job.inputs["focal_ids"]) if "focal_ids" in job.inputs else 1
        nbytes = resource_estimates.BASE_BYTES + BYTES_PER_EDGE * edges + 8 * nodes * focal + MATRIX_BYTES * focal**2
        return ResourceEstimate(nbytes, network_seconds(job))

    def run(self, job: Job) -> TaskResult:
        """Solve pair by pair, or for all sources and grounds at once."""
        mode = choice_parameter(job, "mode", ("pairwise", "advanced"))
        checkpoint = open_checkpoint(job, self.name)
        network = _read_network(job)
        metrics: dict[str, Any] = {
            "active_cells": network.n_nodes,
            "components": int(network.components.max(initial=-1)) + 1,
            "solver": "sparse LU",
            "iterations": None,
            "residual": None,
        }
        if mode == "pairwise":
            return _pairwise(job, checkpoint, network, metrics)
        result = solve_advanced(job, network)
        outputs = {"potentials": result.potentials, "currents": result.currents}
        branches = _branch_currents(network, result.potentials)
        return TaskResult(outputs | {"branches": branches}, metrics | advanced_metrics(result))


def _read_network(job: Job) -> NetworkCircuit:
    edges, conductances = np.asarray(require_input(job, "edges")), np.asarray(require_input(job, "conductances"))
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.issubdtype(edges.dtype, np.integer):
        raise ValueError(f'input "edges" must be pairs of nodes of shape (k, 2), not {edges.shape} of {edges.dtype}')
    return NetworkCircuit(edges[:, 0], edges[:, 1], conductances, job.parameters.get("nodes"))


def _pairwise(
    job: Job, checkpoint: CheckpointFolder | None, network: NetworkCircuit, metrics: dict[str, Any]
) -> TaskResult:
    focal = read_focal(job, network.shape)
    store = open_array_store(job, checkpoint, 8 * network.n_nodes * len(focal))
    writer = PartialResultWriter(job)
    pairwise = Pairwise(network, focal, included_pairs(job, focal), cache=store)

    def report(done: int, total: int, matrix: Callable[[], np.ndarray]) -> None:
        job.report.progress(
            3 + 7 * done / total, f"Potentials of {count_of(len(focal), 'focal node')}: {done:,} of {total:,}"
        )

    resistances = pairwise.resistances(retain=True, on_partial=report)
    outputs = {"ids": resistances.ids, "resistances": resistances.matrix}
    writer.write("resistances", outputs)
    if per_run_parameter(job) == "none" and pairwise.sums_network:

        def report_sum(fraction: float) -> None:
            job.report.progress(10 + 88 * fraction, f"Sum over {count_of(pairwise.n_pairs, 'pair')}")

        total = pairwise.cumulative_of_network(report_sum)
    else:
        total = _sum_run_by_run(job, checkpoint, network, pairwise, writer)
    warn_if_not_conserved(job, total.residual)
    node_currents, branch_currents = np.split(total.total, [network.shape[0]])
    first, second, _ = network.branches
    outputs |= {"cumulative": node_currents, "branches": np.column_stack([first, second, branch_currents])}
    metrics |= {"focal_nodes": len(focal), "runs": total.runs, "kcl_residual": total.residual}
    return TaskResult(outputs, metrics | resistance_metrics("pairwise", resistances.matrix))


def _sum_run_by_run(
    job: Job,
    checkpoint: CheckpointFolder | None,
    network: NetworkCircuit,
    pairwise: Pairwise,
    writer: PartialResultWriter,
) -> CumulativeCurrent:
    """Write the currents of every pair and return their sum through nodes and along branches."""
    cumulative = AccumulatorCheckpoint(checkpoint, np.zeros(network.shape[0] + len(network.branches[0])))

    def solve(runs: np.ndarray) -> Iterator[Run]:
        """Yield the currents of some pairs."""
        for pair in pairwise.maps(pairwise.pair_ids[runs]):
            branch_currents = np.abs(network.branch_currents(np.nan_to_num(pair.potentials))[2])
            arrays = select_outputs(job, currents=pair.currents, potentials=pair.potentials)
            if per_run_parameter(job) != "potentials":
                arrays["branches"] = _branch_currents(network, pair.potentials)
            added = np.concatenate([pair.currents, branch_currents])
            yield Run(f"{pair.first}_{pair.second}", arrays, added, pair.resistance, pair.residual)

    for _ in run_resumable(job, PairNames(pairwise.pair_ids), solve, cumulative, writer):
        pass
    return cumulative.result


def _branch_currents(network: NetworkCircuit, potentials: np.ndarray) -> np.ndarray:
    """Return a row (node, node, current) for every branch that is connected with a source."""
    first, second, flow = network.branch_currents(np.nan_to_num(potentials))
    reached = ~np.isnan(potentials)[network.representative_cells[first]]
    return np.column_stack([first, second, np.abs(flow)])[reached]
