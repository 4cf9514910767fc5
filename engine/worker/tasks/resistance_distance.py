"""Effective resistance of every cell to sources."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ...distances import ResistanceDistance
from ...graph import GridGraph
from ...linalg import record_stats
from .. import resource_estimates
from ..inputs import read_grid, read_vertices
from ..metrics import distance_metrics, landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Right-hand sides of a solve. The factorization is reused between batches, and progress is reported after each.
RHS_BLOCK = 16


class ResistanceDistanceTask(Task):
    """Effective resistance from every cell to the nearest source, or to each source."""

    name = "resistance.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A factorization, the diagonal of the inverse, and a solve for each source of a batch."""
        batch = min(len(job.inputs["sources"]), RHS_BLOCK)
        solves = resource_estimates.resistance_map(job.inputs["landscape"].shape, batch)
        rasters = len(job.inputs["sources"]) if job.parameters.get("per_source") else 1
        return ResourceEstimate(solves.bytes + 8 * rasters * job.inputs["landscape"].size, solves.seconds)

    def run(self, job: Job) -> TaskResult:
        """Factorize once and solve for one batch of sources after the other."""
        grid = read_grid(job)
        sources = read_vertices(job, grid, "sources")
        metrics = landscape_metrics(grid)
        job.report.message(
            f"{grid.active.size:,} cells: nested dissection and its selected inverse, exact for every cell"
        )
        is_per_source = bool(job.parameters.get("per_source"))
        result = np.empty((len(sources), *grid.shape)) if is_per_source else np.full(grid.shape, np.inf)
        batch = min(len(sources), RHS_BLOCK)
        with record_stats() as stats:
            for first in range(0, len(sources), batch):
                job.report.progress(5 + 90 * first / len(sources), f"Source {first + 1} of {len(sources)}")
                block = sources[first : first + batch]
                # Padding the last batch avoids another compilation.
                padded = np.concatenate([block, np.full(batch - block.size, grid.n_vertices, block.dtype)])
                resistance = np.asarray(_to_each(grid, padded))[: block.size]
                if is_per_source:
                    result[first : first + batch] = resistance
                else:
                    result = np.fmin(result, resistance.min(0))
        result = np.where(np.asarray(grid.active), result, np.nan)
        metrics |= distance_metrics(result, np.asarray(grid.active)) | solver_metrics(stats)
        return TaskResult({"distance": result}, metrics)


@eqx.filter_jit
def _to_each(grid: GridGraph, sources: np.ndarray) -> Float[Array, "sources rows columns"]:
    return grid.node_values_to_array(ResistanceDistance().to_targets(grid, sources).T)
