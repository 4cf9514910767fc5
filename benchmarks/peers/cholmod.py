"""CHOLMOD, through scikit-sparse: supernodal Cholesky factorization with the ordering that CHOLMOD selects."""

import numpy as np
from sksparse.cholmod import cholesky

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork, relative_residual
from ..timer import Timer


def pair(landscape: BenchmarkLandscape, timer: Timer, *, ordering: str = "default") -> dict:
    """Resistance of one pair, the value alone."""
    source, target = landscape.pair
    return _grounded(landscape, timer, target, np.array([source]), ordering)


def star(landscape: BenchmarkLandscape, timer: Timer, *, ordering: str = "default", count: int = 18) -> dict:
    """Resistance from one of some points to all others, all right-hand sides solved at once."""
    target, *sources = landscape.points(count)
    return _grounded(landscape, timer, target, np.array(sources), ordering)


def _grounded(landscape: BenchmarkLandscape, timer: Timer, target: int, sources: np.ndarray, ordering: str) -> dict:
    network = SparseNetwork.of(landscape.permeability, landscape.largest_component)
    matrix, remaining = network.grounded(network.vertices(target))
    vertices = np.searchsorted(remaining, network.vertices(sources))
    b = np.zeros((matrix.shape[0], sources.size), order="F")
    b[vertices, np.arange(sources.size)] = 1.0

    def run(_: int) -> np.ndarray:
        with timer.part("factor"):
            factor = cholesky(matrix, mode="supernodal", ordering_method=ordering)
        with timer.part("solve"):
            return factor(b)

    x = timer.time(run, compiled=False)
    residual = max(relative_residual(matrix, b[:, k], x[:, k]) for k in range(sources.size))
    return {"values": x[vertices, np.arange(sources.size)], "residual": residual}


def everywhere(landscape: BenchmarkLandscape, timer: Timer, *, ordering: str = "default", samples: int = 200) -> dict:
    """Factorization for the resistance from every cell to one; only the values of sampled cells are computed."""
    network = SparseNetwork.of(landscape.permeability, landscape.largest_component)
    matrix, remaining = network.grounded(network.vertices(landscape.centre))
    factor = timer.time(lambda _: cholesky(matrix, mode="supernodal", ordering_method=ordering), compiled=False)
    cells = landscape.sample(samples)
    cells = cells[cells != landscape.centre]
    values = []
    for chunk in np.array_split(np.searchsorted(remaining, network.vertices(cells)), 10):
        b = np.zeros((matrix.shape[0], chunk.size), order="F")
        b[chunk, np.arange(chunk.size)] = 1.0
        values.extend(factor(b)[chunk, np.arange(chunk.size)])
    return {"values": values}
