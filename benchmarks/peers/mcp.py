"""scikit-image's `MCP_Geometric`: Dijkstra's algorithm on a raster, compiled."""

import numpy as np
from skimage.graph import MCP_Geometric

from ..landscapes import BenchmarkLandscape
from ..timer import Timer


def least_cost(landscape: BenchmarkLandscape, timer: Timer, *, samples: int = 200) -> dict:
    """Least cost from one cell to every other, the value alone; edge cost is the mean of the two cells' resistance."""
    start = [np.unravel_index(landscape.centre, landscape.permeability.shape)]
    with np.errstate(divide="ignore"):
        # A negative cost is a barrier.
        resistance = np.where(landscape.active, 1 / landscape.permeability, -1.0)

    def run(_: int) -> np.ndarray:
        return MCP_Geometric(resistance).find_costs(start)[0]

    costs = timer.time(run, compiled=False)
    return {"values": costs.flat[landscape.sample(samples)]}
