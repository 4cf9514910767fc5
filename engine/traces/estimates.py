"""Estimates with their standard errors."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy import special
from jaxtyping import Array, Bool, Float, Int

#: Bisections of the interval in which a quantile of Student's t lies; each adds a binary digit.
BISECTIONS = 60


class TraceEstimate(eqx.Module):
    """A trace, exact or estimated.

    Parameters
    ----------
    value
        The trace.
    standard_error
        Standard deviation of the value over the random probes, itself estimated; 0 if exact, infinite for one probe.
    products
        Number of products with the operator.
    degrees_of_freedom
        Of the standard error: independent probes − 1; 0 if exact.
    converged
        Whether the requested relative error was reached before the largest number of products; True if none was
        requested.
    """

    value: Float[Array, ""]
    standard_error: Float[Array, ""]
    products: Int[Array, ""]
    degrees_of_freedom: Int[Array, ""]
    converged: Bool[Array, ""]

    @property
    def relative_error(self) -> Float[Array, ""]:
        """Standard error relative to the value; 0 if exact."""
        return jnp.where(self.standard_error == 0, 0.0, self.standard_error / jnp.abs(self.value))

    def interval(self, level: float = 0.95) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """Return the bounds of a confidence interval, by Student's t.

        Parameters
        ----------
        level
            Probability that it contains the trace, between 0 and 1.

        Examples
        --------
        >>> exact = TraceEstimate(jnp.float64(3), jnp.float64(0), jnp.array(9), jnp.array(0), jnp.array(True))
        >>> [float(bound) for bound in exact.interval()]
        [3.0, 3.0]
        """
        if not 0 < level < 1:
            raise ValueError(f"level must lie between 0 and 1, not {level}")
        half = jnp.where(
            self.standard_error == 0, 0.0, self.standard_error * student_quantile(level, self.degrees_of_freedom)
        )
        return self.value - half, self.value + half


class DiagonalEstimate(eqx.Module):
    """A diagonal, exact or estimated.

    Parameters
    ----------
    value
        The diagonal, in the shape that the operator takes.
    standard_error
        Standard error of each entry; 0 if exact.
    products
        Number of products with the operator and its transpose.
    """

    value: Float[Array, " *shape"]
    standard_error: Float[Array, " *shape"]
    products: Int[Array, ""]


def student_quantile(level: float, degrees_of_freedom: Int[Array, ""]) -> Float[Array, ""]:
    """Return the t for which Student's variable lies between −t and t with a probability.

    Parameters
    ----------
    level
        The probability.
    degrees_of_freedom
        Of the distribution; at least 1, less counts as 1.

    Notes
    -----
    P(|T| > t) is the regularized incomplete beta function I_x(ν/2, 1/2) at x = ν / (ν + t²), inverted by bisection.

    Examples
    --------
    >>> round(float(student_quantile(0.95, jnp.array(10))), 6)
    2.228139
    """
    nu = jnp.maximum(degrees_of_freedom, 1).astype(float)

    def halve(_: Array, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
        """Take the half of the interval in which the quantile lies."""
        low, high = bounds
        middle = (low + high) / 2
        below = special.betainc(nu / 2, 0.5, middle) < 1 - level
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    low, high = jax.lax.fori_loop(0, BISECTIONS, halve, (jnp.zeros_like(nu), jnp.ones_like(nu)))
    x = (low + high) / 2
    return jnp.sqrt(nu * (1 - x) / x)
