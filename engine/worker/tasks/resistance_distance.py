"""Effective resistance of every cell to sources."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ...distances import ResistanceDistance, distance_entry
from ...graph import GridGraph
from ...linalg import record_stats
from .. import resource_estimates
from ..distance_estimates import ESTIMATES
from ..distance_maps import DistanceMaps
from ..inputs import count_sources, read_grid, read_sources
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Right-hand sides of a solve. The factorization is reused between batches, and progress is reported after each.
RHS_BLOCK = 16


class ResistanceDistanceTask(Task):
    """Effective resistance from every cell to the nearest source, or to each source."""

    name = "resistance.distance"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A factorization, the diagonal of the inverse, and a solve for each source of a batch."""
        batch = min(count_sources(job), RHS_BLOCK)
        return resource_estimates.resistance_map(job.inputs["landscape"].shape, batch)

    def run(self, job: Job) -> TaskResult:
        """Factorize once and solve for the sources batch by batch; factorize for each source if it is a region."""
        grid = read_grid(job)
        sources = read_sources(job, grid)
        metrics = landscape_metrics(grid)
        job.report.detail(ESTIMATES[distance_entry("resistance").estimate].map_message(grid.shape))
        active = np.asarray(grid.active)
        maps = DistanceMaps(job, active, len(sources))
        if max(map(len, sources)) > 1:
            with record_stats() as stats:
                for number, source in enumerate(sources):
                    job.report.progress(5 + 90 * number / len(sources), f"Source {number + 1} of {len(sources)}")
                    region = np.zeros(active.size, bool)
                    region[np.flatnonzero(active.ravel())[source]] = True
                    resistance = _to_region(grid, region.reshape(active.shape))
                    maps.add(np.where(active, np.asarray(resistance), np.nan))
            return TaskResult(maps.outputs, metrics | maps.metrics | solver_metrics(stats))
        sources = np.concatenate(sources)
        batch = min(len(sources), RHS_BLOCK)
        with record_stats() as stats:
            for first in range(0, len(sources), batch):
                job.report.progress(5 + 90 * first / len(sources), f"Source {first + 1} of {len(sources)}")
                block = sources[first : first + batch]
                # Padding the last batch avoids another compilation.
                padded = np.concatenate([block, np.full(batch - block.size, grid.n_vertices, block.dtype)])
                for resistance in np.asarray(_to_each(grid, padded))[: block.size]:
                    maps.add(np.where(active, resistance, np.nan))
        return TaskResult(maps.outputs, metrics | maps.metrics | solver_metrics(stats))


@eqx.filter_jit
def _to_region(grid: GridGraph, region: np.ndarray) -> Float[Array, "rows columns"]:
    return grid.node_values_to_array(ResistanceDistance().to_region(grid, region))


@eqx.filter_jit
def _to_each(grid: GridGraph, sources: np.ndarray) -> Float[Array, "sources rows columns"]:
    return grid.node_values_to_array(ResistanceDistance().to_targets(grid, sources).T)
