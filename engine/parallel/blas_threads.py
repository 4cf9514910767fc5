"""A thread pool for many independent dense products, each with BLAS on one thread.

The products are small. If BLAS used several threads for each of them, it would spend its time waiting (ten times
slower, measured). So BLAS is limited to one thread for the whole process while such a pool exists.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

from threadpoolctl import ThreadpoolController

from .numba_jit import cpu_count

#: Applies a function to every item and returns the results in the order of the items.
ParallelMap = Callable[[Callable, Iterable], list]

_lock = Lock()
_pools = 0
_limit = None


@contextmanager
def blas_limited_pool() -> Iterator[ParallelMap]:
    """Provide a parallel map over all cores, with BLAS limited to one thread.

    Yields
    ------
    ParallelMap
        A function that applies a function to every item, in parallel, and returns the results in order.

    Examples
    --------
    >>> with blas_limited_pool() as parallel_map:
    ...     parallel_map(abs, [-1, 2])
    [1, 2]
    """
    _acquire_limit()
    try:
        with ThreadPoolExecutor(cpu_count()) as pool:
            yield lambda function, items: list(pool.map(function, items))
    finally:
        _release_limit()


def _acquire_limit() -> None:
    # The limit holds for the whole process: the first pool sets it, the last one removes it.
    global _pools, _limit
    with _lock:
        if not _pools:
            _limit = _controller().limit(limits=1, user_api="blas")
            _limit.__enter__()
        _pools += 1


def _release_limit() -> None:
    global _pools
    with _lock:
        _pools -= 1
        if not _pools:
            _limit.__exit__(None, None, None)


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # Searching for the loaded libraries takes longer than a small factorization; they do not change.
    return ThreadpoolController()
