"""Passages of randomized shortest paths between sources and targets, or between all habitat."""

from typing import Any

import numpy as np

from ...connectivity import PASSAGES, ExponentialKernel, betweenness, rsp_flow
from ...counts import count_of
from ...distances import RSPDistance
from ...graph import GridGraph
from ...linalg import record_stats, select_solver
from .. import resource_estimates
from ..distance_factory import make_rsp_distance
from ..inputs import (
    choice_parameter,
    count_landmarks,
    positive_parameter,
    read_grid,
    read_landmarks,
    read_quality,
    read_vertices,
    target_progress,
)
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Largest difference between the flows into and out of a cell without a warning, relative to the most visits of a cell.
BALANCE_TOL = 1e-6


class RSPFlowTask(Task):
    """Passages through every cell of randomized shortest paths between sources and targets, or between all habitat."""

    name = "rsp.flow"

    def estimate(self, job: Job) -> ResourceEstimate:
        """One factorization for each target or landmark."""
        shape = job.inputs["landscape"].shape
        if "quality" in job.inputs:
            targets = count_landmarks(job.inputs["quality"], int(job.parameters.get("landmarks") or 1))
            return resource_estimates.passages(shape, targets, targets)
        sources = len(job.inputs["sources"])
        targets = len(job.inputs["targets"]) if "targets" in job.inputs else sources
        is_per_pair = job.parameters.get("passage") == "net"
        return resource_estimates.passages(shape, targets, targets * (sources if is_per_pair else 1))

    def run(self, job: Job) -> TaskResult:
        """Solve for one target after the other."""
        grid = read_grid(job)
        distance = make_rsp_distance(job)
        kind = choice_parameter(job, "passage", PASSAGES)
        if ("quality" in job.inputs) == ("sources" in job.inputs):
            raise ValueError(
                "movement leads either from sources to targets or between all habitat: give either sources or quality"
            )
        job.report.detail(select_solver(grid.shape, 1, symmetric=False).reason)
        run = _between_habitat if "quality" in job.inputs else _between_points
        with record_stats() as stats:
            outputs, pair_metrics, balance_error = run(job, grid, distance, kind)
        values = outputs["passage"][np.isfinite(outputs["passage"])]
        if not values.any():
            unreachable = pair_metrics["unreachable_pairs"]
            raise ValueError(
                f"no flow: no source can reach a target ({count_of(unreachable, 'pair')}): they lie in different "
                "connected components of the landscape"
                if unreachable
                else "no flow: there is only one source and target"
            )
        if balance_error > BALANCE_TOL:
            job.report.warning(
                f"the flows into and out of a cell differ by up to {balance_error:.1e} of the largest number of visits "
                "to a cell: the values of the raster may span too many orders of magnitude"
            )
        metrics = landscape_metrics(grid) | pair_metrics
        metrics |= {"maximum": values.max(), "flow_balance_error": balance_error}
        return TaskResult(outputs, metrics | solver_metrics(stats))


def _between_points(
    job: Job, grid: GridGraph, distance: RSPDistance, kind: str
) -> tuple[dict[str, np.ndarray], dict[str, Any], float]:
    sources = read_vertices(job, grid, "sources")
    targets = read_vertices(job, grid, "targets") if "targets" in job.inputs else None
    job.report.progress(2, "Randomized shortest paths to the first target")
    flow = rsp_flow(
        grid,
        distance,
        sources,
        targets,
        weights=job.inputs.get("weights"),
        kind=kind,
        progress=target_progress(job),
    )
    is_pair = sources[:, None] != (sources if targets is None else targets)[None]
    metrics = {
        "targets": flow.reached.shape[1],
        "pairs": int((is_pair & flow.reached).sum()),
        "unreachable_pairs": int((is_pair & ~flow.reached).sum()),
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
    targets = read_landmarks(job, grid, quality)
    job.report.progress(2, "Randomized shortest paths to the first target")
    result = betweenness(
        grid,
        distance,
        quality,
        targets=targets.vertices,
        target_quality=targets.quality,
        proximity=proximity,
        kind=kind,
        progress=target_progress(job),
    )
    metrics = {
        "targets": targets.vertices.size,
        "pairs": result.pairs,
        "unreachable_pairs": result.unreachable_pairs,
        "steps": result.steps,
        "connectivity": None if result.habitat is None else np.nansum(result.habitat),
    }
    return {"passage": result.passage}, metrics, result.imbalance
