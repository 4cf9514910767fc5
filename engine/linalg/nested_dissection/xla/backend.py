"""Solve, log-determinant, selected inverse and its derivative as code that XLA compiles, without host callbacks."""

from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ...backward_error import NEGLIGIBLE
from ...base import Solution
from ...solver_stats import SolveStats, SolveStatus, singular_message
from ...stencil_matrix import StencilMatrix
from ..accuracy import GROWTH_LIMIT, RESIDUAL_LIMIT
from .factorization import Factor, factor
from .selected_inversion import invert_selected
from .substitution import substitute

Result = TypeVar("Result")


def solve(
    system: StencilMatrix,
    factored: Factor,
    right_hand_sides: Float[Array, "k rows columns"],
    transposed: bool,
) -> Solution:
    """Solve A x = b or Aᵀ x = b, with one step of refinement; it fails if the residual exceeds `RESIDUAL_LIMIT`."""
    operator = system.transpose() if transposed else system
    solution = substitute(factored, right_hand_sides, transposed)
    solution += substitute(factored, right_hand_sides - operator.apply(solution), transposed)
    magnitudes = StencilMatrix(jnp.abs(operator.center), jnp.abs(operator.edges))
    scale = magnitudes.apply(jnp.abs(solution)) + jnp.abs(right_hand_sides)
    size = scale / jnp.abs(system.center)
    negligible = size <= NEGLIGIBLE * size.max((1, 2), keepdims=True)
    residual = jnp.abs(right_hand_sides - operator.apply(solution)) / jnp.where(negligible, jnp.inf, scale)
    residuals = jnp.max(residual, axis=(1, 2), initial=0.0)
    failed = jnp.where(factored.growth <= GROWTH_LIMIT, int(SolveStatus.INACCURATE), int(SolveStatus.SINGULAR))
    accurate = (factored.growth <= GROWTH_LIMIT) & (residuals <= RESIDUAL_LIMIT).all()
    status = jnp.where(accurate, int(SolveStatus.SUCCESS), failed)
    stats = SolveStats("nested dissection", jnp.zeros(len(right_hand_sides), int), residuals, status)
    return Solution(solution, (stats,))


def log_determinant(system: StencilMatrix, symmetric: bool) -> Float[Array, ""]:
    """Return log det A; raise if A is singular."""
    factored = factor(system, symmetric)
    return _require_nonsingular(factored, factored.growth, system).log_determinant


def selected_inverse(system: StencilMatrix, symmetric: bool) -> StencilMatrix:
    """Return the entries of A⁻¹ on the diagonal and between neighbours; raise if A is singular."""
    factored = factor(system, symmetric)
    return invert_selected(_require_nonsingular(factored, factored.growth, system), system.shape, system.directions)


def selected_inverse_derivative(system: StencilMatrix, direction: StencilMatrix, symmetric: bool) -> StencilMatrix:
    """Return the entries of A⁻¹ M A⁻¹ on the diagonal and between neighbours; raise if A is singular.

    A⁻¹ M A⁻¹ = −d/dh (A + h M)⁻¹. If A is symmetric, the symmetric part of M takes the place of M.
    """
    if symmetric:
        direction = jax.tree.map(lambda entries, mirrored: (entries + mirrored) / 2, direction, direction.transpose())
    shape, directions = system.shape, system.directions

    def inverse(matrix: StencilMatrix) -> tuple[StencilMatrix, Float[Array, ""]]:
        """Return the selected inverse, and the growth of the factor."""
        factored = factor(matrix, symmetric)
        return invert_selected(factored, shape, directions), factored.growth

    _, derivative, growth = jax.jvp(inverse, (system,), (direction,), has_aux=True)
    return _require_nonsingular(jax.tree.map(jnp.negative, derivative), growth, system)


def _require_nonsingular(result: Result, growth: Float[Array, ""], system: StencilMatrix) -> Result:
    """Return a result of a factor unless the growth shows that the matrix is singular."""
    return eqx.error_if(result, ~(growth <= GROWTH_LIMIT), singular_message(system.center.size), on_error="raise")
