"""The contract of a trace estimator that adds probes until the standard error is small enough."""

import abc
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .linear_operator import LinearOperator
from .probes import Distribution, draw_probes

#: A direction whose part outside of the basis is smaller, relative to the largest, consists of rounding errors.
DEPENDENT = 1e-13
#: The least fraction of the variance of independent estimates that a negative covariance leaves.
SMALLEST_VARIANCE = 0.25


class AbstractTraceMethod(eqx.Module):
    """An estimator of tr A from products with probe vectors.

    The state has room for all probes of a run, so that its shapes do not change in a loop. An estimate is a function
    of the vectors that were multiplied and of their products, and what is derived from it for the gradient is linear
    in the products: the vectors count as constants. The gradient is then an unbiased estimate of the gradient of the
    trace, without the derivative of an orthogonalization.

    Attributes
    ----------
    distribution
        Of the probes.
    """

    distribution: eqx.AbstractVar[Distribution]

    @property
    @abc.abstractmethod
    def products_per_probe(self) -> int:
        """Products with the operator that one more probe takes."""

    @abc.abstractmethod
    def probes_for(self, products: int) -> int:
        """Return the number of probes in a number of products."""

    @abc.abstractmethod
    def first(self, operator: LinearOperator, key: Array, count: int, capacity: int) -> tuple[Any, Float[Array, "v n"]]:
        """Return the state after the first probes, and the products with its `vectors`, for the gradient."""

    @abc.abstractmethod
    def append(self, state: Any, operator: LinearOperator, key: Array, count: int) -> Any:
        """Return the state after more probes."""

    @abc.abstractmethod
    def samples(self, state: Any) -> tuple[Float[Array, " k"], Int[Array, ""]]:
        """Return one estimate of the trace for each probe, and the number of probes so far; the rest is ignored."""

    def covariance(self, state: Any) -> Float[Array, ""]:
        """Return the mean covariance of the estimates of two probes, estimated; 0 where they are independent."""
        return jnp.zeros((), jnp.result_type(float))

    @abc.abstractmethod
    def vectors(self, state: Any) -> Float[Array, "v n"]:
        """Return the vectors that were multiplied, zeros where there is still room."""

    @abc.abstractmethod
    def linear(self, state: Any, products: Float[Array, "v n"]) -> Float[Array, ""]:
        """Return the estimate's derivative for a change of the products with `vectors`."""

    @abc.abstractmethod
    def products(self, state: Any) -> Int[Array, ""]:
        """Return the number of products so far."""

    def violation(self, state: Any) -> tuple[Bool[Array, ""], str] | None:
        """Return whether the operator is not of the kind that the method needs, with the message; None if all are."""
        return None

    def draw(self, key: Array, count: int, operator: LinearOperator) -> Float[Array, "k n"]:
        """Draw probes for an operator."""
        return draw_probes(key, count, operator.size, self.distribution, operator.dtype)


def padded_rows(rows: Float[Array, "k n"], capacity: int) -> Float[Array, "capacity n"]:
    """Append zeros to some rows, up to a number of rows."""
    return jnp.pad(rows, [(0, capacity - rows.shape[0]), (0, 0)])


def mean_and_error(
    samples: Float[Array, " k"], count: Int[Array, ""], covariance: Float[Array, ""]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Return the mean of the first samples and its standard error, infinite for one sample.

    Parameters
    ----------
    samples
        Equally distributed values.
    count
        How many of them count.
    covariance
        Covariance of two of them.

    Notes
    -----
    With s² the variance in the sample and c the covariance, s² + c estimates the variance of one value without bias,
    and s² / k + c that of the mean of k.

    Examples
    --------
    >>> mean_and_error(jnp.array([1.0, 3.0, 0.0]), jnp.array(2), jnp.array(0.0))
    (Array(2., dtype=float64), Array(1., dtype=float64))
    """
    counted = jnp.arange(samples.shape[0]) < count
    mean = jnp.where(counted, samples, 0).sum() / count
    squares = jnp.where(counted, (samples - mean) ** 2, 0).sum()
    independent = squares / (jnp.maximum(count - 1, 1) * count)
    # The estimated covariance of few probes may be so negative by chance that too little would be left.
    variance = jnp.maximum(independent + covariance, independent * SMALLEST_VARIANCE)
    return mean, jnp.where(count > 1, jnp.sqrt(variance), jnp.inf)


def mean_product(changes: Float[Array, "k k"], count: Int[Array, ""]) -> Float[Array, ""]:
    """Return the covariance of the estimates of two probes from what each loses without the other.

    Parameters
    ----------
    changes
        D_ij, the estimate of probe i less that of the same probe without probe j.
    count
        Number of probes; the rest is ignored.

    Notes
    -----
    An estimate e_i is unbiased whatever the other probes are, and so is e_i|j, which does without probe j. Hence
    E[e_i e_j|i] = E[e_i|j e_j] = E[e_i|j e_j|i] = (tr A)², and E[D_ij D_ji] is exactly the covariance of e_i and e_j.
    """
    index = jnp.arange(changes.shape[0])
    counted = (index < count) & (index[:, None] < count) & (index != index[:, None])
    return jnp.where(counted, changes * changes.T, 0).sum() / jnp.maximum(count * (count - 1), 1)
