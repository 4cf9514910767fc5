"""Random probe vectors z with E[z zᵀ] = I, from which traces and diagonals are estimated."""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

#: Normal entries; signs; or directions uniform on the sphere of radius √n.
Distribution = Literal["gaussian", "rademacher", "sphere"]


def draw_probes(
    key: Array, count: int, size: int, distribution: Distribution, dtype: Any = None
) -> Float[Array, "k n"]:
    """Draw probe vectors, each from a key of its own.

    Parameters
    ----------
    key
        The JAX key that is split into one for each vector.
    count, size
        Number and length of the vectors.
    distribution
        "gaussian", "rademacher" (signs) or "sphere" (directions on the sphere of radius √n).
    dtype
        Float type; the default is JAX's.

    Notes
    -----
    For a symmetric A, zᵀAz has the variance 2‖A‖²_F with Gaussian entries and 2(‖A‖²_F − Σ A_ii²) with signs, which
    is 0 for a diagonal A.

    Examples
    --------
    >>> probes = draw_probes(jax.random.key(0), 3, 50, "sphere")
    >>> bool(jnp.allclose((probes**2).sum(1), 50))
    True
    """
    dtype = jnp.result_type(float) if dtype is None else dtype
    draw = jax.random.rademacher if distribution == "rademacher" else jax.random.normal
    probes = jax.vmap(lambda each: draw(each, (size,), dtype))(jax.random.split(key, count))
    if distribution == "sphere":
        probes = probes * (jnp.sqrt(size) / jnp.linalg.norm(probes, axis=1, keepdims=True))
    return probes.astype(dtype)


def require_distribution(distribution: Any) -> None:
    """Raise a `ValueError` unless a distribution of probes is one of those that exist."""
    if distribution not in get_args(Distribution):
        raise ValueError(f"probes must be one of {', '.join(get_args(Distribution))}, not {distribution!r}")
