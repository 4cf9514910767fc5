"""Preconditioned conjugate gradients for several right-hand sides at once, compiled by XLA."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from ..restarts import MAX_STARTS, two_sum
from ..result import KrylovResult

_Rasters = Float[Array, "rows k columns"]


class _Restart(NamedTuple):
    """State between two starts: the solution is x + x_low."""

    x: _Rasters
    x_low: _Rasters
    residual: _Rasters
    error: Float[Array, " k"]
    iterations: Int[Array, " k"]
    number: Int[Array, ""]


class _PCG(NamedTuple):
    """State of the recursion: p is the search direction, rz the dot product of plain and preconditioned residual."""

    correction: _Rasters
    residual: _Rasters
    p: _Rasters
    applied: _Rasters
    alpha: Float[Array, " k"]
    rz: Float[Array, " k"]
    error: Float[Array, " k"]
    iterations: Int[Array, " k"]


def conjugate_gradients_xla(
    apply: Callable[[_Rasters], _Rasters],
    precondition: Callable[[_Rasters], _Rasters],
    norm: Callable[[_Rasters], Float[Array, " k"]],
    b: _Rasters,
    *,
    tolerance: float,
    iterations: int,
) -> KrylovResult:
    """Solve A x = b for symmetric positive (semi)definite A, until norm(b − A x) ≤ tolerance · norm(b).

    Parameters
    ----------
    apply, precondition
        Multiply by A, and approximately by its inverse.
    norm
        Norm of the residual of each right-hand side.
    tolerance
        Largest relative residual, computed from x; see `krylov.restarts`.
    iterations
        The largest number of iterations. A right-hand side that needs more has a residual above `tolerance`.

    Notes
    -----
    β is that of Polak and Ribière, which tolerates a preconditioner that is not exactly symmetric, such as one in
    single precision. Converged right-hand sides stay unchanged while others iterate.

    References
    ----------
    Golub, G. H., and Ye, Q. (1999). Inexact preconditioned conjugate gradient method with inner-outer iteration.
    SIAM Journal on Scientific Computing 21, 1305–1320.
    """
    scale = norm(b)
    scale = jnp.where(scale > 0, scale, 1)

    def unconverged(state: _PCG | _Restart) -> Bool[Array, " k"]:
        """Return which right-hand sides to iterate on: not converged, finite, with iterations left."""
        return ~(state.error <= tolerance) & (state.iterations < iterations) & jnp.isfinite(state.error)

    def iterate(state: _PCG) -> _PCG:
        """Return the state after one more iteration."""
        active = unconverged(state)
        z = precondition(state.residual)
        rz = _dot(state.residual, z)
        # residual_new − residual_old = −α A p
        beta = jnp.where(state.rz > 0, -state.alpha * _dot(state.applied, z) / state.rz, 0)
        p = z + _per_column(beta) * state.p
        applied = apply(p)
        curvature = _dot(p, applied)
        alpha = jnp.where(active & (curvature > 0), rz / jnp.where(curvature > 0, curvature, 1), 0)
        residual = state.residual - _per_column(alpha) * applied
        error = jnp.where(active, jnp.where(curvature > 0, norm(residual) / scale, jnp.nan), state.error)
        correction = state.correction + _per_column(alpha) * p
        return _PCG(correction, residual, p, applied, alpha, rz, error, state.iterations + active)

    def start(state: _Restart) -> _Restart:
        """Start from the true residual, and iterate until the residual of the recursion has converged."""
        first = _PCG(zero, state.residual, zero, zero, zeros, zeros, state.error, state.iterations)
        last = jax.lax.while_loop(lambda state: unconverged(state).any(), iterate, first)
        x, x_low = two_sum(state.x, state.x_low + last.correction)
        residual = (b - apply(x)) - apply(x_low)
        return _Restart(x, x_low, residual, norm(residual) / scale, last.iterations, state.number + 1)

    zero, zeros = jnp.zeros_like(b), jnp.zeros_like(scale)
    first = _Restart(zero, zero, b, norm(b) / scale, jnp.zeros(scale.shape, int), jnp.array(0))
    last = jax.lax.while_loop(lambda state: unconverged(state).any() & (state.number < MAX_STARTS), start, first)
    return KrylovResult(last.x, last.iterations, last.error, last.error <= tolerance)


def _dot(first: _Rasters, second: _Rasters) -> Float[Array, " k"]:
    return (first * second).sum((0, 2))


def _per_column(factor: Float[Array, " k"]) -> Float[Array, "k 1"]:
    return factor[:, None]
