"""Potentials on a raster some nodes of which are held, or are regions without resistance.

Cells that are held, and all cells of merged nodes, are taken out of the stencil: their rows become rows of the
identity, and what they conduct stands on the right-hand side. With A over the remaining cells, C what these conduct to
the nodes taken out, and p the potentials of those nodes,

    A v = b + C p.

The potentials of merged nodes that are not held follow from what must leave them. S = D − Cᵀ A⁻¹ C, the network that
remains between them when all cells are eliminated, is found by one solve for each; then S p = b_p − (what leaves them
at p = 0). No raster is ever rebuilt, nothing is approximated by a large conductance.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from scipy.linalg import cho_factor, cho_solve

from ..linalg.auto import free_memory, select_solver
from ..linalg.nested_dissection import REFINEMENT_THRESHOLD, predicted_factor_bytes
from ..linalg.nested_dissection.cpu.inverse_block import inverse_submatrix
from ..linalg.stencil_matrix import StencilMatrix
from .base import Circuit, GroundConductances, GroundedCircuit

#: Columns solved together where only a few of their entries are kept.
TOGETHER = 16


class GroundedGridCircuit(GroundedCircuit):
    """A raster with held and grounded nodes; see `GroundedCircuit`.

    Parameters
    ----------
    circuit
        The landscape.
    held
        Nodes whose potential is given.
    grounds
        Conductors to the ground.
    feedings
        How many feedings to expect.
    """

    def __init__(self, circuit: Circuit, held: Int[np.ndarray, "f"], grounds: GroundConductances, feedings: int):
        self.circuit = circuit
        self.held = np.asarray(held, np.int64)
        self.ground = grounds.of(circuit.count) + _ties(circuit, self.held, grounds)
        is_held = np.zeros(circuit.count, bool)
        is_held[self.held] = True
        #: Merged nodes whose potential is not given.
        self.floating = circuit.merged_nodes[~is_held[circuit.merged_nodes]]
        self.outside = np.concatenate([self.held, self.floating])
        self.position = np.full(circuit.count, -1)
        self.position[self.outside] = np.arange(len(self.outside))
        node = circuit.node_of
        self.out = (node >= 0) & (self.position[node] >= 0)
        self.out_cells = np.flatnonzero(self.out)
        self.center, self.edges = self._matrix()
        self.feedings = feedings
        self._network = None

    def _matrix(self) -> tuple[np.ndarray, np.ndarray]:
        node, edges = self.circuit.node_of, -self.circuit.edges
        center = self.circuit.edges.sum(0) + np.where(node >= 0, self.ground[node], 0.0)
        center[self.out | (node < 0) | (center == 0)] = 1.0
        cells = self.out_cells
        for step, offset in enumerate(self.circuit.offsets):
            linked = cells[edges[step, cells] < 0]
            edges[step, linked] = 0.0
            edges[len(edges) - 1 - step, linked + offset] = 0.0
        return center.reshape(self.circuit.shape), edges.reshape(-1, *self.circuit.shape)

    def potentials(self, terminals, amounts, held=None, *, checked=True):
        """Return the potentials when currents enter at terminals."""
        count, places = len(amounts), self.circuit.node_of.size
        given = np.zeros((count, len(self.outside)))
        if held is not None:
            given[:, : len(self.held)] = held
        position = self.position[terminals]
        fed = np.zeros((count, places))
        single = position < 0
        np.add.at(fed, (slice(None), self.circuit.first_places[terminals[single]]), amounts[:, single])
        values = self._solved(fed, given, checked)
        if len(self.floating):
            floating = slice(len(self.held), None)
            entering = np.zeros((count, len(self.outside)))
            np.add.at(entering, (slice(None), position[~single]), amounts[:, ~single])
            lacking = entering[:, floating] - self.circuit.leaving(values, self.floating)
            found = np.zeros_like(given)
            found[:, floating] = cho_solve(self._reduced(), lacking.T).T
            values += self._solved(np.zeros_like(fed), found, checked)
        return values

    def between(self, nodes):
        """Return the potential of every node when 1 A enters at another: exactly, from a factor where it fits."""
        nodes = np.asarray(nodes)
        if (np.isin(nodes, self.held)).any():
            raise ValueError(
                f"{np.isin(nodes, self.held).sum()} of {len(nodes)} nodes are held: no current enters there"
            )
        single = self.position[nodes] < 0
        cells = self.circuit.first_places[nodes[single]]
        result = np.zeros((len(nodes),) * 2)
        if predicted_factor_bytes(self.circuit.shape, symmetric=True) <= free_memory():
            system = StencilMatrix(jnp.asarray(self.center), jnp.asarray(self.edges))
            among = inverse_submatrix(system, cells)
        else:
            units = np.eye(len(cells))
            among = np.concatenate(
                [self._columns(cells, units[first : first + TOGETHER]) for first in range(0, len(cells), TOGETHER)]
            )
        if not len(self.floating):
            return among
        factor = self._reduced(cells)
        response = self._response
        inverse = cho_solve(factor, np.eye(len(self.floating)))
        spread = response.T @ inverse
        mine = self.position[nodes[~single]] - len(self.held)
        result[np.ix_(single, single)] = among + spread @ response
        result[np.ix_(single, ~single)] = spread[:, mine]
        result[np.ix_(~single, single)] = spread[:, mine].T
        result[np.ix_(~single, ~single)] = inverse[np.ix_(mine, mine)]
        return result

    def _columns(self, cells: np.ndarray, amounts: np.ndarray) -> np.ndarray:
        fed = np.zeros((len(amounts), self.circuit.node_of.size))
        fed[:, cells] = amounts
        return self._solved(fed, np.zeros((len(amounts), len(self.outside))))[:, cells]

    def _reduced(self, cells: np.ndarray | None = None):
        """Return the factor of the network between the floating nodes, and remember their response at some cells."""
        if self._network is None or cells is not None:
            count = len(self.floating)
            network = np.empty((count, count))
            self._response = np.empty((count, 0 if cells is None else len(cells)))
            for start in range(0, count, TOGETHER):
                rows = range(start, min(start + TOGETHER, count))
                unit = np.zeros((len(rows), len(self.outside)))
                unit[np.arange(len(rows)), len(self.held) + np.array(rows)] = 1.0
                values = self._solved(np.zeros((len(rows), self.circuit.node_of.size)), unit)
                network[rows] = self.circuit.leaving(values, self.floating)
                if cells is not None:
                    self._response[rows] = values[:, cells]
            network = (network + network.T) / 2 + np.diag(self.ground[self.floating])
            self._network = cho_factor(network)
        return self._network

    def _solved(
        self, fed: Float[np.ndarray, "k places"], given: Float[np.ndarray, "k out"], checked: bool = True
    ) -> np.ndarray:
        """Solve for the cells, given what is fed into them, which is overwritten, and the nodes taken out."""
        b = fed
        cells, node = self.out_cells, self.circuit.node_of
        level = given[:, self.position[node[cells]]]
        for step, offset in enumerate(self.circuit.offsets):
            weight = self.circuit.edges[step, cells]
            # Of two nodes taken out neither is solved for.
            linked = np.flatnonzero(weight > 0)
            there = cells[linked] + offset
            inside = ~self.out[there]
            np.add.at(b, (slice(None), there[inside]), (weight * level)[:, linked[inside]])
        b[:, cells] = level
        b[:, node < 0] = 0.0
        if not b.any():
            return b
        refined_from = REFINEMENT_THRESHOLD if checked else np.inf
        feedings = max(self.feedings, len(b))
        solver = select_solver(self.circuit.shape, feedings, symmetric=True, refined_from=refined_from).solver
        solved = solver.solve_on_host(self.center, self.edges, b.reshape(-1, *self.circuit.shape), False)
        values = np.asarray(solved).reshape(b.shape)
        values[:, cells] = level
        return values


def _ties(circuit: Circuit, held: np.ndarray, grounds: GroundConductances) -> Float[np.ndarray, "nodes"]:
    """Return conductors to the ground for components that have none."""
    lacks = np.ones(circuit.components.max(initial=-1) + 1, bool)
    lacks[circuit.components[held]] = False
    lacks[circuit.components[grounds.nodes]] = False
    tie = np.zeros(circuit.count)
    if lacks.any():
        # The best connected node: a weakly connected one would put its own resistance into every potential.
        nodes = np.flatnonzero(lacks[circuit.components])
        order = nodes[np.argsort(circuit.conductances[nodes], kind="stable")]
        best = np.zeros(lacks.size, np.int64)
        best[circuit.components[order]] = order
        chosen = best[lacks]
        tie[chosen] = np.where(circuit.conductances[chosen] > 0, circuit.conductances[chosen], 1.0)
    return tie
