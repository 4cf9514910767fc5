"""Currents of all pairs of focal points, from the potentials of n − 1 solves, in one pass over the cells."""

import numpy as np
from jaxtyping import Bool

from ..compiled import on_all_cores
from .branches import accumulate, flows_of_pairs, stretches
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
    circuit, row, node = pairs.circuit, pairs.row, pairs.node
    one, other = np.nonzero(np.triu(asked))
    real = (pairs.component[one] == pairs.component[other]) & (node[one] != node[other]) & (node[one] >= 0)
    one, other = one[real], other[real]
    potentials = pairs.potentials()
    total, largest = np.zeros((2, circuit.node_of.size))
    first, second = row[one], row[other]
    edges, offsets = circuit.edges, circuit.offsets
    merged = np.isin(circuit.node_of, circuit.merged_nodes)
    fed = np.isin(circuit.node_of, node[node >= 0])
    parts = stretches(total.size)
    imbalance, strength = np.zeros((2, len(parts), len(potentials)))
    given = (edges, offsets, potentials, first, second, ~(merged | fed))
    calls = [(*given, *part, total, largest, *mine) for part, *mine in zip(parts, imbalance, strength, strict=True)]
    on_all_cores(accumulate, calls)
    imbalance, strength = imbalance.max(0), strength.max(0)
    special = np.union1d(circuit.merged_nodes, np.unique(node[node >= 0]) if zero_at_focal else [])
    for number in special.astype(int):
        cells = np.flatnonzero(circuit.node_of == number)
        along = [np.empty((len(potentials), 0))]
        for step, offset in enumerate(offsets):
            here = cells[edges[step, cells] > 0]
            along.append(edges[step, here] * (potentials[:, here] - potentials[:, here + offset]))
        along = np.concatenate(along, axis=1)
        net = np.abs(along.sum(1))
        strength = np.maximum(strength, (np.abs(along).sum(1) + net) / 2)
        if number not in node:
            imbalance = np.maximum(imbalance, net)
        currents = flows_of_pairs(along, first, second)
        if zero_at_focal:
            currents[(node[one] == number) | (node[other] == number)] = 0.0
        total[cells], largest[cells] = currents.sum(), currents.max(initial=0.0)
    worst = np.divide(imbalance, strength, out=np.zeros_like(imbalance), where=strength > 0).max(initial=0.0)
    return CumulativeCurrent(circuit.laid_out(total), circuit.laid_out(largest), len(one), float(worst))
