"""Habitat within reach of every cell, over the whole raster."""

import numpy as np

from ...connectivity import landmarks
from ...connectivity.dispersal_kernel import ExponentialKernel
from ...connectivity.habitat import BATCH, connected_habitat
from ...graph.grid_graph import GridGraph
from ...linalg.auto import select_solver
from ...linalg.solver_stats import record_stats
from .. import resource_estimates
from ..distance_factory import make_distance
from ..inputs import (
    choice_parameter,
    integer_parameter,
    landscape_metrics,
    positive_parameter,
    read_grid,
    read_quality,
    solver_metrics,
)
from ..task import Job, ResourceEstimate, Task, TaskResult
from .rsp_flow import landmark_count

#: Targets at a time. A selected inverse, which is as much work as a factor, serves all of a batch of resistances.
BATCHES = {"leastcost": BATCH, "rsp": 1, "resistance": 64}


class ConnectedHabitatTask(Task):
    """Quality of every cell times the habitat within its reach, all cells or landmarks being reached for."""

    name = "habitat.connected"

    def estimate(self, job: Job) -> ResourceEstimate:
        """As for the distances from every cell to so many targets."""
        shape = job.inputs["landscape"].shape
        targets = landmark_count(job.inputs["quality"], int(job.parameters.get("landmarks") or 1))
        distance = job.parameters.get("distance")
        if distance == "leastcost":
            return resource_estimates.shortest_paths(shape[0] * shape[1], targets, min(targets, BATCHES["leastcost"]))
        if distance == "rsp":
            return resource_estimates.randomized_paths(shape, targets)
        batch = min(targets, BATCHES["resistance"])
        each = resource_estimates.resistance_map(shape, batch)
        return ResourceEstimate(each.bytes, None if each.seconds is None else each.seconds * -(-targets // batch))

    def run(self, job: Job) -> TaskResult:
        """Batch by batch of targets."""
        grid = read_grid(job)
        kind = choice_parameter(job, "distance", tuple(BATCHES))
        distance = make_distance(job, kind)
        _say_how(job, grid, kind)
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
                batch=BATCHES[kind],
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


def _say_how(job: Job, grid: GridGraph, kind: str) -> None:
    if kind == "resistance":
        job.report.message(
            f"{grid.active.size:,} cells: nested dissection and its selected inverse, exact for every cell"
        )
    if kind == "rsp":
        job.report.message(select_solver(grid.shape, 1, symmetric=False).reason)
