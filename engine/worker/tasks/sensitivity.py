"""Where changing the landscape would help or hurt connectivity most."""

import numpy as np

from ...connectivity.measures import AbstractConnectivity, MeanPathLength, QualityWeightedConnectivity
from ...connectivity.sensitivity_map import WRT, sensitivity
from ...distances import AbstractDistance, ResistanceDistance
from ...graph.grid_graph import GridGraph
from ...linalg.auto import SOLVERS_BY_NAME, select_solver
from ...linalg.solver_stats import record_stats
from .. import resource_estimates
from ..distance_factory import make_distance
from ..inputs import choice_parameter, landscape_metrics, positive_parameter, read_grid, read_vertices, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Targets differentiated at a time: few enough for progress and cancelling, many enough to share the set-up.
#: Resistance takes all at once, since its gradient comes from the block of potentials between all nodes.
BATCH = {"leastcost": 8, "rsp": 1}


class SensitivityTask(Task):
    """Gradient of a connectivity with respect to permeability, resistance or quality."""

    name = "connectivity.sensitivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """As for the distances themselves, and as much again for the way back."""
        shape, cells = job.inputs["landscape"].shape, job.inputs["landscape"].size
        given = {name: len(job.inputs[name]) for name in ("sources", "targets") if name in job.inputs}
        drawn = int(job.parameters.get("samples") or 0)
        targets = given.get("targets", given.get("sources", drawn))
        distance = job.parameters.get("distance")
        if distance == "leastcost":
            batch = min(targets, BATCH["leastcost"])
            return resource_estimates.shortest_paths(cells, targets, batch, gradient=True)
        if distance == "rsp":
            return resource_estimates.randomized_paths(shape, targets, gradient=True)
        return resource_estimates.symmetric_solves(shape, max(sum(given.values()) or drawn, 1))

    def run(self, job: Job) -> TaskResult:
        """Batch by batch of targets."""
        grid = read_grid(job)
        kind = choice_parameter(job, "distance", ("leastcost", "resistance", "rsp"))
        connectivity = _connectivity(job, _distance(job, kind))
        quality = _quality(job, grid)
        sources, targets = _places(job, grid, quality)
        metrics = landscape_metrics(grid)
        if kind != "leastcost":
            nodes = len(sources) + (0 if targets is None else len(targets))
            solves = 1 if kind == "rsp" else max(nodes - 1, 1)
            if kind == "resistance" and _solver(job) != "automatic":
                job.report.message(f"{grid.active.size:,} cells: {_solver(job).replace('_', ' ')}, as asked for")
            else:
                job.report.message(select_solver(grid.shape, solves, symmetric=kind == "resistance").reason)
        job.report.progress(2, "Distances and their gradient")

        def progress(done: int, of: int) -> None:
            job.report.progress(2 + 97 * done / of, f"Target {done} of {of}")

        with record_stats() as entries:
            found = sensitivity(
                connectivity,
                grid,
                sources,
                targets,
                quality=quality,
                respect_to=choice_parameter(job, "respect_to", WRT),
                elasticity=bool(job.parameters.get("elasticity")),
                batch=BATCH.get(kind),
                progress=progress,
            )
        if found.pairs == 0:
            raise ValueError(
                f"none of the {found.unreachable_pairs:,} pairs of sources and targets can reach each other: they lie "
                "in different connected components of the landscape, so there is no connectivity to differentiate"
            )
        values = found.raster[np.isfinite(found.raster)]
        metrics |= {
            "connectivity": found.connectivity,
            "pairs": found.pairs,
            "unreachable_pairs": found.unreachable_pairs,
            "minimum": values.min(),
            "maximum": values.max(),
        } | solver_metrics(entries)
        return TaskResult({"sensitivity": found.raster}, metrics)


def _distance(job: Job, kind: str) -> AbstractDistance:
    return ResistanceDistance(SOLVERS_BY_NAME.get(_solver(job))) if kind == "resistance" else make_distance(job, kind)


def _solver(job: Job) -> str:
    """Return the solver that was asked for; jobs that say nothing leave the choice to the engine."""
    return (
        choice_parameter(job, "solver", ("automatic", *SOLVERS_BY_NAME)) if "solver" in job.parameters else "automatic"
    )


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


def _places(job: Job, grid: GridGraph, quality: np.ndarray | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the sources and targets that were given, or draw places at random."""
    if "sources" in job.inputs:
        targets = read_vertices(job, grid, "targets") if "targets" in job.inputs else None
        return read_vertices(job, grid, "sources"), targets
    if "targets" in job.inputs:
        raise ValueError("there are targets but no sources")
    samples, seed = job.parameters.get("samples"), job.parameters.get("seed")
    if not isinstance(samples, int) or samples < 2:
        raise ValueError(f"without sources, two or more places must be drawn, not {samples!r}")
    candidates = np.arange(grid.n_vertices)
    if quality is not None and job.parameters.get("scalar") == "quality_weighted":
        candidates = np.flatnonzero(quality[np.asarray(grid.active)] > 0)
    if candidates.size < 2:
        raise ValueError(f"only {candidates.size} cells could be drawn; two or more are needed")
    drawn = np.random.default_rng(seed).choice(candidates, min(samples, candidates.size), replace=False)
    job.report.message(f"Drew {drawn.size} of {candidates.size:,} cells at random (seed {seed})")
    return np.sort(drawn), None
