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


def batcher_network(count: int) -> Int[np.ndarray, "2 exchanges"]:
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
    >>> batcher_network(3)
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
