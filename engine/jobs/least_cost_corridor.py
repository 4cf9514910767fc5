"""Least-cost corridors between focal nodes."""

import numpy as np

from ..flows import allocate, corridor, corridors, least_cost_paths
from ..solvers.journal import journal
from .circuits import read_focal
from .landscape import choice, landscape_numbers, positive, read_grid, solver_numbers
from .least_cost_geometry import as_arrays, forecast, progress_of, read_targets
from .registry import Answer, Forecast, Job, Task

PAIRS = ("all", "minimum_planar_graph")


class LeastCostCorridorTask(Task):
    """Corridors among focal nodes, or between them and targets; their cheapest paths; whose ground every cell is."""

    name = "leastcost.corridor"

    def forecast(self, job: Job) -> Forecast:
        """All searches are kept."""
        return forecast(job, kept=2 if "target_ids" in job.inputs else len(np.unique(job.inputs["focal_ids"])))

    def run(self, job: Job) -> Answer:
        """Corridors first, then what else was asked for."""
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        pairs, relative = choice(job, "pairs", PAIRS), bool(job.parameters.get("relative"))
        truncate_at = positive(job, "truncate_at") if job.parameters.get("truncate_at") is not None else None
        outputs = {}
        job.report.progress(2, "Corridors")
        with journal() as entries:
            if targets is None:
                found = corridors(
                    grid,
                    focal,
                    which=pairs,
                    relative=relative,
                    truncate_at=truncate_at,
                    progress=progress_of(job, 2, 60),
                )
                count = len(found.pairs)
            else:
                found = corridor(grid, focal, targets, relative=relative, truncate_at=truncate_at)
                count = 1
            outputs["corridor"] = found.excess
            if job.parameters.get("paths"):
                which = "nearest" if targets is not None else pairs
                paths = least_cost_paths(grid, focal, targets, which=which, progress=progress_of(job, 60, 90))
                outputs |= as_arrays(paths)
            if job.parameters.get("allocation"):
                job.report.progress(90, "Allocation")
                ground = allocate(grid, focal)
                outputs |= {"allocation": ground.nearest, "direction": ground.direction}
        inside = found.excess[np.isfinite(found.excess)]
        numbers = landscape_numbers(grid) | solver_numbers(entries)
        numbers |= {
            "corridors": count,
            "least_cost": found.least_cost,
            "corridor_cells": inside.size,
            "maximum": inside.max() if inside.size else None,
        }
        return Answer(outputs, numbers)
