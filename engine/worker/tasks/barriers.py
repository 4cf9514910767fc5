"""Barriers between focal nodes: gradient of the mean distance, restoration gain, improvement score, pinch points."""

from collections.abc import Callable

import numpy as np

from ...connectivity import pinch_points
from ...distances import DistanceEntry, distance_entry, distance_names
from ...linalg import record_stats
from ...restoration import (
    LeastCostRestoration,
    Restoration,
    RestorationGain,
    barrier_map,
    disc_restoration,
    exact_restoration,
    improvement_score,
)
from .. import resource_estimates
from ..circuit_inputs import read_focal
from ..distance_estimates import ESTIMATES
from ..distance_factory import chosen_distance, make_distance
from ..inputs import positive_parameter, read_grid, read_pixel_size
from ..metrics import landscape_metrics, range_metrics, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

#: Seconds for the improvement score of a pair, per cell.
PAIR_SCORE_SECONDS = 2e-8

#: Labels of the steps, and the percentages of progress at which each starts and ends.
STEPS = {
    "Gain": (2, 45),
    "Distances": (45, 50),
    "Improvement score": (50, 55),
    "Gain from restoration": (55, 80),
    "Pinch points": (80, 99),
}


class BarriersTask(Task):
    """Gain per unit of permeability, gain from restoration, Barrier Mapper's improvement score, pinch points."""

    name = "flow.barriers"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Distances with their gradient; for pinch points two searches and one solve for each pair."""
        shape, nodes = job.inputs["landscape"].shape, len(np.unique(job.inputs["focal_ids"]))
        cells = shape[0] * shape[1]
        estimates = ESTIMATES[chosen_distance(job, self.name).estimate]
        parts = [estimates.gradient(shape, nodes, nodes - 1)]
        if job.parameters.get("search_radius") is not None:
            search = resource_estimates.shortest_paths(cells, 2 * nodes, 2 * nodes)
            pairs = nodes * (nodes - 1) // 2
            parts.append(ResourceEstimate(search.bytes, search.seconds + pairs * cells * PAIR_SCORE_SECONDS))
        if job.parameters.get("restored_permeability") is not None:
            parts.append(estimates.restoration(shape, nodes, len(job.inputs["focal_ids"]), _cells_of_disc(job)))
        if job.parameters.get("cutoff") is not None:
            pairs = nodes * (nodes - 1) // 2
            circuit, search = resource_estimates.symmetric_solves(shape, 1), resource_estimates.shortest_paths(cells, 2)
            known = circuit.seconds is not None and search.seconds is not None
            seconds = pairs * (circuit.seconds + search.seconds) if known else None
            parts.append(ResourceEstimate(max(circuit.bytes, search.bytes), seconds))
        seconds = None if any(part.seconds is None for part in parts) else sum(part.seconds for part in parts)
        return ResourceEstimate(max(part.bytes for part in parts), seconds)

    def run(self, job: Job) -> TaskResult:
        """Compute the gradient, then the optional maps."""
        grid = read_grid(job)
        focal = read_focal(job, grid.shape)
        entry = chosen_distance(job, self.name)
        distance = make_distance(job, entry)
        with record_stats() as stats:
            barriers = barrier_map(grid, focal, distance, progress=_progress(job, "Gain"))
            gain = barriers.gain[np.isfinite(barriers.gain)]
            metrics = landscape_metrics(grid) | {
                "focal_nodes": len(focal),
                "mean_distance": barriers.distance,
                "pairs": barriers.pairs,
                "unreachable_pairs": barriers.unreachable_pairs,
                "minimum": gain.min(),
                "maximum": gain.max(),
                "largest_improvement": None,
                "largest_restored_gain": None,
                "newly_connecting_cells": None,
                "newly_connecting_windows": None,
                "kcl_residual": None,
            }
            outputs = {"gain": barriers.gain}
            restoration = None
            if job.parameters.get("restored_permeability") is not None:
                _require_restoration(job, entry)
                restoration = exact_restoration(distance, grid, focal, progress=_progress(job, "Distances"))
            if job.parameters.get("search_radius") is not None:
                costs = restoration
                if not isinstance(costs, LeastCostRestoration):
                    costs = LeastCostRestoration(grid, focal, progress=_progress(job, "Distances"))
                radius = positive_parameter(job, "search_radius")
                restored = positive_parameter(job, "restored_resistance")
                score = improvement_score(costs, radius, restored, progress=_progress(job, "Improvement score"))
                outputs["improvement"] = score.maximum
                metrics["largest_improvement"] = range_metrics(score.maximum)["maximum"]
                metrics["newly_connecting_windows"] = int(np.isinf(score.maximum).sum())
            if restoration is not None:
                gains = _restored(job, restoration)
                outputs["restored_gain"] = gains.gain
                metrics["largest_restored_gain"] = range_metrics(gains.gain)["maximum"]
                metrics["newly_connecting_cells"] = int((gains.n_newly_connected > 0).sum())
            if job.parameters.get("cutoff") is not None:
                cutoff = float(job.parameters["cutoff"])
                current = pinch_points(grid, focal, cutoff, progress=_progress(job, "Pinch points"))
                outputs["pinch_points"] = current.total
                metrics["kcl_residual"] = current.residual
        return TaskResult(outputs, metrics | solver_metrics(stats))


def _require_restoration(job: Job, entry: DistanceEntry) -> None:
    """Raise a `ValueError` if the exact gain from restoring a cell, or a disc, is unknown for a distance."""
    unit = "cell" if job.parameters.get("restored_radius") is None else "disc"
    if unit not in entry.restoration:
        labels = [
            distance_entry(name).label
            for name in distance_names("flow.barriers")
            if unit in distance_entry(name).restoration
        ]
        raise ValueError(
            f"the gain of restoring a {unit} is not known for the distance {entry.name}; it is for "
            + " and ".join(labels)
        )


def _restored(job: Job, restoration: Restoration) -> RestorationGain:
    """Return the gain from restoring each cell that holds data, or a disc around it, to a permeability."""
    permeability = positive_parameter(job, "restored_permeability")
    # Cells of permeability 0 can be restored, cells without data cannot: they may be sea.
    restorable = np.asarray(job.inputs["valid"], dtype=bool)
    progress = _progress(job, "Gain from restoration")
    if job.parameters.get("restored_radius") is None:
        return restoration.evaluate(permeability, restorable, progress=progress)
    return disc_restoration(
        restoration, positive_parameter(job, "restored_radius"), permeability, restorable, progress=progress
    )


def _cells_of_disc(job: Job) -> int | float:
    """Return the approximate number of cells of a restored disc, at most all; 1 for single cells."""
    if job.parameters.get("restored_radius") is None:
        return 1
    rows, columns = job.inputs["landscape"].shape
    radius = positive_parameter(job, "restored_radius")
    down, right = (min(radius / side, cells) for side, cells in zip(read_pixel_size(job), (rows, columns), strict=True))
    return min(max(1.0, np.pi * down * right), rows * columns)


def _progress(job: Job, step: str) -> Callable[[int, int], None]:
    """Return a callback that reports the progress within a step."""
    start, end = STEPS[step]

    def progress(done: int, total: int) -> None:
        job.report.progress(start + (end - start) * done / total, f"{step}: {done:,} of {total:,}")

    return progress
