"""One-to-all and all-to-one modes: each focal node in turn against all others."""

import abc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve as solve_dense

from ..graph import FocalNodes, require_two_nodes
from .accumulator import CumulativeCurrent, accumulate
from .base import Circuit
from .short_circuits import sum_by_node

#: Right-hand sides (focal nodes) per solve; bounds the memory for potentials.
RHS_BLOCK = 8

#: Smallest number of sources for which all to one uses one inverse for all runs instead of a dense system for each, and
#: the largest residual of its currents, above which a run has its own system.
MIN_SHARED_INVERSE = 200
SHARED_INVERSE_RTOL = 1e-10


@dataclass(frozen=True)
class FocalNodeResult:
    """Potentials and currents of the run of one focal node.

    Parameters
    ----------
    id
        Id of the focal node.
    resistance
        One to all: potential of the focal node divided by its current, in ohm; all to one: 0. Infinite if no current
        flows: no other focal node is connected with it, or the sources sum to zero.
    potentials
        In volt; NaN in cells outside the circuit, in those not connected with the focal node, and everywhere if no
        current flows.
    currents
        In ampere; NaN in cells outside the circuit.
    residual
        Largest violation of Kirchhoff's current law; see `NodeCurrents`.
    """

    id: int
    resistance: float
    potentials: np.ndarray
    currents: np.ndarray
    residual: float


class _FocalNodeMode(abc.ABC):
    """Base class of the two modes.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes; the cells of a focal region are one node.
    strengths
        Current that each focal node injects, in ampere, by id; 1 by default. Ids of no focal node are ignored.
    excluded
        Pairs of ids. In the run of one of them, the other is not a focal node.
    zero_focal_currents
        Whether to set the current through the sources and grounds of a run to zero in its map.
    """

    def __init__(
        self,
        circuit: Circuit,
        focal: FocalNodes,
        *,
        strengths: Mapping[int, float] | None = None,
        excluded: Sequence[tuple[int, int]] = (),
        zero_focal_currents: bool = False,
    ):
        require_two_nodes(focal, circuit)
        self.circuit, self.focal, self.zero_focal_currents = circuit, focal, zero_focal_currents
        self.strengths = {int(identity): float(value) for identity, value in (strengths or {}).items()}
        for identity, value in self.strengths.items():
            if not np.isfinite(value):
                raise ValueError(f"the strength of focal node {identity} is {value:g}; it must be a number")
        self.excluded = {identity: set() for identity in set(focal.ids.tolist())}
        for i, j in excluded:
            for identity in (int(i), int(j)):
                if identity not in self.excluded:
                    raise ValueError(f"excluded pair ({i}, {j}): {identity} is not the id of a focal node")
            self.excluded[int(i)].add(int(j))
            self.excluded[int(j)].add(int(i))

    def maps(self, ids: Iterable[int] | None = None) -> Iterator[FocalNodeResult]:
        """Yield the maps of the focal nodes, in the order of their ids.

        Parameters
        ----------
        ids
            Ids of the runs; all by default.

        Raises
        ------
        ValueError
            One of them is not the id of a focal node.
        """
        focal_ids = self.focal.ids.tolist()
        requested = set(focal_ids if ids is None else ids)
        unknown = requested.difference(focal_ids)
        if unknown:
            raise ValueError(f"{min(unknown)} is not the id of a focal node")
        runs = [(number, self.excluded[identity]) for number, identity in enumerate(focal_ids) if identity in requested]
        complete = [number for number, excluded in runs if not excluded]
        # Runs with all focal nodes share one factorization.
        results = self._runs(_MergedCircuit(self.circuit, self.focal), complete) if complete else iter(())
        for number, excluded in runs:
            if not excluded:
                yield next(results)
            else:
                focal = self.focal.without(np.array(sorted(excluded)))
                merged = _MergedCircuit(self.circuit, focal)
                yield from self._runs(merged, [int(np.flatnonzero(focal.ids == self.focal.ids[number])[0])])

    def resistances(self) -> np.ndarray:
        """Return a row (id, resistance in ohm) for every focal node."""
        return np.array([(run.id, run.resistance) for run in self.maps()])

    def cumulative(self) -> CumulativeCurrent:
        """Return the sum and the maximum of the current maps of all runs."""
        zero_map = self.circuit.to_map(np.zeros(self.circuit.node_of.size))
        return accumulate(zero_map, ((run.currents, run.residual) for run in self.maps()))

    @abc.abstractmethod
    def _runs(self, merged: "_MergedCircuit", numbers: list[int]) -> Iterator[FocalNodeResult]:
        """Yield the runs of some focal nodes of the merged circuit."""

    def _result(
        self, merged: "_MergedCircuit", number: int, resistance: float, potentials: np.ndarray, terminals: np.ndarray
    ) -> FocalNodeResult:
        """Return the result of a run from its potentials; its sources and grounds are the terminals."""
        circuit, node = merged.circuit, merged.node[number]
        in_component = circuit.components == (circuit.components[node] if node >= 0 else -1)
        reached = (circuit.node_of >= 0) & in_component[circuit.node_of]
        potentials = np.where(reached, potentials, 0.0)
        currents = circuit.currents(potentials, terminals=merged.node[merged.node >= 0])
        solved = resistance < np.inf
        through = currents.through if solved else np.zeros(circuit.node_of.size)
        if self.zero_focal_currents:
            through = np.where(np.isin(circuit.node_of, terminals), 0.0, through)
        return FocalNodeResult(
            int(merged.focal.ids[number]),
            resistance,
            circuit.to_map(np.where(reached & solved, potentials, np.nan)),
            circuit.to_map(through),
            currents.residual if solved else 0.0,
        )


class OneToAll(_FocalNodeMode):
    """One-to-all mode: each focal node in turn is a current source, all others are grounded.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes; the cells of a focal region are one node.
    strengths
        Current that each focal node injects, in ampere, by id; 1 by default. Ids of no focal node are ignored.
    excluded
        Pairs of ids. In the run of one of them, the other is not grounded.
    zero_focal_currents
        Whether to set the current through the focal nodes of a run to zero in its map.

    Raises
    ------
    ValueError
        There are fewer than two focal nodes, or none in the landscape; a strength is not finite; an excluded id is not
        that of a focal node.

    Notes
    -----
    With all n focal nodes fixed, one at 1 V and the others at 0 V, n right-hand sides of one system give the n runs up
    to a factor. Focal nodes at the same node of the circuit as the source are not grounded.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..graph.grid_graph import GridGraph
    >>> from .grid_circuit import GridCircuit
    >>> focal = FocalNodes.from_raster(np.array([[1, 0, 2, 3]]))
    >>> OneToAll(GridCircuit(GridGraph(jnp.ones((1, 4)))), focal).resistances().round(9)
    array([[1. , 2. ],
           [2. , 0.66666667],
           [3. , 1. ]])
    """

    def _runs(self, merged, numbers):
        for start in range(0, len(numbers), RHS_BLOCK):
            block = numbers[start : start + RHS_BLOCK]
            levels = np.zeros((len(block), len(merged.nodes)))
            for row, number in enumerate(block):
                if merged.node[number] >= 0:
                    levels[row, merged.position[number]] = 1.0
            potentials = merged.solve(levels)
            outflow = merged.circuit.net_outflow(potentials, merged.nodes)
            for row, number in enumerate(block):
                strength = self.strengths.get(int(merged.focal.ids[number]), 1.0)
                if not merged.has_others_in_component(number) or strength == 0:
                    yield self._result(merged, number, np.inf, potentials[row], merged.nodes)
                    continue
                resistance = 1 / float(outflow[row, merged.position[number]])
                potentials[row] *= resistance * strength
                yield self._result(merged, number, resistance, potentials[row], merged.nodes)


class AllToOne(_FocalNodeMode):
    """All-to-one mode: each focal node in turn is grounded, all others are current sources.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes; the cells of a focal region are one node.
    strengths
        Current that each focal node injects, in ampere, by id; 1 by default. Ids of no focal node are ignored.
    excluded
        Pairs of ids. In the run of one of them, the other is not a source.
    zero_focal_currents
        Whether to set the current through the focal nodes of a run to zero in its map.

    Raises
    ------
    ValueError
        As for `OneToAll`.

    Notes
    -----
    The network between the n focal nodes after eliminating all other nodes (Kron reduction) takes one solve for each
    of them. It determines their potentials in every run; with these fixed, each run takes one more solve.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..graph.grid_graph import GridGraph
    >>> from .grid_circuit import GridCircuit
    >>> focal = FocalNodes.from_raster(np.array([[1, 0, 2, 3]]))
    >>> next(AllToOne(GridCircuit(GridGraph(jnp.ones((1, 4)))), focal).maps()).currents.round(9)
    array([[2., 2., 2., 1.]])
    """

    def _runs(self, merged, numbers):
        count = len(merged.nodes)
        reduced = np.empty((count, count))
        for start in range(0, count, RHS_BLOCK):
            rows = slice(start, start + RHS_BLOCK)
            reduced[rows] = merged.circuit.net_outflow(merged.solve(np.eye(count)[rows]), merged.nodes)
        strengths = np.array([self.strengths.get(identity, 1.0) for identity in merged.focal.ids.tolist()])
        in_circuit = merged.node >= 0
        at_nodes = sum_by_node(merged.position[in_circuit], strengths[in_circuit], count)
        solver = _ReducedNetwork(reduced, merged.circuit.components[merged.nodes])
        for start in range(0, len(numbers), RHS_BLOCK):
            block = numbers[start : start + RHS_BLOCK]
            injections = [self._injections(merged, number, at_nodes) for number in block]
            levels = np.stack([solver.potentials(*each) for each in injections])
            potentials = merged.solve(levels)
            for row, number in enumerate(block):
                # As in Circuitscape, a run whose sources sum to zero has no result.
                positions, injected = injections[row]
                terminals = np.append(merged.nodes[positions[injected != 0]], merged.node[number])
                resistance = 0.0 if injected.sum() != 0 else np.inf
                yield self._result(merged, number, resistance, potentials[row], terminals)

    def _injections(self, merged: "_MergedCircuit", number: int, at_nodes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the positions of the source nodes of a run, and the current injected at each."""
        node = merged.node[number]
        if node < 0:
            return np.empty(0, np.int64), np.empty(0)
        components = merged.circuit.components
        sources = np.flatnonzero((components[merged.nodes] == components[node]) & (merged.nodes != node))
        return sources, at_nodes[sources]


class _ReducedNetwork:
    """The network between the focal nodes, in which each run grounds one node of a component.

    A dense system for each run takes n⁴ operations for n runs. With many focal nodes, one inverse for each component
    serves all runs: potentials against one ground are differences of those against another.
    """

    def __init__(self, conductances: np.ndarray, components: np.ndarray):
        self._conductances, self._components = conductances, components
        self._inverses: dict[int, np.ndarray] = {}

    def potentials(self, sources: np.ndarray, injected: np.ndarray) -> np.ndarray:
        """Return the potentials of all nodes for currents injected at all nodes of a component but one, the ground."""
        levels = np.zeros(len(self._components))
        if len(sources):
            levels[sources] = self._at_sources(sources, injected)
        return levels

    def _at_sources(self, sources: np.ndarray, injected: np.ndarray) -> np.ndarray:
        """Return the potentials of the sources, from the shared inverse if there are many and it is accurate."""
        if len(sources) >= MIN_SHARED_INVERSE:
            component = int(self._components[sources[0]])
            members = np.flatnonzero(self._components == component)
            is_source = np.isin(members, sources)
            balanced = np.full(len(members), -injected.sum())
            balanced[is_source] = injected
            against_reference = self._inverse(component, members) @ balanced
            potentials = against_reference[is_source] - against_reference[~is_source]
            error = self._conductances[np.ix_(sources, sources)] @ potentials - injected
            if np.abs(error).max() <= SHARED_INVERSE_RTOL * np.abs(injected).max():
                return potentials
        return solve_dense(self._conductances[np.ix_(sources, sources)], injected, assume_a="sym")

    def _inverse(self, component: int, members: np.ndarray) -> np.ndarray:
        """Return the inverse of a component's network with the best connected node grounded, 0 for that node."""
        if component not in self._inverses:
            network = self._conductances[np.ix_(members, members)]
            free = np.delete(np.arange(len(members)), np.argmax(np.diagonal(network)))
            inverse = np.zeros(network.shape)
            inverse[np.ix_(free, free)] = np.linalg.inv(network[np.ix_(free, free)])
            self._inverses = {component: inverse}
        return self._inverses[component]


class _MergedCircuit:
    """A circuit in which every focal node is a single node with a fixed potential."""

    def __init__(self, circuit: Circuit, focal: FocalNodes):
        regions = [cells for cells in focal.cells if len(cells) > 1]
        self.circuit, self.focal = circuit.with_short_circuits(regions) if regions else circuit, focal
        #: Node of each focal node; −1 for those without a cell in the landscape.
        self.node = np.array([int(self.circuit.node_of[cells].max()) for cells in focal.cells])
        self.nodes = np.unique(self.node[self.node >= 0])
        self.position = np.searchsorted(self.nodes, self.node)
        self.grounded = self.circuit.grounded(self.nodes, n_rhs=len(self.nodes))

    def solve(self, levels: np.ndarray) -> np.ndarray:
        """Return the potentials for given potentials (levels) of the nodes, one row for each run."""
        return self.grounded.solve(np.empty(0, int), np.empty((len(levels), 0)), levels)

    def has_others_in_component(self, number: int) -> bool:
        """Return whether a focal node at another node lies in the same component."""
        node = self.node[number]
        if node < 0:
            return False
        components = self.circuit.components[self.nodes]
        return bool(((components == self.circuit.components[node]) & (self.nodes != node)).any())
