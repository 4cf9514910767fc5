"""Sensitivity of connectivity to permeability, resistance or habitat quality."""

import numpy as np

from ...connectivity import WRT, AbstractConnectivity, MeanPathLength, QualityWeightedConnectivity, sensitivity
from ...counts import count_of
from ...distances import AbstractDistance, DistanceEntry
from ...graph import GridGraph
from ...linalg import record_stats
from ..distance_estimates import ESTIMATES
from ..distance_factory import chosen_distance, make_distance
from ..inputs import choice_parameter, positive_parameter, read_grid, read_vertices, target_progress
from ..metrics import landscape_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult


class SensitivityTask(Task):
    """Gradient of a connectivity measure with respect to permeability, resistance or quality."""

    name = "connectivity.sensitivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Distances, and their gradient."""
        counts = {name: len(job.inputs[name]) for name in ("sources", "targets") if name in job.inputs}
        samples = int(job.parameters.get("samples") or 0)
        targets = counts.get("targets", counts.get("sources", samples))
        entry = chosen_distance(job, self.name)
        return ESTIMATES[entry.estimate].gradient(
            job.inputs["landscape"].shape,
            targets,
            sum(counts.values()) or samples,
            entry.distance_class.gradient_batch or targets,
        )

    def run(self, job: Job) -> TaskResult:
        """Differentiate one batch of targets after the other."""
        grid = read_grid(job)
        entry = chosen_distance(job, self.name)
        distance = make_distance(job, entry)
        connectivity = _connectivity(job, distance)
        quality = _quality(job, grid)
        sources, targets = _read_or_draw(job, grid, quality)
        metrics = landscape_metrics(grid)
        if message := _solver_message(job, entry, grid, len(sources) + (0 if targets is None else len(targets))):
            job.report.detail(message)
        job.report.progress(2, "Distances and their gradient")
        with record_stats() as stats:
            result = sensitivity(
                connectivity,
                grid,
                sources,
                targets,
                quality=quality,
                wrt=choice_parameter(job, "respect_to", WRT),
                elasticity=bool(job.parameters.get("elasticity")),
                batch=distance.gradient_batch,
                progress=target_progress(job),
            )
        if result.pairs == 0:
            raise ValueError(
                f"no source can reach a target ({count_of(result.unreachable_pairs, 'pair')}): they lie in different "
                "connected components of the landscape, so there is no connectivity to differentiate"
            )
        values = result.raster[np.isfinite(result.raster)]
        metrics |= {
            "connectivity": result.connectivity,
            "pairs": result.pairs,
            "unreachable_pairs": result.unreachable_pairs,
            "minimum": values.min(),
            "maximum": values.max(),
        } | solver_metrics(stats)
        return TaskResult({"sensitivity": result.raster}, metrics)


def _solver_message(job: Job, entry: DistanceEntry, grid: GridGraph, nodes: int) -> str | None:
    solver = job.parameters.get("solver", "automatic") if "solver" in entry.parameters else "automatic"
    if solver != "automatic":
        return f"{count_of(grid.active.size, 'cell')}: {solver.replace('_', ' ')}, as requested"
    return ESTIMATES[entry.estimate].solver_message(grid.shape, nodes)


def _connectivity(job: Job, distance: AbstractDistance) -> AbstractConnectivity:
    if choice_parameter(job, "scalar", ("mean_distance", "quality_weighted")) == "mean_distance":
        if job.parameters.get("respect_to") == "quality":
            raise ValueError(
                "the mean distance does not depend on habitat quality; choose the quality-weighted connectivity"
            )
        return MeanPathLength(distance)
    return QualityWeightedConnectivity(distance, positive_parameter(job, "alpha"))


def _quality(job: Job, grid: GridGraph) -> np.ndarray | None:
    quality = job.inputs.get("quality")
    return None if quality is None else np.where(np.asarray(grid.active), quality, 0.0)


def _read_or_draw(job: Job, grid: GridGraph, quality: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the sources and targets of a job, or cells drawn at random as both."""
    if "sources" in job.inputs:
        targets = read_vertices(job, grid, "targets") if "targets" in job.inputs else None
        return read_vertices(job, grid, "sources"), targets
    if "targets" in job.inputs:
        raise ValueError("there are targets but no sources")
    samples, seed = job.parameters.get("samples"), job.parameters.get("seed")
    if not isinstance(samples, int) or samples < 2:
        raise ValueError(f"without sources, two or more cells must be drawn, not {samples!r}")
    candidates = np.arange(grid.n_vertices)
    if quality is not None and job.parameters.get("scalar") == "quality_weighted":
        candidates = np.flatnonzero(quality[np.asarray(grid.active)] > 0)
    if candidates.size < 2:
        raise ValueError(f"only {count_of(candidates.size, 'cell')} could be drawn; two or more are needed")
    drawn = np.random.default_rng(seed).choice(candidates, min(samples, candidates.size), replace=False)
    job.report.message(f"Sampled {drawn.size} of {count_of(candidates.size, 'cell')} at random (seed {seed})")
    return np.sort(drawn), None
