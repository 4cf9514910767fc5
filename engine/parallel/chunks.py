"""How the compiled loops over windows are given their arrays, and how windows are shared out among threads."""

import numpy as np
from jaxtyping import Float


def directions_last(
    values: Float[np.ndarray, "directions rows columns"],
) -> Float[np.ndarray, "rows columns directions"]:
    """Lay the directions of a cell side by side in memory, where a loop needs them at once.

    Examples
    --------
    >>> directions_last(np.array([[[1.0, 2.0]], [[3.0, 4.0]]]))
    array([[[1., 3.],
            [2., 4.]]])
    """
    return np.ascontiguousarray(np.moveaxis(values, 0, -1))


def directions_first(
    values: Float[np.ndarray, "rows columns directions"],
) -> Float[np.ndarray, "directions rows columns"]:
    """Lay the cells of a direction side by side again."""
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def chunk_ranges(windows: int, together: int) -> list[tuple[int, int]]:
    """Return the first window of each part, and the one after its last.

    Parameters
    ----------
    windows
        How many there are.
    together
        How many one thread takes. Fixed, so that sums do not depend on the number of threads.

    Examples
    --------
    >>> chunk_ranges(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(first, min(first + together, windows)) for first in range(0, windows, together)]
