"""Pairs of focal points by superposition: n − 1 solves for all n (n − 1) / 2 pairs."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph import FocalNodes, each_pair, pair_indices
from ..parallel import equal_ranges
from ..storage import ProgressCallback, ResultCache, no_progress
from .base import Circuit, NodeCurrents

#: Right-hand sides per solve, and per array in the cache.
RHS_BLOCK = 16
#: Up to this number, right-hand sides are solved in one block: two smaller ones would read the landscape twice.
MAX_SINGLE_BLOCK = 24

#: Relative rounding error of a potential.
POTENTIAL_ROUNDING = 4e-15
#: Largest relative error of a resistance; a pair above it is solved separately.
RESISTANCE_RTOL = 1e-9


class PointPairSolver:
    """Solver for pairs of focal nodes, each of one node of the circuit.

    In every component, the potential of one focal node (the reference) is fixed at 0 V. With u_i the potentials for 1 A
    from i to the reference, the potentials of a pair are u_j − u_i.

    Parameters
    ----------
    circuit
        The landscape, or a network.
    focal
        Focal nodes.
    nodes
        Circuit nodes of each focal node, one or none.
    cache
        Cache of potentials.
    """

    def __init__(self, circuit: Circuit, focal: FocalNodes, nodes: list[np.ndarray], cache: ResultCache | None = None):
        self.circuit, self.focal, self.cache = circuit, focal, cache or ResultCache()
        self.node = np.array([int(of_one[0]) if len(of_one) else -1 for of_one in nodes])
        self.component = np.where(self.node >= 0, circuit.components[self.node], -1)
        references = []
        for component in np.unique(self.component[self.component >= 0]):
            candidates = np.unique(self.node[self.component == component])
            references.append(candidates[np.argmax(circuit.conductances[candidates])])
        self.references = np.array(references, dtype=np.int64)
        self.sources = np.setdiff1d(self.node[self.node >= 0], self.references)
        #: Row of each focal node's potentials; −1 for a reference, whose potentials are 0.
        self.row = np.where(np.isin(self.node, self.sources), np.searchsorted(self.sources, self.node), -1)
        self.grounded = circuit.grounded(self.references, n_rhs=len(self.sources))
        self._potentials = None

    def resistances(
        self, requested: Bool[np.ndarray, "n n"], on_partial: ProgressCallback = no_progress, *, retain: bool = False
    ) -> Float[np.ndarray, "n n"]:
        """Return the resistances, infinite between components.

        Parameters
        ----------
        requested
            Symmetric matrix that marks the pairs.
        on_partial
            Called after every block of sources.
        retain
            Whether to retain the potentials for maps or their sum.
        """
        cells = self._focal_cells()
        # The last row, which index −1 selects, is that of references; rows still to be computed are NaN.
        at_focal = np.full((len(self.sources) + 1, len(self.node)), np.nan)
        at_focal[-1] = 0.0
        for rows, block in self._solve_blocks(cells, retain):
            at_focal[rows] = block
            at_focal[:, self.node < 0] = 0.0
            on_partial(rows.stop, len(self.sources), lambda: self._partial_resistances(at_focal))
        resistance, potentials, distinct = self._potential_differences(at_focal)
        for i, j in each_pair(pair_indices(requested & distinct & _has_cancellation(resistance, potentials))):
            # Solved separately, because it is a small difference of large potentials.
            values = self._solve_pair(i, j)
            ends = self.circuit.representative_cells[self.node[[i, j]]]
            resistance[i, j] = resistance[j, i] = values[ends[1]] - values[ends[0]]
        return resistance

    def solve_pairs(
        self, requested: Bool[np.ndarray, "n n"]
    ) -> Iterator[tuple[int, int, float, Float[np.ndarray, " cells"], NodeCurrents]]:
        """Yield first, second, resistance, potentials and currents of every connected pair."""
        potentials = self.potentials()
        resistance = self._resistances_from(potentials)
        for i, j in each_pair(pair_indices(requested)):
            if self.component[i] != self.component[j] or self.component[i] < 0:
                continue
            if self.node[i] == self.node[j]:
                zeros = np.zeros(self.circuit.node_of.size)
                yield i, j, 0.0, zeros, NodeCurrents(zeros, 0.0)
                continue
            values = _row(potentials, self.row[j]) - _row(potentials, self.row[i])
            cells = self.circuit.representative_cells[self.node[[i, j]]]
            magnitude = sum(np.abs(_row(potentials, self.row[k])[cells]).max() for k in (i, j))
            if not POTENTIAL_ROUNDING * magnitude <= RESISTANCE_RTOL * resistance[i, j]:
                values = self._solve_pair(i, j)
            values = values - values[cells[0]]
            currents = self.circuit.currents(values, terminals=self.node[[i, j]])
            yield i, j, float(values[cells[1]]), values, currents

    def pair_maps(self, i, j, resistance, potentials, currents: NodeCurrents) -> tuple[np.ndarray, np.ndarray]:
        """Return the potential map and the current map of a pair."""
        in_component = self.circuit.components == self.component[i]
        reached = (self.circuit.node_of >= 0) & in_component[self.circuit.node_of]
        return self.circuit.to_map(np.where(reached, potentials, np.nan)), self.circuit.to_map(currents.through)

    def potentials(self) -> Float[np.ndarray, "sources cells"]:
        """Return the potentials for 1 A from each source to the reference of its component."""
        if self._potentials is None:
            for _ in self._solve_blocks(np.empty(0, np.int64), retain=True):
                pass
        return self._potentials

    def _focal_cells(self) -> Int[np.ndarray, " n"]:
        return np.where(self.node >= 0, self.circuit.representative_cells[self.node], 0)

    def _solve_blocks(
        self, cells: Int[np.ndarray, " n"], retain: bool
    ) -> Iterator[tuple[slice, Float[np.ndarray, "k n"]]]:
        """Yield the potentials of some cells, block by block of the sources; retain those of all cells on request."""
        if self._potentials is not None:
            yield slice(0, len(self.sources)), self._potentials[:, cells]
            return
        blocks, potentials = self._blocks(), None
        # A single block is not copied.
        if retain and len(blocks) != 1:
            potentials = np.empty((len(self.sources), self.circuit.node_of.size))
        for rows in blocks:
            if not retain:
                name = f"potentials-at-focal-{rows.start:06d}"
                at_cells = self.cache.get_or_compute(name, lambda rows=rows: self._solve(rows)[:, cells])
            else:
                name = f"potentials-{rows.start:06d}"
                block = self.cache.get_or_compute(name, lambda rows=rows: self._solve(rows))
                if potentials is None:
                    potentials = block
                else:
                    potentials[rows] = block
                at_cells = block[:, cells]
            yield rows, at_cells
        self._potentials = potentials

    def _blocks(self) -> list[slice]:
        """Return blocks of sources of nearly equal size."""
        count = len(self.sources)
        blocks = -(-count // RHS_BLOCK) if count > MAX_SINGLE_BLOCK else min(count, 1)
        return [slice(*bounds) for bounds in equal_ranges(count, blocks)] if blocks else []

    def _solve(self, rows: slice) -> Float[np.ndarray, "k cells"]:
        sources = self.sources[rows]
        potentials = self.grounded.solve(sources, np.eye(len(sources)))
        # No current flows in other components.
        elsewhere = self.circuit.components[self.circuit.node_of] != self.circuit.components[sources][:, None]
        potentials[elsewhere | (self.circuit.node_of < 0)] = 0.0
        return potentials

    def _solve_pair(self, i: int, j: int) -> Float[np.ndarray, " cells"]:
        return self.grounded.solve(self.node[[i, j]], np.array([[-1.0, 1.0]]))[0]

    def _potential_differences(
        self, at_focal: Float[np.ndarray, "sources n"]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return resistances, the potentials of all focal nodes for each source, and which pairs are distinct nodes."""
        # Differences within a row first, so that a constant offset of a row cancels.
        potentials = at_focal[self.row]
        drop = np.diagonal(potentials)[:, None] - potentials
        resistance = drop + drop.T
        connected = (self.component[:, None] == self.component[None]) & (self.component >= 0)[:, None]
        same = (self.node[:, None] == self.node[None]) & connected
        resistance[~connected] = np.inf
        resistance[same] = 0.0
        return resistance, potentials, connected & ~same

    def _partial_resistances(self, at_focal: Float[np.ndarray, "sources n"]) -> Float[np.ndarray, "n n"]:
        """Return the resistances that follow from the sources solved up to now; NaN for all others."""
        resistance, potentials, distinct = self._potential_differences(at_focal)
        resistance[distinct & _has_cancellation(resistance, potentials)] = np.nan
        return resistance

    def _resistances_from(self, potentials: Float[np.ndarray, "sources cells"]) -> Float[np.ndarray, "n n"]:
        """Return differences of potentials between focal nodes; meaningless between components."""
        cells = self._focal_cells()
        at_focal = np.concatenate([potentials[:, cells], np.zeros((1, len(cells)))])[self.row]
        drop = np.diagonal(at_focal)[:, None] - at_focal
        return drop + drop.T


def _row(potentials: np.ndarray, number: np.integer) -> np.ndarray:
    return potentials[number] if number >= 0 else np.zeros(potentials.shape[1])


def _has_cancellation(
    resistance: Float[np.ndarray, "n n"], potentials: Float[np.ndarray, "n n"]
) -> Bool[np.ndarray, "n n"]:
    """Return which resistances are small differences of large potentials, and lose too many digits (or are NaN)."""
    magnitude = np.abs(np.diagonal(potentials))
    return ~(POTENTIAL_ROUNDING * (magnitude[:, None] + magnitude[None]) <= RESISTANCE_RTOL * resistance)
