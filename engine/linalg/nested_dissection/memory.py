"""Prediction of the memory that a factorization needs."""

import math

from .symbolic import analyze

#: Largest raster, in cells, whose factor entries are counted in its symbolic factorization. For larger ones, whose
#: symbolic factorization would take long, they are extrapolated.
MAX_ANALYZED_CELLS = 1 << 21


def predicted_factor_bytes(shape: tuple[int, int], *, symmetric: bool = True, gradient: bool = False) -> int:
    """Predict the peak memory of factorization and selected inversion from the raster's shape.

    Parameters
    ----------
    shape
        (rows, columns).
    symmetric
        Whether the matrix equals its transpose.
    gradient
        Whether to include the gradient of the selected inverse: the derivative of the factor, as large as the factor.

    Examples
    --------
    >>> 0.5e9 < predicted_factor_bytes((1023, 1023)) < 1.5e9
    True
    """
    cells = shape[0] * shape[1]
    if cells > MAX_ANALYZED_CELLS:
        # Bytes per cell grow by the same amount whenever both sides double.
        large, small = (_scaled_shape(shape, MAX_ANALYZED_CELLS / divisor) for divisor in (1, 4))
        per_cell, previous = (
            _counted_bytes(scaled, symmetric, gradient) / (scaled[0] * scaled[1]) for scaled in (large, small)
        )
        return int(cells * (per_cell + (per_cell - previous) * math.log(cells / MAX_ANALYZED_CELLS, 4)))
    return _counted_bytes(shape, symmetric, gradient)


def _scaled_shape(shape: tuple[int, int], cells: float) -> tuple[int, int]:
    """Return the shape of a raster of the same proportions with approximately `cells` cells."""
    scale = math.sqrt(cells / (shape[0] * shape[1]))
    rows = min(max(1, round(shape[0] * scale)), shape[0])
    return rows, max(1, round(cells / rows))


def _counted_bytes(shape: tuple[int, int], symmetric: bool, gradient: bool) -> int:
    dissection = analyze(shape)
    factor = 8 * dissection.factor_nnz(symmetric)
    # The matrix, its copy padded to whole tiles, and the inverse's entries twice: four stacks of 9 rasters.
    rasters = 4 * 9 * 8 * dissection.padded[0] * dissection.padded[1]
    contributions = 8 * dissection.contribution_entries()
    if gradient:
        return 2 * factor + rasters + 2 * contributions
    return factor + rasters + contributions
