"""The inverse as a dense matrix, for landscapes of up to ten thousand cells."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..counts import count_of
from .solver_stats import log_solve
from .stencil_matrix import StencilMatrix, neighbour_offsets, shift

#: The largest number of cells for a dense inverse. At 10,000 a matrix takes 0.8 GB, a handful are in memory at once,
#: and the inversion takes about a minute on two cores; memory grows like n², time like n³.
MAX_DENSE_CELLS = 10_000


def require_dense_size(cells: int, request: str) -> None:
    """Raise a `ValueError` if there are too many cells for a dense inverse.

    Parameters
    ----------
    cells
        Number of active cells.
    request
        The requested result, as the subject of the message.
    """
    if cells > MAX_DENSE_CELLS:
        raise ValueError(
            f"{request} needs the inverse of a matrix over all {count_of(cells, 'active cell')}, which is computed as "
            f"a dense matrix for up to {MAX_DENSE_CELLS:,} cells only. Aggregate the raster to at most "
            f"{MAX_DENSE_CELLS:,} active cells, or request the distances between selected cells"
        )


@eqx.filter_custom_vjp
def dense_inverse(system: StencilMatrix, cells: Int[Array, " n"], symmetric: bool) -> Float[Array, "n n"]:
    """Return A⁻¹ over some cells, as a dense matrix.

    Parameters
    ----------
    system
        A, nonsingular over those cells.
    cells
        Flat raster indices of all vertices.
    symmetric
        Whether A equals its transpose; then it must be positive definite.

    Notes
    -----
    The caller must check the result: it is not finite if A is singular to working precision.

    With G = A⁻¹ and cotangent Ḡ, Ā = −Gᵀ Ḡ Gᵀ, restricted to the entries of the stencil.

    Examples
    --------
    >>> dense_inverse(StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2))), jnp.arange(2), True)
    Array([[0.5, 0. ],
           [0. , 0.5]], dtype=float64)
    """
    return _compute_inverse(system, cells, symmetric)


def _compute_inverse(system: StencilMatrix, cells: Int[Array, " n"], symmetric: bool) -> Float[Array, "n n"]:
    """Return the inverse, NaN or infinite if the matrix is singular to working precision."""
    matrix = system.dense(cells)
    if symmetric:
        factor = jax.scipy.linalg.cho_factor(matrix, lower=True)
        inverse = jax.scipy.linalg.cho_solve(factor, jnp.eye(cells.shape[0]))
    else:
        inverse = jnp.linalg.inv(matrix)
    # Of one column only: the residuals of all would take as long as the inverse.
    residual = jnp.abs(matrix @ inverse[:, :1] - jnp.eye(cells.shape[0], 1)).max() / jnp.maximum(
        (jnp.abs(matrix) @ jnp.abs(inverse[:, :1])).max(), 1.0
    )
    jax.debug.callback(lambda value: log_solve("dense inverse", inverse.shape[0], 0, value), residual)
    return inverse


@dense_inverse.def_fwd
def _dense_inverse_fwd(perturbed, system, cells, symmetric):
    inverse = _compute_inverse(system, cells, symmetric)
    return inverse, inverse


@dense_inverse.def_bwd
def _dense_inverse_bwd(inverse, cotangent, perturbed, system, cells, symmetric):
    dense_gradient = -(inverse.T @ cotangent @ inverse.T)
    size = system.center.size
    n_cells = cells.shape[0]
    index = jnp.full(size + 1, n_cells).at[cells].set(jnp.arange(n_cells), mode="drop")[:size].reshape(system.shape)

    def entries(column: Int[Array, "rows columns"]) -> Float[Array, "rows columns"]:
        """Return the gradient's entry of every cell in its row, in the column of another cell."""
        return dense_gradient.at[index, column].get(mode="fill", fill_value=0.0)

    edges = [entries(shift(index, offset, fill=n_cells)) for offset in neighbour_offsets(system.directions)]
    return StencilMatrix(entries(index), jnp.stack(edges))
