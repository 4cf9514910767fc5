"""Parallel work on the CPU: cached Numba compilation, thread pools with BLAS on one thread each, chunks of work.

The number of threads is that of the cores which the process may use.
"""

from .blas_threads import blas_limited_pool
from .chunks import chunk_ranges, directions_first, directions_last, equal_ranges
from .numba_jit import cpu_count, njit_cached, njit_reassociating, parallel_starmap

__all__ = [
    "blas_limited_pool",
    "chunk_ranges",
    "cpu_count",
    "directions_first",
    "directions_last",
    "equal_ranges",
    "njit_cached",
    "njit_reassociating",
    "parallel_starmap",
]
