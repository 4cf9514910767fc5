"""Divergence of a vector field: the full Jacobian, one derivative at a time, or random probes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .probes import draw_probes
from .trace_method import mean_and_error


def divergence(
    f: Callable[[Array], Array], n: int = 0, gaussian: bool = False, *, standard_error: bool = False
) -> Callable[..., Any]:
    """Return a function of (x, key) that is the divergence Σ_i ∂f_i/∂x_i of a field at x, exact or estimated.

    Parameters
    ----------
    f
        Maps an array to one of the same shape.
    n
        −1: the trace of the full Jacobian, with memory for d² values. 0: exact, one directional derivative at a time,
        with memory for d values; the time to compile does not depend on d. Above 0: the mean over n random probes.
    gaussian
        Whether probes have normal entries; otherwise they are signs.
    standard_error
        Whether to return (divergence, standard error) instead of the divergence; the error is 0 if exact.

    Returns
    -------
    Callable
        Function of x and a JAX random key, which is not needed if n is −1 or 0. It can be differentiated, forward and
        backward, compiled and vectorized.

    Raises
    ------
    TypeError
        n is no whole number, or x no array of floats.
    ValueError
        n is below −1; f changes the shape; or a key is missing.

    See Also
    --------
    sparse_divergence
        Exact, with a few directional derivatives, where each value depends on few others.

    Notes
    -----
    A probe z gives zᵀJz, which has the expectation tr J. All derivatives are taken forward, from one linearization:
    the Jacobian is square, so that nothing is gained backward, and no intermediate results need to be stored.

    References
    ----------
    Hutchinson, M. F. (1990). A stochastic estimator of the trace of the influence matrix for Laplacian smoothing
    splines. Communications in Statistics 19, 433-450.

    Examples
    --------
    >>> field = lambda x: jnp.array([1.0, 2.0, 3.0]) * x
    >>> x = jnp.ones(3)
    >>> float(divergence(field, -1)(x)), float(divergence(field, 0)(x))
    (6.0, 6.0)
    >>> round(float(divergence(field, 1000)(x, jax.random.key(0))), 6)
    6.0
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)):
        raise TypeError(f"n must be a whole number, not {n!r}")
    if n < -1:
        raise ValueError(
            f"n must be -1 (full Jacobian), 0 (exact, one derivative at a time) or the number of random probes, not {n}"
        )

    def of_field(x: Float[Array, " *shape"], key: Array | None = None) -> Any:
        """Return the divergence at x."""
        x = require_field(f, x)
        if n > 0:
            if key is None:
                raise ValueError(f"{n} random probes need a key, such as jax.random.key(0)")
            return _hutchinson(f, x, int(n), gaussian, key, standard_error)
        value = _full(f, x) if n == -1 else _one_at_a_time(f, x)
        return (value, jnp.zeros_like(value)) if standard_error else value

    return of_field


def require_field(f: Callable[[Array], Array], x: Any) -> Float[Array, " *shape"]:
    """Return x as an array of floats, or raise unless f maps it to an array of the same shape."""
    x = jnp.asarray(x)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(f"x must be an array of floats to be differentiated, not of {x.dtype}")
    returned = jax.eval_shape(f, x)
    shape = getattr(returned, "shape", None)
    if shape != x.shape:
        what = f"an array of shape {shape}" if shape is not None else type(returned).__name__
        raise ValueError(f"the divergence needs a function that keeps the shape {x.shape}; it returns {what}")
    return x


def _full(f: Callable[[Array], Array], x: Float[Array, " *shape"]) -> Float[Array, ""]:
    return jnp.trace(jax.jacobian(f)(x).reshape(x.size, x.size))


def _one_at_a_time(f: Callable[[Array], Array], x: Float[Array, " *shape"]) -> Float[Array, ""]:
    _, derivative = jax.linearize(f, x)

    # Without the checkpoint, a backward derivative would store what every iteration computes.
    @jax.checkpoint
    def add(total: Array, index: Array) -> tuple[Array, None]:
        """Add one ∂f_i/∂x_i."""
        unit = jnp.zeros(x.size, x.dtype).at[index].set(1).reshape(x.shape)
        return total + derivative(unit).ravel()[index], None

    return jax.lax.scan(add, jnp.zeros((), x.dtype), jnp.arange(x.size))[0]


def _hutchinson(f, x, n, gaussian, key, standard_error) -> Any:
    _, derivative = jax.linearize(f, x)
    probes = draw_probes(key, n, x.size, "gaussian" if gaussian else "rademacher", x.dtype)
    forms = jax.vmap(lambda probe: probe @ derivative(probe.reshape(x.shape)).ravel())(probes)
    value = forms.mean()
    if not standard_error:
        return value
    _, error = mean_and_error(jax.lax.stop_gradient(forms), jnp.array(n), jnp.zeros((), x.dtype))
    return value, error
