"""The diagonal of any linear operator, exact or by XDiag, with the standard error of every entry."""

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .estimates import DiagonalEstimate
from .factorizations import qr
from .linear_operator import LinearOperator, as_operator
from .probes import draw_probes
from .trace_method import SMALLEST_VARIANCE
from .xtrace import SINGULAR, directions_left_out

#: Unit vectors that are multiplied at once for an exact diagonal.
UNIT_VECTORS = 16


def diagonal(
    operator: Any,
    *,
    method: Literal["xdiag", "exact"] = "xdiag",
    key: Array | None = None,
    products: int = 60,
    symmetric: bool = False,
    shape: Any = None,
    batched: bool = False,
) -> DiagonalEstimate:
    """Estimate the diagonal of a square linear operator, with the standard error of every entry.

    Parameters
    ----------
    operator
        As of `trace`.
    method
        "xdiag", or "exact" by all unit vectors.
    key
        JAX's random key; not needed if exact.
    products
        Number of products, half with the operator and half with its transpose; at least 4. As many as the size, or
        more, give the exact diagonal.
    symmetric
        Whether the operator equals its transpose. If it does not, JAX must be able to transpose it.
    shape, batched
        As of `trace`.

    Returns
    -------
    DiagonalEstimate
        In the shape of the array that a function takes.

    Raises
    ------
    ValueError, TypeError
        As of `trace`.
    RuntimeError
        The operator returned values that are not finite.

    Notes
    -----
    With the notation of XTrace and signs as probes, the estimate of probe i is diag(P_i A) + ω_i ∘ (I − P_i) A ω_i.
    Maps need more probes than their sum: each entry has the noise of a few probes, which in the trace averages out.
    The gradient holds probes and basis fixed, as that of `trace`.

    References
    ----------
    Epperly, E. N., Tropp, J. A. and Webber, R. J. (2024). XTrace: making the most of every sample in stochastic trace
    estimation. SIAM Journal on Matrix Analysis and Applications 45, 1-23.

    Examples
    --------
    >>> decaying = 0.5 ** jnp.arange(300.0)
    >>> estimate = diagonal(lambda x: decaying * x, key=jax.random.key(0), products=80, shape=300)
    >>> bool(jnp.allclose(estimate.value, decaying, atol=1e-6))
    True
    """
    linear = as_operator(operator, shape, batched=batched)
    if method not in ("xdiag", "exact"):
        raise ValueError(f"method must be xdiag or exact, not {method!r}")
    if isinstance(products, bool) or not isinstance(products, (int, np.integer)):
        raise TypeError(f"products must be a whole number, not {products!r}")
    if products < 4:
        raise ValueError(f"products must be at least 4, not {products}")
    if method == "exact" or products >= linear.size:
        value, error, products = _exact(linear), jnp.zeros(linear.size, linear.dtype), linear.size
    elif key is None:
        raise ValueError("method='xdiag' needs a random key, such as jax.random.key(0)")
    else:
        value, error = _xdiag(linear, key, products // 2, symmetric)
        products = products // 2 * 2
    value = eqx.error_if(
        value, ~jnp.isfinite(value).all(), "the diagonal is not finite: the operator returned NaN or infinite values"
    )
    result_shape = linear.shape or (linear.size,)
    return DiagonalEstimate(value.reshape(result_shape), error.reshape(result_shape), jnp.array(products))


def _exact(operator: LinearOperator) -> Float[Array, " n"]:
    def entry(index: Array) -> Float[Array, ""]:
        """Return one entry."""
        unit = jnp.zeros((1, operator.size), operator.dtype).at[0, index].set(1)
        return operator(unit)[0, index]

    return jax.lax.map(entry, jnp.arange(operator.size), batch_size=UNIT_VECTORS)


def _xdiag(
    operator: LinearOperator, key: Array, count: int, symmetric: bool
) -> tuple[Float[Array, " n"], Float[Array, " n"]]:
    probes = draw_probes(key, count, operator.size, "rademacher", operator.dtype)
    images = operator(probes)
    basis, coefficients = qr(jax.lax.stop_gradient(images).T)
    basis = basis.T
    transposed = (operator if symmetric else operator.transpose())(basis)
    without = directions_left_out(coefficients, jnp.array(count))
    state = probes, basis, without
    constant = jax.lax.stop_gradient(transposed)
    # u_i = Q s_i, v_i = Aᵀ u_i and (I − P_i) A ω_i = u_i (s_i · R_i).
    u, v, length = without.T @ basis, without.T @ constant, (without * coefficients).sum(0)[:, None]
    each = length * probes * u - u * v
    value = (basis * constant).sum(0) + each.mean(0)
    variance = ((each - each.mean(0)) ** 2).sum(0) / ((count - 1) * count)
    covariance = _covariance(probes, u, v, length, each, without.T @ without)
    error = jnp.sqrt(jnp.maximum(variance + covariance, SMALLEST_VARIANCE * variance))
    return _differentiable(value, state, (images, transposed)), error


def _covariance(probes, u, v, length, each, cosine) -> Float[Array, " n"]:
    """Return the mean covariance of the estimates of two probes, from what each loses without the other."""
    count = len(probes)
    pairs = jnp.asarray(np.stack(np.triu_indices(count, 1)))

    def add(total: Array, pair: Array) -> tuple[Array, None]:
        """Add the product of both differences of one pair."""
        i, j = pair
        regular = 1 - cosine[i, j] ** 2 > SINGULAR
        sine = jnp.where(regular, 1 - cosine[i, j] ** 2, 1.0)
        taken = (u[i] * v[i] - cosine[i, j] * (u[i] * v[j] + u[j] * v[i]) + u[j] * v[j]) / sine
        first, second = (
            each[a] - length[a] * probes[a] * (u[a] - cosine[i, j] * u[b]) / sine + taken for a, b in ((i, j), (j, i))
        )
        return total + jnp.where(regular, first * second, 0.0), None

    total, _ = jax.lax.scan(add, jnp.zeros_like(u[0]), pairs.T)
    return 2 * total / (count * (count - 1))


@jax.custom_jvp
def _differentiable(value: Array, state: tuple[Array, Array, Array], products: tuple[Array, Array]) -> Array:
    """Return the value, whose derivative is linear in the products: the vectors count as constants."""
    return value


@_differentiable.defjvp
def _differentiable_jvp(primals, tangents):
    value, (probes, basis, without), _ = primals
    images, transposed = tangents[2]
    inside = basis @ images.T
    outside = images - (inside - without * (without * inside).sum(0)).T @ basis
    each = probes * outside - (without.T @ basis) * (without.T @ transposed)
    return value, (basis * transposed).sum(0) + each.mean(0)
