"""Functions that compare and hash by their code, so that equal ones share one compiled program."""

import types
from collections.abc import Callable, Iterable
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


def referenced_names(code: types.CodeType) -> tuple[str, ...]:
    """Return the names of globals and attributes that a function uses, including those in functions defined inside it.

    Examples
    --------
    >>> referenced_names((lambda values: sum(abs(value) for value in values)).__code__)
    ('sum', 'abs')
    """
    nested = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return sum(map(referenced_names, nested), code.co_names)


def _key(function: Callable) -> Any:
    """Return everything that determines the values of a function, or the function itself if that cannot be hashed."""
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__self__", None) is not None:
        return function
    try:
        enclosed = _with_types(cell.cell_contents for cell in function.__closure__ or ())
        global_values = _with_types(function.__globals__.get(name) for name in referenced_names(code))
        source = (code.co_code, _with_types(code.co_consts), code.co_names, code.co_varnames, code.co_freevars)
        keywords = function.__kwdefaults__ or {}
        defaults = (_with_types(function.__defaults__ or ()), tuple(keywords), _with_types(keywords.values()))
        key = (source, global_values, defaults, enclosed)
        hash(key)
    except (TypeError, ValueError):
        # A value that cannot be hashed, or an enclosed variable that has no value yet.
        return function
    return key


def _with_types(values: Iterable[Any]) -> tuple[tuple[type, Any], ...]:
    """Return values with their types: 1, 1.0 and True are equal, but a function of them may differ."""
    return tuple((type(value), value) for value in values)
