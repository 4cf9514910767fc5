"""How fast this machine is beside the one on which the estimates' constants were measured; found out once."""

import json
import os
import platform
import time
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

#: Seconds that the two pieces of work take on the machine of the constants (two cores of an AMD EPYC).
DENSE_SECONDS = 0.018
SPARSE_SECONDS = 0.016

FILE = "permea-speed.json"


@lru_cache(maxsize=1)
def speed_factors() -> tuple[float, float]:
    """Return how many times longer dense and sparse work take here than on the machine of the constants.

    The measurement takes a third of a second and is kept beside the compiled kernels, where there is such a place.

    Examples
    --------
    >>> dense, sparse = speed_factors()
    >>> dense > 0 and sparse > 0
    True
    """
    file = _file()
    machine = f"{platform.node()} {platform.machine()} {os.cpu_count()}"
    if file is not None and (known := _read(file, machine)):
        return known
    found = (_shortest(_dense_work) / DENSE_SECONDS, _shortest(_sparse_work) / SPARSE_SECONDS)
    if file is not None:
        unfinished = file.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps({"machine": machine, "dense": found[0], "sparse": found[1]}), encoding="utf-8")
        os.replace(unfinished, file)
    return found


def _file() -> Path | None:
    folder = jax.config.jax_compilation_cache_dir
    # A cache that cannot be written to is none; it may also be a place in a cloud.
    return Path(folder) / FILE if folder and os.path.isdir(folder) and os.access(folder, os.W_OK) else None


def _read(file: Path, machine: str) -> tuple[float, float] | None:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        found = float(stored["dense"]), float(stored["sparse"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if stored.get("machine") == machine and min(found) > 0 else None


def _shortest(work) -> float:
    """Time the quickest of three runs: what disturbs can only make it longer."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def _dense_work() -> None:
    blocks = np.full((32, 160, 160), 0.5)
    for _ in range(4):
        blocks = blocks @ blocks / 160


def _sparse_work() -> None:
    side = 400
    cell = np.arange(side * side)
    right, down = cell[cell % side < side - 1], cell[:-side]
    rows, columns = np.concatenate([right, down]), np.concatenate([right + 1, down + side])
    prices = 1.0 + (rows * 7919 % 101) / 101
    dijkstra(csr_matrix((prices, (rows, columns)), shape=(side * side,) * 2), directed=False, indices=0)
