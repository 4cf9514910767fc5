"""Cheapest paths between focal nodes."""

from typing import get_args

from ..flows import least_cost_paths
from ..flows.paths import Which
from ..solvers.journal import journal
from .circuits import read_focal
from .landscape import choice, landscape_numbers, read_grid, solver_numbers
from .least_cost_geometry import as_arrays, forecast, progress_of, read_targets
from .registry import Answer, Forecast, Job, Task


class LeastCostPathsTask(Task):
    """Cheapest paths among focal nodes, or from them to targets."""

    name = "leastcost.paths"

    def forecast(self, job: Job) -> Forecast:
        """A search for each node, or one for all; and the paths themselves."""
        return forecast(job)

    def run(self, job: Job) -> Answer:
        """Search by search."""
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        which = choice(job, "pairs", get_args(Which))
        job.report.progress(2, "Cheapest paths")
        with journal() as entries:
            paths = least_cost_paths(grid, focal, targets, which=which, progress=progress_of(job, 2, 95))
        costs = [path.cost for path in paths]
        numbers = landscape_numbers(grid) | solver_numbers(entries)
        numbers |= {
            "paths": len(paths),
            "minimum": min(costs, default=None),
            "maximum": max(costs, default=None),
        }
        return Answer(dict(as_arrays(paths)), numbers)
