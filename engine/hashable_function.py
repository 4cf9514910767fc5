"""Functions that a user writes down, told apart by what they compute and not by when they were made."""

from collections.abc import Callable
from typing import Any

from jaxtyping import ArrayLike


class HashableFunction:
    """A function that equals another one made by the same code with the same values at hand.

    A compiled program is kept for the functions it was compiled with. `lambda w: 1 / w` written inside a loop is a new
    object each time around; compared as objects, each would be compiled and kept anew.

    Parameters
    ----------
    function
        A function of arrays.

    Examples
    --------
    >>> def power(exponent):
    ...     return HashableFunction(lambda w: w**exponent)
    >>> power(2) == power(2), power(2) == power(3), power(2)(5)
    (True, False, 25)
    """

    def __init__(self, function: Callable[..., ArrayLike]):
        self.function = function.function if isinstance(function, HashableFunction) else function
        self._meaning = _meaning(self.function)

    def __call__(self, *values: ArrayLike) -> ArrayLike:
        """Return the function of the values."""
        return self.function(*values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashableFunction) and self._meaning == other._meaning

    def __hash__(self) -> int:
        return hash(self._meaning)

    def __repr__(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))


def _meaning(function: Callable) -> Any:
    """Return what decides the values of a function, or the function itself where that cannot be compared."""
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__self__", None) is not None:
        return function
    try:
        enclosed = tuple(cell.cell_contents for cell in function.__closure__ or ())
        around = tuple(function.__globals__.get(name) for name in code.co_names)
        written = (code.co_code, code.co_consts, code.co_names, code.co_varnames, code.co_freevars)
        meaning = (written, around, function.__defaults__, enclosed)
        hash(meaning)
    except (TypeError, ValueError):
        # Unhashable values, or a cell that is still empty.
        return function
    return meaning
