"""Parallel work on the CPU: cached Numba compilation, thread pools with BLAS on one thread each, chunks of work.

There are as many threads as cores that the process may use; `available_memory` is the memory it may use. The
environment variables ``PERMEA_THREADS`` and ``PERMEA_MEMORY_BYTES`` limit the two.
"""

from .blas_threads import blas_limited_pool
from .chunks import chunk_ranges, directions_first, directions_last, equal_ranges
from .numba_jit import cpu_count, njit_cached, njit_reassociating, parallel_starmap
from .process_memory import (
    available_memory,
    end_first_if_memory_runs_out,
    memory_limit,
    peak_memory,
    reset_peak_memory,
    return_free_memory,
    used_memory,
)

__all__ = [
    "available_memory",
    "blas_limited_pool",
    "chunk_ranges",
    "cpu_count",
    "directions_first",
    "directions_last",
    "end_first_if_memory_runs_out",
    "equal_ranges",
    "memory_limit",
    "njit_cached",
    "njit_reassociating",
    "parallel_starmap",
    "peak_memory",
    "reset_peak_memory",
    "return_free_memory",
    "used_memory",
]
