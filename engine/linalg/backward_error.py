"""Componentwise backward error of the solutions of a linear system, on the CPU."""

import numpy as np
from jaxtyping import Float

from ..parallel import njit_cached, njit_reassociating, parallel_starmap
from .stencil_matrix import neighbour_offsets

#: Equations whose terms, relative to the diagonal, are below this fraction of the largest are not checked: they hold
#: nothing but rounding errors.
NEGLIGIBLE = 1e-13

#: Rows that one call of a kernel checks.
ROWS_PER_BAND = 256


def backward_errors(
    center: Float[np.ndarray, "rows columns"],
    edges: Float[np.ndarray, "directions rows columns"],
    right_hand_sides: Float[np.ndarray, "k rows columns"],
    x: Float[np.ndarray, "k rows columns"],
) -> tuple[Float[np.ndarray, "k rows columns"], Float[np.ndarray, " k"]]:
    """Return residuals b − A x, and the componentwise backward error of each solution.

    The error is max_i |b − A x|_i / (|b| + |A| |x|)_i over all equations with terms above `NEGLIGIBLE` (Oettli & Prager
    1964), and NaN if a solution is not finite.

    Parameters
    ----------
    center, edges
        A, as in `StencilMatrix`.
    right_hand_sides, x
        b, and solutions.

    References
    ----------
    Oettli, W. & Prager, W. (1964). Compatibility of approximate solution of linear equations with given error bounds
    for coefficients and right-hand sides. Numerische Mathematik 6, 405–409.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> backward_errors(one, np.zeros((4, 1, 1)), one[None] * 3, one[None])
    (array([[[2.]]]), array([0.5]))
    """
    offsets = np.array(neighbour_offsets(len(edges)))
    residuals, scale = np.empty_like(x), np.empty_like(center)
    bands = [(first, min(first + ROWS_PER_BAND, len(center))) for first in range(0, len(center), ROWS_PER_BAND)]
    errors, matrix = np.zeros(len(x)), (center, edges, offsets)
    for number, (b, solution, residual) in enumerate(zip(right_hand_sides, x, residuals, strict=True)):
        largest = max(parallel_starmap(_subtract, [(*matrix, b, solution, residual, scale, *band) for band in bands]))
        smallest = NEGLIGIBLE * largest
        errors[number] = np.max(
            parallel_starmap(_error, [(center, residual, scale, smallest, *band) for band in bands])
        )
    return residuals, errors


@njit_cached
def _subtract(center, edges, offsets, b, x, residual, scale, first, last):
    """Put b − A x into residual and |b| + |A| |x| into scale; return the largest scale / |diagonal|."""
    rows, columns = center.shape
    largest = 0.0
    for row in range(first, last):
        diagonal, x_row, b_row, residual_row, scale_row = center[row], x[row], b[row], residual[row], scale[row]
        for j in range(columns):
            term = diagonal[j] * x_row[j]
            residual_row[j] = b_row[j] - term
            scale_row[j] = abs(b_row[j]) + abs(term)
        for d in range(len(offsets)):
            down, right = offsets[d]
            if 0 <= row + down < rows:
                begin, end = max(0, -right), columns - max(0, right)
                weight, neighbour = edges[d, row, begin:end], x[row + down, begin + right : end + right]
                residual_part, scale_part = residual_row[begin:end], scale_row[begin:end]
                for j in range(end - begin):
                    term = weight[j] * neighbour[j]
                    residual_part[j] -= term
                    scale_part[j] += abs(term)
        for j in range(columns):
            largest = max(largest, scale_row[j] / abs(diagonal[j]))
    return largest


@njit_reassociating
def _error(center, residual, scale, smallest, first, last):
    """Return the largest |residual| / scale where scale is not negligible; NaN if a residual is not finite."""
    worst, total = 0.0, 0.0
    for row in range(first, last):
        for j in range(center.shape[1]):
            total += residual[row, j]
            if scale[row, j] > smallest * abs(center[row, j]):
                worst = max(worst, abs(residual[row, j]) / scale[row, j])
    return worst if np.isfinite(total) else np.nan
