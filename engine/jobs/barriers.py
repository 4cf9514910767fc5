"""Where the landscape holds movement between focal nodes up, and where movement in corridors is dense."""

import numpy as np

from ..barriers import LeastCostGain, barrier_map, improvement_score
from ..flows import pinch_points
from ..solvers.journal import journal
from . import forecasts
from .asked_distance import asked_distance
from .circuits import read_focal
from .landscape import choice, landscape_numbers, positive, read_grid, solver_numbers
from .registry import Answer, Forecast, Job, Task

DISTANCES = ("leastcost", "resistance", "rsp")

#: What is done one after the other, and the part of the progress that each takes.
SHARES = {"gain": (2, 60), "improvement": (60, 75), "pinch_points": (75, 99)}


class FlowBarriers(Task):
    """Gain for each unit of permeability, Barrier Mapper's improvement score, and current in corridors."""

    name = "flow.barriers"

    def forecast(self, job: Job) -> Forecast:
        """The distances with their gradient; two searches and one circuit for each corridor."""
        shape, nodes = job.inputs["landscape"].shape, len(np.unique(job.inputs["focal_ids"]))
        cells = shape[0] * shape[1]
        kind = job.parameters.get("distance")
        if kind == "resistance":
            parts = [forecasts.symmetric_solves(shape, max(nodes - 1, 1))]
        elif kind == "rsp":
            parts = [forecasts.randomized_paths(shape, nodes, gradient=True)]
        else:
            parts = [forecasts.shortest_paths(cells, nodes, gradient=True)]
        if job.parameters.get("search_radius") is not None:
            parts.append(forecasts.shortest_paths(cells, 2 * nodes, 2 * nodes))
        if job.parameters.get("cutoff") is not None:
            pairs = nodes * (nodes - 1) // 2
            circuit, search = forecasts.symmetric_solves(shape, 1), forecasts.shortest_paths(cells, 2)
            known = circuit.seconds is not None and search.seconds is not None
            seconds = pairs * (circuit.seconds + search.seconds) if known else None
            parts.append(Forecast(max(circuit.bytes, search.bytes), seconds))
        seconds = None if any(part.seconds is None for part in parts) else sum(part.seconds for part in parts)
        return Forecast(max(part.bytes for part in parts), seconds)

    def run(self, job: Job) -> Answer:
        """The gradient, and what else is asked for."""
        grid = read_grid(job)
        focal = read_focal(job, grid.shape)
        distance = asked_distance(job, choice(job, "distance", DISTANCES))
        with journal() as entries:
            found = barrier_map(grid, focal, distance, progress=_progress(job, "gain"))
            gain = found.gain[np.isfinite(found.gain)]
            numbers = landscape_numbers(grid) | {
                "focal_nodes": len(focal),
                "mean_distance": found.distance,
                "pairs": found.pairs,
                "unreachable_pairs": found.unreachable_pairs,
                "minimum": gain.min(),
                "maximum": gain.max(),
                "largest_improvement": None,
                "unconserved": None,
            }
            outputs = {"gain": found.gain}
            if job.parameters.get("search_radius") is not None:
                costs = LeastCostGain(grid, focal, progress=_progress(job, "improvement"))
                restored = positive(job, "restored_resistance")
                score = improvement_score(costs, positive(job, "search_radius"), restored)
                outputs["improvement"] = score.largest
                finite = score.largest[np.isfinite(score.largest)]
                numbers["largest_improvement"] = finite.max() if finite.size else None
            if job.parameters.get("cutoff") is not None:
                cutoff = float(job.parameters["cutoff"])
                pinched = pinch_points(grid, focal, cutoff, progress=_progress(job, "pinch_points"))
                outputs["pinch_points"] = pinched.total
                numbers["unconserved"] = pinched.residual
        return Answer(outputs, numbers | solver_numbers(entries))


def _progress(job: Job, part: str):
    begin, end = SHARES[part]

    def progress(done: int, of: int) -> None:
        job.report.progress(begin + (end - begin) * done / of, f"{part.replace('_', ' ').capitalize()}: {done} of {of}")

    return progress
