"""All cores for independent pieces of work, each piece on one thread.

The pieces are many small matrix products. A BLAS that spreads each of them over threads of its own spends its time
waiting (ten times slower, measured), so it is held to one thread while any of this runs.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

from threadpoolctl import ThreadpoolController

OnEach = Callable[[Callable, Iterable], list]

_lock = Lock()
_inside = 0
_limit = None


@contextmanager
def blas_limited_pool() -> Iterator[OnEach]:
    """Give a function that applies a function to every item, several at a time, and returns the results in order.

    Examples
    --------
    >>> with blas_limited_pool() as on_each:
    ...     on_each(abs, [-1, 2])
    [1, 2]
    """
    _enter()
    try:
        with ThreadPoolExecutor(_cores()) as pool:
            yield lambda function, items: list(pool.map(function, items))
    finally:
        _leave()


def _enter() -> None:
    # The limit is the process's: who comes first sets it, who leaves last lifts it.
    global _inside, _limit
    with _lock:
        if not _inside:
            _limit = _blas().limit(limits=1, user_api="blas")
            _limit.__enter__()
        _inside += 1


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _limit.__exit__(None, None, None)


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    # Looking for the loaded libraries takes longer than a small factorisation; they do not change.
    return ThreadpoolController()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
