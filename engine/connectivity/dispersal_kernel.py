"""How much of the movement from a place still arrives at a distance."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, ArrayLike, Float

from ..graph.grid_graph import concrete_or_none


class ExponentialKernel(eqx.Module):
    """Movement that falls to 1/e over a distance α: f(d) = exp(−d / α).

    Parameters
    ----------
    alpha
        α > 0, in the unit of the distance that it is applied to.

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
        self.alpha = jnp.asarray(alpha, dtype=float)
        value = concrete_or_none(self.alpha)
        if self.alpha.ndim or (value is not None and not 0 < value < float("inf")):
            raise ValueError(f"alpha must be one positive number, not {alpha}")

    def __call__(self, distance: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Return the part of the movement that arrives."""
        return jnp.exp(-distance / self.alpha)
