"""Currents of all pairs of focal points, from the potentials of n − 1 solves, in one pass over the cells."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from ..parallel.numba_jit import parallel_starmap
from .accumulator import CumulativeCurrent
from .current_kernels import accumulate_currents, chunk_ranges, flows_of_pairs, total_of_pairs
from .point_pairs import PointPairSolver
from .sorting_network import batcher_network


class _PairIndices(NamedTuple):
    """The pairs whose currents are added up.

    Parameters
    ----------
    one, other
        Their focal nodes.
    first, second
        The rows of their potentials.
    """

    one: Int[np.ndarray, "pairs"]
    other: Int[np.ndarray, "pairs"]
    first: Int[np.ndarray, "pairs"]
    second: Int[np.ndarray, "pairs"]


def sum_point_pair_currents(
    pairs: PointPairSolver, asked: Bool[np.ndarray, "n n"], zero_focal_currents: bool, largest: bool
) -> CumulativeCurrent:
    """Add up the currents of pairs of focal points from the potentials of n − 1 solves.

    Parameters
    ----------
    pairs
        The focal points, on a raster.
    asked
        Which pairs.
    zero_focal_currents
        Whether the current through the two nodes of a pair counts as 0.
    largest
        Whether the largest current is wanted, too. If it is not, and all pairs are asked for, no pair is looked at.
    """
    circuit, row, node = pairs.circuit, pairs.row, pairs.node
    one, other = np.nonzero(np.triu(asked))
    real = (pairs.component[one] == pairs.component[other]) & (node[one] != node[other]) & (node[one] >= 0)
    one, other = one[real], other[real]
    chosen = _PairIndices(one, other, row[one], row[other])
    potentials = pairs.potentials()
    every = (asked | np.eye(len(asked), dtype=bool)).all()
    total = np.zeros(circuit.node_of.size)
    most = np.zeros(circuit.node_of.size) if largest or not every else None
    if most is None:
        imbalance, strength = _sorted(pairs, potentials, total)
        _mend_at_focal(pairs, potentials, chosen, zero_focal_currents, total)
    else:
        imbalance, strength = _one_by_one(pairs, potentials, chosen, total, most)
    special = np.union1d(
        circuit.merged_nodes, np.unique(node[node >= 0]) if zero_focal_currents and most is not None else []
    )
    for number in special.astype(int):
        cells = np.flatnonzero(circuit.node_of == number)
        along = _along(pairs, potentials, cells)
        net = np.abs(along.sum(1))
        strength = np.maximum(strength, (np.abs(along).sum(1) + net) / 2)
        if number not in node:
            imbalance = np.maximum(imbalance, net)
        currents = flows_of_pairs(along, chosen.first, chosen.second)
        if zero_focal_currents:
            currents[(node[one] == number) | (node[other] == number)] = 0.0
        total[cells] = currents.sum()
        if most is not None:
            most[cells] = currents.max(initial=0.0)
    worst = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0).max(initial=0.0)
    shown = circuit.to_map(most) if largest else None
    return CumulativeCurrent(circuit.to_map(total), shown, len(one), float(worst))


def _checked(pairs: PointPairSolver) -> Bool[np.ndarray, "places"]:
    """Return which cells current neither enters nor leaves but along edges of their own."""
    circuit, node = pairs.circuit, pairs.node
    return ~(np.isin(circuit.node_of, circuit.merged_nodes) | np.isin(circuit.node_of, node[node >= 0]))


def _one_by_one(pairs: PointPairSolver, potentials, chosen: _PairIndices, total, most) -> tuple[np.ndarray, np.ndarray]:
    """Add the current of every pair to total, put the largest into most; return imbalance and strength of each row."""
    circuit, parts = pairs.circuit, chunk_ranges(total.size)
    imbalance, strength = np.zeros((2, len(parts), len(potentials)))
    given = (circuit.edges, circuit.offsets, potentials, chosen.first, chosen.second, _checked(pairs))
    calls = [(*given, *part, total, most, *mine) for part, *mine in zip(parts, imbalance, strength, strict=True)]
    parallel_starmap(accumulate_currents, calls)
    return imbalance.max(0), strength.max(0)


def _sorted(pairs: PointPairSolver, potentials, total) -> tuple[np.ndarray, np.ndarray]:
    """Add half of what all pairs drive along a cell's edges to total: the current through it, if none enters there."""
    circuit, parts = pairs.circuit, chunk_ranges(total.size)
    imbalance, strength = np.zeros((2, len(parts), len(potentials)))
    checked, reach = _checked(pairs), max(int(circuit.offsets.max()), 0)
    for component in np.unique(pairs.component[pairs.component >= 0]):
        rows = pairs.row[pairs.component == component]
        given = (circuit.edges, circuit.offsets, potentials, rows, batcher_network(len(rows)), checked)
        sums = [np.zeros(stop - start + reach) for start, stop in parts]
        parallel_starmap(
            total_of_pairs,
            [(*given, *part, *mine) for part, *mine in zip(parts, sums, imbalance, strength, strict=True)],
        )
        for (start, _), part in zip(parts, sums, strict=True):
            there = total[start : start + part.size]
            there += part[: there.size]
    return imbalance.max(0), strength.max(0)


def _mend_at_focal(pairs: PointPairSolver, potentials, chosen: _PairIndices, zero_focal_currents: bool, total) -> None:
    """Make half of the flow along the edges of focal points the current through them, or 0, for pairs of theirs."""
    for number in np.unique(pairs.node[pairs.node >= 0]):
        cell = pairs.circuit.representative_cells[number]
        mine = (pairs.node[chosen.one] == number) | (pairs.node[chosen.other] == number)
        along = _along(pairs, potentials, np.array([cell]))
        along = np.concatenate([along, np.zeros((1, along.shape[1]))])
        flow = along[chosen.first[mine]] - along[chosen.second[mine]]
        total[cell] += (-np.abs(flow).sum(1) if zero_focal_currents else np.abs(flow.sum(1))).sum() / 2


def _along(pairs: PointPairSolver, potentials, cells: Int[np.ndarray, "cells"]) -> Float[np.ndarray, "n edges"]:
    """Return what leaves some cells along each of their edges, for each row of potentials."""
    edges, offsets = pairs.circuit.edges, pairs.circuit.offsets
    along = [np.empty((len(potentials), 0))]
    for step, offset in enumerate(offsets):
        here = cells[edges[step, cells] > 0]
        along.append(edges[step, here] * (potentials[:, here] - potentials[:, here + offset]))
    return np.concatenate(along, axis=1)
