"""CHOLMOD, through scikit-sparse: supernodal Cholesky, the ordering that CHOLMOD finds best."""

import numpy as np
from sksparse.cholmod import cholesky

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork, relative_residual
from ..timer import Timer


def pair(site: BenchmarkLandscape, watch: Timer, *, ordering: str = "default") -> dict:
    """Resistance of one pair, the value alone."""
    source, target = site.pair
    return _grounded(site, watch, target, np.array([source]), ordering)


def star(site: BenchmarkLandscape, watch: Timer, *, ordering: str = "default", count: int = 18) -> dict:
    """Resistance from one of some points to each other one, all solved at once."""
    target, *others = site.points(count)
    return _grounded(site, watch, target, np.array(others), ordering)


def _grounded(site: BenchmarkLandscape, watch: Timer, target: int, sources: np.ndarray, ordering: str) -> dict:
    network = SparseNetwork.of(site.permeability, site.mainland)
    matrix, kept = network.grounded(network.number(target))
    vertices = np.searchsorted(kept, network.number(sources))
    b = np.zeros((matrix.shape[0], sources.size), order="F")
    b[vertices, np.arange(sources.size)] = 1.0

    def run(_: int) -> np.ndarray:
        with watch.part("factor"):
            factor = cholesky(matrix, mode="supernodal", ordering_method=ordering)
        with watch.part("solve"):
            return factor(b)

    x = watch.time(run, compiled=False)
    residual = max(relative_residual(matrix, b[:, k], x[:, k]) for k in range(sources.size))
    return {"values": x[vertices, np.arange(sources.size)], "residual": residual}


def everywhere(site: BenchmarkLandscape, watch: Timer, *, ordering: str = "default", samples: int = 200) -> dict:
    """Factor of the system that gives the resistance from every cell to one; the map only in some sampled cells."""
    network = SparseNetwork.of(site.permeability, site.mainland)
    matrix, kept = network.grounded(network.number(site.centre))
    factor = watch.time(lambda _: cholesky(matrix, mode="supernodal", ordering_method=ordering), compiled=False)
    cells = site.sample(samples)
    cells = cells[cells != site.centre]
    values = []
    for chunk in np.array_split(np.searchsorted(kept, network.number(cells)), 10):
        b = np.zeros((matrix.shape[0], chunk.size), order="F")
        b[chunk, np.arange(chunk.size)] = 1.0
        values.extend(factor(b)[chunk, np.arange(chunk.size)])
    return {"values": values}
