"""What the engine forecasts of a job, beside what the job takes."""

import io

import numpy as np

from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job, tasks

from ..landscapes import BenchmarkLandscape
from ..timer import Timer

GRAPH = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [1.0, 1.0]}


def job(site: BenchmarkLandscape, watch: Timer, *, task: str, points: int, parameters: dict) -> dict:
    """Run a job as the worker does; the forecast is asked for before."""

    def given(repetition: int) -> Job:
        landscape = np.where(site.active, site.nudged(repetition), np.nan)
        places = np.atleast_1d(site.centre if points == 1 else site.points(points))
        sources = np.stack(np.divmod(places, site.side), axis=1)
        arrays = {"landscape": landscape, "valid": site.active, "sources": sources}
        return Job({**GRAPH, **parameters}, arrays, Reporter(io.StringIO()))

    known = tasks()[task]
    foreseen = known.estimate(given(0))
    watch.time(lambda repetition: known.run(given(repetition)), compiled=True)
    return {"foreseen_seconds": foreseen.seconds, "foreseen_bytes": foreseen.bytes}
