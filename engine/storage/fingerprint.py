"""What a result depends on, in words and hashes that are the same in every process."""

import dataclasses
import hashlib
import inspect
import types
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

from ..hashable_function import HashableFunction
from .raster_like import RasterLike

#: Cells of a raster that are read at a time.
CELLS_AT_A_TIME = 1 << 20


def hash_raster(raster: RasterLike) -> str:
    """Return the SHA-256 of a raster's shape and cells, read part by part.

    Examples
    --------
    >>> hash_raster(np.zeros((2, 2))) == hash_raster(np.zeros((1, 4)))
    False
    """
    rows, columns = raster.shape
    digest = hashlib.sha256(f"{rows}x{columns}".encode())
    for place in row_strips((rows, columns)):
        part = np.ascontiguousarray(raster[place])
        digest.update(str(part.dtype).encode() + part.tobytes())
    return digest.hexdigest()


def row_strips(shape: tuple[int, int]) -> list[tuple[slice, slice]]:
    """Return slices of whole rows that together cover a raster, each of a bounded number of cells."""
    rows = max(1, CELLS_AT_A_TIME // shape[1])
    return [(slice(first, min(first + rows, shape[0])), slice(0, shape[1])) for first in range(0, shape[0], rows)]


def to_manifest(value: Any) -> Any:
    """Return what JSON can hold of a parameter: numbers and words as they are, functions by a hash of their code.

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
    if callable(value):
        return hashlib.sha256(repr(_code(value)).encode()).hexdigest()[:16]
    raise ValueError(f"a parameter of type {type(value).__name__} cannot be kept with a run: {value!r}")


def _code(function: Callable) -> Any:
    """Return what decides the values of a function."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))
    enclosed = [to_manifest(cell.cell_contents) for cell in function.__closure__ or ()]
    # Values that the function finds around itself count; modules and functions are known by their names.
    around = []
    for name in code.co_names:
        found = function.__globals__.get(name)
        plain = isinstance(found, (bool, int, float, str, np.ndarray, np.generic, jax.Array))
        around.append((name, to_manifest(found) if plain else None))
    return _instructions(code), enclosed, around, [to_manifest(entry) for entry in function.__defaults__ or ()]


def _instructions(code: types.CodeType) -> Any:
    constants = [_instructions(one) if isinstance(one, types.CodeType) else repr(one) for one in code.co_consts]
    return code.co_code.hex(), constants, code.co_names
