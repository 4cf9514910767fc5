"""Memory layout of arrays for compiled kernels, and division of work into chunks for threads."""

import itertools

import numpy as np
from jaxtyping import Float


def directions_last(
    values: Float[np.ndarray, "directions rows columns"],
) -> Float[np.ndarray, "rows columns directions"]:
    """Make the directions of each cell contiguous in memory, for kernels that read all of them at once.

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
    """Make the cells of each direction contiguous in memory; inverse of `directions_last`.

    Examples
    --------
    >>> directions_first(np.array([[[1.0, 3.0], [2.0, 4.0]]]))
    array([[[1., 2.]],
    <BLANKLINE>
           [[3., 4.]]])
    """
    return np.ascontiguousarray(np.moveaxis(values, -1, 0))


def equal_ranges(count: int, parts: int) -> list[tuple[int, int]]:
    """Return the start and the end (exclusive) of nonempty parts of nearly equal length.

    Parameters
    ----------
    count
        Length of the sequence.
    parts
        Largest number of parts, at least 1.

    Examples
    --------
    >>> equal_ranges(5, 2), equal_ranges(1, 3)
    ([(0, 2), (2, 5)], [(0, 1)])
    """
    bounds = [part * count // parts for part in range(parts + 1)]
    return [(start, stop) for start, stop in itertools.pairwise(bounds) if stop > start]


def chunk_ranges(count: int, chunk: int) -> list[tuple[int, int]]:
    """Return the start and the end (exclusive) of each chunk of a sequence.

    Parameters
    ----------
    count
        Length of the sequence.
    chunk
        Length of a chunk. If it is fixed, sums over chunks do not depend on the number of threads.

    Examples
    --------
    >>> chunk_ranges(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(first, min(first + chunk, count)) for first in range(0, count, chunk)]
