"""Partial derivatives of functions of single entries: diagonal, with values from JAX's own derivatives."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .index_rules import copied_entries
from .partial import Application, Partial, size
from .pattern import Pattern, diagonal
from .products import Values

ELEMENTWISE = frozenset(
    """abs acos acosh add add_any asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt clamp cos cosh digamma div erf
    erf_inv erfc exp exp2 expm1 igamma igammac integer_pow lgamma log log1p logistic max min mul neg polygamma
    polynomial pow rem rsqrt sin sinh sqrt square sub tan tanh zeta""".split()
)


def elementwise(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of a function of single entries by its operands."""
    result = application.results[0]
    for operand in application.active:
        yield Partial(0, operand, _pattern(result, application.operands[operand]), _values(application, operand))


def _pattern(result: Any, operand: Any) -> Pattern:
    """Return which entry of the operand, repeated along axes of length one, each entry of the result belongs to."""
    if np.shape(result) == np.shape(operand):
        return diagonal(size(result))
    entries = np.arange(size(operand)).reshape(np.shape(operand))
    columns = np.broadcast_to(entries, np.shape(result)).ravel()
    return Pattern(np.arange(len(columns)), columns, (len(columns), size(operand)))


def _values(application: Application, operand: int) -> Callable[[], Values] | None:
    """Return a function that computes the derivative, or `None` for ones."""
    name, shape = application.primitive.name, np.shape(application.results[0])
    if name in ("add", "add_any") or (name == "sub" and operand == 0):
        return None
    if name == "neg" or name == "sub":
        return lambda: np.full(int(np.prod(shape)), -1.0)
    if name == "mul":
        return lambda: _raveled(application.operands[1 - operand], shape)
    if name == "div" and operand == 0 and application.is_constant(1):
        return lambda: 1 / _raveled(application.operands[1], shape)
    return lambda: _tangent(application, operand)


def _raveled(value: Any, shape: tuple[int, ...]) -> Values:
    library = np if isinstance(value, np.ndarray) else jnp
    return library.broadcast_to(value, shape).ravel()


def _tangent(application: Application, operand: int) -> jax.Array:
    value = application.operands[operand]
    tangent = jnp.ones_like(value)
    return jax.jvp(lambda value: application.bind_one(operand, value)[0], (value,), (tangent,))[1].ravel()


def select(application: Application) -> Iterator[Partial]:
    """Yield the derivatives of a choice between arrays: selections of entries."""
    if application.is_constant(0):
        yield from copied_entries(application)
        return
    which, result = application.operands[0], application.results[0]
    for operand in application.active:
        pattern = _pattern(result, application.operands[operand])
        yield Partial(0, operand, pattern, lambda case=operand - 1: _raveled(which == case, np.shape(result)))
