"""Numeric multifrontal factorization as batched dense algebra.

The equations are those of `cpu.factorization`. The raster is a single tile, so that every level is one batch, and
fronts are assembled by one gather per child.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from ...stencil_matrix import StencilMatrix
from ..assembly import entry_positions, halves
from ..symbolic import analyze, separator_positions
from .batches import gather_matrices, leaf_blocks, pad_to_tile
from .pivot_blocks import invert_pivots


class FrontFactor(NamedTuple):
    """The factor of one level: F_ss⁻¹ (down, across, s, s), K (…, s, b), H (…, b, s) or None if it is Kᵀ."""

    inverse: Array
    right: Array
    left: Array | None

    def forward(self, transposed: bool) -> Array:
        """Return H, or Kᵀ for the transposed matrix."""
        return self.right.mT if transposed or self.left is None else self.left

    def backward(self, transposed: bool) -> Array:
        """Return K, or Hᵀ for the transposed matrix."""
        return self.left.mT if transposed and self.left is not None else self.right


class Factor(NamedTuple):
    """The factor of a matrix: its levels, the log-determinant, and the growth that `GROWTH_LIMIT` limits."""

    levels: list[FrontFactor]
    log_determinant: Array
    growth: Array


def factor(system: StencilMatrix, symmetric: bool) -> Factor:
    """Factor a nonsingular M-matrix."""
    dissection = analyze(system.shape, None)
    leaves = dissection.levels[0]
    size = len(leaves.separator) + len(leaves.boundary)
    in_block, in_front = entry_positions(dissection, system.directions)
    blocks = leaf_blocks(system, dissection)[..., in_block]
    fronts = jnp.zeros((*leaves.boxes, size * size), blocks.dtype).at[..., in_front].set(blocks)
    fronts = fronts.reshape(*leaves.boxes, size, size)
    levels, log_determinant, growth, schur = [], 0.0, 0.0, None
    center = pad_to_tile(system.center, dissection, 1.0)
    for depth, level in enumerate(dissection.levels):
        s = len(level.separator)
        if level.axis is not None:
            fronts = sum(
                gather_matrices(child, slices, s + len(level.boundary))
                for child, slices in zip(halves(schur, level.axis), level.child_maps, strict=True)
            )
        inverse, pivots = invert_pivots(fronts[..., :s, :s], symmetric)
        right = inverse @ fronts[..., :s, s:]
        left = None if symmetric else fronts[..., s:, :s] @ inverse
        schur = fronts[..., s:, s:] - fronts[..., s:, :s] @ right
        levels.append(FrontFactor(inverse, right, left))
        log_determinant = log_determinant + jnp.log(pivots).sum()
        scaled = jnp.diagonal(inverse, axis1=-2, axis2=-1) * center[separator_positions(dissection, 0, depth)]
        # The inverse of an M-matrix is nonnegative; a negative value or NaN means that the matrix is singular.
        growth = jnp.maximum(growth, jnp.where(scaled > 0, scaled, jnp.inf).max())
    return Factor(levels, log_determinant, growth)
