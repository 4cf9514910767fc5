"""Current in a network that is given by its edges: between focal nodes, or from sources to grounds."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ...circuits.network_circuit import NetworkCircuit
from ...circuits.pairwise import PairResult
from .. import circuit_inputs, resource_estimates
from ..inputs import choice_parameter
from ..partial_results import PartialResultWriter
from ..resumable_runs import (
    PER_RUN_OUTPUTS,
    RunSet,
    lock_output_folder,
    open_array_store,
    run_resumable,
    warn_if_not_conserved,
)
from ..task import Job, ResourceEstimate, Task, TaskResult
from .circuit_advanced import advanced_metrics, run_advanced
from .circuit_current import resistance_metrics

#: Bytes per edge: the edges, the matrix, and a factor that fills in as those of maps and road networks do.
EDGE = 1_000


class CircuitNetworkTask(Task):
    """Resistances, potentials, currents through nodes and along edges of a network."""

    name = "circuit.network"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A sparse factor, and the potentials of every focal node."""
        edges, nodes = len(job.inputs["edges"]), int(np.max(job.inputs["edges"], initial=0)) + 1
        focal = len(job.inputs["focal_ids"]) if "focal_ids" in job.inputs else 1
        return ResourceEstimate(resource_estimates.BASE + EDGE * edges + 8 * nodes * focal)

    def run(self, job: Job) -> TaskResult:
        """Pair by pair, or all sources and grounds at once."""
        mode = choice_parameter(job, "mode", ("pairwise", "advanced"))
        lock_output_folder(job, self.name)
        network = _read_network(job)
        components = int(network.components.max(initial=-1)) + 1
        metrics: dict[str, Any] = {
            "active_cells": network.n_nodes,
            "components": components,
            "solver": "sparse LU",
            "iterations": None,
            "residual": None,
        }
        if mode == "advanced":
            flow = run_advanced(job, network)
            outputs = {"potentials": flow.potentials, "currents": flow.currents}
            branches = _branches(network, flow.potentials)
            return TaskResult(outputs | {"branches": branches}, metrics | advanced_metrics(flow))
        return _pairwise(job, network, metrics)


def _read_network(job: Job) -> NetworkCircuit:
    for name in ("edges", "conductances"):
        if name not in job.inputs:
            raise ValueError(f'input "{name}" is missing')
    edges = np.asarray(job.inputs["edges"])
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.issubdtype(edges.dtype, np.integer):
        raise ValueError(f'input "edges" must be numbers of nodes of shape (k, 2), not {edges.shape} of {edges.dtype}')
    return NetworkCircuit(edges[:, 0], edges[:, 1], np.asarray(job.inputs["conductances"]), job.parameters.get("nodes"))


def _pairwise(job: Job, network: NetworkCircuit, metrics: dict[str, Any]) -> TaskResult:
    focal = circuit_inputs.read_focal(job, network.shape)
    finished, pieces = (
        open_array_store(job, CircuitNetworkTask.name, 8 * network.n_nodes * len(focal)),
        PartialResultWriter(job),
    )
    pairwise = circuit_inputs.pairwise_without(network, focal, circuit_inputs.read_pairs(job, "excluded"), finished)
    resistances = pairwise.resistances(retain=True)
    outputs = {"ids": resistances.ids, "resistances": resistances.matrix}
    pieces.give("resistances", outputs)
    pairs = {f"{one}_{other}": (one, other) for one, other in pairwise.pairs}
    nodes, nothing = network.shape[0], np.zeros(network.shape)
    first, second, _ = network.branch_currents(nothing)

    def maps(names: Iterable[str]) -> Iterator[tuple[str, PairResult, np.ndarray]]:
        for pair in pairwise.maps([pairs[name] for name in names]):
            along = np.abs(network.branch_currents(np.nan_to_num(pair.potentials))[2])
            yield f"{pair.first}_{pair.second}", pair, np.concatenate([pair.currents, along])

    each = choice_parameter(job, "per_run_outputs", PER_RUN_OUTPUTS) if "per_run_outputs" in job.parameters else "none"
    sums, _ = run_resumable(
        job,
        CircuitNetworkTask.name,
        np.zeros(nodes + len(first)),
        RunSet(list(pairs), maps),
        each,
        pieces,
        lambda run: {} if each == "potentials" else {"branches": _branches(network, run.potentials)},
    )
    warn_if_not_conserved(job, sums.residual)
    through, along = np.split(sums.total, [nodes])
    outputs |= {"cumulative": through, "branches": np.column_stack([first, second, along])}
    metrics |= {"focal_nodes": len(focal), "runs": sums.runs, "kcl_residual": sums.residual}
    return TaskResult(outputs, metrics | resistance_metrics("pairwise", resistances.matrix))


def _branches(network: NetworkCircuit, potentials: np.ndarray) -> np.ndarray:
    """Return a row (node, node, current) for every branch that is connected with a source."""
    first, second, flow = network.branch_currents(np.nan_to_num(potentials))
    reached = ~np.isnan(potentials)[network.representative_cells[first]]
    return np.column_stack([first, second, np.abs(flow)])[reached]
