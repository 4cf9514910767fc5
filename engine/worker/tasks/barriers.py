"""Where the landscape holds movement between focal nodes up, and where movement in corridors is dense."""

import numpy as np

from ...connectivity import pinch_points
from ...graph.focal_nodes import FocalNodes
from ...graph.grid_graph import GridGraph
from ...linalg.solver_stats import record_stats
from ...restoration import (
    LeastCostRestoration,
    PointResistanceRestoration,
    RegionResistanceRestoration,
    RestorationGain,
    barrier_map,
    disc_restoration,
    focal_vertices,
    improvement_score,
)
from .. import resource_estimates
from ..circuit_inputs import read_focal
from ..distance_factory import make_distance
from ..inputs import choice_parameter, landscape_metrics, positive_parameter, read_grid, solver_metrics
from ..task import Job, ResourceEstimate, Task, TaskResult

DISTANCES = ("leastcost", "resistance", "rsp")

#: What is done one after the other, and the part of the progress that each takes.
SHARES = {"gain": (2, 45), "least_costs": (45, 50), "restored_gain": (50, 80), "pinch_points": (80, 99)}

#: Seconds that the gain of a cell by resistance takes, beside a factor of the landscape for so many cells together.
GAIN_SECONDS, GAIN_TOGETHER = 3e-4, 166

#: Seconds for each cell, each cell of its disc and each focal node.
DISC_SECONDS = 1e-7


class BarriersTask(Task):
    """Gain for each unit of permeability, Barrier Mapper's improvement score, and current in corridors."""

    name = "flow.barriers"

    def estimate(self, job: Job) -> ResourceEstimate:
        """The distances with their gradient; two searches and one circuit for each corridor."""
        shape, nodes = job.inputs["landscape"].shape, len(np.unique(job.inputs["focal_ids"]))
        cells = shape[0] * shape[1]
        kind = job.parameters.get("distance")
        if kind == "resistance":
            parts = [resource_estimates.symmetric_solves(shape, max(nodes - 1, 1))]
        elif kind == "rsp":
            parts = [resource_estimates.randomized_paths(shape, nodes, gradient=True)]
        else:
            parts = [resource_estimates.shortest_paths(cells, nodes, gradient=True)]
        if job.parameters.get("search_radius") is not None:
            parts.append(resource_estimates.shortest_paths(cells, 2 * nodes, 2 * nodes))
        if job.parameters.get("restored_permeability") is not None:
            parts.append(_restoring(job, kind, shape, nodes))
        if job.parameters.get("cutoff") is not None:
            pairs = nodes * (nodes - 1) // 2
            circuit, search = resource_estimates.symmetric_solves(shape, 1), resource_estimates.shortest_paths(cells, 2)
            known = circuit.seconds is not None and search.seconds is not None
            seconds = pairs * (circuit.seconds + search.seconds) if known else None
            parts.append(ResourceEstimate(max(circuit.bytes, search.bytes), seconds))
        seconds = None if any(part.seconds is None for part in parts) else sum(part.seconds for part in parts)
        return ResourceEstimate(max(part.bytes for part in parts), seconds)

    def run(self, job: Job) -> TaskResult:
        """The gradient, and what else is asked for."""
        grid = read_grid(job)
        focal = read_focal(job, grid.shape)
        distance = make_distance(job, choice_parameter(job, "distance", DISTANCES))
        with record_stats() as entries:
            found = barrier_map(grid, focal, distance, progress=_progress(job, "gain"))
            gain = found.gain[np.isfinite(found.gain)]
            metrics = landscape_metrics(grid) | {
                "focal_nodes": len(focal),
                "mean_distance": found.distance,
                "pairs": found.pairs,
                "unreachable_pairs": found.unreachable_pairs,
                "minimum": gain.min(),
                "maximum": gain.max(),
                "largest_improvement": None,
                "largest_restored_gain": None,
                "newly_connecting_cells": None,
                "kcl_residual": None,
            }
            outputs = {"gain": found.gain}
            by_cost = job.parameters["distance"] == "leastcost"
            restoring = job.parameters.get("restored_permeability") is not None
            scoring = job.parameters.get("search_radius") is not None
            costs = None
            if scoring or (restoring and by_cost):
                costs = LeastCostRestoration(grid, focal, progress=_progress(job, "least_costs"))
            if scoring:
                restored = positive_parameter(job, "restored_resistance")
                score = improvement_score(costs, positive_parameter(job, "search_radius"), restored)
                outputs["improvement"] = score.largest
                finite = score.largest[np.isfinite(score.largest)]
                metrics["largest_improvement"] = finite.max() if finite.size else None
            if restoring:
                gains = _restored(job, grid, focal, costs if by_cost else None)
                outputs["restored_gain"] = gains.gain
                finite = gains.gain[np.isfinite(gains.gain)]
                metrics["largest_restored_gain"] = finite.max() if finite.size else None
                metrics["newly_connecting_cells"] = int((gains.joined > 0).sum())
            if job.parameters.get("cutoff") is not None:
                cutoff = float(job.parameters["cutoff"])
                pinched = pinch_points(grid, focal, cutoff, progress=_progress(job, "pinch_points"))
                outputs["pinch_points"] = pinched.total
                metrics["kcl_residual"] = pinched.residual
        return TaskResult(outputs, metrics | solver_metrics(entries))


def _restored(job: Job, grid: GridGraph, focal: FocalNodes, costs: LeastCostRestoration | None) -> RestorationGain:
    """Return the gain of every cell that holds data when it, or a disc around it, is raised to a permeability.

    Raises
    ------
    ValueError
        A disc with another distance than least cost; randomized shortest paths.
    """
    kind, permeability = job.parameters["distance"], positive_parameter(job, "restored_permeability")
    # What is nodata is not known to be land; a permeability of 0 is.
    restorable = np.asarray(job.inputs["valid"], dtype=bool)
    progress = _progress(job, "restored_gain")
    disc = job.parameters.get("restored_radius") is not None
    if kind == "rsp" or (disc and costs is None):
        what = "a disc" if disc else "a cell"
        raise ValueError(
            f"the gain of restoring {what} is not known for the distance {kind}; it is for least cost"
            + ("" if disc else " and resistance")
        )
    if disc:
        return disc_restoration(
            costs, positive_parameter(job, "restored_radius"), permeability, restorable, progress=progress
        )
    if costs is not None:
        return costs.when_raised_to(permeability, restorable)
    regions = any(len(mine) > 1 for mine in focal_vertices(grid, focal))
    gains = (RegionResistanceRestoration if regions else PointResistanceRestoration)(grid, focal)
    return gains.when_raised_to(permeability, restorable, progress=progress)


def _restoring(job: Job, kind: str, shape: tuple[int, int], nodes: int) -> ResourceEstimate:
    """Forecast the gains of restoring each cell."""
    cells = shape[0] * shape[1]
    if kind == "resistance":
        terminals = len(job.inputs["focal_ids"])
        each = resource_estimates.symmetric_solves(shape, terminals)
        factor = resource_estimates.symmetric_solves(shape, 1)
        turns = cells / GAIN_TOGETHER
        known = each.seconds is not None and factor.seconds is not None
        again = turns * (factor.seconds - resource_estimates.START_SECONDS) if known else 0.0
        seconds = each.seconds + again + GAIN_SECONDS * cells if known else None
        return ResourceEstimate(each.bytes + 8 * cells * terminals, seconds)
    each = resource_estimates.shortest_paths(cells, 2 * nodes, 2 * nodes + 40)
    radius = job.parameters.get("restored_radius")
    height, width = job.parameters.get("pixel_size", (1.0, 1.0))
    disc = 1 if radius is None else max(1.0, np.pi * float(radius) ** 2 / (height * width))
    return ResourceEstimate(each.bytes, each.seconds + DISC_SECONDS * cells * disc * nodes)


def _progress(job: Job, part: str):
    begin, end = SHARES[part]

    def progress(done: int, of: int) -> None:
        job.report.progress(begin + (end - begin) * done / of, f"{part.replace('_', ' ').capitalize()}: {done} of {of}")

    return progress
