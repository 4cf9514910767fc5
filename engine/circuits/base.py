"""Resistor networks: circuits, circuits with fixed and grounded nodes, and the currents through their nodes.

A *cell* is an element of a map: a cell of a raster, or a node of a network. A *node* of the circuit is one cell, or
several that are short-circuited. Values by cell are flat arrays; `Circuit.to_map` gives them the shape of the map.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from .short_circuits import Groups, sum_by_node

#: Branch currents below this fraction of the largest are rounding errors and count as 0.
NEGLIGIBLE_CURRENT = 1e-8


@dataclass(frozen=True)
class GroundConductances:
    """Conductances between nodes and the ground, which is at 0 V.

    Parameters
    ----------
    nodes
        Grounded nodes.
    conductances
        In siemens, each positive and finite.
    """

    nodes: Int[np.ndarray, " g"] = field(default_factory=lambda: np.empty(0, int))
    conductances: Float[np.ndarray, " g"] = field(default_factory=lambda: np.empty(0))

    def per_node(self, n_nodes: int) -> Float[np.ndarray, "nodes"]:
        """Return the ground conductance of every node; several conductances at one node add."""
        return sum_by_node(self.nodes, self.conductances, n_nodes)


@dataclass(frozen=True)
class NodeCurrents:
    """Currents through the nodes of a circuit.

    Parameters
    ----------
    through
        Current through the node of every cell, in ampere: the larger of inflow and outflow.
    residual
        Largest violation of Kirchhoff's current law at a node that is not a terminal, relative to the largest current
        through a node.
    """

    through: Float[np.ndarray, " cells"]
    residual: float


class GroundedCircuit(abc.ABC):
    """A circuit in which some nodes have fixed potentials (Dirichlet nodes) and some are grounded.

    A component with neither gets a ground conductance at one of its nodes. As long as the currents injected into such a
    component sum to zero, no current flows through that conductance, and differences of potentials do not depend on it.
    """

    @abc.abstractmethod
    def solve(
        self,
        nodes: Int[np.ndarray, " t"],
        injected: Float[np.ndarray, "k t"],
        fixed_potentials: Float[np.ndarray, "k f"] | None = None,
        *,
        refine: bool = True,
    ) -> Float[np.ndarray, "k cells"]:
        """Return the potentials, in volt, for currents injected at some nodes.

        Parameters
        ----------
        nodes
            Nodes at which current is injected.
        injected
            Currents in ampere, one row for each of k right-hand sides. Currents injected at nodes with fixed potentials
            have no effect.
        fixed_potentials
            Potentials of the fixed nodes, 0 V by default.
        refine
            Whether a direct solver checks its backward error and refines the solution. Not needed where Kirchhoff's
            current law is checked afterwards.
        """

    @abc.abstractmethod
    def transfer_resistances(self, nodes: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
        """Return the potential at each of some nodes, in volt, for 1 A injected at each, with fixed nodes at 0 V."""


class Circuit(abc.ABC):
    """Nodes joined by conductors.

    Attributes
    ----------
    shape
        Shape of a map.
    groups
        Short-circuited cells, an array of flat indices for each short circuit.
    node_of
        Node of every cell, flat; −1 for cells outside the circuit.
    components
        Connected component of every node, numbered from 0.
    conductances
        Sum of the conductances that meet at each node, in siemens.
    """

    shape: tuple[int, ...]
    groups: tuple[Int[np.ndarray, " _"], ...]
    node_of: Int[np.ndarray, " cells"]
    components: Int[np.ndarray, " nodes"]
    conductances: Float[np.ndarray, " nodes"]

    @property
    def n_nodes(self) -> int:
        """Number of nodes."""
        return len(self.components)

    @abc.abstractmethod
    def grounded(
        self,
        fixed: Int[np.ndarray, " f"] | None = None,
        grounds: GroundConductances | None = None,
        n_rhs: int = 1,
    ) -> GroundedCircuit:
        """Fix the potentials of some nodes and ground others.

        Parameters
        ----------
        fixed
            Nodes with fixed potentials, all different.
        grounds
            Ground conductances.
        n_rhs
            Expected number of right-hand sides, by which the solver is chosen.
        """

    @abc.abstractmethod
    def with_short_circuits(self, groups: Groups) -> "Circuit":
        """Return the circuit in which the cells of each group are short-circuited as well."""

    @abc.abstractmethod
    def net_outflow(
        self, potentials: Float[np.ndarray, "k cells"], nodes: Int[np.ndarray, " n"]
    ) -> Float[np.ndarray, "k n"]:
        """Return the net current, in ampere, that flows from some nodes into their neighbours."""

    @abc.abstractmethod
    def neighbours(self, nodes: Int[np.ndarray, " n"]) -> list[np.ndarray]:
        """Return the neighbours of each of some nodes."""

    @abc.abstractmethod
    def inflow_outflow(
        self, potentials: Float[np.ndarray, " cells"]
    ) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
        """Return the sums of the branch currents, in ampere, into and out of every node.

        Branch currents below `NEGLIGIBLE_CURRENT` times the largest count as 0.
        """

    def nodes_at(self, cells: Int[np.ndarray, " c"]) -> Int[np.ndarray, " n"]:
        """Return the distinct nodes of some cells; cells outside the circuit are ignored."""
        nodes = np.unique(self.node_of[cells])
        return nodes[nodes >= 0]

    @cached_property
    def representative_cells(self) -> Int[np.ndarray, " nodes"]:
        """The first cell of every node."""
        first = np.empty(self.n_nodes, np.int64)
        cells = np.flatnonzero(self.node_of >= 0)[::-1]
        first[self.node_of[cells]] = cells
        return first

    def to_map(self, values: Float[np.ndarray, "*k cells"], fill: float = np.nan) -> np.ndarray:
        """Reshape values by cell to maps, with `fill` in cells outside the circuit."""
        return np.where(self.node_of >= 0, values, fill).reshape(*values.shape[:-1], *self.shape)

    def currents(
        self,
        potentials: Float[np.ndarray, " cells"],
        grounds: GroundConductances | None = None,
        *,
        merged: Sequence[np.ndarray] = (),
        terminals: Int[np.ndarray, " n"] | None = None,
    ) -> NodeCurrents:
        """Return the current through every node at given potentials.

        Parameters
        ----------
        potentials
            Potential of every cell, in volt.
        grounds
            Ground conductances.
        merged
            Sets of nodes at one potential, each treated as a single node and as a terminal.
        terminals
            Nodes at which current enters or leaves the circuit. At all others the inflow must equal the outflow.
        """
        inflow, outflow = self.inflow_outflow(potentials)
        if grounds is not None:
            to_ground = grounds.per_node(self.n_nodes) * potentials[self.representative_cells]
            inflow, outflow = inflow + np.maximum(-to_ground, 0), outflow + np.maximum(to_ground, 0)
        through = np.maximum(inflow, outflow)
        imbalance = np.abs(inflow - outflow)
        for nodes in merged:
            through[nodes] = max(inflow[nodes].sum(), outflow[nodes].sum())
            imbalance[nodes] = 0.0
        if terminals is not None:
            imbalance[terminals] = 0.0
        largest = through.max(initial=0.0)
        by_cell = np.where(self.node_of >= 0, through[self.node_of], 0.0)
        return NodeCurrents(by_cell, float(imbalance.max(initial=0.0) / largest) if largest > 0 else 0.0)
