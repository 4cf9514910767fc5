"""Distances between focal nodes, each with each, or from them to targets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...linalg.solver_stats import record_stats
from ...paths.pairwise_distances import connected, distance_matrix
from ..circuit_inputs import read_focal
from ..distance_estimates import ESTIMATES
from ..distance_factory import chosen_distance, make_distance
from ..inputs import landscape_metrics, read_grid, solver_metrics
from ..partial_results import PartialResultWriter, ThrottledMatrixWriter
from ..path_inputs import read_targets
from ..resumable_runs import open_array_store
from ..task import Job, ResourceEstimate, Task, TaskResult


class DistanceMatrixTask(Task):
    """Any of the distances between focal nodes."""

    name = "distance.matrix"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A search or a solve for each node; of least cost for each of the fewer."""
        estimates = ESTIMATES[chosen_distance(job, self.name).estimate]
        nodes = len(np.unique(job.inputs["focal_ids"]))
        targets = len(np.unique(job.inputs["target_ids"])) if "target_ids" in job.inputs else None
        return estimates.matrix(job.inputs["landscape"].shape, nodes, targets)

    def run(self, job: Job) -> TaskResult:
        """One search or solve after the other."""
        # Before anything is handed over that might replace results of something else.
        finished = open_array_store(job, self.name)
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        entry = chosen_distance(job, self.name)
        distance = make_distance(job, entry)
        count = len(focal) + (0 if targets is None else len(targets))
        if message := ESTIMATES[entry.estimate].solver_message(grid.shape, count):
            job.report.message(message)
        job.report.progress(2, f"Distances between {len(focal)} focal nodes")
        joined = connected(grid, focal, targets) if entry.depends_on_landscape else True
        known = ThrottledMatrixWriter(PartialResultWriter(job) if finished else None, "distances_partial", "matrix", {})

        def so_far(done: int, of: int, matrix: Callable[[], np.ndarray]) -> None:
            job.report.progress(2 + 97 * done / of, f"{done:,} of {of:,} searches or solves")
            known.give(lambda: np.where(joined, matrix(), np.inf))

        with record_stats() as entries:
            matrix = distance_matrix(grid, focal, distance, targets, cache=finished, on_partial=so_far)
        if finished and finished.taken:
            job.report.message(f"{finished.taken:,} of the searches or solves were done in an earlier run")
        # A survival of 0 would be a number; no way has none.
        matrix = np.where(joined, matrix, np.inf)
        metrics = landscape_metrics(grid) | _metrics(matrix, targets is None) | solver_metrics(entries)
        return TaskResult({"matrix": matrix}, metrics | {"focal_nodes": len(focal)})


def _metrics(matrix: np.ndarray, square: bool) -> dict[str, Any]:
    """Of ordered pairs, so that there are as many there as back; from a place to itself is none."""
    between = matrix[~np.eye(len(matrix), dtype=bool)] if square else matrix.ravel()
    finite = between[np.isfinite(between)]
    return {
        "unreachable_pairs": int(between.size - finite.size) // (2 if square else 1),
        "minimum": finite.min() if finite.size else None,
        "maximum": finite.max() if finite.size else None,
        "mean": finite.mean() if finite.size else None,
    }
