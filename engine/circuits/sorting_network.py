"""Batcher's sorting network, for sums of absolute differences over all pairs.

Let x_i be the current along an edge for 1 A from focal point i to the reference; the current of pair (i, j) is then
x_j − x_i. With the n numbers in ascending order x_(1) ≤ … ≤ x_(n),

    Σ_{i<j} |x_i − x_j| = Σ_k (2k − n − 1) x_(k),

so that sorting replaces the sum over pairs. The same network of exchanges sorts many edges at once without branching.

References
----------
Batcher, K. E. (1968). Sorting networks and their applications. AFIPS Spring Joint Computer Conference 32, 307–314.
"""

import numpy as np
from jaxtyping import Int


def batcher_network(count: int) -> Int[np.ndarray, "2 exchanges"]:
    """Return the exchanges of Batcher's odd–even merge sort.

    Parameters
    ----------
    count
        Number of values to sort.

    Returns
    -------
    Int[np.ndarray, "2 exchanges"]
        Pairs of positions. Exchanging the values of each pair in turn, if the first is larger, sorts all values. There
        are about count · log² count / 4 pairs.

    Examples
    --------
    >>> batcher_network(3)
    array([[0, 0, 1],
           [1, 2, 2]])
    """
    exchanges = []
    merged = 1
    while merged < count:
        distance = merged
        while distance:
            for start in range(distance % merged, count - distance, 2 * distance):
                for low in range(start, min(start + distance, count - distance)):
                    if low // (2 * merged) == (low + distance) // (2 * merged):
                        exchanges.append((low, low + distance))
            distance //= 2
        merged *= 2
    return np.array(exchanges, dtype=np.int64).reshape(-1, 2).T.copy()
