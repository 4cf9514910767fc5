"""Dispersal kernels: the proportion of movement that covers a distance."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ..distances import positive_scalar


class ExponentialKernel(eqx.Module):
    """Negative exponential dispersal kernel, which falls to 1/e at the distance α: f(d) = exp(−d / α).

    Parameters
    ----------
    alpha
        α > 0, in the unit of the distance to which the kernel is applied.

    Raises
    ------
    ValueError
        α is not one positive number.

    Examples
    --------
    >>> round(float(ExponentialKernel(2.0)(jnp.array(2.0))), 6)
    0.367879
    """

    alpha: Float[Array, ""]

    def __init__(self, alpha: ArrayLike):
        self.alpha = positive_scalar(alpha, "alpha")

    def __call__(self, distance: Float[Array, " *shape"]) -> Float[Array, " *shape"]:
        """Return the proportion of movement that covers each distance."""
        return jnp.exp(-distance / self.alpha)
