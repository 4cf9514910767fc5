"""Fingerprints of parameters, functions and rasters: JSON and hashes that are the same in every process."""

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
    """Return a parameter as JSON: numbers and text unchanged, functions as a hash of their code.

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
    raise ValueError(f"a parameter of type {type(value).__name__} cannot be stored in a manifest: {value!r}")


def _code(function: Callable) -> Any:
    """Return what determines the values of a function: its instructions, enclosed values, defaults and globals."""
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))
    enclosed = [to_manifest(cell.cell_contents) for cell in function.__closure__ or ()]
    # Global values count; modules and functions are identified by their names alone.
    global_values = []
    for name in code.co_names:
        value = function.__globals__.get(name)
        is_plain = isinstance(value, (bool, int, float, str, np.ndarray, np.generic, jax.Array))
        global_values.append((name, to_manifest(value) if is_plain else None))
    return _instructions(code), enclosed, global_values, [to_manifest(entry) for entry in function.__defaults__ or ()]


def _instructions(code: types.CodeType) -> Any:
    constants = [_instructions(const) if isinstance(const, types.CodeType) else repr(const) for const in code.co_consts]
    return code.co_code.hex(), constants, code.co_names
