"""Current in a network of nodes and edges: between focal nodes, or from sources to grounds."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...circuits import NetworkCircuit, Pairwise
from ...storage import CheckpointFolder
from .. import resource_estimates
from ..accumulator_checkpoint import AccumulatorCheckpoint
from ..advanced_runs import advanced_metrics, solve_advanced
from ..circuit_inputs import included_pairs, read_focal
from ..inputs import choice_parameter, require_input
from ..job_checkpoint import open_array_store, open_checkpoint
from ..metrics import resistance_metrics
from ..partial_results import PartialResultWriter
from ..resumable_runs import Run, per_run_parameter, run_resumable, select_outputs, warn_if_not_conserved
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
        return ResourceEstimate(resource_estimates.BASE_BYTES + BYTES_PER_EDGE * edges + 8 * nodes * focal)

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
    resistances = pairwise.resistances(retain=True)
    outputs = {"ids": resistances.ids, "resistances": resistances.matrix}
    writer.write("resistances", outputs)
    pairs = {f"{first}_{second}": (first, second) for first, second in pairwise.pairs}
    nodes = network.shape[0]
    first, second, _ = network.branch_currents(np.zeros(network.shape))
    cumulative = AccumulatorCheckpoint(checkpoint, np.zeros(nodes + len(first)))

    def solve(names: list[str]) -> Iterator[Run]:
        for pair in pairwise.maps([pairs[name] for name in names]):
            branch_currents = np.abs(network.branch_currents(np.nan_to_num(pair.potentials))[2])
            arrays = select_outputs(job, currents=pair.currents, potentials=pair.potentials)
            if per_run_parameter(job) != "potentials":
                arrays["branches"] = _branch_currents(network, pair.potentials)
            added = np.concatenate([pair.currents, branch_currents])
            yield Run(f"{pair.first}_{pair.second}", arrays, added, pair.resistance, pair.residual)

    for _ in run_resumable(job, list(pairs), solve, cumulative, writer):
        pass
    total = cumulative.result
    warn_if_not_conserved(job, total.residual)
    node_currents, branch_currents = np.split(total.total, [nodes])
    outputs |= {"cumulative": node_currents, "branches": np.column_stack([first, second, branch_currents])}
    metrics |= {"focal_nodes": len(focal), "runs": total.runs, "kcl_residual": total.residual}
    return TaskResult(outputs, metrics | resistance_metrics("pairwise", resistances.matrix))


def _branch_currents(network: NetworkCircuit, potentials: np.ndarray) -> np.ndarray:
    """Return a row (node, node, current) for every branch that is connected with a source."""
    first, second, flow = network.branch_currents(np.nan_to_num(potentials))
    reached = ~np.isnan(potentials)[network.representative_cells[first]]
    return np.column_stack([first, second, np.abs(flow)])[reached]
