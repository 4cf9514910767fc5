"""Fingerprints of parameters, functions and rasters: JSON and hashes that are the same in every process."""

import dataclasses
import functools
import hashlib
import inspect
import types
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..hashable_function import HashableFunction, referenced_names
from .raster_like import RasterLike

#: Cells in a strip of rows: 8 MB of float64.
STRIP_CELLS = 1 << 20


def hash_raster(raster: RasterLike) -> str:
    """Return the SHA-256 of a raster's shape and cells, read strip by strip.

    Examples
    --------
    >>> hash_raster(np.zeros((2, 2))) == hash_raster(np.zeros((1, 4)))
    False
    """
    rows, columns = raster.shape
    digest = hashlib.sha256(f"{rows}x{columns}".encode())
    for strip in row_strips((rows, columns)):
        values = np.ascontiguousarray(raster[strip])
        digest.update(str(values.dtype).encode() + values.tobytes())
    return digest.hexdigest()


def row_strips(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Return slices of whole rows that cover a raster, each with at most `STRIP_CELLS` cells, but at least one row."""
    rows = max(1, STRIP_CELLS // shape[1])
    return [(slice(first, min(first + rows, shape[0])), slice(0, shape[1])) for first in range(0, shape[0], rows)]


def to_manifest(value: Any) -> Any:
    """Return a parameter as JSON: numbers and text unchanged, functions as a hash of their code and its values.

    Raises
    ------
    ValueError
        A parameter is of another type.

    Examples
    --------
    >>> to_manifest({"range": (3, 4), "scale": np.float64(0.5)})
    {'range': [3, 4], 'scale': 0.5}
    >>> to_manifest(lambda d: 1 / d) == to_manifest(lambda d: 1 / d), to_manifest(abs) == to_manifest(len)
    (True, False)
    """
    if isinstance(value, (np.ndarray, np.generic, jax.Array)):
        array = np.asarray(value)
        return array.item() if array.ndim == 0 else [str(array.dtype), to_manifest(array.tolist())]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): to_manifest(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_manifest(entry) for entry in value]
    if isinstance(value, HashableFunction):
        return to_manifest(value.function)
    if isinstance(value, eqx.Module):
        fields = {field.name: to_manifest(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"class": f"{type(value).__module__.split('.')[-1]}.{type(value).__qualname__}", **fields}
    if isinstance(value, functools.partial):
        return {"partial": to_manifest(value.func), "arguments": to_manifest([value.args, value.keywords])}
    if callable(value):
        return hashlib.sha256(repr(_code(value)).encode()).hexdigest()[:16]
    raise ValueError(f"a parameter of type {type(value).__name__} cannot be stored in a manifest: {value!r}")


def _code(function: Callable) -> Any:
    """Return the instructions of a function with its enclosed values, globals, defaults and bound instance."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))
    enclosed = [to_manifest(cell.cell_contents) for cell in function.__closure__ or ()]
    # Global values count; modules and functions are identified by their names alone.
    global_values = [(name, function.__globals__.get(name)) for name in referenced_names(code)]
    global_values = [(name, to_manifest(value) if _is_plain(value) else None) for name, value in global_values]
    defaults = to_manifest([function.__defaults__ or (), function.__kwdefaults__ or {}])
    key = _instructions(code), enclosed, global_values, defaults
    instance = getattr(function, "__self__", None)
    return key if instance is None else (*key, _state(instance))


def _is_plain(value: Any) -> bool:
    """Return whether a value consists of numbers, text and arrays only."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(map(_is_plain, value.values()))
    return isinstance(value, (bool, int, float, str, np.ndarray, np.generic, jax.Array))


def _state(instance: Any) -> Any:
    """Return the class and the attributes of the object whose method a function is, or the class itself."""
    if isinstance(instance, type) or not hasattr(instance, "__dict__"):
        return repr(instance)
    return type(instance).__qualname__, to_manifest(vars(instance))


def _instructions(code: types.CodeType) -> Any:
    return code.co_code.hex(), [_constant(value) for value in code.co_consts], code.co_names


def _constant(value: Any) -> Any:
    if isinstance(value, types.CodeType):
        return _instructions(value)
    # The order of a set of texts is another one in each process.
    return sorted(map(repr, value)) if isinstance(value, frozenset) else repr(value)
