"""Least-cost distance of every cell to sources."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ...distances import LCPDistance
from ...graph import GridGraph
from ...linalg import record_stats
from .. import resource_estimates
from ..distance_maps import DistanceMaps
from ..inputs import count_sources, read_grid, read_sources
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class LeastCostDistanceTask(Task):
    """Accumulated cost of the least-cost path from every cell to the nearest source, or to each source."""

    name = "leastcost.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Dijkstra's algorithm holds the graph and one raster, for any number of sources."""
        searches = count_sources(job) if job.parameters.get("per_source") else 1
        return resource_estimates.shortest_paths(job.inputs["landscape"].size, searches)

    def run(self, job: Job) -> TaskResult:
        """Search once for the nearest source, or once for each."""
        grid = read_grid(job)
        sources = read_sources(job, grid)
        metrics = landscape_metrics(grid)
        maps = DistanceMaps(job, np.asarray(grid.active), len(sources))
        with record_stats() as stats:
            if job.parameters.get("per_source"):
                for number, source in enumerate(sources):
                    job.report.progress(100 * number / len(sources), f"Source {number + 1} of {len(sources)}")
                    maps.add(np.asarray(_to_nearest(grid, source)))
            else:
                job.report.progress(10, "Least-cost paths to the nearest source")
                maps.add(np.asarray(_to_nearest(grid, np.concatenate(sources))))
        return TaskResult(maps.outputs, metrics | maps.metrics | solver_metrics(stats))


@eqx.filter_jit
def _to_nearest(grid: GridGraph, sources: np.ndarray) -> Float[Array, "rows columns"]:
    return grid.node_values_to_array(LCPDistance().nearest(grid, sources))
