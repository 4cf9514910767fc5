"""Forward and backward substitution as batched dense algebra; equations as in `cpu.substitution`."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..assembly import halves
from ..symbolic import analyze, separator_positions
from .batches import gather_rows, interleave, pad_to_tile, reversed_slices
from .factorization import Factor


def substitute(
    factored: Factor, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
) -> Float[Array, "k rows columns"]:
    """Solve A x = b, or Aᵀ x = b."""
    rows, columns = right_hand_sides.shape[1:]
    dissection = analyze((rows, columns), None)
    x = pad_to_tile(right_hand_sides, dissection, 0.0).transpose(1, 2, 0)
    eliminated, update = [], None
    for depth, (level, front_factor) in enumerate(zip(dissection.levels, factored.levels, strict=True)):
        s = len(level.separator)
        separator, boundary = x[separator_positions(dissection, 0, depth)], 0.0
        if level.axis is not None:
            front = sum(
                gather_rows(child, slices, s + len(level.boundary))
                for child, slices in zip(halves(update, level.axis), level.child_maps, strict=True)
            )
            separator, boundary = separator + front[..., :s, :], front[..., s:, :]
        update = boundary - front_factor.forward(transposed) @ separator
        eliminated.append(separator)
    boundary = jnp.zeros_like(update)
    for depth in reversed(range(len(dissection.levels))):
        level, front_factor = dissection.levels[depth], factored.levels[depth]
        inverse = front_factor.inverse.mT if transposed else front_factor.inverse
        separator = inverse @ eliminated[depth] - front_factor.backward(transposed) @ boundary
        x = x.at[separator_positions(dissection, 0, depth)].set(separator)
        if level.axis is not None:
            front = jnp.concatenate([separator, boundary], axis=-2)
            size = len(dissection.levels[depth - 1].boundary)
            children = [gather_rows(front, reversed_slices(slices), size) for slices in level.child_maps]
            boundary = interleave(children, level.axis)
    return x.transpose(2, 0, 1)[:, 1 : 1 + rows, 1 : 1 + columns]
