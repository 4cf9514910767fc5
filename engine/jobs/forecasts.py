"""What jobs need, from measurements of the worker's peak memory."""

import math

from ..solvers.dense import DENSE_LIMIT
from .registry import Forecast

#: The worker with JAX and an empty job.
BASE = 350 << 20

#: Bytes per cell of the raster for the graph itself (stencils, sparse copies) and for each raster-sized unknown.
GRAPH = 900
UNKNOWN = 48

#: A factor of SuperLU with a queen's graph takes about this many bytes per cell and per doubling of the cells.
FACTOR = 260

#: Matrices of n² numbers that are alive at once around a dense inverse.
DENSE_COPIES = 5


def shortest_paths(cells: int, rasters: int) -> Forecast:
    """Forecast least costs to so many rasters at once."""
    return Forecast(BASE + cells * (GRAPH + UNKNOWN * rasters))


def factorised(cells: int, active: int, rasters: int) -> Forecast:
    """Forecast sparse solves with so many right-hand sides at once."""
    factor = FACTOR * active * math.log2(max(active, 2))
    return Forecast(int(BASE + factor + cells * (GRAPH + UNKNOWN * rasters)))


def dense(cells: int, active: int) -> Forecast:
    """Forecast a dense inverse."""
    size = min(active, DENSE_LIMIT)
    return Forecast(BASE + DENSE_COPIES * 8 * size**2 + cells * GRAPH)
