"""Functions that compare and hash by their code, so that equal ones share one compiled program."""

from collections.abc import Callable
from typing import Any

from jaxtyping import ArrayLike


class HashableFunction:
    """A function that equals any other with the same code, defaults, enclosed values and globals.

    JAX keeps a compiled program for the functions it was compiled with. `lambda w: 1 / w` in the body of a loop is a
    new object in each iteration; compared by identity, each would be compiled again.

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
        self._key = _key(self.function)

    def __call__(self, *values: ArrayLike) -> ArrayLike:
        """Return the function of the values."""
        return self.function(*values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HashableFunction) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return getattr(self.function, "__qualname__", repr(self.function))


def _key(function: Callable) -> Any:
    """Return all that determines the values of a function, or the function itself where that cannot be hashed."""
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__self__", None) is not None:
        return function
    try:
        enclosed = tuple(cell.cell_contents for cell in function.__closure__ or ())
        global_values = tuple(function.__globals__.get(name) for name in code.co_names)
        source = (code.co_code, code.co_consts, code.co_names, code.co_varnames, code.co_freevars)
        key = (source, global_values, function.__defaults__, enclosed)
        hash(key)
    except (TypeError, ValueError):
        # A value that cannot be hashed, or an enclosed variable that has no value yet.
        return function
    return key
