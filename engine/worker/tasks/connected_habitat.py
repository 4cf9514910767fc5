"""Habitat accessible from every cell, over the whole raster."""

import numpy as np

from ...connectivity import ExponentialKernel, connected_habitat
from ...linalg import record_stats
from ..distance_estimates import ESTIMATES
from ..distance_factory import chosen_distance, make_distance
from ..inputs import count_landmarks, positive_parameter, read_grid, read_landmarks, read_quality, target_progress
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class ConnectedHabitatTask(Task):
    """Quality of every cell times its accessible habitat; the targets are all cells, or landmarks."""

    name = "habitat.connected"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Distances from every cell to the targets."""
        shape = job.inputs["landscape"].shape
        targets = count_landmarks(job.inputs["quality"], int(job.parameters.get("landmarks") or 1))
        entry = chosen_distance(job, self.name)
        return ESTIMATES[entry.estimate].maps(shape, targets, entry.distance_class.map_batch)

    def run(self, job: Job) -> TaskResult:
        """Compute the distances to one batch of targets after the other."""
        grid = read_grid(job)
        entry = chosen_distance(job, self.name)
        distance = make_distance(job, entry)
        if message := ESTIMATES[entry.estimate].map_message(grid.shape):
            job.report.detail(message)
        quality = read_quality(job, grid)
        targets = read_landmarks(job, grid, quality)
        job.report.progress(2, "Distances to the first targets")
        with record_stats() as stats:
            habitat = connected_habitat(
                grid,
                distance,
                ExponentialKernel(positive_parameter(job, "alpha")),
                quality,
                targets=targets.vertices,
                target_quality=targets.quality,
                batch=distance.map_batch,
                progress=target_progress(job),
            )
        metrics = landscape_metrics(grid) | {
            "targets": targets.vertices.size,
            "pairs": habitat.pairs,
            "unreachable_pairs": habitat.unreachable_pairs,
            "connectivity": habitat.total,
            "equivalent_habitat": np.sqrt(habitat.total),
            "maximum": np.nanmax(habitat.raster),
        }
        return TaskResult({"habitat": habitat.raster}, metrics | solver_metrics(stats))
