"""A network of conductors as a circuit: numbered nodes, and edges given by their two ends."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int
from scipy.sparse.csgraph import connected_components as _label
from scipy.sparse.linalg import splu

from ..counts import agreeing, count_of
from ..graph import out_of_range
from ..linalg import SolveError
from .base import NEGLIGIBLE_CURRENT, Circuit, GroundConductances, GroundedCircuit
from .short_circuits import Groups, merge_nodes, sum_by_node

#: Largest difference between the currents into and out of a node, relative to the largest current.
MAX_IMBALANCE = 1e-3


class NetworkCircuit(Circuit):
    """A network of conductors.

    Parameters
    ----------
    first, second
        The ends of every edge, nodes numbered from 0.
    conductances
        Conductance of every edge, in siemens; parallel edges add, edges of 0 S are ignored.
    count
        Number of nodes; by default, one more than the largest node number.
    short_circuits
        Groups of nodes that are short-circuited, each an array of node numbers.
    solver
        Factors a sparse symmetric positive definite matrix and returns an object whose method `solve` takes right-hand
        sides as columns; None for SuperLU, `scipy.sparse.linalg.splu`.

    Raises
    ------
    ValueError
        A node number is negative or too large; a conductance is negative or not finite.
    TypeError
        `solver` cannot be called.

    Examples
    --------
    >>> network = NetworkCircuit(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.5]))
    >>> network.conductances
    array([1. , 1.5, 0.5])
    """

    def __init__(
        self,
        first: Int[np.ndarray, " edges"],
        second: Int[np.ndarray, " edges"],
        conductances: Float[np.ndarray, " edges"],
        count: int | None = None,
        short_circuits: Groups = (),
        *,
        solver: Callable[[sp.csc_array], Any] | None = None,
    ):
        if not (solver is None or callable(solver)):
            raise TypeError(f"solver must be a function that factors a sparse matrix, or None, not {solver!r}")
        self.solver = solver
        ends = np.stack([np.asarray(first), np.asarray(second)]).astype(np.int64)
        weights = np.asarray(conductances, float)
        _validate_edges(ends, weights, count)
        size = int(ends.max(initial=-1)) + 1 if count is None else count
        self.ends, self.weights = ends, weights
        self.groups = tuple(np.unique(np.asarray(group, np.int64)) for group in short_circuits)
        _validate_groups(self.groups, size)
        self.shape = (size,)
        self.node_of = merge_nodes(np.ones(size, bool), self.groups)
        nodes = int(self.node_of.max(initial=-1)) + 1
        source, target = self.node_of[ends]
        conducting = (source != target) & (weights > 0)
        adjacency = sp.coo_array(
            (weights[conducting], (source[conducting], target[conducting])), shape=(nodes, nodes)
        ).tocsr()
        #: Conductances between nodes, symmetric.
        self.adjacency = sp.csr_array(adjacency + adjacency.T)
        self.conductances = np.asarray(self.adjacency.sum(1)).ravel()
        self.components = _label(self.adjacency, directed=False)[1].astype(np.int64)

    def grounded(self, fixed=None, grounds=None, n_rhs=1) -> "GroundedNetworkCircuit":
        """Fix and ground nodes; see `Circuit.grounded`."""
        fixed = np.empty(0, int) if fixed is None else fixed
        return GroundedNetworkCircuit(self, fixed, grounds or GroundConductances())

    def with_short_circuits(self, groups: Groups) -> "NetworkCircuit":
        """Return the network with additional short circuits."""
        return NetworkCircuit(*self.ends, self.weights, self.shape[0], [*self.groups, *groups], solver=self.solver)

    def net_outflow(self, potentials, nodes):
        """Return the net current that flows from some nodes into their neighbours."""
        at_nodes = potentials[:, self.representative_cells]
        return (self.conductances * at_nodes - (self.adjacency @ at_nodes.T).T)[:, nodes]

    def neighbours(self, nodes):
        """Return the neighbours of each of some nodes."""
        starts, ends = self.adjacency.indptr[nodes], self.adjacency.indptr[np.asarray(nodes) + 1]
        return [self.adjacency.indices[start:end] for start, end in zip(starts, ends, strict=True)]

    def inflow_outflow(self, potentials):
        """Return the sums of the branch currents into and out of every node."""
        first, second, current = self.branch_currents(potentials)
        forward, backward = np.maximum(current, 0), np.maximum(-current, 0)
        return (
            sum_by_node(second, forward, self.n_nodes) + sum_by_node(first, backward, self.n_nodes),
            sum_by_node(first, forward, self.n_nodes) + sum_by_node(second, backward, self.n_nodes),
        )

    def branch_currents(
        self, potentials: Float[np.ndarray, " cells"]
    ) -> tuple[Int[np.ndarray, " edges"], Int[np.ndarray, " edges"], Float[np.ndarray, " edges"]]:
        """Return both nodes of every branch, and the current from the first to the second.

        Examples
        --------
        >>> network = NetworkCircuit(np.array([0, 1]), np.array([1, 2]), np.array([1.0, 0.5]))
        >>> network.branch_currents(np.array([3.0, 2.0, 0.0]))[2]
        array([1., 1.])
        """
        first, second, conductances = self.branches
        at_nodes = potentials[self.representative_cells]
        current = conductances * (at_nodes[first] - at_nodes[second])
        current[np.abs(current) < NEGLIGIBLE_CURRENT * np.abs(current).max(initial=0.0)] = 0.0
        return first, second, current

    @cached_property
    def branches(self) -> tuple[Int[np.ndarray, " edges"], Int[np.ndarray, " edges"], Float[np.ndarray, " edges"]]:
        """Both nodes of every branch, and its conductance."""
        half = sp.triu(self.adjacency, 1).tocoo()
        return half.row.astype(np.int64), half.col.astype(np.int64), half.data


class GroundedNetworkCircuit(GroundedCircuit):
    """A network with fixed and grounded nodes; see `GroundedCircuit`."""

    def __init__(self, circuit: NetworkCircuit, fixed: Int[np.ndarray, " f"], grounds: GroundConductances):
        self.circuit, self.fixed = circuit, np.asarray(fixed, np.int64)
        is_free = np.ones(circuit.n_nodes, bool)
        is_free[self.fixed] = False
        self.free = np.flatnonzero(is_free)
        ground = grounds.per_node(circuit.n_nodes)
        ungrounded = np.ones(circuit.components.max(initial=-1) + 1, bool)
        ungrounded[circuit.components[self.fixed]] = False
        ungrounded[circuit.components[grounds.nodes]] = False
        best = _best_connected(circuit)[ungrounded]
        ground[best] = np.where(circuit.conductances[best] > 0, circuit.conductances[best], 1.0)
        self.to_ground = ground
        laplacian = sp.diags_array(circuit.conductances + ground) - circuit.adjacency
        matrix = laplacian.tocsc()[self.free][:, self.free]
        self.to_fixed = circuit.adjacency[self.free][:, self.fixed]
        self.factor = (circuit.solver or splu)(matrix.tocsc()) if len(self.free) else None

    def solve(self, nodes, injected, fixed_potentials=None, *, refine=True):
        """Return the potentials for currents injected at some nodes; see `GroundedCircuit.solve`."""
        by_node = np.zeros((len(injected), self.circuit.n_nodes))
        np.add.at(by_node, (slice(None), nodes), injected)
        levels = np.zeros((len(injected), len(self.fixed))) if fixed_potentials is None else fixed_potentials
        potentials = np.zeros_like(by_node)
        potentials[:, self.fixed] = levels
        if self.factor is not None:
            rhs = by_node[:, self.free] + (self.to_fixed @ levels.T).T
            potentials[:, self.free] = self.factor.solve(np.ascontiguousarray(rhs.T)).T
            self._require_conservation(potentials, by_node)
        return potentials[:, self.circuit.node_of]

    def _require_conservation(self, potentials: np.ndarray, injected: np.ndarray) -> None:
        """Raise an error if current is not conserved: a small conductance is lost in the sum with a large one."""
        first, second, conductances = self.circuit.branches
        for at_nodes, source in zip(potentials, injected, strict=True):
            # From differences of potentials: the sum of the conductances of a node hides what is lost in it.
            with np.errstate(invalid="ignore", over="ignore"):
                flow = conductances * (at_nodes[first] - at_nodes[second])
                to_ground = self.to_ground * at_nodes
                leaving, entering = (sum_by_node(ends, flow, self.circuit.n_nodes) for ends in (first, second))
                imbalance = np.abs(leaving - entering + to_ground - source)[self.free].max(initial=0.0)
            largest = max(np.abs(source).max(initial=0.0), np.abs(flow).max(initial=0.0))
            if not imbalance <= MAX_IMBALANCE * largest:
                raise SolveError(
                    f"the currents into and out of a node differ by {imbalance:.1e} A: the conductances of the network "
                    "span too many orders of magnitude"
                )

    def transfer_resistances(self, nodes):
        """Return the transfer resistances between nodes."""
        return self.solve(nodes, np.eye(len(nodes)))[:, self.circuit.representative_cells[nodes]]


def _best_connected(circuit: NetworkCircuit) -> Int[np.ndarray, " components"]:
    """Return the node of each component at which the largest conductances meet."""
    order = np.lexsort((-circuit.conductances, circuit.components))
    return order[np.searchsorted(circuit.components[order], np.arange(circuit.components.max(initial=-1) + 1))]


def _validate_edges(ends: np.ndarray, weights: np.ndarray, count: int | None) -> None:
    """Raise a ValueError that names the first invalid edge."""
    for invalid, problem in (
        ((ends < 0).any(0), "an end with a negative number"),
        ((ends >= (np.inf if count is None else count)).any(0), f"an end beyond the {count} nodes"),
        (~(weights >= 0) | np.isinf(weights), "a conductance that is negative, infinite or not a number"),
        *((mask, f"a conductance that is {name}") for name, mask in out_of_range(weights).items()),
    ):
        if invalid.any():
            first = int(np.argmax(invalid))
            raise ValueError(
                f"{invalid.sum()} of {count_of(invalid.size, 'edge')} {agreeing(invalid.sum(), 'has', 'have')} "
                f"{problem}, the first is edge {first} ({ends[0, first]} – {ends[1, first]}, {weights[first]:g} S)"
            )


def _validate_groups(groups: tuple[np.ndarray, ...], size: int) -> None:
    """Raise a ValueError that names the first node outside the network."""
    for number, group in enumerate(groups):
        outside = group[(group < 0) | (group >= size)]
        if outside.size:
            raise ValueError(
                f"{count_of(outside.size, 'node')} of short circuit {number} {agreeing(outside.size, 'is', 'are')} not "
                f"in the network of {count_of(size, 'node')}, the first is {outside[0]}"
            )
