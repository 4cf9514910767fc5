"""Current in a network that is given by its edges: between focal nodes, or from sources to grounds."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ..flows import NetworkCircuit, PairMap
from . import circuits, forecasts
from .circuit_advanced import flow_of, numbers_of
from .circuit_current import of_resistances
from .circuit_runs import EACH, Runs, claim, finished_of, go_through, warn_of_loss
from .landscape import choice
from .pieces import Pieces
from .registry import Answer, Forecast, Job, Task

#: Bytes per edge: the edges, the matrix, and a factor that fills in as those of maps and road networks do.
EDGE = 1_000


class CircuitNetworkTask(Task):
    """Resistances, potentials, currents through nodes and along edges of a network."""

    name = "circuit.network"

    def forecast(self, job: Job) -> Forecast:
        """A sparse factor, and the potentials of every focal node."""
        edges, nodes = len(job.inputs["edges"]), int(np.max(job.inputs["edges"], initial=0)) + 1
        focal = len(job.inputs["focal_ids"]) if "focal_ids" in job.inputs else 1
        return Forecast(forecasts.BASE + EDGE * edges + 8 * nodes * focal)

    def run(self, job: Job) -> Answer:
        """Pair by pair, or all sources and grounds at once."""
        mode = choice(job, "mode", ("pairwise", "advanced"))
        claim(job, self.name)
        network = _read_network(job)
        components = int(network.components.max(initial=-1)) + 1
        numbers: dict[str, Any] = {
            "active_cells": network.count,
            "components": components,
            "solver": "sparse LU",
            "iterations": None,
            "residual": None,
        }
        if mode == "advanced":
            flow = flow_of(job, network)
            outputs = {"potentials": flow.potentials, "currents": flow.currents}
            branches = _branches(network, flow.potentials)
            return Answer(outputs | {"branches": branches}, numbers | numbers_of(flow))
        return _pairwise(job, network, numbers)


def _read_network(job: Job) -> NetworkCircuit:
    for name in ("edges", "conductances"):
        if name not in job.inputs:
            raise ValueError(f'input "{name}" is missing')
    edges = np.asarray(job.inputs["edges"])
    if edges.ndim != 2 or edges.shape[1] != 2 or not np.issubdtype(edges.dtype, np.integer):
        raise ValueError(f'input "edges" must be numbers of nodes of shape (k, 2), not {edges.shape} of {edges.dtype}')
    return NetworkCircuit(edges[:, 0], edges[:, 1], np.asarray(job.inputs["conductances"]), job.parameters.get("nodes"))


def _pairwise(job: Job, network: NetworkCircuit, numbers: dict[str, Any]) -> Answer:
    focal = circuits.read_focal(job, network.shape)
    finished, pieces = finished_of(job, CircuitNetworkTask.name, 8 * network.count * len(focal)), Pieces(job)
    pairwise = circuits.pairwise_without(network, focal, circuits.read_pairs(job, "excluded"), finished)
    resistances = pairwise.resistances(keep=True)
    outputs = {"ids": resistances.ids, "resistances": resistances.matrix}
    pieces.give("resistances", outputs)
    pairs = {f"{one}_{other}": (one, other) for one, other in pairwise.pairs}
    nodes, nothing = network.shape[0], np.zeros(network.shape)
    first, second, _ = network.flows(nothing)

    def maps(names: Iterable[str]) -> Iterator[tuple[str, PairMap, np.ndarray]]:
        for pair in pairwise.maps([pairs[name] for name in names]):
            along = np.abs(network.flows(np.nan_to_num(pair.potentials))[2])
            yield f"{pair.first}_{pair.second}", pair, np.concatenate([pair.currents, along])

    each = choice(job, "each", EACH) if "each" in job.parameters else "none"
    sums, _ = go_through(
        job,
        CircuitNetworkTask.name,
        np.zeros(nodes + len(first)),
        Runs(list(pairs), maps),
        each,
        pieces,
        lambda run: {} if each == "potentials" else {"branches": _branches(network, run.potentials)},
    )
    warn_of_loss(job, sums.residual)
    through, along = np.split(sums.total, [nodes])
    outputs |= {"cumulative": through, "branches": np.column_stack([first, second, along])}
    numbers |= {"focal_nodes": len(focal), "runs": sums.runs, "unconserved": sums.residual}
    return Answer(outputs, numbers | of_resistances("pairwise", resistances.matrix))


def _branches(network: NetworkCircuit, potentials: np.ndarray) -> np.ndarray:
    """Return a row (node, node, current) for every branch that is connected with a source."""
    first, second, flow = network.flows(np.nan_to_num(potentials))
    reached = ~np.isnan(potentials)[network.first_places[first]]
    return np.column_stack([first, second, np.abs(flow)])[reached]
