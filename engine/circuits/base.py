"""What a circuit is: nodes joined by conductors, which can be grounded, fed and asked for potentials and currents.

A *place* is what a map has a value for: a cell of a raster, a node of a network. A *node* is one place, or several that
are short-circuited. Values at places are flat here; `Circuit.laid_out` gives them the shape of the map.
"""

import abc
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from .short_circuits import Groups, sum_by_node

#: Branch currents below this part of the largest are rounding, and count as none.
NEGLIGIBLE = 1e-8


@dataclass(frozen=True)
class GroundConductances:
    """Conductors from nodes to the ground, which is at 0 V.

    Parameters
    ----------
    nodes
        Which nodes.
    conductances
        In siemens, each positive and finite.
    """

    nodes: Int[np.ndarray, "g"] = field(default_factory=lambda: np.empty(0, int))
    conductances: Float[np.ndarray, "g"] = field(default_factory=lambda: np.empty(0))

    def of(self, count: int) -> Float[np.ndarray, "nodes"]:
        """Return the conductance of every node to the ground; several conductors at one node add."""
        return sum_by_node(self.nodes, self.conductances, count)


@dataclass(frozen=True)
class NodeCurrents:
    """What flows through places and branches.

    Parameters
    ----------
    through
        Current through the node of every place, in ampere: what enters or what leaves it, whichever is more.
    residual
        Largest current that enters a node and does not leave it, nor is fed or grounded there, beside the largest
        current through a node.
    """

    through: Float[np.ndarray, "places"]
    residual: float


class GroundedCircuit(abc.ABC):
    """A circuit of which some nodes are held at given potentials and some are connected to the ground.

    Where a component has neither, one of its nodes is connected to the ground: as long as what is fed into such a
    component sums to zero nothing flows there, and differences of potentials do not depend on it.
    """

    @abc.abstractmethod
    def potentials(
        self,
        terminals: Int[np.ndarray, "t"],
        amounts: Float[np.ndarray, "k t"],
        held: Float[np.ndarray, "k f"] | None = None,
        *,
        checked: bool = True,
    ) -> Float[np.ndarray, "k places"]:
        """Return the potentials, in volt, when currents enter at terminals.

        Parameters
        ----------
        terminals
            Nodes.
        amounts
            In ampere, for k feedings; what is fed into a node whose potential is held goes to waste.
        held
            Potentials of the nodes that are held, 0 V by default.
        checked
            Whether to check a direct solution; not needed where the currents at these potentials are.
        """

    @abc.abstractmethod
    def between(self, nodes: Int[np.ndarray, "n"]) -> Float[np.ndarray, "n n"]:
        """Return the potential of every node when 1 A enters at another and the held ones are at 0 V."""


class Circuit(abc.ABC):
    """Nodes joined by conductors.

    Attributes
    ----------
    shape
        Of a map.
    node_of
        Number of the node of every place, flat; −1 where there is none.
    components
        Number of the component of every node, from 0 on.
    conductances
        Sum of the conductors that meet at each node.
    """

    shape: tuple[int, ...]
    node_of: Int[np.ndarray, "places"]
    components: Int[np.ndarray, "nodes"]
    conductances: Float[np.ndarray, "nodes"]

    @property
    def count(self) -> int:
        """How many nodes there are."""
        return len(self.components)

    @abc.abstractmethod
    def grounded(
        self,
        held: Int[np.ndarray, "f"] | None = None,
        grounds: GroundConductances | None = None,
        feedings: int = 1,
    ) -> GroundedCircuit:
        """Hold the potentials of some nodes, and connect some to the ground.

        Parameters
        ----------
        held
            Nodes, all different.
        grounds
            Conductors to the ground.
        feedings
            For how many feedings potentials will be asked: the solver is chosen by it.
        """

    @abc.abstractmethod
    def merging(self, groups: Groups) -> "Circuit":
        """Return the circuit in which the places of each group are short-circuited, too."""

    @abc.abstractmethod
    def leaving(self, values: Float[np.ndarray, "k places"], nodes: Int[np.ndarray, "n"]) -> Float[np.ndarray, "k n"]:
        """Return the net current that leaves some nodes through the conductors, at given potentials."""

    @abc.abstractmethod
    def neighbours(self, nodes: Int[np.ndarray, "n"]) -> list[np.ndarray]:
        """Return the nodes that are joined with each of some nodes."""

    @abc.abstractmethod
    def split(
        self, values: Float[np.ndarray, "places"]
    ) -> tuple[Float[np.ndarray, "nodes"], Float[np.ndarray, "nodes"]]:
        """Return what enters and what leaves every node through the conductors, at given potentials."""

    def nodes_at(self, places: Int[np.ndarray, "p"]) -> Int[np.ndarray, "n"]:
        """Return the nodes of some places, each once; places without a node have none."""
        nodes = np.unique(self.node_of[places])
        return nodes[nodes >= 0]

    @cached_property
    def first_places(self) -> Int[np.ndarray, "nodes"]:
        """The first place of every node."""
        first = np.empty(self.count, np.int64)
        places = np.flatnonzero(self.node_of >= 0)[::-1]
        first[self.node_of[places]] = places
        return first

    def laid_out(self, values: Float[np.ndarray, "*k places"], fill: float = np.nan) -> np.ndarray:
        """Give values at places the shape of a map, with a fill where there is no node."""
        return np.where(self.node_of >= 0, values, fill).reshape(*values.shape[:-1], *self.shape)

    def currents(
        self,
        values: Float[np.ndarray, "places"],
        grounds: GroundConductances | None = None,
        *,
        merged: Sequence[np.ndarray] = (),
        open_nodes: Int[np.ndarray, "n"] | None = None,
    ) -> NodeCurrents:
        """Return what flows through every place at given potentials.

        Parameters
        ----------
        values
            Potentials.
        grounds
            Conductors to the ground.
        merged
            Sets of nodes that are one node, at one potential, for now.
        open_nodes
            Nodes where current is fed or taken away; at all others what enters must leave.
        """
        into, out = self.split(values)
        if grounds is not None:
            lost = grounds.of(self.count) * values[self.first_places]
            into, out = into + np.maximum(-lost, 0), out + np.maximum(lost, 0)
        through = np.maximum(into, out)
        net = np.abs(into - out)
        for nodes in merged:
            through[nodes] = max(into[nodes].sum(), out[nodes].sum())
            net[nodes] = 0.0
        if open_nodes is not None:
            net[open_nodes] = 0.0
        largest = through.max(initial=0.0)
        shown = np.where(self.node_of >= 0, through[self.node_of], 0.0)
        return NodeCurrents(shown, float(net.max(initial=0.0) / largest) if largest > 0 else 0.0)
