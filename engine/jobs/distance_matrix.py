"""Distances between focal nodes, each with each."""

from typing import Any

import numpy as np

from ..flows import connected, distances_between
from ..solvers.automatic import choose
from ..solvers.journal import journal
from . import forecasts
from .asked_distance import asked_distance
from .circuits import read_focal
from .landscape import choice, landscape_numbers, read_grid, solver_numbers
from .registry import Answer, Forecast, Job, Task

DISTANCES = ("leastcost", "resistance", "rsp", "euclidean")


class DistanceMatrixTask(Task):
    """Any of the distances between focal nodes."""

    name = "distance.matrix"

    def forecast(self, job: Job) -> Forecast:
        """A search or a solve for each node."""
        shape, nodes = job.inputs["landscape"].shape, len(np.unique(job.inputs["focal_ids"]))
        kind = job.parameters.get("distance")
        if kind == "resistance":
            each = forecasts.symmetric_solves(shape, max(nodes - 1, 1))
            return Forecast(each.bytes + 8 * nodes * shape[0] * shape[1], each.seconds)
        if kind == "rsp":
            return forecasts.randomized_paths(shape, nodes)
        return forecasts.shortest_paths(shape[0] * shape[1], nodes if kind == "leastcost" else 0)

    def run(self, job: Job) -> Answer:
        """One search or solve after the other."""
        grid = read_grid(job)
        focal = read_focal(job, grid.shape)
        kind = choice(job, "distance", DISTANCES)
        distance = asked_distance(job, kind)
        if kind in ("resistance", "rsp"):
            symmetric = kind == "resistance"
            job.report.message(
                choose(grid.shape, max(len(focal) - 1, 1) if symmetric else 1, symmetric=symmetric).reason
            )
        job.report.progress(2, f"Distances between {len(focal)} focal nodes")

        def progress(done: int, of: int) -> None:
            job.report.progress(2 + 97 * done / of, f"Focal node {done} of {of}")

        with journal() as entries:
            matrix = distances_between(grid, focal, distance, progress=progress)
        if kind == "euclidean":
            joined = np.ones(matrix.shape, bool)
        else:
            joined = connected(grid, focal)
            # A survival of 0 would be a number; no way has none.
            matrix = np.where(joined, matrix, np.inf)
        numbers = landscape_numbers(grid) | _numbers(matrix) | solver_numbers(entries)
        return Answer({"matrix": matrix}, numbers)


def _numbers(matrix: np.ndarray) -> dict[str, Any]:
    """Of ordered pairs, so that there are as many there as back."""
    between = matrix[~np.eye(len(matrix), dtype=bool)]
    finite = between[np.isfinite(between)]
    return {
        "focal_nodes": len(matrix),
        "unreachable_pairs": int(between.size - finite.size) // 2,
        "minimum": finite.min() if finite.size else None,
        "maximum": finite.max() if finite.size else None,
        "mean": finite.mean() if finite.size else None,
    }
