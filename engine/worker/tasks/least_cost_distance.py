"""Least-cost distance of every cell to sources."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ...distances import LCPDistance
from ...graph import GridGraph
from ...linalg import record_stats
from .. import resource_estimates
from ..inputs import read_grid, read_vertices
from ..metrics import distance_metrics, landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class LeastCostDistanceTask(Task):
    """Accumulated cost of the least-cost path from every cell to the nearest source, or to each source."""

    name = "leastcost.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Dijkstra's algorithm holds the graph and a raster per source."""
        searches = len(job.inputs["sources"]) if job.parameters.get("per_source") else 1
        return resource_estimates.shortest_paths(job.inputs["landscape"].size, searches, searches)

    def run(self, job: Job) -> TaskResult:
        """Search once for the nearest source, or once for each."""
        grid = read_grid(job)
        sources = read_vertices(job, grid, "sources")
        metrics = landscape_metrics(grid)
        with record_stats() as stats:
            if job.parameters.get("per_source"):
                rasters = []
                for number, source in enumerate(sources):
                    job.report.progress(100 * number / len(sources), f"Source {number + 1} of {len(sources)}")
                    rasters.append(np.asarray(_to_nearest(grid, source[None])))
                result = np.stack(rasters)
            else:
                job.report.progress(10, "Least-cost paths to the nearest source")
                result = np.asarray(_to_nearest(grid, sources))
        metrics |= distance_metrics(result, np.asarray(grid.active)) | solver_metrics(stats)
        return TaskResult({"distance": result}, metrics)


@eqx.filter_jit
def _to_nearest(grid: GridGraph, sources: np.ndarray) -> Float[Array, "rows columns"]:
    return grid.node_values_to_array(LCPDistance().nearest(grid, sources))
