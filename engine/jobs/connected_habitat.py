"""Habitat within reach of every cell, over the whole raster."""

import numpy as np

from ..flows import landmarks
from ..grid import GridGraph
from ..habitat import BATCH, connected_habitat
from ..solvers.automatic import choose
from ..solvers.journal import journal
from ..windows.proximity import Exponential
from . import forecasts
from .asked_distance import asked_distance
from .landscape import choice, landscape_numbers, positive, read_grid, read_habitat, solver_numbers, whole
from .registry import Answer, Forecast, Job, Task
from .rsp_flow import landmark_count

#: Targets at a time. A selected inverse, which is as much work as a factor, serves all of a batch of resistances.
BATCHES = {"leastcost": BATCH, "rsp": 1, "resistance": 64}


class ConnectedHabitatTask(Task):
    """Quality of every cell times the habitat within its reach, all cells or landmarks being reached for."""

    name = "habitat.connected"

    def forecast(self, job: Job) -> Forecast:
        """As for the distances from every cell to so many targets."""
        shape = job.inputs["landscape"].shape
        targets = landmark_count(job.inputs["quality"], int(job.parameters.get("landmarks") or 1))
        distance = job.parameters.get("distance")
        if distance == "leastcost":
            return forecasts.shortest_paths(shape[0] * shape[1], targets, min(targets, BATCHES["leastcost"]))
        if distance == "rsp":
            return forecasts.randomized_paths(shape, targets)
        batch = min(targets, BATCHES["resistance"])
        each = forecasts.resistance_map(shape, batch)
        return Forecast(each.bytes, None if each.seconds is None else each.seconds * -(-targets // batch))

    def run(self, job: Job) -> Answer:
        """Batch by batch of targets."""
        grid = read_grid(job)
        kind = choice(job, "distance", tuple(BATCHES))
        distance = asked_distance(job, kind)
        _say_how(job, grid, kind)
        quality = read_habitat(job, grid)
        goals = landmarks(grid, quality, whole(job, "landmarks", 1))
        job.report.message(
            f"{goals.vertices.size:,} targets stand for {np.count_nonzero(quality):,} cells that have habitat"
        )
        job.report.progress(2, "Distances to the first targets")

        def progress(done: int, of: int) -> None:
            job.report.progress(2 + 97 * done / of, f"Target {done} of {of}")

        with journal() as entries:
            found = connected_habitat(
                grid,
                distance,
                Exponential(positive(job, "alpha")),
                quality,
                targets=goals.vertices,
                target_quality=goals.quality,
                batch=BATCHES[kind],
                progress=progress,
            )
        numbers = landscape_numbers(grid) | {
            "targets": goals.vertices.size,
            "pairs": found.pairs,
            "unreachable_pairs": found.unreachable_pairs,
            "connectivity": found.total,
            "equivalent_habitat": np.sqrt(found.total),
            "maximum": np.nanmax(found.raster),
        }
        return Answer({"habitat": found.raster}, numbers | solver_numbers(entries))


def _say_how(job: Job, grid: GridGraph, kind: str) -> None:
    if kind == "resistance":
        job.report.message(
            f"{grid.activities.size:,} cells: nested dissection and its selected inverse, exact for every cell"
        )
    if kind == "rsp":
        job.report.message(choose(grid.shape, 1, symmetric=False).reason)
