"""Least-cost corridors between focal nodes."""

import numpy as np

from ...linalg.solver_stats import record_stats
from ...paths import corridors
from ...paths.allocation import allocate
from ...paths.least_cost_corridors import corridor
from ...paths.pairwise_distances import connected
from ...paths.path_search import least_cost_paths
from ..circuit_inputs import read_focal
from ..inputs import choice_parameter, landscape_metrics, positive_parameter, read_grid, solver_metrics
from ..path_inputs import estimate, path_arrays, progress_reporter, read_targets
from ..task import Job, ResourceEstimate, Task, TaskResult

PAIRS = ("all", "minimum_planar_graph")


class LeastCostCorridorTask(Task):
    """Corridors among focal nodes, or between them and targets; their cheapest paths; whose ground every cell is."""

    name = "leastcost.corridor"

    def estimate(self, job: Job) -> ResourceEstimate:
        """All searches are kept."""
        return estimate(job, kept=2 if "target_ids" in job.inputs else len(np.unique(job.inputs["focal_ids"])))

    def run(self, job: Job) -> TaskResult:
        """Corridors first, then what else was asked for."""
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        pairs, relative = choice_parameter(job, "pairs", PAIRS), bool(job.parameters.get("relative"))
        truncate_at = positive_parameter(job, "truncate_at") if job.parameters.get("truncate_at") is not None else None
        outputs = {}
        job.report.progress(2, "Corridors")
        with record_stats() as entries:
            if targets is None:
                found = corridors(
                    grid,
                    focal,
                    which=pairs,
                    relative=relative,
                    truncate_at=truncate_at,
                    progress=progress_reporter(job, 2, 60),
                )
                count = len(found.pairs)
                outputs["joined"] = connected(grid, focal)
            else:
                found = corridor(grid, focal, targets, relative=relative, truncate_at=truncate_at)
                count = 1
            outputs["corridor"] = found.excess
            if job.parameters.get("paths"):
                which = "nearest" if targets is not None else pairs
                paths = least_cost_paths(grid, focal, targets, which=which, progress=progress_reporter(job, 60, 90))
                outputs |= path_arrays(paths)
            if job.parameters.get("allocation"):
                job.report.progress(90, "Allocation")
                ground = allocate(grid, focal)
                outputs |= {"allocation": ground.nearest, "direction": ground.direction}
        inside = found.excess[np.isfinite(found.excess)]
        metrics = landscape_metrics(grid) | solver_metrics(entries)
        metrics |= {
            "corridors": count,
            "least_cost": found.least_cost,
            "corridor_cells": inside.size,
            "maximum": inside.max() if inside.size else None,
        }
        return TaskResult(outputs, metrics)
