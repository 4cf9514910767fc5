"""Preconditioned conjugate gradients for several right-hand sides at once."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..result import KrylovResult

_Rasters = Float[Array, "rows k columns"]

#: How often the search starts anew when the true residual is not what the recursion promised.
ATTEMPTS = 8


class _Attempt(NamedTuple):
    x: _Rasters
    rest: _Rasters
    residual: _Rasters
    error: Float[Array, "k"]
    iterations: Int[Array, "k"]
    number: Int[Array, ""]


class _Search(NamedTuple):
    correction: _Rasters
    residual: _Rasters
    direction: _Rasters
    image: _Rasters
    step: Float[Array, "k"]
    descent: Float[Array, "k"]
    error: Float[Array, "k"]
    iterations: Int[Array, "k"]


def conjugate_gradients(
    apply: Callable[[_Rasters], _Rasters],
    precondition: Callable[[_Rasters], _Rasters],
    norm: Callable[[_Rasters], Float[Array, "k"]],
    b: _Rasters,
    *,
    tolerance: float,
    iterations: int,
) -> KrylovResult:
    """Solve A x = b for symmetric positive (semi)definite A, until norm(b − A x) ≤ tolerance · norm(b).

    Parameters
    ----------
    apply, precondition
        Multiply with A, and approximately with its inverse.
    norm
        Of each right-hand side.
    tolerance
        Tested on the residual computed from x, not on the recursion, which drifts away from it in rounding. While it
        is searched for, x is kept as a sum of two numbers: where potentials are many orders above what drives
        them, the rounding of x alone would leave a residual.
    iterations
        How many at most. A right-hand side that needs more has a residual above `tolerance` in the outcome.

    Notes
    -----
    The direction is made conjugate with the formula of Polak and Ribière, which forgives a preconditioner that is not
    exactly symmetric, such as one in single precision. What has converged stays as it is while others go on.

    References
    ----------
    Golub, G. H., and Ye, Q. (1999). Inexact preconditioned conjugate gradient method with inner-outer iteration.
    SIAM Journal on Scientific Computing 21, 1305–1320.
    """
    scale = norm(b)
    scale = jnp.where(scale > 0, scale, 1)

    def unfinished(search: _Search | _Attempt) -> Bool[Array, "k"]:
        return ~(search.error <= tolerance) & (search.iterations < iterations) & jnp.isfinite(search.error)

    def advance(search: _Search) -> _Search:
        active = unfinished(search)
        z = precondition(search.residual)
        descent = _dot(search.residual, z)
        # residual_new − residual_old = −step · image
        conjugate = jnp.where(search.descent > 0, -search.step * _dot(search.image, z) / search.descent, 0)
        direction = z + _each(conjugate) * search.direction
        image = apply(direction)
        curvature = _dot(direction, image)
        step = jnp.where(active & (curvature > 0), descent / jnp.where(curvature > 0, curvature, 1), 0)
        residual = search.residual - _each(step) * image
        error = jnp.where(active, jnp.where(curvature > 0, norm(residual) / scale, jnp.nan), search.error)
        correction = search.correction + _each(step) * direction
        return _Search(correction, residual, direction, image, step, descent, error, search.iterations + active)

    def attempt(state: _Attempt) -> _Attempt:
        start = _Search(zero, state.residual, zero, zero, none, none, state.error, state.iterations)
        search = jax.lax.while_loop(lambda search: unfinished(search).any(), advance, start)
        x, rest = _exact_sum(state.x, state.rest + search.correction)
        residual = (b - apply(x)) - apply(rest)
        return _Attempt(x, rest, residual, norm(residual) / scale, search.iterations, state.number + 1)

    zero, none = jnp.zeros_like(b), jnp.zeros_like(scale)
    first = _Attempt(zero, zero, b, norm(b) / scale, jnp.zeros(scale.shape, int), jnp.array(0))
    last = jax.lax.while_loop(lambda state: unfinished(state).any() & (state.number < ATTEMPTS), attempt, first)
    return KrylovResult(last.x, last.iterations, last.error, last.error <= tolerance)


def _exact_sum(large: _Rasters, small: _Rasters) -> tuple[_Rasters, _Rasters]:
    """Return the sum in double precision and what rounding took from it (Knuth)."""
    total = large + small
    part = total - large
    return total, (large - (total - part)) + (small - part)


def _dot(one: _Rasters, other: _Rasters) -> Float[Array, "k"]:
    return (one * other).sum((0, 2))


def _each(factor: Float[Array, "k"]) -> Float[Array, "k 1"]:
    return factor[:, None]
