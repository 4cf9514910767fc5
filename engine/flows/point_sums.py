"""Currents of all pairs of focal points, from the potentials of n − 1 solves, in one pass over the cells."""

import numpy as np
from jaxtyping import Bool

from ..compiled import cores, on_all_cores
from .branches import accumulate, flows_of_pairs
from .cumulative import CumulativeCurrent
from .point_pairs import PointPairs


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
    worst = max(on_all_cores(_residual, [(pairs, number) for number in range(len(pairs.sources))]), default=0.0)
    return CumulativeCurrent(circuit.laid_out(total), circuit.laid_out(largest), len(one), worst)


def _residual(pairs: PointPairs, number: int) -> float:
    ends = np.append(pairs.held, pairs.sources[number])
    return pairs.circuit.currents(pairs.potentials()[:, number].copy(), open_nodes=ends).residual
