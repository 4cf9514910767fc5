"""Four-colour Gauss–Seidel smoother.

The colours are swept forwards before the coarse correction and backwards after it. The two sweeps are each other's
transpose, so the cycle is a symmetric preconditioner.
"""

from jaxtyping import Array

from .four_colour import NEIGHBOURS, C, H, V, X, pad, shift_padded
from .transfer import Level

_SWEEP = (X, V, H, C)


def presmooth(level: Level, b: list[Array]) -> tuple[dict[int, Array], dict[int, Array]]:
    """Smooth A x = b once, starting from x = 0.

    Returns
    -------
    tuple
        x, and the residual b − A x in the H, V and X cells. (In the C cells, smoothed last, it is 0.)

    Notes
    -----
    Smoothing reads one half of the matrix, the residual the other: terms that are still 0, or satisfied, are skipped.
    """
    x, padded = {}, {}
    for colour in _SWEEP:
        x[colour] = level.inverse_diagonal[colour] * (b[colour] + _inflow(level, colour, padded))
        padded[colour] = pad(x[colour])
    residual = {}
    for n, colour in enumerate(_SWEEP[:-1]):
        residual[colour] = _inflow(level, colour, {later: padded[later] for later in _SWEEP[n + 1 :]})
    return x, residual


def postsmooth(level: Level, b: list[Array], x: dict[int, Array]) -> list[Array]:
    """Smooth A x = b once, the C cells first; their values in x are not read."""
    padded = {colour: pad(x[colour]) for colour in (H, V, X)}
    smoothed = {}
    for colour in reversed(_SWEEP):
        smoothed[colour] = level.inverse_diagonal[colour] * (b[colour] + _inflow(level, colour, padded))
        padded[colour] = pad(smoothed[colour])
    return [smoothed[colour] for colour in (C, H, V, X)]


def _inflow(level: Level, colour: int, padded: dict[int, Array]) -> Array | int:
    """Return Σ_d c_d x_{i+d} in the cells of a colour, over the neighbours with a colour in `padded`."""
    return sum(
        level.conductances[colour][:, d, None] * shift_padded(padded[neighbour.colour], neighbour.block)
        for d, neighbour in enumerate(NEIGHBOURS[colour])
        if neighbour.colour in padded
    )
