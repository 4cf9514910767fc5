"""Randomized-shortest-path distance of every cell to sources."""

import equinox as eqx
import numpy as np

from ...distances import MEASURES
from ...linalg import record_stats, select_solver
from .. import resource_estimates
from ..distance_factory import make_rsp_distance
from ..distance_maps import DistanceMaps
from ..inputs import choice_parameter, read_grid, read_vertices
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class RSPDistanceTask(Task):
    """Randomized-shortest-path distance from every cell to the nearest source, or to each source."""

    name = "rsp.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One factorization for each source."""
        return resource_estimates.randomized_paths(job.inputs["landscape"].shape, len(job.inputs["sources"]))

    def run(self, job: Job) -> TaskResult:
        """Solve for one source after the other."""
        grid = read_grid(job)
        sources = read_vertices(job, grid, "sources")
        measure = choice_parameter(job, "measure", MEASURES)
        distance = make_rsp_distance(job)
        metrics = landscape_metrics(grid)
        job.report.detail(select_solver(grid.shape, 1, symmetric=False).reason)
        to_one = eqx.filter_jit(lambda grid, source: grid.node_values_to_array(distance(grid, targets=source)[:, 0]))
        # Survival is a proximity: the nearest source has the largest, and 0 is out of reach.
        survival = {"nearest": np.fmax, "is_reached": lambda values: values > 0} if measure == "survival" else {}
        maps = DistanceMaps(job, np.asarray(grid.active), len(sources), **survival)
        with record_stats() as stats:
            for number, source in enumerate(sources):
                job.report.progress(100 * number / len(sources), f"Source {number + 1} of {len(sources)}")
                maps.add(np.asarray(to_one(grid, source[None])))
        return TaskResult(maps.outputs, metrics | maps.metrics | solver_metrics(stats))
