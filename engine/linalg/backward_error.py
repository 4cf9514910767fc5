"""What a solution leaves of the right-hand side, in loops over the rows of a raster."""

import numpy as np
from jaxtyping import Float

from ..parallel.numba_jit import njit_cached, njit_reassociating, parallel_starmap
from .stencil_matrix import neighbour_offsets

#: Entries of a solution below this part of the largest are rounding, and no equation is asked of them.
NEGLIGIBLE = 1e-13

#: Rows that are done at a time.
BAND = 256


def backward_errors(
    center: Float[np.ndarray, "rows columns"],
    edges: Float[np.ndarray, "directions rows columns"],
    right_hand_sides: Float[np.ndarray, "k rows columns"],
    x: Float[np.ndarray, "k rows columns"],
) -> tuple[Float[np.ndarray, "k rows columns"], Float[np.ndarray, "k"]]:
    """Return b − A x and the componentwise backward error of each solution, max |b − A x| / (|b| + Σ |a x|).

    The error is NaN if a solution is not finite.

    Parameters
    ----------
    center, edges
        A, as in `Stencil`.
    right_hand_sides, x
        b, and a solution.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> backward_errors(one, np.zeros((4, 1, 1)), one[None] * 3, one[None])
    (array([[[2.]]]), array([0.5]))
    """
    steps = np.array(neighbour_offsets(len(edges)))
    left, scale = np.empty_like(x), np.empty_like(center)
    bands = [(first, min(first + BAND, len(center))) for first in range(0, len(center), BAND)]
    errors = np.zeros(len(x))
    for number, (given, solution, out) in enumerate(zip(right_hand_sides, x, left, strict=True)):
        matrix = (center, edges, steps)
        largest = max(parallel_starmap(_subtract, [(*matrix, given, solution, out, scale, *band) for band in bands]))
        least = NEGLIGIBLE * largest
        errors[number] = np.max(parallel_starmap(_worst, [(center, out, scale, least, *band) for band in bands]))
    return left, errors


@njit_cached
def _subtract(center, edges, steps, b, x, out, scale, first, last):
    """Put b − A x into out and |b| + Σ |a x| into scale; return the largest scale / |diagonal|."""
    rows, columns = center.shape
    largest = 0.0
    for row in range(first, last):
        diagonal, here, given, rest, size = center[row], x[row], b[row], out[row], scale[row]
        for j in range(columns):
            term = diagonal[j] * here[j]
            rest[j] = given[j] - term
            size[j] = abs(given[j]) + abs(term)
        for step in range(len(steps)):
            down, right = steps[step]
            if 0 <= row + down < rows:
                begin, end = max(0, -right), columns - max(0, right)
                weight, there = edges[step, row, begin:end], x[row + down, begin + right : end + right]
                rest_, size_ = rest[begin:end], size[begin:end]
                for j in range(end - begin):
                    term = weight[j] * there[j]
                    rest_[j] -= term
                    size_[j] += abs(term)
        for j in range(columns):
            largest = max(largest, size[j] / abs(diagonal[j]))
    return largest


@njit_reassociating
def _worst(center, residual, scale, least, first, last):
    """Return the largest |residual| / scale where the scale is not below what counts; NaN if there is any."""
    worst, total = 0.0, 0.0
    for row in range(first, last):
        for j in range(center.shape[1]):
            total += residual[row, j]
            if scale[row, j] > least * abs(center[row, j]):
                worst = max(worst, abs(residual[row, j]) / scale[row, j])
    return worst if np.isfinite(total) else np.nan
