"""SuperLU, through SciPy: the only peer for a system that is not symmetric."""

import numpy as np
from scipy.sparse.linalg import splu

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork
from ..timer import Timer


def expected_cost(
    site: BenchmarkLandscape, watch: Timer, *, theta: float, ordering: str = "MMD_AT_PLUS_A", samples: int = 200
) -> dict:
    """Expected cost of randomized shortest paths from every cell to one: one factor, two solves.

    Notes
    -----
    The pattern is symmetric and no pivoting is needed, which SuperLU is told; with its defaults it is slower.
    Where the weight z underflows it has no answer.
    """
    network = SparseNetwork.of(site.permeability, site.mainland)
    target = network.number(site.centre)
    system, spent = network.arrival(theta, target)
    arrived = np.zeros(system.shape[0])
    arrived[target] = 1.0

    def run(_: int) -> np.ndarray:
        with watch.part("factor"):
            factor = splu(system, permc_spec=ordering, diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        with watch.part("solve"):
            z = factor.solve(arrived)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(z > 1e-280, factor.solve(spent @ z) / z, np.nan)

    cost = watch.time(run, compiled=False)
    return {"values": cost[network.number(site.sample(samples))], "unanswered": np.isnan(cost).mean()}
