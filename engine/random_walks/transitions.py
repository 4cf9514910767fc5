"""Transition probabilities of a random walk, and the linear system of its transition weights."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..linalg import StencilMatrix


def log_transition_probabilities(
    conductances: Float[Array, "directions rows columns"],
) -> Float[Array, "directions rows columns"]:
    """Return log P of every transition, P ∝ conductance; −inf where there is no edge.

    Examples
    --------
    >>> chain = jnp.zeros((4, 1, 3)).at[2, 0, :2].set(1.0).at[1, 0, 1:].set(1.0)
    >>> jnp.exp(log_transition_probabilities(chain)[2])
    Array([[1. , 0.5, 0. ]], dtype=float64)
    """
    exists, degree = conductances > 0, conductances.sum(0)
    logarithms = jnp.log(jnp.where(exists, conductances, 1.0)) - jnp.log(jnp.where(degree > 0, degree, 1.0))
    return jnp.where(exists, logarithms, -jnp.inf)


def transition_system(weights: Float[Array, "directions rows columns"]) -> StencilMatrix:
    """Return I − W, W being the weights of the transitions from every cell to its neighbours.

    Examples
    --------
    >>> transition_system(jnp.full((4, 1, 2), 0.25)).center
    Array([[1., 1.]], dtype=float64)
    """
    return StencilMatrix(jnp.ones(weights.shape[1:]), -weights)
