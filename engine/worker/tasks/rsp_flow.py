"""Where randomized shortest paths pass: between places, or between all habitat."""

from typing import Any

import numpy as np

from ...connectivity import betweenness, landmarks
from ...connectivity.dispersal_kernel import ExponentialKernel
from ...connectivity.passage import PASSAGES
from ...connectivity.rsp_movement import rsp_flow
from ...distances import RSPDistance
from ...graph.grid_graph import GridGraph
from ...linalg.auto import select_solver
from ...linalg.solver_stats import record_stats
from .. import resource_estimates
from ..distance_factory import make_rsp_distance
from ..inputs import (
    choice_parameter,
    integer_parameter,
    landscape_metrics,
    positive_parameter,
    read_grid,
    read_quality,
    read_vertices,
    solver_metrics,
)
from ..task import Job, ResourceEstimate, Task, TaskResult

#: What enters a cell and what leaves it should differ by no more than this, beside the most visits of a cell.
BALANCED = 1e-6


class RSPFlowTask(Task):
    """Passages through every cell of randomized shortest paths between sources and targets, or between all habitat."""

    name = "rsp.flow"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Targets come one after the other, or landmarks; each has a factorisation of its own."""
        shape = job.inputs["landscape"].shape
        if "quality" in job.inputs:
            targets = landmark_count(job.inputs["quality"], int(job.parameters.get("landmarks") or 1))
            return resource_estimates.passages(shape, targets, targets)
        sources = len(job.inputs["sources"])
        targets = len(job.inputs["targets"]) if "targets" in job.inputs else sources
        pair_by_pair = job.parameters.get("passage") == "net"
        return resource_estimates.passages(shape, targets, targets * (sources if pair_by_pair else 1))

    def run(self, job: Job) -> TaskResult:
        """One target after the other."""
        grid = read_grid(job)
        distance = make_rsp_distance(job)
        kind = choice_parameter(job, "passage", PASSAGES)
        if ("quality" in job.inputs) == ("sources" in job.inputs):
            raise ValueError(
                "movement leads either from sources to targets or between all habitat: give either sources or quality"
            )
        job.report.message(select_solver(grid.shape, 1, symmetric=False).reason)
        run = _between_habitat if "quality" in job.inputs else _between_places
        with record_stats() as entries:
            outputs, found, imbalance = run(job, grid, distance, kind)
        values = outputs["passage"][np.isfinite(outputs["passage"])]
        if not values.any():
            raise ValueError(
                f"nobody moves: none of the {found['unreachable_pairs']:,} pairs of places can reach each other, as "
                "they lie in different connected components of the landscape"
                if found["unreachable_pairs"]
                else "nobody moves: there is only one place"
            )
        if imbalance > BALANCED:
            job.report.warning(
                f"what enters a cell and what leaves it differ by up to {imbalance:.1e} of the most visits of a cell: "
                "the values of the raster may span too many orders of magnitude"
            )
        metrics = landscape_metrics(grid) | found | {"maximum": values.max(), "flow_balance_error": imbalance}
        return TaskResult(outputs, metrics | solver_metrics(entries))


def landmark_count(quality: np.ndarray, width: int) -> int:
    """Return how many blocks of so many cells hold habitat, at most: barriers are not looked at.

    Examples
    --------
    >>> landmark_count(np.array([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 2.0]]), 2)
    2
    """
    rows, columns = np.nonzero(quality > 0)
    return max(1, np.unique(rows // width * quality.shape[1] + columns // width).size)


def _between_places(
    job: Job, grid: GridGraph, distance: RSPDistance, kind: str
) -> tuple[dict[str, np.ndarray], dict[str, Any], float]:
    sources = read_vertices(job, grid, "sources")
    targets = read_vertices(job, grid, "targets") if "targets" in job.inputs else None
    flow = rsp_flow(grid, distance, sources, targets, weights=job.inputs.get("weights"), kind=kind, **_told(job))
    apart = sources[:, None] != (sources if targets is None else targets)[None]
    metrics = {
        "targets": flow.reached.shape[1],
        "pairs": int((apart & flow.reached).sum()),
        "unreachable_pairs": int((apart & ~flow.reached).sum()),
        "steps": flow.steps,
        "connectivity": None,
    }
    return {"passage": flow.passage, "expected_cost": flow.expected_cost}, metrics, flow.imbalance


def _between_habitat(
    job: Job, grid: GridGraph, distance: RSPDistance, kind: str
) -> tuple[dict[str, np.ndarray], dict[str, Any], float]:
    quality = read_quality(job, grid)
    by_proximity = choice_parameter(job, "weighting", ("quality", "proximity")) == "proximity"
    proximity = ExponentialKernel(positive_parameter(job, "alpha")) if by_proximity else None
    goals = landmarks(grid, quality, integer_parameter(job, "landmarks", 1))
    job.report.message(
        f"{goals.vertices.size:,} targets stand for {np.count_nonzero(quality):,} cells that have habitat"
    )
    given = {"targets": goals.vertices, "target_quality": goals.quality, "proximity": proximity, "kind": kind}
    found = betweenness(grid, distance, quality, **given, **_told(job))
    metrics = {
        "targets": goals.vertices.size,
        "pairs": found.pairs,
        "unreachable_pairs": found.unreachable_pairs,
        "steps": found.steps,
        "connectivity": None if found.habitat is None else np.nansum(found.habitat),
    }
    return {"passage": found.passage}, metrics, found.imbalance


def _told(job: Job) -> dict[str, Any]:
    def progress(done: int, of: int) -> None:
        job.report.progress(2 + 97 * done / of, f"Target {done} of {of}")

    job.report.progress(2, "Randomized shortest paths to the first target")
    return {"progress": progress}
