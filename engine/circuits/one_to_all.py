"""One focal node against all others: a source with the others grounded, or a ground with the others as sources."""

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve as solve_dense

from ..graph.focal_nodes import FocalNodes, require_two_nodes
from .accumulator import CumulativeCurrent, streamed
from .base import Circuit

#: Focal nodes whose potentials are solved for together.
TOGETHER = 8


@dataclass(frozen=True)
class FocalNodeResult:
    """What flows when it is one focal node's turn.

    Parameters
    ----------
    id
        Of the focal node.
    resistance
        One to all: its potential for each ampere that enters; all to one: 0. Infinite if no other can be reached.
    potentials
        In volt; NaN where there is no node, or none that is connected with the focal node.
    currents
        In ampere; NaN where there is no node.
    residual
        How badly current is conserved; see `Currents`.
    """

    id: int
    resistance: float
    potentials: np.ndarray
    currents: np.ndarray
    residual: float


class _FocalNodeMode(abc.ABC):
    """What the two ways have in common.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes; all cells of a region are one node.
    strengths
        What each injects, in ampere, by id; 1 for those that are not listed.
    excluded
        Pairs of ids that have nothing to do with each other: while it is one's turn, the other is ordinary cells.
    zero_at_focal
        Whether the current through the sources and grounds of a run is shown as 0.
    """

    def __init__(
        self,
        circuit: Circuit,
        focal: FocalNodes,
        *,
        strengths: Mapping[int, float] | None = None,
        excluded: Sequence[tuple[int, int]] = (),
        zero_at_focal: bool = False,
    ):
        require_two_nodes(focal, circuit)
        self.circuit, self.focal, self.zero_at_focal = circuit, focal, zero_at_focal
        self.strengths = {int(identity): float(value) for identity, value in (strengths or {}).items()}
        known = set(focal.ids.tolist())
        for identity, value in self.strengths.items():
            if not np.isfinite(value):
                raise ValueError(f"the strength of focal node {identity} is {value:g}; it must be a number")
        self.excluded = {identity: set() for identity in known}
        for one, other in excluded:
            for identity in (int(one), int(other)):
                if identity not in known:
                    raise ValueError(f"excluded pair ({one}, {other}): {identity} is not the id of a focal node")
            self.excluded[int(one)].add(int(other))
            self.excluded[int(other)].add(int(one))

    def maps(self, among: Iterable[int] | None = None) -> Iterator[FocalNodeResult]:
        """Give the maps of one focal node after the other, in the order of the ids.

        Parameters
        ----------
        among
            Ids; those of all focal nodes by default.
        """
        wanted = set(self.focal.ids.tolist() if among is None else among)
        turns = [
            (number, self.excluded[identity])
            for number, identity in enumerate(self.focal.ids.tolist())
            if identity in wanted
        ]
        whole = [number for number, without in turns if not without]
        settled = self._all_at_once(whole) if whole else iter(())
        for number, without in turns:
            if not without:
                yield next(settled)
            else:
                focal = self.focal.without(np.array(sorted(without)))
                merged = _Merged(self.circuit, focal)
                yield from self._runs(merged, [int(np.flatnonzero(focal.ids == self.focal.ids[number])[0])])

    def resistances(self) -> np.ndarray:
        """Return a row (id, resistance) for every focal node."""
        return np.array([(run.id, run.resistance) for run in self.maps()])

    def cumulative(self) -> CumulativeCurrent:
        """Return the currents of all focal nodes' turns: their sum, and the largest, for every place."""
        nothing = self.circuit.laid_out(np.zeros(self.circuit.node_of.size))
        return streamed(nothing, ((run.currents, run.residual) for run in self.maps()))

    def _all_at_once(self, numbers: list[int]) -> Iterator[FocalNodeResult]:
        yield from self._runs(_Merged(self.circuit, self.focal), numbers)

    @abc.abstractmethod
    def _runs(self, merged: "_Merged", numbers: list[int]) -> Iterator[FocalNodeResult]:
        """Give the runs of some focal nodes; all of them are nodes of the merged circuit."""

    def _run(
        self, merged: "_Merged", number: int, resistance: float, values: np.ndarray, active: np.ndarray
    ) -> FocalNodeResult:
        """Return the run of a focal node from its potentials; sources and grounds are at the active nodes."""
        circuit, node = merged.circuit, merged.node[number]
        nothing = np.zeros(circuit.node_of.size)
        near = circuit.components == (circuit.components[node] if node >= 0 else -1)
        reached = (circuit.node_of >= 0) & near[circuit.node_of]
        values = np.where(reached, values, 0.0)
        currents = circuit.currents(values, open_nodes=merged.node[merged.node >= 0])
        solved = resistance < np.inf
        through = currents.through if solved else nothing
        if self.zero_at_focal:
            through = np.where(np.isin(circuit.node_of, active), 0.0, through)
        return FocalNodeResult(
            int(merged.focal.ids[number]),
            resistance,
            circuit.laid_out(np.where(reached & solved, values, np.nan)),
            circuit.laid_out(through),
            currents.residual if solved else 0.0,
        )


class OneToAll(_FocalNodeMode):
    """Each focal node in turn is a source, and all others are grounded.

    Parameters
    ----------
    circuit, focal, strengths, excluded, zero_at_focal
        As of all sweeps: the landscape, focal nodes, what each injects in ampere by id (1 by default), pairs of ids of
        which neither grounds the other, and whether no current is shown at focal nodes.

    Notes
    -----
    With all n focal nodes held, one at 1 V and the others at 0 V, n potentials of one system are those of all n runs
    but for a factor. A focal node that is one node with the source does not ground it.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..grid import GridGraph
    >>> from .grid_circuit import GridCircuit
    >>> focal = FocalNodes.from_raster(np.array([[1, 0, 2, 3]]))
    >>> OneToAll(GridCircuit(GridGraph(jnp.ones((1, 4)))), focal).resistances().round(9)
    array([[1. , 2. ],
           [2. , 0.66666667],
           [3. , 1. ]])
    """

    def _runs(self, merged, numbers):
        for start in range(0, len(numbers), TOGETHER):
            some = numbers[start : start + TOGETHER]
            held = np.zeros((len(some), len(merged.nodes)))
            for row, number in enumerate(some):
                if merged.node[number] >= 0:
                    held[row, merged.position[number]] = 1.0
            values = merged.grounded.potentials(np.empty(0, int), np.empty((len(some), 0)), held)
            leaving = merged.circuit.leaving(values, merged.nodes)
            for row, number in enumerate(some):
                strength = self.strengths.get(int(merged.focal.ids[number]), 1.0)
                if not merged.others_in_component(number) or strength == 0:
                    yield self._run(merged, number, np.inf, values[row], merged.nodes)
                    continue
                resistance = 1 / float(leaving[row, merged.position[number]])
                values[row] *= resistance * strength
                yield self._run(merged, number, resistance, values[row], merged.nodes)


class AllToOne(_FocalNodeMode):
    """Each focal node in turn is grounded, and all others are sources.

    Parameters
    ----------
    circuit, focal, strengths, excluded, zero_at_focal
        As of all sweeps: the landscape, focal nodes, what each injects in ampere by id (1 by default), pairs of ids of
        which neither is a source for the other, and whether no current is shown at focal nodes.

    Notes
    -----
    The network that remains between the n focal nodes when all else is eliminated takes one solve for each, and gives
    their potentials in every run; these, held, take one more.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..grid import GridGraph
    >>> from .grid_circuit import GridCircuit
    >>> focal = FocalNodes.from_raster(np.array([[1, 0, 2, 3]]))
    >>> next(AllToOne(GridCircuit(GridGraph(jnp.ones((1, 4)))), focal).maps()).currents.round(9)
    array([[2., 2., 2., 1.]])
    """

    def _runs(self, merged, numbers):
        count = len(merged.nodes)
        network = np.empty((count, count))
        for start in range(0, count, TOGETHER):
            rows = slice(start, start + TOGETHER)
            held = np.eye(count)[rows]
            values = merged.grounded.potentials(np.empty(0, int), np.empty((len(held), 0)), held)
            network[rows] = merged.circuit.leaving(values, merged.nodes)
        for start in range(0, len(numbers), TOGETHER):
            some = numbers[start : start + TOGETHER]
            fed = [self._fed(merged, number) for number in some]
            held = np.stack([self._levels(merged, network, *each) for each in fed])
            values = merged.grounded.potentials(np.empty(0, int), np.empty((len(some), 0)), held)
            for row, number in enumerate(some):
                # As with Circuitscape, sources that add up to nothing are none.
                with_it, amounts = fed[row]
                active = np.append(merged.nodes[with_it[amounts != 0]], merged.node[number])
                yield self._run(merged, number, 0.0 if amounts.sum() != 0 else np.inf, values[row], active)

    def _fed(self, merged: "_Merged", number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the nodes from which current flows to a focal node, by position, and what is fed into each."""
        mine = merged.node[number]
        if mine < 0:
            return np.empty(0, np.int64), np.empty(0)
        components = merged.circuit.components
        with_it = np.flatnonzero((components[merged.nodes] == components[mine]) & (merged.nodes != mine))
        fed = np.zeros(len(merged.nodes))
        for other, identity in enumerate(merged.focal.ids):
            if merged.node[other] >= 0:
                fed[merged.position[other]] += self.strengths.get(int(identity), 1.0)
        return with_it, fed[with_it]

    def _levels(self, merged: "_Merged", network: np.ndarray, with_it: np.ndarray, fed: np.ndarray) -> np.ndarray:
        """Return the potentials of all focal nodes when current is fed into some, and flows to another."""
        level = np.zeros(len(merged.nodes))
        if len(with_it):
            level[with_it] = solve_dense(network[np.ix_(with_it, with_it)], fed, assume_a="sym")
        return level


class _Merged:
    """A circuit in which every focal node is one node, and all of these are held."""

    def __init__(self, circuit: Circuit, focal: FocalNodes):
        regions = [places for places in focal.cells if len(places) > 1]
        self.circuit, self.focal = circuit.merging(regions) if regions else circuit, focal
        #: Node of each focal node; −1 for one without a place in the landscape.
        self.node = np.array([int(self.circuit.node_of[places].max()) for places in focal.cells])
        self.nodes = np.unique(self.node[self.node >= 0])
        self.position = np.searchsorted(self.nodes, self.node)
        self.grounded = self.circuit.grounded(self.nodes, feedings=len(self.nodes))

    def others_in_component(self, number: int) -> bool:
        """Tell whether another focal node, of another node, is connected with this one."""
        mine = self.node[number]
        if mine < 0:
            return False
        components = self.circuit.components[self.nodes]
        return bool(((components == self.circuit.components[mine]) & (self.nodes != mine)).any())
