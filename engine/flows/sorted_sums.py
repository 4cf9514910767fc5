"""Currents of all pairs among some focal points summed up in the time that sorting takes, not that of all pairs.

Along an edge flows x_i when 1 A enters at focal point i and leaves at a reference; between i and j flows x_j − x_i.
With the n numbers in ascending order x_(1) … x_(n),

    Σ_{i<j} |x_i − x_j| = Σ_k (2k − n − 1) x_(k).

Edges are sorted some at a time by one network of exchanges, so that none waits for a comparison.

References
----------
Batcher, K. E. (1968). Sorting networks and their applications. AFIPS Spring Joint Computer Conference 32, 307–314.
"""

import numpy as np
from jaxtyping import Int

from ..compiled import compiled

#: Cells that are worked on together: what flows along their edges stays in a core's nearest cache.
TOGETHER = 64


def exchanges(count: int) -> Int[np.ndarray, "2 exchanges"]:
    """Return which of some numbers to exchange, one pair after the other, if the first is larger: that sorts them.

    Parameters
    ----------
    count
        How many numbers.

    Notes
    -----
    Batcher's merging of odd and even places; about count · log² count / 4 of them.

    Examples
    --------
    >>> exchanges(3)
    array([[0, 0, 1],
           [1, 2, 2]])
    """
    found = []
    merged = 1
    while merged < count:
        apart = merged
        while apart:
            for begin in range(apart % merged, count - apart, 2 * apart):
                for low in range(begin, min(begin + apart, count - apart)):
                    if low // (2 * merged) == (low + apart) // (2 * merged):
                        found.append((low, low + apart))
            apart //= 2
        merged *= 2
    return np.array(found, dtype=np.int64).reshape(-1, 2).T.copy()


@compiled
def sum_of_all(edges, offsets, potentials, rows, swaps, checked, start, stop, sums, imbalance, strength):
    """Add up |current| along every edge over all pairs, half of it to each of its ends.

    Parameters
    ----------
    edges, offsets
        Conductances (steps, cells), and where each step leads; the second half of the steps leads forward.
    potentials
        Shape (n, cells).
    rows
        The row of the potentials that belongs to each focal point; −1 for the reference, whose potentials are all 0.
    swaps
        Exchanges that sort as many numbers as there are rows.
    checked
        Cells that current neither enters nor leaves otherwise.
    start, stop
        Which cells.
    sums
        Changed in place: of the cells from start on, as far beyond stop as their edges reach.
    imbalance, strength
        Changed in place, of each row of potentials: the largest net current of a cell that is checked, and the largest
        current through any.
    """
    cells, count, half = potentials.shape[1], rows.size, offsets.size // 2
    flows = np.zeros((count, half * TOGETHER))
    net, gross = np.zeros((count, TOGETHER)), np.zeros((count, TOGETHER))
    backward, total = np.zeros(TOGETHER), np.zeros(half * TOGETHER)
    for begin in range(start, stop, TOGETHER):
        width = min(TOGETHER, stop - begin)
        flows[:] = 0
        net[:] = 0
        gross[:] = 0
        for step in range(offsets.size):
            offset = offsets[step]
            low, high = max(0, -offset - begin), min(width, cells - offset - begin)
            if low >= high:
                continue
            weight, at = edges[step, begin + low : begin + high], (step - half) * TOGETHER + low
            for n in range(count):
                if rows[n] < 0:
                    continue
                values = potentials[rows[n]]
                mine, other = values[begin + low : begin + high], values[begin + low + offset : begin + high + offset]
                along = flows[n, at : at + high - low] if step >= half else backward[low:high]
                net_, gross_ = net[n, low:high], gross[n, low:high]
                for j in range(high - low):
                    flow = weight[j] * (mine[j] - other[j])
                    along[j] = flow
                    net_[j] += flow
                    gross_[j] += abs(flow)
        for n in range(count):
            if rows[n] >= 0:
                worst, most = 0.0, 0.0
                for j in range(width):
                    unbalanced = abs(net[n, j])
                    most = max(most, (gross[n, j] + unbalanced) / 2)
                    worst = max(worst, unbalanced if checked[begin + j] else 0.0)
                strength[rows[n]] = max(strength[rows[n]], most)
                imbalance[rows[n]] = max(imbalance[rows[n]], worst)
        for n in range(swaps.shape[1]):
            one, other = flows[swaps[0, n]], flows[swaps[1, n]]
            for j in range(half * TOGETHER):
                a, b = one[j], other[j]
                one[j] = a if a < b else b
                other[j] = a if a > b else b
        total[:] = 0
        for n in range(count):
            flow, times = flows[n], 0.5 * (2 * n + 1 - count)
            for j in range(half * TOGETHER):
                total[j] += times * flow[j]
        for step in range(half):
            part = total[step * TOGETHER : step * TOGETHER + width]
            here, there_ = sums[begin - start :], sums[begin - start + offsets[half + step] :]
            for j in range(width):
                here[j] += part[j]
            for j in range(width):
                there_[j] += part[j]
