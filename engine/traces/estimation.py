"""The trace of any linear operator: exact, with a number of products, or to a relative error."""

from functools import partial
from typing import Any, Literal, get_args

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .estimates import TraceEstimate
from .hutchinson import HutchPlusPlus
from .linear_operator import LinearOperator, as_operator
from .nystrom import XNysTrace
from .probes import Distribution, require_distribution
from .trace_method import AbstractTraceMethod, mean_and_error
from .xtrace import XTrace

TraceMethod = Literal["xtrace", "xnystrace", "hutch++", "hutchinson", "exact"]

#: Probes that are added at a time until the requested error is reached. With fewer, the standard error is so uncertain
#: that a small one by chance would end the run too early.
BLOCK = 10
#: The largest number of products, unless the caller sets one.
MAX_PRODUCTS = 200
#: Operators up to this size are computed exactly where an error is requested: an estimate takes as many products.
EXACT_SIZE = 64
#: Unit vectors that are multiplied at once for an exact trace.
UNIT_VECTORS = 16
FEWEST_PRODUCTS = {"xtrace": 2, "xnystrace": 1, "hutch++": 3, "hutchinson": 1}
DISTRIBUTIONS: dict[str, Distribution] = {
    "xtrace": "sphere",
    "xnystrace": "sphere",
    "hutch++": "rademacher",
    "hutchinson": "rademacher",
}


def trace(
    operator: Any,
    *,
    method: TraceMethod = "xtrace",
    key: Array | None = None,
    products: int | None = None,
    relative_error: float | None = None,
    max_products: int = MAX_PRODUCTS,
    probes: Distribution | None = None,
    shape: Any = None,
    batched: bool = False,
) -> TraceEstimate:
    """Estimate the trace of a square linear operator, with its standard error.

    Parameters
    ----------
    operator
        A square matrix (JAX, NumPy, SciPy sparse, BCOO), a `StencilMatrix`, a lineax operator, or a linear function
        of an array of `shape`.
    method
        "xtrace" for any operator; "xnystrace", more accurate, for symmetric positive semidefinite ones; "hutch++";
        "hutchinson", the mean of zᵀAz; "exact", by all unit vectors.
    key
        JAX's random key; not needed if exact.
    products
        Number of products with the operator. As many as the size, or more, give the exact trace.
    relative_error
        Requested standard error relative to the trace, in place of `products`; 0.01 if neither is set. Operators of
        up to 64 values are computed exactly. Derivatives multiply the probes once more.
    max_products
        Where to stop if the error is not reached; `TraceEstimate.converged` tells. Memory is that of 1.5 (XTrace), 2
        (XNysTrace) or 1 vectors for each.
    probes
        "sphere", "gaussian" or "rademacher"; by default the sphere for XTrace and XNysTrace, else signs.
    shape
        What a function takes: the number of values, the shape of an array, or a pytree of `jax.ShapeDtypeStruct`.
    batched
        Whether a function takes and returns several arrays at once, of shape (k, *shape), as solvers do.

    Raises
    ------
    ValueError
        An argument is out of range, or the operator is not square.
    TypeError
        The operator is none, or of complex numbers.
    RuntimeError
        The operator returned values that are not finite, or XNysTrace's is not positive semidefinite.

    Notes
    -----
    Works under `jax.jit` and `jax.vmap`. The gradient with respect to what the operator depends on holds the probes
    and the basis fixed, which makes it an unbiased estimate of the gradient of the trace.

    References
    ----------
    Hutchinson, M. F. (1990). Communications in Statistics 19, 433-450.
    Meyer, R. A. et al. (2021). Hutch++: optimal stochastic trace estimation. SOSA, 142-155.
    Epperly, E. N., Tropp, J. A. and Webber, R. J. (2024). SIAM Journal on Matrix Analysis and Applications 45, 1-23.

    Examples
    --------
    >>> decaying = jnp.diag(0.7 ** jnp.arange(1000.0))
    >>> estimate = trace(decaying, key=jax.random.key(0), products=60)
    >>> bool(jnp.abs(estimate.value - 10 / 3) < 1e-3), int(estimate.products)
    (True, 60)
    >>> float(trace(lambda raster: 2 * raster, method="exact", shape=(3, 4)).value)
    24.0
    """
    linear = as_operator(operator, shape, batched=batched)
    if method not in get_args(TraceMethod):
        raise ValueError(f"method must be one of {', '.join(get_args(TraceMethod))}, not {method!r}")
    if method != "exact":
        _require_numbers(method, products, relative_error, max_products)
        if probes is not None:
            require_distribution(probes)
        enough = products if products is not None else max_products if linear.size <= EXACT_SIZE else 0
        if enough < linear.size:
            if key is None:
                raise ValueError(f"method={method!r} needs a random key, such as jax.random.key(0)")
            estimator = _estimator(method, products, probes or DISTRIBUTIONS[method], linear.size)
            if products is not None:
                return _with_products(estimator, linear, key, estimator.probes_for(products))
            return _to_error(estimator, linear, key, relative_error or 0.01, min(max_products, linear.size - 1))
    return _exact(linear)


def _estimator(method: str, products: int | None, distribution: Distribution, size: int) -> AbstractTraceMethod:
    if method == "hutch++":
        return HutchPlusPlus(distribution, min(BLOCK, size // 4) if products is None else products // 3)
    return {"xtrace": XTrace, "xnystrace": XNysTrace, "hutchinson": HutchPlusPlus}[method](distribution)


def _exact(operator: LinearOperator) -> TraceEstimate:
    def diagonal_entry(index: Array) -> Float[Array, ""]:
        """Return one entry of the diagonal."""
        unit = jnp.zeros((1, operator.size), operator.dtype).at[0, index].set(1)
        return operator(unit)[0, index]

    value = jax.lax.map(diagonal_entry, jnp.arange(operator.size), batch_size=UNIT_VECTORS).sum()
    return _result(value, jnp.zeros_like(value), operator.size, 0, True)


def _with_products(estimator: AbstractTraceMethod, operator: LinearOperator, key: Array, count: int) -> TraceEstimate:
    state, products = estimator.first(operator, key, count, count)
    state = jax.lax.stop_gradient(state)
    value, error = mean_and_error(*estimator.samples(state), estimator.covariance(state))
    value = _differentiable(estimator, value, state, products)
    return _result(value, error, estimator.products(state), count - 1, True, estimator.violation(state))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _differentiable(estimator: AbstractTraceMethod, value: Array, state: Any, products: Array) -> Array:
    """Return the value, whose derivative is that of `linear`."""
    return value


@_differentiable.defjvp
def _differentiable_jvp(estimator, primals, tangents):
    value, state, _ = primals
    return value, estimator.linear(state, tangents[2])


def _to_error(
    estimator: AbstractTraceMethod, operator: LinearOperator, key: Array, relative_error: float, max_products: int
) -> TraceEstimate:
    """Add blocks of probes until the standard error is small enough, or there are too many products."""
    blocks = max(1, estimator.probes_for(max_products) // BLOCK)
    like = jax.ShapeDtypeStruct((BLOCK, operator.size), operator.dtype)
    # What the operator encloses becomes an argument, so that the estimate can be differentiated with respect to it.
    function = eqx.filter_closure_convert(operator.function, like)
    run = partial(_run, estimator, like, blocks, relative_error)

    @eqx.filter_custom_jvp
    def estimate(function: Any, key: Array) -> tuple[Any, ...]:
        """Return value, error, state and whether it converged."""
        return run(function, key)

    @estimate.def_jvp
    def estimate_jvp(primals: Any, tangents: Any) -> Any:
        """Differentiate the products with the vectors of the run."""
        value, *rest = run(*primals)
        state = rest[1]
        vectors = estimator.vectors(state)
        rows = jnp.pad(vectors, [(0, -vectors.shape[0] % BLOCK), (0, 0)]).reshape(-1, BLOCK, operator.size)

        def derivative(function: Any) -> Array:
            """Return a number with the derivative of the estimate."""
            products = jax.lax.map(function, rows).reshape(-1, operator.size)[: vectors.shape[0]]
            return estimator.linear(state, products)

        _, change = eqx.filter_jvp(derivative, (primals[0],), (tangents[0],))
        return (value, *rest), (change, *jax.tree.map(lambda _: None, rest))

    value, error, state, converged = estimate(function, key)
    _, count = estimator.samples(jax.lax.stop_gradient(state))
    violation = estimator.violation(jax.lax.stop_gradient(state))
    return _result(value, error, estimator.products(state), count - 1, converged, violation)


def _run(
    estimator: AbstractTraceMethod,
    like: jax.ShapeDtypeStruct,
    blocks: int,
    relative_error: float,
    function: Any,
    key: Array,
) -> tuple[Array, Array, Any, Array]:
    """Return value, standard error, state, and whether the error is small enough."""
    operator = LinearOperator(function, like.shape[1], like.dtype)

    def summary(state: Any) -> tuple[Array, Array, Array]:
        value, error = mean_and_error(*estimator.samples(state), estimator.covariance(state))
        return value, error, error <= relative_error * jnp.abs(value)

    def add(carry: tuple) -> tuple:
        """Add a block of probes."""
        block, state, *_ = carry
        state = estimator.append(state, operator, jax.random.fold_in(key, block), BLOCK)
        return block + 1, state, *summary(state)

    state, _ = estimator.first(operator, jax.random.fold_in(key, 0), BLOCK, blocks * BLOCK)
    carry = jnp.array(1), state, *summary(state)
    _, state, value, error, converged = jax.lax.while_loop(lambda carry: ~carry[-1] & (carry[0] < blocks), add, carry)
    return value, error, state, converged


def _result(
    value: Array, error: Array, products: Any, freedom: Any, converged: Any, violation: Any = None
) -> TraceEstimate:
    if violation is not None:
        value = eqx.error_if(value, *violation)
    value = eqx.error_if(
        value, ~jnp.isfinite(value), "the trace is not finite: the operator returned NaN or infinite values"
    )
    error, products, freedom, converged = jax.lax.stop_gradient(
        (error, jnp.asarray(products), jnp.asarray(freedom), jnp.asarray(converged))
    )
    return TraceEstimate(value, error, products, freedom, converged)


def _require_numbers(method: str, products: Any, relative_error: Any, max_products: Any) -> None:
    if products is not None and relative_error is not None:
        raise ValueError("set products or relative_error, not both")
    for name, number in (("products", products), ("max_products", max_products)):
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise TypeError(f"{name} must be a whole number, not {number!r}")
        if number < FEWEST_PRODUCTS[method]:
            raise ValueError(f"{name} must be at least {FEWEST_PRODUCTS[method]} with method={method!r}, not {number}")
    if relative_error is not None and not 0 < relative_error < np.inf:
        raise ValueError(f"relative_error must be positive and finite, not {relative_error}")
