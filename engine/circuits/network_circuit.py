"""Any network of conductors as a circuit: nodes by number, edges by their two ends."""

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components as _label
from scipy.sparse.linalg import splu

from .base import NEGLIGIBLE, Circuit, GroundConductances, GroundedCircuit
from .short_circuits import Groups, merge_nodes, sum_by_node


class NetworkCircuit(Circuit):
    """A network of conductors.

    Parameters
    ----------
    first, second
        The ends of every edge, nodes numbered from 0.
    conductances
        Of the edges, in siemens; parallel edges add, an edge of 0 S is none.
    count
        How many nodes there are, by default one more than the largest number.
    short_circuits
        Nodes that are one.

    Raises
    ------
    ValueError
        A node number is negative or too large; a conductance is negative or not a number.

    Examples
    --------
    >>> network = NetworkCircuit(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.5]))
    >>> network.conductances
    array([1. , 1.5, 0.5])
    """

    def __init__(
        self,
        first: Int[np.ndarray, "edges"],
        second: Int[np.ndarray, "edges"],
        conductances: Float[np.ndarray, "edges"],
        count: int | None = None,
        short_circuits: Groups = (),
    ):
        ends = np.stack([np.asarray(first), np.asarray(second)]).astype(np.int64)
        weights = np.asarray(conductances, float)
        self._check(ends, weights, count)
        size = int(ends.max(initial=-1)) + 1 if count is None else count
        self.ends, self.weights = ends, weights
        self.groups = tuple(np.unique(np.asarray(group, np.int64)) for group in short_circuits)
        self.shape = (size,)
        self.node_of = merge_nodes(np.ones(size, bool), self.groups)
        nodes = int(self.node_of.max(initial=-1)) + 1
        one, other = self.node_of[ends]
        real = (one != other) & (weights > 0)
        adjacency = sp.coo_array((weights[real], (one[real], other[real])), shape=(nodes, nodes)).tocsr()
        #: Conductances between nodes, symmetric.
        self.adjacency = sp.csr_array(adjacency + adjacency.T)
        self.conductances = np.asarray(self.adjacency.sum(1)).ravel()
        self.components = _label(self.adjacency, directed=False)[1].astype(np.int64)

    @staticmethod
    def _check(ends: np.ndarray, weights: np.ndarray, count: int | None) -> None:
        for wrong, what in (
            ((ends < 0).any(0), "have an end with a negative number"),
            ((ends >= (np.inf if count is None else count)).any(0), f"have an end beyond the {count} nodes"),
            (~(weights >= 0) | np.isinf(weights), "have a conductance that is negative, infinite or not a number"),
        ):
            if wrong.any():
                place = int(np.argmax(wrong))
                raise ValueError(
                    f"{wrong.sum()} of {wrong.size} edges {what}, the first is edge {place} "
                    f"({ends[0, place]} – {ends[1, place]}, {weights[place]:g} S)"
                )

    def grounded(self, held=None, grounds=None, feedings=1) -> "GroundedNetworkCircuit":
        """Hold and ground nodes; see `Circuit.grounded`."""
        return GroundedNetworkCircuit(self, np.empty(0, int) if held is None else held, grounds or GroundConductances())

    def merging(self, groups: Groups) -> "NetworkCircuit":
        """Return the network in which more nodes are one."""
        return NetworkCircuit(*self.ends, self.weights, self.shape[0], [*self.groups, *groups])

    def leaving(self, values, nodes):
        """Return the net current that leaves some nodes."""
        at_nodes = values[:, self.first_places]
        return (self.conductances * at_nodes - (self.adjacency @ at_nodes.T).T)[:, nodes]

    def neighbours(self, nodes):
        """Return the nodes that are joined with each of some nodes."""
        starts, ends = self.adjacency.indptr[nodes], self.adjacency.indptr[np.asarray(nodes) + 1]
        return [self.adjacency.indices[start:end] for start, end in zip(starts, ends, strict=True)]

    def split(self, values):
        """Return what enters and what leaves every node."""
        first, second, flow = self.flows(values)
        return (
            sum_by_node(second, np.maximum(flow, 0), self.count) + sum_by_node(first, np.maximum(-flow, 0), self.count),
            sum_by_node(first, np.maximum(flow, 0), self.count) + sum_by_node(second, np.maximum(-flow, 0), self.count),
        )

    def flows(
        self, values: Float[np.ndarray, "places"]
    ) -> tuple[Int[np.ndarray, "edges"], Int[np.ndarray, "edges"], Float[np.ndarray, "edges"]]:
        """Return the branches, once each, and the current from the first to the second of their nodes.

        Examples
        --------
        >>> network = NetworkCircuit(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.5]))
        >>> network.flows(np.array([3.0, 2.0, 0.0]))[2]
        array([1., 1.])
        """
        half = sp.triu(self.adjacency, 1).tocoo()
        at_nodes = values[self.first_places]
        flow = half.data * (at_nodes[half.row] - at_nodes[half.col])
        flow[np.abs(flow) < NEGLIGIBLE * np.abs(flow).max(initial=0.0)] = 0.0
        return half.row.astype(np.int64), half.col.astype(np.int64), flow


class GroundedNetworkCircuit(GroundedCircuit):
    """A network with held and grounded nodes; see `GroundedCircuit`."""

    def __init__(self, circuit: NetworkCircuit, held: Int[np.ndarray, "f"], grounds: GroundConductances):
        self.circuit, self.held = circuit, np.asarray(held, np.int64)
        free = np.ones(circuit.count, bool)
        free[self.held] = False
        self.free = np.flatnonzero(free)
        ground = grounds.of(circuit.count)
        lacks = np.ones(circuit.components.max(initial=-1) + 1, bool)
        lacks[circuit.components[self.held]] = False
        lacks[circuit.components[grounds.nodes]] = False
        for component in np.flatnonzero(lacks):
            nodes = np.flatnonzero(circuit.components == component)
            best = nodes[np.argmax(circuit.conductances[nodes])]
            ground[best] = circuit.conductances[best] or 1.0
        laplacian = sp.diags_array(circuit.conductances + ground) - circuit.adjacency
        matrix = laplacian.tocsc()[self.free][:, self.free]
        self.to_held = circuit.adjacency[self.free][:, self.held]
        self.factor = splu(matrix.tocsc()) if len(self.free) else None

    def potentials(self, terminals, amounts, held=None, *, checked=True):
        """Return the potentials when currents enter at terminals."""
        fed = np.zeros((len(amounts), self.circuit.count))
        np.add.at(fed, (slice(None), terminals), amounts)
        given = np.zeros((len(amounts), len(self.held))) if held is None else held
        values = np.zeros_like(fed)
        values[:, self.held] = given
        if self.factor is not None:
            right = fed[:, self.free] + (self.to_held @ given.T).T
            values[:, self.free] = self.factor.solve(np.ascontiguousarray(right.T)).T
        return values[:, self.circuit.node_of]

    def between(self, nodes):
        """Return the potential of every node when 1 A enters at another."""
        return self.potentials(nodes, np.eye(len(nodes)))[:, self.circuit.first_places[nodes]]
