"""Pairs of focal regions, solved in the block of the inverse between boundary nodes.

While 1 A flows between regions i and j, each of the two is a single node; all other cells, including those
of other regions, are nodes of their own. Current leaves a region only through its boundary. With G the block of the
inverse between all boundary nodes (transfer resistances), and q the currents injected at the boundary nodes of i and j,

    G q + o = potentials of the two regions,   Σ q = 0 in every component,

where the offset o of each component appears because potentials are determined up to a constant only. A pair is thus a
dense system in the boundary nodes of two regions, and G takes one factorization of the landscape.
"""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.linalg import cho_factor, cho_solve

from ..graph import FocalNodes, each_pair, pair_indices
from ..linalg import free_memory, predicted_factor_bytes
from ..parallel import blas_limited_pool
from ..storage import ProgressCallback, ResultCache, no_progress
from .base import Circuit, NodeCurrents
from .grid_circuit import GridCircuit

#: Largest number of boundary nodes for which G is computed; three matrices of that size exist at once.
MAX_BOUNDARY_CELLS = 12_000

#: Pairs per solve for potentials, and per cached result where each pair has its own circuit.
RHS_BLOCK = 8

#: Pairs solved in the block G between two progress reports.
PAIR_BLOCK = 512

#: Pairs whose boundary currents are retained, about a kilobyte each; those of further pairs are computed again.
MAX_RETAINED_PAIRS = 200_000

#: Rounding error of a sum relative to its largest term.
SUM_ROUNDING = 4e-16
#: Largest relative error of a resistance, and largest residual of a current map; a pair above it gets its own circuit.
RESISTANCE_RTOL = 1e-7

PairSolution = tuple[int, int, float, Float[np.ndarray, " cells"], NodeCurrents]


class BoundaryCurrents(NamedTuple):
    """Currents at the boundary nodes of two regions while 1 A flows from the second to the first.

    Parameters
    ----------
    resistance
        Effective resistance; 0 if the regions are one node, infinite if they are not connected.
    first, second
        Currents injected at the boundary nodes of the first region, which sum to −1 A, and of the second.
    offsets
        Offsets of the potentials, by component.
    accurate
        Whether the resistance meets `RESISTANCE_RTOL`; if not, the pair must be solved in its own circuit.
    """

    resistance: float
    first: Float[np.ndarray, " boundary"]
    second: Float[np.ndarray, " second_boundary"]
    offsets: dict[int, float]
    accurate: bool = True


class RegionPairSolver:
    """Solver for pairs of focal nodes, each of one or several nodes of the circuit.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes.
    nodes
        Circuit nodes of each focal node.
    cache
        Cache for G, or for the resistances of pairs in their own circuits.
    max_boundary_cells
        Largest number of boundary nodes for which G is computed; with more, each pair has its own circuit.
    """

    def __init__(
        self,
        circuit: Circuit,
        focal: FocalNodes,
        nodes: list[np.ndarray],
        cache: ResultCache | None = None,
        *,
        max_boundary_cells: int = MAX_BOUNDARY_CELLS,
    ):
        self.circuit, self.focal, self.nodes = circuit, focal, nodes
        self.cache = cache or ResultCache()
        boundaries = [_boundary(circuit, region) for region in nodes]
        self.boundary_nodes = np.unique(np.concatenate(boundaries))
        #: Positions of the boundary nodes of each region among all boundary nodes.
        self.positions = [np.searchsorted(self.boundary_nodes, boundary) for boundary in boundaries]
        self.grounded = circuit.grounded(n_rhs=len(self.boundary_nodes))
        self.boundary_components = circuit.components[self.boundary_nodes]
        #: Whether each pair needs its own circuit, because G is too large or the regions extend the landscape.
        self.needs_own_circuit = self._requires_own_circuit(max_boundary_cells)
        self._boundary_inverse, self._boundary_currents = None, {}
        self._overlapping = _overlaps(nodes) | _overlaps(focal.cells)
        #: Components that the boundary of each region touches.
        self._touched = [frozenset(circuit.components[boundary].tolist()) for boundary in boundaries]
        self._components = np.unique(circuit.components)

    def resistances(
        self, requested: Bool[np.ndarray, "n n"], on_partial: ProgressCallback = no_progress, *, retain: bool = False
    ) -> Float[np.ndarray, "n n"]:
        """Return the resistances, infinite between unconnected regions.

        Parameters
        ----------
        requested
            Symmetric matrix that marks the pairs.
        on_partial
            Called after every block of pairs.
        retain
            Whether to retain the boundary currents for maps or their sum.
        """
        resistance = np.where(requested, np.nan, np.inf)
        pairs = pair_indices(requested)
        if not self.needs_own_circuit:
            self.boundary_inverse()
        size = RHS_BLOCK if self.needs_own_circuit else PAIR_BLOCK
        for start in range(0, len(pairs), size):
            block = list(each_pair(pairs[start : start + size]))
            if self.needs_own_circuit:
                values = self._resistances_separately(start, block)
            else:
                solutions = zip(block, self.boundary_currents(block, retain=retain), strict=True)
                values = [
                    solution.resistance if solution.accurate else self.solve_separately(*pair)[0]
                    for pair, solution in solutions
                ]
            for (i, j), value in zip(block, values, strict=True):
                resistance[i, j] = resistance[j, i] = value
            on_partial(start + len(block), len(pairs), resistance.copy)
        return resistance

    def solve_pairs(self, requested: Bool[np.ndarray, "n n"]) -> Iterator[PairSolution]:
        """Yield first, second, resistance, potentials and currents of every connected pair.

        The potentials of a pair in its own circuit are NaN in cells that the pair does not reach.
        """
        waiting = []
        for i, j in each_pair(pair_indices(requested)):
            if self._is_short_circuited(i, j) and not self.needs_own_circuit:
                yield from self._solve_block(waiting)
                waiting = []
                zeros = np.zeros(self.circuit.node_of.size)
                yield i, j, 0.0, zeros, NodeCurrents(zeros, 0.0)
                continue
            solution = None if self.needs_own_circuit else self.boundary_currents([(i, j)])[0]
            if solution is None or not solution.accurate:
                yield from self._solve_block(waiting)
                waiting = []
                separate = self.solve_separately(i, j)
                if separate[0] < np.inf:
                    yield i, j, *separate
                continue
            if solution.resistance < np.inf:
                waiting.append((i, j, solution))
            if len(waiting) == RHS_BLOCK:
                yield from self._solve_block(waiting)
                waiting = []
        yield from self._solve_block(waiting)

    def pair_maps(self, i, j, resistance, potentials, currents: NodeCurrents) -> tuple[np.ndarray, np.ndarray]:
        """Return the maps of a pair. Inactive cells of a region show the potential and the current of the region."""
        circuit = self.circuit
        ends = np.concatenate([self.nodes[i], self.nodes[j]])
        connected = np.isin(circuit.components, circuit.components[ends])
        # In its own circuit, a pair may reach more cells: through inactive cells that only its regions include.
        reached = (~np.isnan(potentials) if self.needs_own_circuit else connected[circuit.node_of]) & (
            circuit.node_of >= 0
        )
        potential_map = circuit.to_map(np.where(reached, potentials, np.nan)).ravel()
        through = circuit.to_map(currents.through).ravel()
        for region, level in ((i, 0.0), (j, resistance)):
            cells = self.focal.cells[region]
            active = cells[circuit.node_of[cells] >= 0]
            if len(active) and len(cells) > 1:
                potential_map[cells], through[cells] = level, currents.through[active[0]]
        return potential_map.reshape(circuit.shape), through.reshape(circuit.shape)

    def boundary_currents(self, pairs: list[tuple[int, int]], *, retain: bool = False) -> list[BoundaryCurrents]:
        """Return the boundary currents of some pairs; `retain` as in `resistances`."""
        self.boundary_inverse()
        # The systems are small: one core for each is faster than all cores for one after the other.
        with blas_limited_pool() as parallel_map:
            solutions = parallel_map(lambda pair: self._boundary_currents.get(pair) or self._solve_pair(*pair), pairs)
        if retain:
            if len(self._boundary_currents) + len(pairs) > MAX_RETAINED_PAIRS:
                self._boundary_currents.clear()
            self._boundary_currents.update(zip(pairs, solutions, strict=True))
        return solutions

    def boundary_inverse(self) -> Float[np.ndarray, "boundary_nodes boundary_nodes"]:
        """Return G, the block of the inverse between all boundary nodes."""
        if self._boundary_inverse is None:
            self._boundary_inverse = self.cache.get_or_compute(
                "boundary_inverse", lambda: self.grounded.transfer_resistances(self.boundary_nodes)
            )
        return self._boundary_inverse

    def potentials(
        self, pairs: list[tuple[int, int]], *, refine: bool
    ) -> tuple[list[tuple[int, int]], Float[np.ndarray, "pairs cells"]]:
        """Return which of some pairs are connected, and their potentials up to a constant in each component.

        For a raster without short-circuit regions, and pairs that do not need their own circuits.
        """
        connected = [
            (pair, solution)
            for pair, solution in zip(pairs, self.boundary_currents(pairs), strict=True)
            if solution.resistance < np.inf
        ]
        if not connected:
            return [], np.zeros((0, self.circuit.node_of.size))
        injected = self._injections(*(list(part) for part in zip(*connected, strict=True)))
        potentials = self.grounded.solve(self.boundary_nodes, injected, refine=refine)
        component = np.where(self.circuit.node_of >= 0, self.circuit.components[self.circuit.node_of], -1)
        for row, ((i, j), solution) in zip(potentials, connected, strict=True):
            resistance, offsets = solution.resistance, solution.offsets
            if len(offsets) < len(self._components):
                row[~np.isin(component, list(offsets))] = 0.0
            for region, level in ((i, 0.0), (j, resistance)):
                cells = self.focal.cells[region]
                row[cells] = [level - offsets[c] if c in offsets else 0.0 for c in component[cells].tolist()]
        return [pair for pair, _ in connected], potentials

    def solve_separately(self, i: int, j: int) -> tuple[float, Float[np.ndarray, " cells"], NodeCurrents]:
        """Return resistance, potentials and currents of a pair in its own circuit, where its regions are nodes."""
        circuit = self.circuit.with_short_circuits([self.focal.cells[i], self.focal.cells[j]])
        ends = [circuit.node_of[self.focal.cells[region]].max() for region in (i, j)]
        zeros = np.zeros(circuit.node_of.size)
        if min(ends) < 0 or circuit.components[ends[0]] != circuit.components[ends[1]]:
            return np.inf, zeros, NodeCurrents(zeros, 0.0)
        grounded = circuit.grounded(np.array([ends[0]]))
        potentials = grounded.solve(np.array([ends[1]]), np.ones((1, 1)))[0]
        potentials[circuit.node_of < 0] = 0.0
        connected = circuit.components == circuit.components[ends[0]]
        potentials[~connected[circuit.node_of]] = 0.0
        currents = circuit.currents(potentials, terminals=np.array(ends))
        potentials[~connected[circuit.node_of]] = np.nan
        return float(potentials[circuit.representative_cells[ends[1]]]), potentials, currents

    def _requires_own_circuit(self, max_boundary_cells: int) -> bool:
        """Return whether memory is too small for G, or regions conduct through cells that only they include."""
        count = len(self.boundary_nodes)
        if count > max_boundary_cells or 3 * 8 * count**2 > free_memory():
            return True
        if not isinstance(self.circuit, GridCircuit):
            return False
        extends = any((self.circuit.node_of[cells] < 0).any() and len(cells) > 1 for cells in self.focal.cells)
        if extends and self.circuit.grid.edge_rule == "mean":
            return True
        return predicted_factor_bytes(self.circuit.shape, symmetric=True) > free_memory()

    def _resistances_separately(self, start: int, pairs: list[tuple[int, int]]) -> np.ndarray:
        """Return the resistances of some pairs, each solved in its own circuit."""

        def solve() -> np.ndarray:
            """Return the resistances in ohm, 0 between short-circuited regions."""
            return np.array(
                [0.0 if self._is_short_circuited(*pair) else self.solve_separately(*pair)[0] for pair in pairs]
            )

        return self.cache.get_or_compute(f"pair-resistances-{start:08d}", solve)

    def _is_short_circuited(self, i: int, j: int) -> bool:
        # Regions that share only cells outside the landscape are not connected by them.
        active = len(self.nodes[i]) + len(self.nodes[j]) > 0
        return active and not self._overlapping.isdisjoint(((i, j), (j, i)))

    def _solve_pair(self, i: int, j: int) -> BoundaryCurrents:
        """Solve the dense system of a pair."""
        positions = self.positions[i], self.positions[j]
        currents = [np.zeros(len(of_region)) for of_region in positions]
        if self._is_short_circuited(i, j):
            return BoundaryCurrents(0.0, *currents, {})
        components = self.boundary_components
        shared = np.array(sorted(self._touched[i] & self._touched[j]))
        if not len(shared):
            return BoundaryCurrents(np.inf, *currents, {})
        in_shared = [np.isin(components[of_region], shared) for of_region in positions]
        first, second = (of_region[mask] for of_region, mask in zip(positions, in_shared, strict=True))
        both = np.concatenate([first, second])
        levels = np.repeat([0.0, 1.0], [len(first), len(second)])
        membership = (components[both][:, None] == shared[None]).astype(float)
        factor = cho_factor(self.boundary_inverse()[np.ix_(both, both)], overwrite_a=True)
        solution = cho_solve(factor, np.concatenate([levels[:, None], membership], axis=1))
        offset = np.linalg.solve(membership.T @ solution[:, 1:], membership.T @ solution[:, 0])
        current = solution[:, 0] - solution[:, 1:] @ offset
        resistance = 1 / float(current[len(first) :].sum())
        parts = np.split(resistance * current, [len(first)])
        for of_region, mask, part in zip(currents, in_shared, parts, strict=True):
            of_region[mask] = part
        offsets = dict(zip(shared.tolist(), (resistance * offset).tolist(), strict=True))
        # Beyond a wall of very low conductance, potentials are large but their differences within a region are not.
        largest_inverse = np.diagonal(self.boundary_inverse())[both].max()
        condition = largest_inverse * self.circuit.conductances[self.boundary_nodes[both]].max()
        return BoundaryCurrents(resistance, *currents, offsets, bool(SUM_ROUNDING * condition <= RESISTANCE_RTOL))

    def _injections(
        self, pairs: list[tuple[int, int]], solutions: list[BoundaryCurrents]
    ) -> Float[np.ndarray, "k boundary_nodes"]:
        """Return the currents injected at all boundary nodes, one row for each pair."""
        injected = np.zeros((len(pairs), len(self.boundary_nodes)))
        for row, (i, j), solution in zip(injected, pairs, solutions, strict=True):
            row[self.positions[i]], row[self.positions[j]] = solution.first, solution.second
        return injected

    def _solve_block(self, pairs: list) -> Iterator[PairSolution]:
        """Yield the solutions of some connected pairs in the shared circuit, with one right-hand side for each."""
        if not pairs:
            return
        injected = self._injections([pair[:2] for pair in pairs], [solution for *_, solution in pairs])
        potentials = self.grounded.solve(self.boundary_nodes, injected)
        node_of, components = self.circuit.node_of, self.circuit.components
        for row, (i, j, solution) in zip(potentials, pairs, strict=True):
            resistance, offsets = solution.resistance, solution.offsets
            levels = np.zeros(components.max() + 1)
            for region, level in ((i, 0.0), (j, resistance)):
                # A component that only one of the two regions touches carries no current and is at its potential.
                levels[components[self.nodes[region]]] = level
            for component, offset in offsets.items():
                levels[component] = offset
            at_nodes = row[self.circuit.representative_cells] + levels[components]
            carries_current = np.isin(components, list(offsets))
            at_nodes = np.where(carries_current, at_nodes, levels[components])
            at_nodes[self.nodes[i]], at_nodes[self.nodes[j]] = 0.0, resistance
            by_cell = np.where(node_of >= 0, at_nodes[node_of], 0.0)
            currents = self.circuit.currents(by_cell, merged=[self.nodes[i], self.nodes[j]])
            if currents.residual <= RESISTANCE_RTOL:
                yield i, j, resistance, by_cell, currents
            else:
                yield i, j, *self.solve_separately(i, j)


def _overlaps(groups: Sequence[Int[np.ndarray, " _"]]) -> set[tuple[int, int]]:
    """Return the pairs of groups that share a member, the first group first."""
    owner = np.repeat(np.arange(len(groups)), [len(group) for group in groups])
    members = np.concatenate([np.empty(0, int), *groups])
    order = np.lexsort((owner, members))
    owners = np.split(owner[order], np.flatnonzero(np.diff(members[order])) + 1)
    return {pair for shared in owners if len(shared) > 1 for pair in itertools.combinations(shared.tolist(), 2)}


def _boundary(circuit: Circuit, nodes: Int[np.ndarray, " n"]) -> Int[np.ndarray, " m"]:
    """Return the nodes of a region with neighbours outside it, or any one in components where there are none."""
    if len(nodes) < 2:
        return nodes
    inside = np.zeros(circuit.n_nodes, bool)
    inside[nodes] = True
    on_boundary = np.array([not inside[neighbours].all() for neighbours in circuit.neighbours(nodes)])
    isolated = np.setdiff1d(circuit.components[nodes], circuit.components[nodes[on_boundary]])
    for component in isolated:
        on_boundary[np.argmax(circuit.components[nodes] == component)] = True
    return nodes[on_boundary]
