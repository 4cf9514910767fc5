"""Randomized-shortest-path distance of every cell to sources."""

import equinox as eqx
import numpy as np

from ..distances.rsp import MEASURES
from ..solvers.automatic import choose
from ..solvers.journal import journal
from . import forecasts
from .asked_distance import asked_randomized
from .landscape import (
    choice,
    distance_numbers,
    landscape_numbers,
    read_grid,
    read_vertices,
    solver_numbers,
)
from .registry import Answer, Forecast, Job, Task


class RSPDistanceTask(Task):
    """Randomized-shortest-path distance from every cell to the nearest source, or to each source."""

    name = "rsp.distance"

    def forecast(self, job: Job) -> Forecast:
        """Sources come one after the other; each has a factorisation of its own."""
        sources = len(job.inputs["sources"])
        kept = sources if job.parameters.get("per_source") else 1
        return forecasts.randomized_paths(job.inputs["landscape"].shape, sources, kept)

    def run(self, job: Job) -> Answer:
        """One source after the other."""
        grid = read_grid(job)
        sources = read_vertices(job, grid, "sources")
        measure = choice(job, "measure", MEASURES)
        distance = asked_randomized(job)
        numbers = landscape_numbers(grid)
        job.report.message(choose(grid.shape, 1, symmetric=False).reason)
        # Survival is a nearness: the nearest source is the one that is reached most surely.
        nearest = np.fmax if measure == "survival" else np.fmin
        to_one = eqx.filter_jit(lambda grid, source: grid.node_values_to_array(distance(grid, targets=source)[:, 0]))
        result = None
        with journal() as entries:
            for number, source in enumerate(sources):
                job.report.progress(100 * number / len(sources), f"Source {number + 1} of {len(sources)}")
                raster = np.asarray(to_one(grid, source[None]))
                if job.parameters.get("per_source"):
                    result = np.empty((len(sources), *grid.shape)) if result is None else result
                    result[number] = raster
                else:
                    result = raster if result is None else nearest(result, raster)
        numbers |= distance_numbers(result, np.asarray(grid.activities)) | solver_numbers(entries)
        if measure == "survival":
            reached = (result > 0).any(0) if result.ndim == 3 else result > 0
            numbers["unreachable_cells"] = int((np.asarray(grid.activities) & ~reached).sum())
        return Answer({"distance": result}, numbers)
