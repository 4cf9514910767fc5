"""SuperLU, through SciPy: the only peer for nonsymmetric systems."""

import numpy as np
from scipy.sparse.linalg import splu

from ..landscapes import BenchmarkLandscape
from ..sparse_matrices import SparseNetwork
from ..timer import Timer


def expected_cost(
    landscape: BenchmarkLandscape, timer: Timer, *, theta: float, ordering: str = "MMD_AT_PLUS_A", samples: int = 200
) -> dict:
    """Expected cost of randomized shortest paths from every cell to one: one factor, two solves.

    Notes
    -----
    The options declare a symmetric pattern that needs no pivoting; the defaults are slower. Where the weight z
    underflows there is no result.
    """
    network = SparseNetwork.of(landscape.permeability, landscape.largest_component)
    target = network.vertices(landscape.centre)
    system, weighted_costs = network.hitting_system(theta, target)
    unit = np.zeros(system.shape[0])
    unit[target] = 1.0

    def run(_: int) -> np.ndarray:
        with timer.part("factor"):
            factor = splu(system, permc_spec=ordering, diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        with timer.part("solve"):
            z = factor.solve(unit)
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(z > 1e-280, factor.solve(weighted_costs @ z) / z, np.nan)

    cost = timer.time(run, compiled=False)
    return {"values": cost[network.vertices(landscape.sample(samples))], "missing_fraction": np.isnan(cost).mean()}
