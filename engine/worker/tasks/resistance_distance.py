"""Effective resistance of every cell to sources."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ...distances import ResistanceDistance
from ...graph.grid_graph import GridGraph
from ...linalg.solver_stats import record_stats
from .. import resource_estimates
from ..inputs import distance_metrics, landscape_metrics, read_grid, read_vertices, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Sources solved for at a time: the factor is kept between batches, and there is progress in between.
BATCH = 16


class ResistanceDistanceTask(Task):
    """Effective resistance from every cell to the nearest source, or to each source."""

    name = "resistance.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A factor, the diagonal of the inverse, and a solve for each source of a batch."""
        batch = min(len(job.inputs["sources"]), BATCH)
        each = resource_estimates.resistance_map(job.inputs["landscape"].shape, batch)
        kept = len(job.inputs["sources"]) if job.parameters.get("per_source") else 1
        return ResourceEstimate(each.bytes + 8 * kept * job.inputs["landscape"].size, each.seconds)

    def run(self, job: Job) -> TaskResult:
        """One factor serves all sources, which come in batches."""
        grid = read_grid(job)
        sources = read_vertices(job, grid, "sources")
        metrics = landscape_metrics(grid)
        job.report.message(
            f"{grid.active.size:,} cells: nested dissection and its selected inverse, exact for every cell"
        )
        keep_each = bool(job.parameters.get("per_source"))
        result = np.empty((len(sources), *grid.shape)) if keep_each else np.full(grid.shape, np.inf)
        batch = min(len(sources), BATCH)
        with record_stats() as entries:
            for first in range(0, len(sources), batch):
                job.report.progress(5 + 90 * first / len(sources), f"Source {first + 1} of {len(sources)}")
                part = sources[first : first + batch]
                # A last batch of another length would be compiled anew.
                padded = np.concatenate([part, np.full(batch - part.size, grid.n_vertices, part.dtype)])
                found = np.asarray(_to_each(grid, padded))[: part.size]
                if keep_each:
                    result[first : first + batch] = found
                else:
                    result = np.fmin(result, found.min(0))
        result = np.where(np.asarray(grid.active), result, np.nan)
        metrics |= distance_metrics(result, np.asarray(grid.active)) | solver_metrics(entries)
        return TaskResult({"distance": result}, metrics)


@eqx.filter_jit
def _to_each(grid: GridGraph, sources: np.ndarray) -> Float[Array, "sources rows columns"]:
    return grid.node_values_to_array(ResistanceDistance().to_targets(grid, sources).T)
