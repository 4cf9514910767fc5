"""Speed of this machine relative to the reference machine, on which the constants of the estimates were measured."""

import json
import os
import platform
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from ..storage import write_atomically

#: Seconds of the two benchmarks on the reference machine, two cores of an AMD EPYC.
DENSE_SECONDS = 0.018
SPARSE_SECONDS = 0.016

#: Largest ratio of the two factors: with fewer cores BLAS is slower, but not more. A larger one means a busy machine.
MAX_DENSE_RATIO = 4.0

FILE = "permea-speed.json"


@lru_cache(maxsize=1)
def speed_factors() -> tuple[float, float]:
    """Return the time of dense and of sparse arithmetic relative to the reference machine.

    The measurement takes a third of a second. It is stored in the cache of compiled kernels, if there is one.

    Examples
    --------
    >>> dense, sparse = speed_factors()
    >>> dense > 0 and sparse > 0
    True
    """
    file = _cache_file()
    machine = f"{platform.node()} {platform.machine()} {os.cpu_count()}"
    if file is not None and (stored := _read(file, machine)):
        return stored
    # The processor time of the thread, where its clock is fine enough: other programs do not prolong it.
    is_fine = time.get_clock_info("thread_time").resolution < 1e-3
    sparse = _min_seconds(_sparse_benchmark, time.thread_time if is_fine else time.perf_counter) / SPARSE_SECONDS
    dense = min(_min_seconds(_dense_benchmark, time.perf_counter) / DENSE_SECONDS, MAX_DENSE_RATIO * sparse)
    if file is not None:
        text = json.dumps({"machine": machine, "dense": dense, "sparse": sparse})
        write_atomically(file, lambda file: file.write(text.encode()))
    return dense, sparse


def _cache_file() -> Path | None:
    folder = jax.config.jax_compilation_cache_dir
    # The cache may be read-only, or in a cloud.
    return Path(folder) / FILE if folder and os.path.isdir(folder) and os.access(folder, os.W_OK) else None


def _read(file: Path, machine: str) -> tuple[float, float] | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        factors = float(stored["dense"]), float(stored["sparse"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return factors if stored.get("machine") == machine and min(factors) > 0 else None


def _min_seconds(benchmark: Callable[[], None], clock: Callable[[], float]) -> float:
    """Return the shortest of three times: disturbances only prolong a run."""
    seconds = []
    for _ in range(3):
        start = clock()
        benchmark()
        seconds.append(clock() - start)
    return min(seconds)


def _dense_benchmark() -> None:
    blocks = np.full((32, 160, 160), 0.5)
    for _ in range(4):
        blocks = blocks @ blocks / 160


def _sparse_benchmark() -> None:
    width = 400
    cells = np.arange(width * width)
    west, north = cells[cells % width < width - 1], cells[:-width]
    rows, columns = np.concatenate([west, north]), np.concatenate([west + 1, north + width])
    costs = 1.0 + (rows * 7919 % 101) / 101
    dijkstra(csr_matrix((costs, (rows, columns)), shape=(width * width,) * 2), directed=False, indices=0)
