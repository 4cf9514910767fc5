"""Scalar parameters of distances and kernels, such as θ and α."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..graph import concrete_or_none


def positive_scalar(value: object, name: str) -> Float[Array, ""]:
    """Return a number as a scalar array that can be differentiated, if it is positive and finite.

    Parameters
    ----------
    value
        The number; a value that JAX traces cannot be checked.
    name
        Name of the parameter, for the message.

    Raises
    ------
    ValueError
        The value is not a number, not a scalar, not finite, or not above 0.

    Examples
    --------
    >>> float(positive_scalar(0.5, "theta"))
    0.5
    """
    message = f"{name} must be one positive number, not {value}"
    if value is None or isinstance(value, (bool, str)):
        raise ValueError(message)
    scalar = jnp.asarray(value, dtype=float)
    known = concrete_or_none(scalar)
    if scalar.ndim or (known is not None and not 0 < known < float("inf")):
        raise ValueError(message)
    return scalar
