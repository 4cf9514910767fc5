"""Inverses of batches of dense diagonal blocks: the pivots of a block elimination."""

import jax
import jax.numpy as jnp
from jaxtyping import Array

#: Largest block that Gauss–Jordan elimination inverts. It reads the whole batch once per pivot.
GAUSS_JORDAN_MAX_SIZE = 32


def invert_pivots(blocks: Array, symmetric: bool) -> tuple[Array, Array]:
    """Return the inverses of a batch of M-matrices, and their pivots.

    For blocks above `GAUSS_JORDAN_MAX_SIZE` only the product of the pivots is right.

    Examples
    --------
    >>> invert_pivots(jnp.array([[[2.0]], [[4.0]]]), symmetric=True)[0].ravel()
    Array([0.5 , 0.25], dtype=float64)
    """
    size = blocks.shape[-1]
    if size <= GAUSS_JORDAN_MAX_SIZE:
        return _gauss_jordan(blocks)
    identity = jnp.broadcast_to(jnp.eye(size, dtype=blocks.dtype), blocks.shape)
    if symmetric:
        lower = jnp.linalg.cholesky(blocks, symmetrize_input=False)
        lower_inverse = jax.lax.linalg.triangular_solve(lower, identity, left_side=True, lower=True)
        return lower_inverse.mT @ lower_inverse, jnp.diagonal(lower, axis1=-2, axis2=-1) ** 2
    packed, exchanges, _ = jax.lax.linalg.lu(blocks)
    pivots = jnp.diagonal(packed, axis1=-2, axis2=-1)
    n_exchanges = (exchanges != jnp.arange(size)).sum(-1)
    sign = (-1.0) ** (n_exchanges + (pivots < 0).sum(-1))
    inverse = jax.scipy.linalg.lu_solve((packed, exchanges), identity)
    return inverse, jnp.abs(pivots).at[..., 0].multiply(sign)


def _gauss_jordan(blocks: Array) -> tuple[Array, Array]:
    """Invert all blocks pivot by pivot."""
    size = blocks.shape[-1]

    def eliminate(k, state):
        """Eliminate row and column k of every block."""
        work, pivots = state
        is_pivot = jnp.arange(size) == k
        pivot = work[..., k, k]
        row = jnp.where(is_pivot, 1.0, work[..., k, :]) / pivot[..., None]
        column = jnp.where(is_pivot, 0.0, work[..., :, k])
        work = jnp.where(is_pivot, 0.0, work)
        work = jnp.where(is_pivot[:, None], row[..., None, :], work - column[..., :, None] * row[..., None, :])
        return work, pivots.at[..., k].set(pivot)

    return jax.lax.fori_loop(0, size, eliminate, (blocks, jnp.zeros(blocks.shape[:-1], blocks.dtype)))
