"""Currents summed over pairs, and the largest, without ever holding the maps of more than one pair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from ..compiled import cores, on_all_cores
from .branches import accumulate, flows_of_pairs

if TYPE_CHECKING:
    from .point_pairs import PointPairs


@dataclass(frozen=True)
class CumulativeCurrent:
    """Currents of many runs.

    Parameters
    ----------
    total
        Their sum, in ampere; NaN where there is no node.
    largest
        The largest of them.
    runs
        How many there were.
    residual
        The worst of them; see `Currents`.
    """

    total: np.ndarray
    largest: np.ndarray
    runs: int
    residual: float


def streamed(nothing: np.ndarray, maps: Iterable[tuple[np.ndarray, float]]) -> CumulativeCurrent:
    """Add up maps as they come, each with its residual.

    Parameters
    ----------
    nothing
        A map of zeros, NaN where there is no node.
    maps
        Currents; where a map has a value and `nothing` has none, the value counts.

    Examples
    --------
    >>> sums = streamed(np.zeros(2), [(np.array([1.0, 2.0]), 0.0), (np.array([3.0, 0.5]), 0.0)])
    >>> sums.total, sums.largest
    (array([4. , 2.5]), array([3., 2.]))
    """
    total, largest, runs, worst = nothing.copy(), nothing.copy(), 0, 0.0
    for currents, residual in maps:
        new = np.isnan(total) & ~np.isnan(currents)
        total[new] = largest[new] = 0.0
        known = np.where(np.isnan(currents), 0.0, currents)
        total += known
        np.maximum(largest, known, out=largest)
        runs, worst = runs + 1, max(worst, residual)
    return CumulativeCurrent(total, largest, runs, worst)


def of_point_pairs(pairs: PointPairs, asked: Bool[np.ndarray, "n n"], zero_at_focal: bool) -> CumulativeCurrent:
    """Add up the currents of pairs of focal points from the potentials of n − 1 solves.

    Parameters
    ----------
    pairs
        The focal points, on a raster.
    asked
        Which pairs.
    zero_at_focal
        Whether the current through the two nodes of a pair counts as 0.
    """
    circuit, column, node = pairs.circuit, pairs.column, pairs.node
    one, other = np.nonzero(np.triu(asked))
    real = (pairs.component[one] == pairs.component[other]) & (node[one] != node[other]) & (node[one] >= 0)
    one, other = one[real], other[real]
    potentials = pairs.potentials()
    total, largest = np.zeros((2, circuit.node_of.size))
    first, second = column[one], column[other]
    edges, offsets = circuit.edges, circuit.offsets
    cuts = np.linspace(0, total.size, 8 * cores() + 1).astype(int)
    calls = [
        (edges, offsets, potentials, first, second, start, stop, total, largest)
        for start, stop in zip(cuts[:-1], cuts[1:], strict=True)
        if stop > start
    ]
    on_all_cores(accumulate, calls)
    special = np.union1d(circuit.merged_nodes, np.unique(node[node >= 0]) if zero_at_focal else [])
    for number in special.astype(int):
        cells = np.flatnonzero(circuit.node_of == number)
        weights, falls = [np.empty(0)], [np.empty((0, potentials.shape[1]))]
        for step, offset in enumerate(offsets):
            here = cells[edges[step, cells] > 0]
            weights.append(edges[step, here])
            falls.append(potentials[here] - potentials[here + offset])
        currents = flows_of_pairs(np.concatenate(weights), np.concatenate(falls), first, second)
        if zero_at_focal:
            currents[(node[one] == number) | (node[other] == number)] = 0.0
        total[cells], largest[cells] = currents.sum(), currents.max(initial=0.0)
    worst = max((_residual(pairs, number) for number in range(len(pairs.sources))), default=0.0)
    return CumulativeCurrent(circuit.laid_out(total), circuit.laid_out(largest), len(one), worst)


def _residual(pairs: PointPairs, number: int) -> float:
    ends = np.append(pairs.held, pairs.sources[number])
    return pairs.circuit.currents(pairs.potentials()[:, number], open_nodes=ends).residual
