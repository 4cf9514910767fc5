"""Effective resistance of every cell to sources."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ..distances import ResistanceDistance
from ..grid import GridGraph
from ..solvers.dense import refuse_above_limit
from ..solvers.journal import journal
from . import forecasts
from .landscape import distance_numbers, landscape_numbers, read_grid, read_vertices, solver_numbers
from .registry import Answer, Forecast, Job, Task


class ResistanceDistanceTask(Task):
    """Effective resistance from every cell to the nearest source, or to each source."""

    name = "resistance.distance"

    def forecast(self, job: Job) -> Forecast:
        """The diagonal of the inverse comes from a dense matrix."""
        return forecasts.dense(job.inputs["landscape"].size, int(job.inputs["valid"].sum()))

    def run(self, job: Job) -> Answer:
        """One inverse serves all sources."""
        grid = read_grid(job)
        refuse_above_limit(grid.nb_active, "The resistance from every cell to a source")
        sources = read_vertices(job, grid, "sources")
        numbers = landscape_numbers(grid)
        job.report.message(f"{grid.nb_active:,} cells: one dense inverse serves every source")
        job.report.progress(10, "Inverting the Laplacian")
        with journal() as entries:
            to_each = np.asarray(_to_each(grid, sources))
        result = to_each if job.parameters.get("per_source") else to_each.min(0)
        numbers |= distance_numbers(result, np.asarray(grid.activities)) | solver_numbers(entries)
        return Answer({"distance": result}, numbers)


@eqx.filter_jit
def _to_each(grid: GridGraph, sources: np.ndarray) -> Float[Array, "sources rows columns"]:
    return grid.node_values_to_array(ResistanceDistance()(grid, targets=sources).T)
