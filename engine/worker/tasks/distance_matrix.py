"""Distances between all pairs of focal nodes, or from focal nodes to targets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...counts import count_of
from ...linalg import record_stats
from ...paths import connected, distance_matrix
from ..circuit_estimates import REGION_PAIR_SECONDS
from ..circuit_inputs import read_focal
from ..distance_estimates import ESTIMATES
from ..distance_factory import chosen_distance, make_distance
from ..inputs import read_grid
from ..job_checkpoint import open_array_store, open_checkpoint
from ..machine_speed import speed_factors
from ..metrics import landscape_metrics, range_metrics, solver_metrics
from ..partial_results import PartialResultWriter, ThrottledMatrixWriter
from ..path_inputs import read_targets
from ..task import Job, ResourceEstimate, Task, TaskResult


class DistanceMatrixTask(Task):
    """Matrix of the distances between focal nodes, or from focal nodes to targets, for any distance."""

    name = "distance.matrix"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A search or a solve for each node, or for each target if searches can start there."""
        estimates = ESTIMATES[chosen_distance(job, self.name).estimate]
        nodes = len(np.unique(job.inputs["focal_ids"]))
        targets = len(np.unique(job.inputs["target_ids"])) if "target_ids" in job.inputs else None
        estimate = estimates.matrix(job.inputs["landscape"].shape, nodes, targets)
        has_regions = any(len(np.unique(job.inputs[name])) < len(job.inputs[name]) for name in _ids(job))
        if estimate.seconds is None or not (has_regions and job.parameters.get("distance") == "resistance"):
            return estimate
        pairs = nodes * (nodes - 1) // 2 if targets is None else nodes * targets
        return ResourceEstimate(estimate.bytes, estimate.seconds + speed_factors()[1] * REGION_PAIR_SECONDS * pairs)

    def run(self, job: Job) -> TaskResult:
        """Compute one search or solve after the other."""
        store = open_array_store(job, open_checkpoint(job, self.name))
        grid = read_grid(job)
        focal, targets = read_focal(job, grid.shape), read_targets(job, grid)
        entry = chosen_distance(job, self.name)
        distance = make_distance(job, entry)
        count = len(focal) + (0 if targets is None else len(targets))
        if message := ESTIMATES[entry.estimate].solver_message(grid.shape, count):
            job.report.detail(message)
        job.report.progress(2, f"Distances between {count_of(len(focal), 'focal node')}")
        is_connected = connected(grid, focal, targets) if entry.depends_on_landscape else True
        partial = ThrottledMatrixWriter(PartialResultWriter(job) if store else None, "distances_partial", "matrix", {})

        def report(done: int, total: int, matrix: Callable[[], np.ndarray]) -> None:
            """Report the progress, and write the distances computed so far."""
            job.report.progress(2 + 97 * done / total, f"Search or solve {done:,} of {total:,}")
            partial.write(lambda: np.where(is_connected, matrix(), np.inf))

        with record_stats() as stats:
            matrix = distance_matrix(grid, focal, distance, targets, cache=store, on_partial=report)
        if store and store.hits:
            job.report.message(
                f"{count_of(store.hits, 'search or solve was', 'searches or solves were')} done in an earlier run"
            )
        # A survival of 0 would be a distance; nodes that are not connected have none.
        matrix = np.where(is_connected, matrix, np.inf)
        metrics = landscape_metrics(grid) | _matrix_metrics(matrix, targets is None) | solver_metrics(stats)
        return TaskResult({"matrix": matrix}, metrics | {"focal_nodes": len(focal)})


def _ids(job: Job) -> list[str]:
    return [name for name in ("focal_ids", "target_ids") if name in job.inputs]


def _matrix_metrics(matrix: np.ndarray, is_square: bool) -> dict[str, Any]:
    """Return the range of the distances, and the number of unreachable pairs; a square matrix holds each pair twice."""
    distances = matrix[~np.eye(len(matrix), dtype=bool)] if is_square else matrix.ravel()
    unreachable = int((~np.isfinite(distances)).sum())
    return {"unreachable_pairs": unreachable // (2 if is_square else 1)} | range_metrics(distances)
