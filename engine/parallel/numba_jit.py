"""Loops over cells, compiled for the processor by Numba.

NumPy and XLA are fast where every cell is treated alike and at once. Dijkstra's queue, a sum down a tree and a
Gauss–Seidel sweep go from cell to cell, each needing the one before; these are written as loops and compiled when they
are first used. What was compiled is kept on disk, whatever the size of the raster.

A compiled function calls compiled functions of its own file only: the copy on disk is taken to be good as long as its
file has not changed, whatever happened to others.
"""

import inspect
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numba

#: A product may be added without being rounded before.
_FUSED = {"contract"}
#: Sums may be taken in the order that suits the processor; the same one each time.
_IN_ANY_ORDER = {"contract", "reassoc", "nsz"}


def njit_cached(function: Callable) -> Callable:
    """Compile a function of arrays and numbers; it lets other threads run meanwhile.

    Examples
    --------
    >>> import numpy as np
    >>> @njit_cached
    ... def last(values):
    ...     for value in values:
    ...         result = value
    ...     return result
    >>> last(np.array([1.0, 2.0]))
    2.0
    """
    return _compiled(function, _FUSED)


def njit_reassociating(function: Callable) -> Callable:
    """Compile a function as `njit_cached` does, adding several numbers at a time.

    Examples
    --------
    >>> import numpy as np
    >>> @njit_reassociating
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    return _compiled(function, _IN_ANY_ORDER)


def parallel_starmap(function: Callable, calls: Iterable[tuple]) -> list[Any]:
    """Call a compiled function with each of several arguments, several at a time; return the results in order.

    Examples
    --------
    >>> parallel_starmap(max, [(1, 2), (4, 3)])
    [2, 4]
    """
    arguments = list(calls)
    if len(arguments) == 1:
        return [function(*arguments[0])]
    return list(_pool().map(lambda each: function(*each), arguments))


def cpu_count() -> int:
    """Return how many threads can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _compiled(function: Callable, liberties: set[str]) -> Callable:
    # What checks annotations while tests run wraps functions; Numba needs them bare.
    bare = inspect.unwrap(function)
    # A copy on disk remembers under which name the package was imported and cannot be loaded under another one; its
    # file is named after the function.
    bare.__qualname__ = f"{bare.__module__.partition('.')[0]}.{bare.__qualname__}"
    kept = os.path.isfile(bare.__code__.co_filename)
    return numba.njit(nogil=True, cache=kept, error_model="numpy", fastmath=liberties)(bare)


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_count(), thread_name_prefix="permea")
