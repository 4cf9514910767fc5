"""Pairs of focal points by superposition: n − 1 solves for all n (n − 1) / 2 pairs."""

import itertools
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float, Int

from ..graph.focal_nodes import FocalNodes, selected_pairs
from ..storage.result_cache import ProgressCallback, ResultCache, no_progress
from .base import Circuit, NodeCurrents

#: Right-hand sides solved together, and kept together where a run is to be gone on with.
TOGETHER = 16
#: So few are not worth parting.
FEW = 24

#: Of potentials, what rounding leaves uncertain; and of resistances, what may be.
ROUNDING = 4e-15
ACCURATE = 1e-9


class PointPairSolver:
    """Focal nodes of one node each.

    One focal node of every component is held at 0 V. With u_k the potentials when 1 A enters at k and leaves there,
    those of a pair are u_j − u_i.

    Parameters
    ----------
    circuit
        The landscape.
    focal
        Focal nodes.
    nodes
        Their nodes, one or none for each.
    cache
        Columns that were solved before, and where those that are solved now are kept.
    """

    def __init__(self, circuit: Circuit, focal: FocalNodes, nodes: list[np.ndarray], cache: ResultCache | None = None):
        self.circuit, self.focal, self.cache = circuit, focal, cache or ResultCache()
        self.node = np.array([int(mine[0]) if len(mine) else -1 for mine in nodes])
        self.component = np.where(self.node >= 0, circuit.components[self.node], -1)
        fixed = []
        for component in np.unique(self.component[self.component >= 0]):
            mine = np.unique(self.node[self.component == component])
            fixed.append(mine[np.argmax(circuit.conductances[mine])])
        self.fixed = np.array(fixed, dtype=np.int64)
        self.sources = np.setdiff1d(self.node[self.node >= 0], self.fixed)
        #: Row of each focal node's potentials; −1 for a held one, whose potentials are 0.
        self.row = np.where(np.isin(self.node, self.sources), np.searchsorted(self.sources, self.node), -1)
        self.grounded = circuit.grounded(self.fixed, n_rhs=len(self.sources))
        self._potentials = None

    def resistances(
        self, asked: Bool[np.ndarray, "n n"], on_partial: ProgressCallback = no_progress, *, retain: bool = False
    ) -> Float[np.ndarray, "n n"]:
        """Return the resistances, infinite between components.

        Parameters
        ----------
        asked
            Which pairs.
        on_partial
            Told after every few sources.
        retain
            Whether the potentials will be asked for, too.
        """
        places = np.where(self.node >= 0, self.circuit.representative_cells[self.node], 0)
        # Row k of a held node is the last, which is 0; what is still to come is not a number.
        voltage = np.full((len(self.sources) + 1, len(self.node)), np.nan)
        voltage[-1] = 0.0
        for rows, seen in self._rows_at(places, retain):
            voltage[rows] = seen
            voltage[:, self.node < 0] = 0.0
            on_partial(rows.stop, len(self.sources), lambda: self._known(voltage))
        resistance, mine, apart = self._falls(voltage)
        for one, other in selected_pairs(asked & apart & _lost(resistance, mine)):
            # Solved for by itself, as it is a difference of potentials that are much larger.
            values = self._pair(one, other)
            ends = self.circuit.representative_cells[self.node[[one, other]]]
            resistance[one, other] = resistance[other, one] = values[ends[1]] - values[ends[0]]
        return resistance

    def _falls(self, voltage: Float[np.ndarray, "sources n"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return resistances as falls of potentials, the potentials between focal nodes, and which are connected."""
        # Differences within a row first: an offset of a row cancels.
        mine = voltage[self.row]
        fall = mine[np.arange(len(mine)), np.arange(len(mine))][:, None] - mine
        resistance = fall + fall.T
        together = (self.component[:, None] == self.component[None]) & (self.component >= 0)[:, None]
        same = (self.node[:, None] == self.node[None]) & together
        resistance[~together] = np.inf
        resistance[same] = 0.0
        return resistance, mine, together & ~same

    def _known(self, voltage: Float[np.ndarray, "sources n"]) -> Float[np.ndarray, "n n"]:
        """Return the resistances that follow from the sources so far."""
        resistance, mine, apart = self._falls(voltage)
        resistance[apart & _lost(resistance, mine)] = np.nan
        return resistance

    def _rows_at(self, places: Int[np.ndarray, "n"], retain: bool) -> Iterator[tuple[slice, Float[np.ndarray, "k n"]]]:
        """Give the potentials of focal nodes, some sources at a time; all others are forgotten unless wanted, too."""
        if self._potentials is not None:
            yield slice(0, len(self.sources)), self._potentials[:, places]
            return
        parts, potentials = self._parts(), None
        # What is solved in one part is not copied.
        if retain and len(parts) != 1:
            potentials = np.empty((len(self.sources), self.circuit.node_of.size))
        for rows in parts:
            if not retain:
                name = f"potentials-at-focal-{rows.start:06d}"
                seen = self.cache.get_or_compute(name, lambda rows=rows: self._solved(rows)[:, places])
            else:
                name = f"potentials-{rows.start:06d}"
                solved = self.cache.get_or_compute(name, lambda rows=rows: self._solved(rows))
                if potentials is None:
                    potentials = solved
                else:
                    potentials[rows] = solved
                seen = solved[:, places]
            yield rows, seen
        self._potentials = potentials

    def solve_pairs(
        self, asked: Bool[np.ndarray, "n n"]
    ) -> Iterator[tuple[int, int, float, Float[np.ndarray, "places"], NodeCurrents]]:
        """Give first, second, resistance, potentials and currents of every pair that is connected."""
        potentials = self.potentials()
        resistance = self.resistances_from(potentials)
        for one, other in selected_pairs(asked):
            if self.component[one] != self.component[other] or self.component[one] < 0:
                continue
            if self.node[one] == self.node[other]:
                zero_map = np.zeros(self.circuit.node_of.size)
                yield one, other, 0.0, zero_map, NodeCurrents(zero_map, 0.0)
                continue
            values = _row(potentials, self.row[other]) - _row(potentials, self.row[one])
            places = self.circuit.representative_cells[self.node[[one, other]]]
            size = sum(np.abs(_row(potentials, self.row[k])[places]).max() for k in (one, other))
            if not ROUNDING * size <= ACCURATE * resistance[one, other]:
                values = self._pair(one, other)
            values = values - values[places[0]]
            currents = self.circuit.currents(values, terminals=self.node[[one, other]])
            yield one, other, float(values[places[1]]), values, currents

    def pair_maps(self, one, other, resistance, values, currents: NodeCurrents) -> tuple[np.ndarray, np.ndarray]:
        """Return the maps of a pair."""
        near = self.circuit.components == self.component[one]
        reached = (self.circuit.node_of >= 0) & near[self.circuit.node_of]
        return self.circuit.to_map(np.where(reached, values, np.nan)), self.circuit.to_map(currents.through)

    def potentials(self) -> Float[np.ndarray, "sources places"]:
        """Return the potentials when 1 A enters at each source."""
        if self._potentials is None:
            for _ in self._rows_at(np.empty(0, np.int64), retain=True):
                pass
        return self._potentials

    def resistances_from(self, potentials: Float[np.ndarray, "sources places"]) -> Float[np.ndarray, "n n"]:
        """Return differences of potentials between focal nodes; without meaning between components."""
        places = np.where(self.node >= 0, self.circuit.representative_cells[self.node], 0)
        at = np.concatenate([potentials[:, places], np.zeros((1, len(places)))])[self.row]
        fall = np.diagonal(at)[:, None] - at
        return fall + fall.T

    def _parts(self) -> list[slice]:
        """Return which sources are solved for together: parts of one size, each of which reads the landscape once."""
        count = len(self.sources)
        parts = -(-count // TOGETHER) if count > FEW else min(count, 1)
        ends = np.linspace(0, count, parts + 1).astype(int).tolist()
        return [slice(*bounds) for bounds in itertools.pairwise(ends)]

    def _solved(self, rows: slice) -> Float[np.ndarray, "k places"]:
        sources = self.sources[rows]
        values = self.grounded.solve(sources, np.eye(len(sources)))
        # Nothing flows in other components.
        far = self.circuit.components[self.circuit.node_of] != self.circuit.components[sources][:, None]
        values[far | (self.circuit.node_of < 0)] = 0.0
        return values

    def _pair(self, one: int, other: int) -> Float[np.ndarray, "places"]:
        return self.grounded.solve(self.node[[one, other]], np.array([[-1.0, 1.0]]))[0]


def _row(potentials: np.ndarray, number: np.integer) -> np.ndarray:
    return potentials[number] if number >= 0 else np.zeros(potentials.shape[1])


def _lost(resistance: Float[np.ndarray, "n n"], mine: Float[np.ndarray, "n n"]) -> Bool[np.ndarray, "n n"]:
    """Tell which resistances are differences of potentials that are much larger."""
    own = np.abs(np.diagonal(mine))
    return ~(ROUNDING * (own[:, None] + own[None]) <= ACCURATE * resistance)
