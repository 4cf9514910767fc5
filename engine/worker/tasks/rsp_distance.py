"""Randomized-shortest-path distance of every cell to sources."""

import equinox as eqx
import numpy as np

from ...distances import MEASURES
from ...linalg import record_stats, select_solver
from .. import resource_estimates
from ..distance_factory import make_rsp_distance
from ..inputs import choice_parameter, read_grid, read_vertices
from ..metrics import distance_metrics, landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class RSPDistanceTask(Task):
    """Randomized-shortest-path distance from every cell to the nearest source, or to each source."""

    name = "rsp.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One factorization for each source."""
        sources = len(job.inputs["sources"])
        rasters = sources if job.parameters.get("per_source") else 1
        return resource_estimates.randomized_paths(job.inputs["landscape"].shape, sources, rasters)

    def run(self, job: Job) -> TaskResult:
        """Solve for one source after the other."""
        grid = read_grid(job)
        sources = read_vertices(job, grid, "sources")
        measure = choice_parameter(job, "measure", MEASURES)
        distance = make_rsp_distance(job)
        metrics = landscape_metrics(grid)
        job.report.message(select_solver(grid.shape, 1, symmetric=False).reason)
        # Survival is a proximity: the nearest source has the largest.
        nearest = np.fmax if measure == "survival" else np.fmin
        to_one = eqx.filter_jit(lambda grid, source: grid.node_values_to_array(distance(grid, targets=source)[:, 0]))
        result = None
        with record_stats() as stats:
            for number, source in enumerate(sources):
                job.report.progress(100 * number / len(sources), f"Source {number + 1} of {len(sources)}")
                raster = np.asarray(to_one(grid, source[None]))
                if job.parameters.get("per_source"):
                    result = np.empty((len(sources), *grid.shape)) if result is None else result
                    result[number] = raster
                else:
                    result = raster if result is None else nearest(result, raster)
        metrics |= distance_metrics(result, np.asarray(grid.active)) | solver_metrics(stats)
        if measure == "survival":
            reached = (result > 0).any(0) if result.ndim == 3 else result > 0
            metrics["unreachable_cells"] = int((np.asarray(grid.active) & ~reached).sum())
        return TaskResult({"distance": result}, metrics)
