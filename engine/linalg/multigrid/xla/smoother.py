"""Four-colour Gauss–Seidel relaxation: each cell in turn takes the value that its neighbours imply.

Forwards before the coarse correction, backwards after it: the two are each other's transpose, so that the whole
cycle is a symmetric preconditioner.
"""

from jaxtyping import Array

from .four_colour import NEIGHBOURS, C, H, V, X, pad, shift_padded
from .transfer import Level

_ORDER = (X, V, H, C)


def presmooth(level: Level, b: list[Array]) -> tuple[dict[int, Array], dict[int, Array]]:
    """Relax A x = b once, starting from x = 0.

    Returns
    -------
    tuple
        x and the residual b − A x in the H, V and X cells. (The C cells, relaxed last, have no residual.)

    Notes
    -----
    Each of the two reads half of the matrix: what is 0 yet, or satisfied already, need not be read.
    """
    x, frames = {}, {}
    for colour in _ORDER:
        x[colour] = level.inverse[colour] * (b[colour] + _inflow(level, colour, frames))
        frames[colour] = pad(x[colour])
    residual = {}
    for n, colour in enumerate(_ORDER[:-1]):
        residual[colour] = _inflow(level, colour, {later: frames[later] for later in _ORDER[n + 1 :]})
    return x, residual


def postsmooth(level: Level, b: list[Array], x: dict[int, Array]) -> list[Array]:
    """Relax A x = b once, the C cells first: of them, x need not hold a value."""
    frames = {colour: pad(x[colour]) for colour in (H, V, X)}
    relaxed = {}
    for colour in reversed(_ORDER):
        relaxed[colour] = level.inverse[colour] * (b[colour] + _inflow(level, colour, frames))
        frames[colour] = pad(relaxed[colour])
    return [relaxed[colour] for colour in (C, H, V, X)]


def _inflow(level: Level, colour: int, frames: dict[int, Array]) -> Array | int:
    """Return Σ_d k_d x_{i+d} in the cells of a colour, over the neighbours whose colours are given."""
    return sum(
        level.links[colour][:, d, None] * shift_padded(frames[there.colour], there.block)
        for d, there in enumerate(NEIGHBOURS[colour])
        if there.colour in frames
    )
