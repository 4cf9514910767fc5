"""Compilation of kernels by Numba, cached on disk, and a thread pool for them.

NumPy and XLA are fast where all cells are treated alike and at once. Dijkstra's queue, a sum down a tree and a
Gauss–Seidel sweep go from cell to cell, each of which depends on the one before; these are loops, compiled on first
use. The machine code is cached on disk, for rasters of any size.

A kernel may call kernels of its own file only: Numba takes a cached kernel to be valid as long as its file has not
changed, even if other files have.
"""

import contextlib
import inspect
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import lru_cache
from typing import Any

import numba

from .kernel_cache import KernelCache

#: Environment variable that limits the number of threads.
THREADS_VARIABLE = "PERMEA_THREADS"

#: Seconds between two progress reports of kernels that run in parallel.
WAIT_SECONDS = 0.5

#: LLVM's fast-math flags: fused multiply-add.
_FUSED = {"contract"}
#: LLVM's fast-math flags: also sums in an order that suits the processor, the same in every call.
_REASSOCIATED = {"contract", "reassoc", "nsz"}


def njit_cached(function: Callable) -> Callable:
    """Compile a kernel of arrays and numbers that releases the global interpreter lock.

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
    return _compile(function, _FUSED)


def njit_reassociating(function: Callable) -> Callable:
    """Compile a kernel like `njit_cached`, with sums that may be vectorized.

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
    return _compile(function, _REASSOCIATED)


def parallel_starmap(
    function: Callable, calls: Iterable[tuple], *, while_waiting: Callable[[], None] | None = None
) -> list[Any]:
    """Call a kernel with each of several tuples of arguments, in parallel; return the results in order.

    Parameters
    ----------
    function
        The kernel.
    calls
        The arguments of each call.
    while_waiting
        Called every half a second until all calls have returned, to report progress.

    Examples
    --------
    >>> parallel_starmap(max, [(1, 2), (4, 3)])
    [2, 4]
    """
    argument_tuples = list(calls)
    if len(argument_tuples) == 1 and while_waiting is None:
        return [function(*argument_tuples[0])]
    futures = [_pool().submit(function, *arguments) for arguments in argument_tuples]
    while while_waiting is not None and wait(futures, WAIT_SECONDS).not_done:
        while_waiting()
    return [future.result() for future in futures]


def cpu_count() -> int:
    """Return the number of cores that the process may use, but at most ``PERMEA_THREADS`` if that is set.

    Raises
    ------
    ValueError
        The environment variable ``PERMEA_THREADS`` is not a number of threads.

    Examples
    --------
    >>> cpu_count() >= 1
    True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = os.environ.get(THREADS_VARIABLE, "").strip()
    if text and not (text.isdecimal() and int(text) > 0):
        raise ValueError(f'the environment variable {THREADS_VARIABLE} is "{text}": give a number of threads')
    return min(cores, int(text)) if text else cores


def _compile(function: Callable, fastmath: set[str]) -> Callable:
    # The type checker in the tests wraps functions; Numba needs them unwrapped.
    function = inspect.unwrap(function)
    function.__module__ = _name_for_cache(function.__module__)
    kernel = numba.njit(nogil=True, error_model="numpy", fastmath=fastmath)(function)
    if os.path.isfile(function.__code__.co_filename):
        # Where no folder can be written to, kernels are compiled in every process.
        with contextlib.suppress(RuntimeError):
            # What `cache=True` does, with files that are checked.
            kernel._cache = KernelCache(function)
    return kernel


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cpu_count(), thread_name_prefix="permea")


def _name_for_cache(module: str) -> str:
    """Return a name of a module of the engine that does not depend on the name under which the engine was imported.

    A cached kernel refers to its module by name. QGIS's worker imports `engine.…`, a notebook `permea.engine.…`: both
    use the same cached kernels.
    """
    engine = __package__.rpartition(".")[0]
    if not module.startswith(f"{engine}."):
        return module
    name = f"_permea_kernels{module.removeprefix(engine)}"
    sys.modules.setdefault(name, sys.modules[module])
    return name
