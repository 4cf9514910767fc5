"""Pairs of focal regions: found in the network between the cells at their rims, which is worked out once.

While 1 A flows from region i to region j, these two are one node each and all other cells are themselves, those of
other regions too. Current leaves a region only through the cells at its rim; with G the potentials at rims when 1 A
enters at one of their cells, and q what enters at the rims of i and j,

    G q + o = potentials of the two regions,   Σ q = 0 in every component,

where o is an offset for each component, as potentials are known up to that only. So a pair is a dense system over two
rims, and G takes one factor of the landscape.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_factor, cho_solve

from ..graph.focal_nodes import FocalNodes, selected_pairs
from ..linalg.auto import free_memory
from ..linalg.nested_dissection import predicted_factor_bytes
from ..parallel.blas_threads import blas_limited_pool
from ..storage.result_cache import ProgressCallback, ResultCache, no_progress
from .base import Circuit, NodeCurrents
from .grid_circuit import GridCircuit

#: The most cells at rims for which G is formed; three matrices of that size are alive at once.
MAX_BOUNDARY_CELLS = 12_000

#: Pairs whose potentials are solved for together, or whose resistances by themselves are kept together.
TOGETHER = 8

#: Pairs whose resistances are found in the network between rims before they are told of.
AT_ONCE = 512

#: Rounding, of numbers that are added up; and what may come of it in a resistance, or be lost of the current of a pair.
#: With more than that a pair is solved by itself.
ROUNDING = 4e-16
RESISTANCE_RTOL = 1e-7

Solved = tuple[int, int, float, Float[np.ndarray, "places"], NodeCurrents]


class BoundaryCurrents(NamedTuple):
    """What enters at the rims of two regions while 1 A flows from the first to the second.

    Parameters
    ----------
    resistance
        Between them; 0 if they are one, infinite if they are not connected.
    mine, theirs
        What enters at each cell of the rim of the first, all in all −1 A, and of the second.
    offsets
        Of potentials, by component.
    certain
        Whether there are digits enough in potentials to tell all this; else the pair has to be solved by itself.
    """

    resistance: float
    mine: Float[np.ndarray, "rim"]
    theirs: Float[np.ndarray, "other_rim"]
    offsets: dict[int, float]
    certain: bool = True


class RegionPairSolver:
    """Focal nodes of several nodes each.

    Parameters
    ----------
    circuit
        The landscape.
    focal
        Focal nodes.
    nodes
        The nodes of each.
    cache
        What was worked out before, and where what is worked out now is kept: G, or resistances of pairs by themselves.
    """

    def __init__(self, circuit: Circuit, focal: FocalNodes, nodes: list[np.ndarray], cache: ResultCache | None = None):
        self.circuit, self.focal, self.nodes = circuit, focal, nodes
        self.cache = cache or ResultCache()
        self.rims = [_rim(circuit, mine) for mine in nodes]
        self.terminals = np.unique(np.concatenate(self.rims))
        self.of = [np.searchsorted(self.terminals, rim) for rim in self.rims]
        self.grounded = circuit.grounded(n_rhs=len(self.terminals))
        self.component = circuit.components[self.terminals]
        self.needs_own_circuit = self._requires_own_circuit()
        self._boundary_inverse, self._kept = None, {}
        self._sharing = _sharing(nodes) | _sharing(focal.cells)
        #: Of each region, the components that its rim lies in.
        self._reached = [frozenset(circuit.components[rim].tolist()) for rim in self.rims]
        self._components = np.unique(circuit.components)

    def _requires_own_circuit(self) -> bool:
        """Tell whether every pair needs a circuit of its own: too many cells, or cells that only some pairs have."""
        count = len(self.terminals)
        if count > MAX_BOUNDARY_CELLS or 3 * 8 * count**2 > free_memory():
            return True
        if not isinstance(self.circuit, GridCircuit):
            return False
        claims = any((self.circuit.node_of[cells] < 0).any() and len(cells) > 1 for cells in self.focal.cells)
        if claims and self.circuit.grid.edge_rule == "mean":
            return True
        return predicted_factor_bytes(self.circuit.shape, symmetric=True) > free_memory()

    def resistances(
        self, asked: Bool[np.ndarray, "n n"], on_partial: ProgressCallback = no_progress, *, retain: bool = False
    ) -> Float[np.ndarray, "n n"]:
        """Return the resistances, infinite between what is not connected.

        Parameters
        ----------
        asked
            Which pairs.
        on_partial
            Told after every few pairs.
        retain
            Whether maps or their sum will be asked for, too: then what enters in each pair is kept for them.
        """
        resistance = np.where(asked, np.nan, np.inf)
        pairs = selected_pairs(asked)
        if not self.needs_own_circuit:
            self.boundary_inverse()
        at_once = TOGETHER if self.needs_own_circuit else AT_ONCE
        for start in range(0, len(pairs), at_once):
            some = pairs[start : start + at_once]
            if self.needs_own_circuit:
                found = self._found_apart(start, some)
            else:
                # The systems are small: spread over the cores one by one, not each over all of them.
                answers = zip(some, self.entering(some, retain=retain), strict=True)
                found = [
                    answer.resistance if answer.certain else self.solve_alone(*pair)[0] for pair, answer in answers
                ]
            for (one, other), value in zip(some, found, strict=True):
                resistance[one, other] = resistance[other, one] = value
            on_partial(start + len(some), len(pairs), resistance.copy)
        return resistance

    def _found_apart(self, number: int, pairs: list[tuple[int, int]]) -> np.ndarray:
        """Return the resistances of some pairs, each solved in a circuit of its own."""

        def work() -> np.ndarray:
            return np.array([0.0 if self._same(*pair) else self.solve_alone(*pair)[0] for pair in pairs])

        return self.cache.get_or_compute(f"resistances-{number:08d}", work)

    def solved(self, asked: Bool[np.ndarray, "n n"]) -> Iterator[Solved]:
        """Give first, second, resistance, potentials and currents of every pair that is connected.

        Potentials of pairs in circuits of their own are NaN where these do not reach.
        """
        waiting = []
        for one, other in selected_pairs(asked):
            if self._same(one, other):
                yield from self._together(waiting)
                waiting = []
                zero_map = np.zeros(self.circuit.node_of.size)
                yield one, other, 0.0, zero_map, NodeCurrents(zero_map, 0.0)
                continue
            answer = None if self.needs_own_circuit else self.entering([(one, other)])[0]
            if answer is None or not answer.certain:
                yield from self._together(waiting)
                waiting = []
                found = self.solve_alone(one, other)
                if found[0] < np.inf:
                    yield one, other, *found
                continue
            if answer.resistance < np.inf:
                waiting.append((one, other, answer))
            if len(waiting) == TOGETHER:
                yield from self._together(waiting)
                waiting = []
        yield from self._together(waiting)

    def pair_maps(self, one, other, resistance, values, currents: NodeCurrents) -> tuple[np.ndarray, np.ndarray]:
        """Return the maps of a pair; a region shows its current on those of its cells, too, that are not active."""
        circuit = self.circuit
        ends = np.concatenate([self.nodes[one], self.nodes[other]])
        near = np.isin(circuit.components, circuit.components[ends])
        # In a circuit of its own, a pair may reach more: through cells that only its regions claim.
        reached = (~np.isnan(values) if self.needs_own_circuit else near[circuit.node_of]) & (circuit.node_of >= 0)
        potentials = circuit.to_map(np.where(reached, values, np.nan)).ravel()
        through = circuit.to_map(currents.through).ravel()
        for number, level in ((one, 0.0), (other, resistance)):
            cells = self.focal.cells[number]
            known = cells[circuit.node_of[cells] >= 0]
            if len(known) and len(cells) > 1:
                potentials[cells], through[cells] = level, currents.through[known[0]]
        return potentials.reshape(circuit.shape), through.reshape(circuit.shape)

    def _same(self, one: int, other: int) -> bool:
        # Cells that neither has in the landscape join nothing.
        known = len(self.nodes[one]) + len(self.nodes[other]) > 0
        return known and not self._sharing.isdisjoint(((one, other), (other, one)))

    def entering(self, some: list[tuple[int, int]], *, retain: bool = False) -> list[BoundaryCurrents]:
        """Return what enters in each of some pairs; `retain` as in `resistances`."""
        self.boundary_inverse()
        # The systems are small: spread over the cores one by one, not each over all of them.
        with blas_limited_pool() as on_each:
            found = on_each(lambda pair: self._kept.get(pair) or self._entering(*pair), some)
        if retain:
            self._kept.update(zip(some, found, strict=True))
        return found

    def _entering(self, one: int, other: int) -> BoundaryCurrents:
        sides = self.of[one], self.of[other]
        amounts = [np.zeros(len(side)) for side in sides]
        if self._same(one, other):
            return BoundaryCurrents(0.0, *amounts, {})
        components = self.component
        shared = np.array(sorted(self._reached[one] & self._reached[other]))
        if not len(shared):
            return BoundaryCurrents(np.inf, *amounts, {})
        meet = [np.isin(components[side], shared) for side in sides]
        mine, theirs = (side[there] for side, there in zip(sides, meet, strict=True))
        both = np.concatenate([mine, theirs])
        fed = np.repeat([0.0, 1.0], [len(mine), len(theirs)])
        inside = (components[both][:, None] == shared[None]).astype(float)
        factor = cho_factor(self.boundary_inverse()[np.ix_(both, both)], overwrite_a=True)
        answer = cho_solve(factor, np.concatenate([fed[:, None], inside], axis=1))
        offset = np.linalg.solve(inside.T @ answer[:, 1:], inside.T @ answer[:, 0])
        current = answer[:, 0] - answer[:, 1:] @ offset
        resistance = 1 / float(current[len(mine) :].sum())
        for amount, there, part in zip(amounts, meet, np.split(resistance * current, [len(mine)]), strict=True):
            amount[there] = part
        offsets = dict(zip(shared.tolist(), (resistance * offset).tolist(), strict=True))
        # Beyond a wall that hardly conducts potentials are large, and their differences within a region are not.
        largest = (
            np.diagonal(self.boundary_inverse())[both].max() * self.circuit.conductances[self.terminals[both]].max()
        )
        return BoundaryCurrents(resistance, *amounts, offsets, bool(ROUNDING * largest <= RESISTANCE_RTOL))

    def _at_terminals(
        self, pairs: list[tuple[int, int]], answers: list[BoundaryCurrents]
    ) -> Float[np.ndarray, "k terminals"]:
        """Return what enters at every terminal in each of some pairs."""
        amounts = np.zeros((len(pairs), len(self.terminals)))
        for row, (one, other), answer in zip(amounts, pairs, answers, strict=True):
            row[self.of[one]], row[self.of[other]] = answer.mine, answer.theirs
        return amounts

    def boundary_inverse(self) -> Float[np.ndarray, "terminals terminals"]:
        """Return G."""
        if self._boundary_inverse is None:
            self._boundary_inverse = self.cache.get_or_compute(
                "boundary_inverse", lambda: self.grounded.transfer_resistances(self.terminals)
            )
        return self._boundary_inverse

    def potentials(
        self, some: list[tuple[int, int]], *, refine: bool
    ) -> tuple[list[tuple[int, int]], Float[np.ndarray, "pairs places"]]:
        """Return which of some pairs are connected, and their potentials, as they differ within a component.

        For a raster without short-circuit regions, and pairs that need no circuit of their own.
        """
        joined = [
            (pair, answer) for pair, answer in zip(some, self.entering(some), strict=True) if answer.resistance < np.inf
        ]
        if not joined:
            return [], np.zeros((0, self.circuit.node_of.size))
        amounts = self._at_terminals(*(list(part) for part in zip(*joined, strict=True)))
        values = self.grounded.solve(self.terminals, amounts, refine=refine)
        component = np.where(self.circuit.node_of >= 0, self.circuit.components[self.circuit.node_of], -1)
        for row, ((one, other), answer) in zip(values, joined, strict=True):
            resistance, offsets = answer.resistance, answer.offsets
            if len(offsets) < len(self._components):
                row[~np.isin(component, list(offsets))] = 0.0
            for number, potential in ((one, 0.0), (other, resistance)):
                cells = self.focal.cells[number]
                row[cells] = [potential - offsets[c] if c in offsets else 0.0 for c in component[cells].tolist()]
        return [pair for pair, _ in joined], values

    def _together(self, pairs: list) -> Iterator[Solved]:
        if not pairs:
            return
        amounts = self._at_terminals([pair[:2] for pair in pairs], [answer for *_, answer in pairs])
        values = self.grounded.solve(self.terminals, amounts)
        node_of, components = self.circuit.node_of, self.circuit.components
        for row, (one, other, answer) in zip(values, pairs, strict=True):
            resistance, offsets = answer.resistance, answer.offsets
            level = np.zeros(components.max() + 1)
            for number, potential in ((one, 0.0), (other, resistance)):
                # Where only one of the two is, nothing flows and all is at its potential.
                level[components[self.nodes[number]]] = potential
            for component, offset in offsets.items():
                level[component] = offset
            at_nodes = row[self.circuit.representative_cells] + level[components]
            touched = np.isin(components, list(offsets))
            at_nodes = np.where(touched, at_nodes, level[components])
            at_nodes[self.nodes[one]], at_nodes[self.nodes[other]] = 0.0, resistance
            flat = np.where(node_of >= 0, at_nodes[node_of], 0.0)
            currents = self.circuit.currents(flat, merged=[self.nodes[one], self.nodes[other]])
            if currents.residual <= RESISTANCE_RTOL:
                yield one, other, resistance, flat, currents
            else:
                yield one, other, *self.solve_alone(one, other)

    def solve_alone(self, one: int, other: int) -> tuple[float, Float[np.ndarray, "places"], NodeCurrents]:
        """Return resistance, potentials and currents of a pair in a circuit of its own, where its regions are nodes."""
        circuit = self.circuit.with_short_circuits([self.focal.cells[one], self.focal.cells[other]])
        ends = [circuit.node_of[self.focal.cells[number]].max() for number in (one, other)]
        zero_map = np.zeros(circuit.node_of.size)
        if min(ends) < 0 or circuit.components[ends[0]] != circuit.components[ends[1]]:
            return np.inf, zero_map, NodeCurrents(zero_map, 0.0)
        grounded = circuit.grounded(np.array([ends[0]]))
        values = grounded.solve(np.array([ends[1]]), np.ones((1, 1)))[0]
        values[circuit.node_of < 0] = 0.0
        near = circuit.components == circuit.components[ends[0]]
        values[~near[circuit.node_of]] = 0.0
        currents = circuit.currents(values, terminals=np.array(ends))
        values[~near[circuit.node_of]] = np.nan
        return float(values[circuit.representative_cells[ends[1]]]), values, currents


def _sharing(groups: Sequence[Int[np.ndarray, "_"]]) -> set[tuple[int, int]]:
    """Return which two groups have a member in common, the first one first."""
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    members = np.concatenate([np.empty(0, int), *groups])
    order = np.lexsort((owner, members))
    owners = np.split(owner[order], np.flatnonzero(np.diff(members[order])) + 1)
    return {pair for mine in owners if len(mine) > 1 for pair in itertools.combinations(mine.tolist(), 2)}


def _rim(circuit: Circuit, nodes: Int[np.ndarray, "n"]) -> Int[np.ndarray, "m"]:
    """Return the nodes of a region that are joined with any outside; if there are none, one per component."""
    if len(nodes) < 2:
        return nodes
    inside = np.zeros(circuit.n_nodes, bool)
    inside[nodes] = True
    rim = np.array([not inside[near].all() for near in circuit.neighbours(nodes)])
    lonely = np.setdiff1d(circuit.components[nodes], circuit.components[nodes[rim]])
    for component in lonely:
        rim[np.argmax(circuit.components[nodes] == component)] = True
    return nodes[rim]
