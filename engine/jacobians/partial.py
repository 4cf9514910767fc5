"""What a rule of a primitive says: one partial derivative of one result by one operand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import Primitive

from .pattern import Pattern, diagonal
from .products import Values


class Partial(NamedTuple):
    """The derivative of a result by an operand.

    Parameters
    ----------
    result, operand
        Which result and which operand of the equation.
    pattern
        Where the derivative may differ from zero; rows are entries of the result, columns entries of the operand.
    values
        A function that returns the values, called only if the derivative is needed; `None` for ones.
    copies
        Whether the result takes over entries of the operand.
    """

    result: int
    operand: int
    pattern: Pattern
    values: Callable[[], Values] | None = None
    copies: bool = False


class Application(NamedTuple):
    """A primitive applied to values.

    Parameters
    ----------
    primitive, params
        The primitive and its parameters.
    operands
        Values of the operands; constants are NumPy arrays.
    results
        Values of the results.
    active
        Which operands depend on what the program is differentiated by.
    """

    primitive: Primitive
    params: dict[str, Any]
    operands: list[Any]
    results: list[Any]
    active: list[int]

    def bind(self, *operands: Any, **changes: Any) -> list[Any]:
        """Apply the primitive to other operands."""
        prepared = self.primitive.get_bind_params(self.params | changes)
        # Up to JAX 0.9, the functions inside an equation were returned apart from its parameters.
        functions, params = prepared if isinstance(prepared, tuple) else ((), prepared)
        results = self.primitive.bind(*functions, *operands, **params)
        return list(results) if self.primitive.multiple_results else [results]

    def bind_one(self, operand: int, value: Any) -> list[Any]:
        """Apply the primitive with another value of one operand."""
        return self.bind(*self.operands[:operand], value, *self.operands[operand + 1 :])

    def is_constant(self, operand: int) -> bool:
        """Whether the value of an operand is known while planning."""
        return isinstance(self.operands[operand], np.ndarray)


def size(value: Any) -> int:
    """Return the number of entries of an array."""
    return int(np.prod(np.shape(value)))


def identity(result: int, operand: int, value: Any) -> Partial:
    """Return the derivative of a result that equals an operand."""
    return Partial(result, operand, diagonal(size(value)), None, True)


def constant(function: Callable[[], Any]) -> np.ndarray:
    """Return the value of a function of constants, also while JAX traces a program."""
    with jax.ensure_compile_time_eval():
        return np.asarray(function())
