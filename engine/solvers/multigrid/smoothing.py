"""Four-colour Gauss–Seidel relaxation, exact in each cell in turn, forwards before the coarse correction, backwards after.

The two are each other's transpose, so the whole cycle is a symmetric preconditioner.
"""

from jaxtyping import Array

from .coarsening import Blocks
from .colours import LINKS, C, H, V, X, framed, shifted

_ORDER = (X, V, H, C)


def relax_from_zero(blocks: Blocks, b: list[Array]) -> tuple[list[Array], list[Array]]:
    """Relax A x = b once, starting from x = 0.

    Returns
    -------
    tuple
        x by colour, and the residual b − A x of the H, V and X cells (the C cells, relaxed last, have none).
        Each of the two reads half of the matrix: what was 0, or is satisfied, need not be read.
    """
    frames, x = {}, [None] * 4
    for colour in _ORDER:
        inflow = b[colour]
        for d, there in enumerate(LINKS[colour]):
            if there.colour in frames:
                inflow = inflow + blocks.links[colour][d] * shifted(frames[there.colour], there.block)
        x[colour] = inflow * blocks.inverse[colour]
        frames[colour] = framed(x[colour])
    residual = [None] * 4
    for colour in (H, V, X):
        later = _ORDER[_ORDER.index(colour) + 1 :]
        residual[colour] = sum(
            blocks.links[colour][d] * shifted(frames[there.colour], there.block)
            for d, there in enumerate(LINKS[colour])
            if there.colour in later
        )
    return x, residual


def relax_backwards(blocks: Blocks, b: list[Array], x: list[Array]) -> list[Array]:
    """Relax A x = b once, the C cells first; what x holds in the C cells is not read."""
    frames = {colour: framed(x[colour]) for colour in (H, V, X)}
    result = [None] * 4
    for colour in reversed(_ORDER):
        inflow = b[colour]
        for d, there in enumerate(LINKS[colour]):
            inflow = inflow + blocks.links[colour][d] * shifted(frames[there.colour], there.block)
        result[colour] = inflow * blocks.inverse[colour]
        frames[colour] = framed(result[colour])
    return result
