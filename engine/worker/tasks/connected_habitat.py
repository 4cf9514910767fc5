"""Habitat within reach of every cell, over the whole raster."""

import numpy as np

from ...connectivity import landmarks
from ...connectivity.dispersal_kernel import ExponentialKernel
from ...connectivity.habitat import connected_habitat
from ...linalg.solver_stats import record_stats
from ..distance_estimates import ESTIMATES
from ..distance_factory import chosen_distance, make_distance
from ..inputs import (
    integer_parameter,
    landscape_metrics,
    positive_parameter,
    read_grid,
    read_quality,
    solver_metrics,
)
from ..task import Job, ResourceEstimate, Task, TaskResult
from .rsp_flow import landmark_count


class ConnectedHabitatTask(Task):
    """Quality of every cell times the habitat within its reach, all cells or landmarks being reached for."""

    name = "habitat.connected"

    def estimate(self, job: Job) -> ResourceEstimate:
        """As for the distances from every cell to so many targets."""
        shape = job.inputs["landscape"].shape
        targets = landmark_count(job.inputs["quality"], int(job.parameters.get("landmarks") or 1))
        entry = chosen_distance(job, self.name)
        return ESTIMATES[entry.estimate].maps(shape, targets, entry.distance_class.map_batch)

    def run(self, job: Job) -> TaskResult:
        """Batch by batch of targets."""
        grid = read_grid(job)
        entry = chosen_distance(job, self.name)
        distance = make_distance(job, entry)
        if message := ESTIMATES[entry.estimate].map_message(grid.shape):
            job.report.message(message)
        quality = read_quality(job, grid)
        goals = landmarks(grid, quality, integer_parameter(job, "landmarks", 1))
        job.report.message(
            f"{goals.vertices.size:,} targets stand for {np.count_nonzero(quality):,} cells that have habitat"
        )
        job.report.progress(2, "Distances to the first targets")

        def progress(done: int, of: int) -> None:
            job.report.progress(2 + 97 * done / of, f"Target {done} of {of}")

        with record_stats() as entries:
            found = connected_habitat(
                grid,
                distance,
                ExponentialKernel(positive_parameter(job, "alpha")),
                quality,
                targets=goals.vertices,
                target_quality=goals.quality,
                batch=distance.map_batch,
                progress=progress,
            )
        metrics = landscape_metrics(grid) | {
            "targets": goals.vertices.size,
            "pairs": found.pairs,
            "unreachable_pairs": found.unreachable_pairs,
            "connectivity": found.total,
            "equivalent_habitat": np.sqrt(found.total),
            "maximum": np.nanmax(found.raster),
        }
        return TaskResult({"habitat": found.raster}, metrics | solver_metrics(entries))
