"""Loops over cells, compiled for the processor by Numba.

NumPy and XLA are fast where every cell is treated alike and at once. Dijkstra's queue, a sum down a tree and a
Gauss–Seidel sweep go from cell to cell, each needing the one before; these are written as loops and compiled when they
are first used. What was compiled is kept on disk, whatever the size of the raster.
"""

import inspect
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numba


def compiled(function: Callable) -> Callable:
    """Compile a function of arrays and numbers; it lets other threads run meanwhile.

    Examples
    --------
    >>> import numpy as np
    >>> @compiled
    ... def total(values):
    ...     sum_ = 0.0
    ...     for value in values:
    ...         sum_ += value
    ...     return sum_
    >>> total(np.array([1.0, 2.0]))
    3.0
    """
    # What checks annotations while tests run wraps functions; Numba needs them bare.
    bare = inspect.unwrap(function)
    kept = os.path.isfile(inspect.getfile(bare))
    return numba.njit(nogil=True, cache=kept, error_model="numpy")(bare)


def on_all_cores(function: Callable, arguments: Iterable[tuple]) -> list[Any]:
    """Call a compiled function with each of several arguments, several at a time; return the results in order.

    Examples
    --------
    >>> on_all_cores(max, [(1, 2), (4, 3)])
    [2, 4]
    """
    calls = list(arguments)
    if len(calls) == 1:
        return [function(*calls[0])]
    return list(_pool().map(lambda call: function(*call), calls))


def cores() -> int:
    """Return how many threads can run at once."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="permea")
