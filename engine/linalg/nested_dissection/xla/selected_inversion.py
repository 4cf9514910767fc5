"""Selected inversion as batched dense algebra; equations as in `cpu.selected_inversion`."""

import jax.numpy as jnp

from ...stencil_matrix import StencilMatrix
from ..symbolic import analyze
from .batches import gather_matrices, interleave, reversed_slices, stencil_of_leaves
from .factorization import Factor


def invert_selected(factored: Factor, shape: tuple[int, int], directions: int) -> StencilMatrix:
    """Return the entries of A⁻¹ on the diagonal and between neighbours."""
    dissection = analyze(shape, None)
    boundary = jnp.zeros((1, 1, 0, 0), factored.levels[0].inverse.dtype)
    for depth in reversed(range(len(dissection.levels))):
        level, front_factor = dissection.levels[depth], factored.levels[depth]
        upper = -front_factor.right @ boundary
        lower = upper.mT if front_factor.left is None else -boundary @ front_factor.left
        separator = front_factor.inverse - upper @ front_factor.forward(False)
        front = jnp.concatenate(
            [jnp.concatenate([separator, upper], axis=-1), jnp.concatenate([lower, boundary], axis=-1)], axis=-2
        )
        if level.axis is not None:
            size = len(dissection.levels[depth - 1].boundary)
            children = [gather_matrices(front, reversed_slices(slices), size) for slices in level.child_maps]
            boundary = interleave(children, level.axis)
    return stencil_of_leaves(front, dissection, directions)
