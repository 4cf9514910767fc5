"""The engine's estimates of the time and memory of a job, and the run of the job."""

import io

import numpy as np

from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS

from ..landscapes import BenchmarkLandscape
from ..timer import Timer

GRAPH = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [1.0, 1.0]}


def job(landscape: BenchmarkLandscape, timer: Timer, *, task: str, points: int, parameters: dict) -> dict:
    """Run a job as the worker does, after its estimate."""

    def make_job(repetition: int) -> Job:
        permeability = np.where(landscape.active, landscape.perturbed(repetition), np.nan)
        cells = np.atleast_1d(landscape.centre if points == 1 else landscape.points(points))
        sources = np.stack(np.divmod(cells, landscape.side), axis=1)
        arrays = {"landscape": permeability, "valid": landscape.active, "sources": sources}
        return Job({**GRAPH, **parameters}, arrays, Reporter(io.StringIO()))

    task_object = TASKS[task]
    estimate = task_object.estimate(make_job(0))
    timer.time(lambda repetition: task_object.run(make_job(repetition)), compiled=True)
    return {"estimated_seconds": estimate.seconds, "estimated_bytes": estimate.bytes}
