"""Log-determinant and selected inverse of a matrix, with their gradients."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..stencil_matrix import StencilMatrix
from .cpu import backend as cpu
from .solver import NestedDissection
from .xla import backend as xla


@eqx.filter_custom_vjp
def log_determinant(operator: StencilMatrix, solver: NestedDissection) -> Float[Array, ""]:
    """Return log det A of a nonsingular M-matrix.

    ∂ log det A / ∂A_ij = (A⁻¹)_ji, which on the pattern of A is the transposed selected inverse.

    Parameters
    ----------
    operator
        A.
    solver
        The solver that factors it.

    Raises
    ------
    RuntimeError
        A is singular to working precision.

    Examples
    --------
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> round(float(log_determinant(twice, NestedDissection())), 6)
    1.386294
    """
    return _log_determinant(operator, solver)


def _log_determinant(operator: StencilMatrix, solver: NestedDissection) -> Float[Array, ""]:
    if not solver.runs_on_cpu:
        return xla.log_determinant(operator, bool(solver.symmetric))
    return _call_on_cpu(
        lambda center, edges: cpu.log_determinant(center, edges, solver.symmetric),
        jnp.zeros((), operator.center.dtype),
        operator.center,
        operator.edges,
    )


@log_determinant.def_fwd
def _log_determinant_fwd(perturbed, operator, solver):
    return _log_determinant(operator, solver), None


@log_determinant.def_bwd
def _log_determinant_bwd(_, cotangent, perturbed, operator, solver):
    return jax.tree.map(lambda entry: cotangent * entry, _selected_inverse(operator, solver).transpose())


@eqx.filter_custom_vjp
def selected_inverse(operator: StencilMatrix, solver: NestedDissection) -> StencilMatrix:
    """Return the entries of A⁻¹ on the diagonal and between neighbouring cells, exactly.

    `center` is (A⁻¹)_ii and `edges[d]` is (A⁻¹)_{i, i + step_d}, 0 outside the raster.

    With the cotangent G of these entries, d tr(Gᵀ A⁻¹) = −tr(Gᵀ A⁻¹ dA A⁻¹), so that on the pattern of A

        Ā = −A⁻ᵀ G A⁻ᵀ = −(A⁻¹ Gᵀ A⁻¹)ᵀ,

    the derivative of the selected inverse in the direction Gᵀ.

    Parameters
    ----------
    operator
        A, a nonsingular M-matrix.
    solver
        The solver that factors it. If it takes A to be symmetric, the gradient is that within symmetric matrices.

    Raises
    ------
    RuntimeError
        A is singular to working precision.

    Examples
    --------
    >>> chain = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> selected_inverse(chain, NestedDissection()).center * 3
    Array([[2., 2.]], dtype=float64)
    """
    return _selected_inverse(operator, solver)


def _selected_inverse(operator: StencilMatrix, solver: NestedDissection) -> StencilMatrix:
    if not solver.runs_on_cpu:
        return xla.selected_inverse(operator, bool(solver.symmetric))
    center, edges = _call_on_cpu(
        lambda center, edges: cpu.selected_inverse(center, edges, solver.symmetric),
        (operator.center, operator.edges),
        operator.center,
        operator.edges,
    )
    return StencilMatrix(center, edges)


@selected_inverse.def_fwd
def _selected_inverse_fwd(perturbed, operator, solver):
    return _selected_inverse(operator, solver), None


@selected_inverse.def_bwd
def _selected_inverse_bwd(_, cotangent, perturbed, operator, solver):
    weights = jax.tree.map(_zeros_if_none, cotangent, operator, is_leaf=lambda leaf: leaf is None)
    gradient = _inverse_derivative(operator, weights.transpose(), solver).transpose()
    return jax.tree.map(jnp.negative, gradient)


def selected_inverse_derivative(
    operator: StencilMatrix, direction: StencilMatrix, solver: NestedDissection
) -> StencilMatrix:
    """Return the entries of A⁻¹ M A⁻¹ on the diagonal and between neighbouring cells, exactly.

    A⁻¹ M A⁻¹ = −d/dh (A + h M)⁻¹ at h = 0: the negative derivative of the selected inverse in the direction M. Its own
    gradient is computed by automatic differentiation of the XLA backend.

    Parameters
    ----------
    operator
        A, a nonsingular M-matrix.
    direction
        M.
    solver
        The solver that factors A. If it takes A to be symmetric, the symmetric part of M takes the place of M.

    Raises
    ------
    RuntimeError
        A is singular to working precision.

    Examples
    --------
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> selected_inverse_derivative(twice, twice, NestedDissection()).center
    Array([[0.5, 0.5]], dtype=float64)
    """
    return _differentiable_derivative((operator, direction), solver)


@eqx.filter_custom_vjp
def _differentiable_derivative(
    matrices: tuple[StencilMatrix, StencilMatrix], solver: NestedDissection
) -> StencilMatrix:
    return _inverse_derivative(*matrices, solver)


def _inverse_derivative(operator: StencilMatrix, direction: StencilMatrix, solver: NestedDissection) -> StencilMatrix:
    if not solver.runs_on_cpu:
        return xla.selected_inverse_derivative(operator, direction, bool(solver.symmetric))
    center, edges = _call_on_cpu(
        lambda *arrays: cpu.selected_inverse_derivative(*arrays, solver.symmetric),
        (operator.center, operator.edges),
        operator.center,
        operator.edges,
        direction.center,
        direction.edges,
    )
    return StencilMatrix(center, edges)


@_differentiable_derivative.def_fwd
def _differentiable_derivative_fwd(perturbed, matrices, solver):
    return _inverse_derivative(*matrices, solver), None


@_differentiable_derivative.def_bwd
def _differentiable_derivative_bwd(_, cotangent, perturbed, matrices, solver):
    weights = jax.tree.map(_zeros_if_none, cotangent, matrices[0], is_leaf=lambda leaf: leaf is None)
    _, backpropagate = jax.vjp(
        lambda operator, direction: xla.selected_inverse_derivative(operator, direction, bool(solver.symmetric)),
        *matrices,
    )
    return backpropagate(weights)


def _zeros_if_none(cotangent: Array | None, entries: Array) -> Array:
    return jnp.zeros_like(entries) if cotangent is None else cotangent


def _call_on_cpu(function, like, *arrays):
    """Call a NumPy function from traced code; the result has the shapes and dtypes of `like`."""
    shapes = jax.tree.map(lambda array: jax.ShapeDtypeStruct(array.shape, array.dtype), like)
    return jax.pure_callback(
        lambda *values: function(*(np.asarray(value) for value in values)), shapes, *arrays, vmap_method="sequential"
    )
