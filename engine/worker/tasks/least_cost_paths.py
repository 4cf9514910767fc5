"""Least-cost paths between focal nodes."""

from typing import get_args

from ...linalg import record_stats
from ...paths import Which, least_cost_paths
from ..circuit_inputs import read_focal
from ..inputs import choice_parameter, read_grid
from ..metrics import landscape_metrics, solver_metrics
from ..path_inputs import estimate_searches, path_arrays, read_targets, search_progress
from ..task import Job, ResourceEstimate, Task, TaskResult


class LeastCostPathsTask(Task):
    """Least-cost paths between focal nodes, or from them to targets."""

    name = "leastcost.paths"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A search for each node, or one for all; and the paths."""
        return estimate_searches(job)

    def run(self, job: Job) -> TaskResult:
        """Search from one focal node after the other."""
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        which = choice_parameter(job, "pairs", get_args(Which))
        job.report.progress(2, "Least-cost paths")
        with record_stats() as stats:
            paths = least_cost_paths(grid, focal, targets, which=which, progress=search_progress(job, 2, 95))
        costs = [path.cost for path in paths]
        metrics = landscape_metrics(grid) | solver_metrics(stats)
        metrics |= {
            "paths": len(paths),
            "minimum": min(costs, default=None),
            "maximum": max(costs, default=None),
        }
        return TaskResult(dict(path_arrays(paths)), metrics)
