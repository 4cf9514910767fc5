"""Least-cost corridors between focal nodes."""

import numpy as np

from ...linalg import record_stats
from ...paths import allocate, connected, corridor, corridors, least_cost_paths
from ..circuit_inputs import read_focal
from ..inputs import choice_parameter, positive_parameter, read_grid
from ..metrics import landscape_metrics, solver_metrics
from ..path_inputs import estimate_searches, path_arrays, read_targets, search_progress
from ..task import Job, ResourceEstimate, Task, TaskResult

PAIRS = ("all", "minimum_planar_graph")


class LeastCostCorridorTask(Task):
    """Corridors between focal nodes or to targets; optionally their least-cost paths and the cost allocation."""

    name = "leastcost.corridor"

    def estimate(self, job: Job) -> ResourceEstimate:
        """The searches, with the cost rasters of all of them in memory."""
        has_targets = "target_ids" in job.inputs
        return estimate_searches(
            job,
            rasters=2 if has_targets else len(np.unique(job.inputs["focal_ids"])),
            with_paths=bool(job.parameters.get("paths")),
            with_corridors=not has_targets,
        )

    def run(self, job: Job) -> TaskResult:
        """Compute the corridors, then paths and allocation."""
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        pairs, relative = choice_parameter(job, "pairs", PAIRS), bool(job.parameters.get("relative"))
        truncate_at = positive_parameter(job, "truncate_at") if job.parameters.get("truncate_at") is not None else None
        outputs = {}
        job.report.progress(2, "Corridors")
        with record_stats() as stats:
            if targets is None:
                result = corridors(
                    grid,
                    focal,
                    which=pairs,
                    relative=relative,
                    truncate_at=truncate_at,
                    progress=search_progress(job, 2, 40),
                    pair_progress=lambda done: job.report.progress(40 + 20 * done, "Corridors of all pairs"),
                )
                count = len(result.pairs)
                coincident = len(result.coincident)
            else:
                result = corridor(grid, focal, targets, relative=relative, truncate_at=truncate_at)
                count, coincident = 1, 0
            outputs["joined"] = connected(grid, focal, targets)
            outputs["corridor"] = result.excess
            if job.parameters.get("paths"):
                which = "nearest" if targets is not None else pairs
                paths = least_cost_paths(grid, focal, targets, which=which, progress=search_progress(job, 60, 90))
                outputs |= path_arrays(paths)
            if job.parameters.get("allocation"):
                job.report.progress(90, "Allocation")
                nearest = allocate(grid, focal)
                outputs |= {"allocation": nearest.nearest, "direction": nearest.direction}
        inside = result.excess[np.isfinite(result.excess)]
        metrics = landscape_metrics(grid) | solver_metrics(stats)
        metrics |= {
            "corridors": count,
            "coincident_pairs": coincident,
            "least_cost": result.least_cost,
            "corridor_cells": inside.size,
            "maximum": inside.max() if inside.size else None,
        }
        return TaskResult(outputs, metrics)
