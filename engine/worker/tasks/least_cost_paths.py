"""Cheapest paths between focal nodes."""

from typing import get_args

from ...linalg.solver_stats import record_stats
from ...paths.path_search import Which, least_cost_paths
from ..circuit_inputs import read_focal
from ..inputs import choice_parameter, landscape_metrics, read_grid, solver_metrics
from ..path_inputs import estimate, path_arrays, progress_reporter, read_targets
from ..task import Job, ResourceEstimate, Task, TaskResult


class LeastCostPathsTask(Task):
    """Cheapest paths among focal nodes, or from them to targets."""

    name = "leastcost.paths"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A search for each node, or one for all; and the paths themselves."""
        return estimate(job)

    def run(self, job: Job) -> TaskResult:
        """Search by search."""
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        which = choice_parameter(job, "pairs", get_args(Which))
        job.report.progress(2, "Cheapest paths")
        with record_stats() as entries:
            paths = least_cost_paths(grid, focal, targets, which=which, progress=progress_reporter(job, 2, 95))
        costs = [path.cost for path in paths]
        metrics = landscape_metrics(grid) | solver_metrics(entries)
        metrics |= {
            "paths": len(paths),
            "minimum": min(costs, default=None),
            "maximum": max(costs, default=None),
        }
        return TaskResult(dict(path_arrays(paths)), metrics)
