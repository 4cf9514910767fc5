"""Factorizations of small dense matrices, one matrix of a batch after the other.

JAX 0.10 distributes a batch of calls of LAPACK over the same threads that wait for the batch. Two batches at a time
occupy both threads of a machine with two cores and wait for ever. A batch of `jax.vmap` is therefore a loop here; the
matrices are so small that this costs little.
"""

import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jaxtyping import Array, Float


@sequential_vmap
def qr(matrix: Float[Array, "m n"]) -> tuple[Float[Array, "m k"], Float[Array, "k n"]]:
    """Return an orthonormal basis of the columns, and their coefficients in it; not differentiable."""
    basis, coefficients = jnp.linalg.qr(matrix)
    return basis, coefficients


@sequential_vmap
def svd(matrix: Float[Array, "n n"]) -> tuple[Float[Array, "n n"], Float[Array, " n"], Float[Array, "n n"]]:
    """Return left singular vectors, singular values and right singular vectors; not differentiable."""
    left, values, right = jnp.linalg.svd(matrix)
    return left, values, right


@sequential_vmap
def eigh(matrix: Float[Array, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Return the eigenvalues of a symmetric matrix, ascending, and its eigenvectors; not differentiable."""
    values, vectors = jnp.linalg.eigh(matrix)
    return values, vectors


@sequential_vmap
def inverse(matrix: Float[Array, "n n"]) -> Float[Array, "n n"]:
    """Return the inverse of a matrix; not differentiable."""
    return jnp.linalg.inv(matrix)
