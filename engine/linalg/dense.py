"""The whole inverse as a dense matrix: exact, for landscapes of up to ten thousand cells."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .solver_stats import log_solve
from .stencil_matrix import StencilMatrix, neighbour_offsets, shift

#: The most cells whose inverse is formed. At 10,000 one matrix is 0.8 GB, a handful are alive at once, and the
#: inversion takes about a minute on two cores; both grow so fast (n², n³) that twice the cells would not be served.
DENSE_LIMIT = 10_000


def require_dense_size(cells: int, what: str) -> None:
    """Raise a `ValueError` if a dense inverse over so many cells is too large.

    Parameters
    ----------
    cells
        Number of active cells.
    what
        What was asked for, as the subject of the message.
    """
    if cells > DENSE_LIMIT:
        raise ValueError(
            f"{what} needs the diagonal of the inverse of a matrix over all {cells:,} active cells, which is formed "
            f"exactly and densely up to {DENSE_LIMIT:,} cells only. Aggregate the raster to at most {DENSE_LIMIT:,} "
            "active cells, or ask for the distances between chosen places"
        )


@eqx.filter_custom_vjp
def dense_inverse(system: StencilMatrix, cells: Int[Array, "n"], symmetric: bool) -> Float[Array, "n n"]:
    """Return A⁻¹ over some cells, as a dense matrix.

    Parameters
    ----------
    system
        A, nonsingular over those cells.
    cells
        Flat raster indices of all cells that take part.
    symmetric
        Whether A equals its transpose; then it must be positive definite.

    Notes
    -----
    With G = A⁻¹ and cotangent Ḡ, Ā = −Gᵀ Ḡ Gᵀ, of which the entries that the stencil has are kept.

    Examples
    --------
    >>> dense_inverse(StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2))), jnp.arange(2), True)
    Array([[0.5, 0. ],
           [0. , 0.5]], dtype=float64)
    """
    return _invert(system, cells, symmetric)


def _invert(system: StencilMatrix, cells: Int[Array, "n"], symmetric: bool) -> Float[Array, "n n"]:
    matrix = system.dense(cells)
    if symmetric:
        factor = jax.scipy.linalg.cho_factor(matrix, lower=True)
        inverse = jax.scipy.linalg.cho_solve(factor, jnp.eye(cells.shape[0]))
    else:
        inverse = jnp.linalg.inv(matrix)
    residual = jnp.abs(matrix @ inverse[:, :1] - jnp.eye(cells.shape[0], 1)).max() / jnp.maximum(
        (jnp.abs(matrix) @ jnp.abs(inverse[:, :1])).max(), 1.0
    )
    jax.debug.callback(lambda size: log_solve("dense inverse", inverse.shape[0], 0, size), residual)
    return inverse


@dense_inverse.def_fwd
def _forward(perturbed, system, cells, symmetric):
    inverse = _invert(system, cells, symmetric)
    return inverse, inverse


@dense_inverse.def_bwd
def _backward(inverse, cotangent, perturbed, system, cells, symmetric):
    full = -(inverse.T @ cotangent @ inverse.T)
    size = system.center.size
    count = cells.shape[0]
    number = jnp.full(size + 1, count).at[cells].set(jnp.arange(count), mode="drop")[:size].reshape(system.shape)

    def entries(partner: Int[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        return full.at[number, partner].get(mode="fill", fill_value=0.0)

    edges = [entries(shift(number, step, fill=count)) for step in neighbour_offsets(system.directions)]
    gradient = StencilMatrix(entries(number), jnp.stack(edges))
    return gradient
