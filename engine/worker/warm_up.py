"""Small jobs of every kind, which compile kernels and programs that later jobs find in the caches."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..distances import distance_entry
from .explore import warm_up_exploration
from .protocol import Reporter
from .task import Job
from .tasks import TASKS

#: Rows and columns of the landscape: enough for several levels of multigrid.
SHAPE = (40, 48)

LANDSCAPE = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [1.0, 1.0]}
THETA = {"theta": 0.1, "cost": "inverse"}
WINDOWS = {"alpha": 4.0, "range": 12.0, "coarsening": 0.5, "respect_to": "permeability", "elasticity": False}

POINTS, FOCAL, HABITAT, NOTHING = ("sources",), ("focal_ids", "focal_cells"), ("quality",), ()

#: Label, task, inputs in addition to the landscape, and parameters of a job.
WarmUpJob = tuple[str, str, tuple[str, ...], dict[str, Any]]

JOBS: tuple[WarmUpJob, ...] = (
    ("Least-cost distance", "leastcost.distance", POINTS, {}),
    ("Resistance distance", "resistance.distance", POINTS, {}),
    ("Distance matrix, multigrid", "distance.matrix", FOCAL, {"distance": "resistance", "solver": "multigrid"}),
    ("Randomized shortest paths", "rsp.distance", POINTS, {**THETA, "measure": "expected_cost"}),
    ("Distance matrix, nested dissection", "distance.matrix", FOCAL, {"distance": "resistance"}),
    ("Least-cost paths", "leastcost.paths", FOCAL, {"pairs": "all"}),
    ("Corridors", "leastcost.corridor", FOCAL, {"pairs": "all"}),
    ("Current between focal nodes", "circuit.current", FOCAL, {"mode": "pairwise"}),
    ("Flow of randomized shortest paths", "rsp.flow", POINTS, {**THETA, "passage": "total"}),
    ("Sources and sinks of a flow", "flow.divergence", ("potential",), {"kind": "potential"}),
    *(
        (
            f"Sensitivity of {distance_entry(distance).label.lower()}",
            "connectivity.sensitivity",
            POINTS,
            {**THETA, "distance": distance, "scalar": "mean_distance", "respect_to": "permeability"},
        )
        for distance in ("leastcost", "resistance", "rsp")
    ),
    ("Barriers", "flow.barriers", FOCAL, {"distance": "leastcost"}),
    ("Connected components", "components.label", NOTHING, {}),
    (
        "Connected habitat",
        "habitat.connected",
        HABITAT,
        {**THETA, "distance": "leastcost", "alpha": 4.0, "landmarks": 8},
    ),
    ("Connectivity by windows", "windowed.connectivity", HABITAT, {**WINDOWS, "distance": "leastcost"}),
    ("Sensitivity by windows", "windowed.sensitivity", HABITAT, {**WINDOWS, "distance": "resistance"}),
)


def warm_up(report: Reporter, jobs: Sequence[WarmUpJob] = JOBS) -> None:
    """Run the jobs and report progress.

    Parameters
    ----------
    report
        Receives a line of progress before each job.
    jobs
        The jobs.

    Raises
    ------
    Exception
        The error of a job, if this environment cannot run the engine.
    """
    for number, label in enumerate(run_small_jobs(jobs)):
        report.progress(100 * number / len(jobs), label)
    for _ in warm_up_exploration():
        report.progress(99, "Explorer")
    report.progress(100, "Done")


def run_small_jobs(jobs: Sequence[WarmUpJob]) -> Iterator[str]:
    """Run one job after the other; yield the label of each before it runs."""
    arrays = _arrays()
    for label, task, names, parameters in jobs:
        yield label
        with tempfile.TemporaryDirectory() as folder:
            # The progress and messages of these jobs would mean nothing to the reader.
            with (Path(folder) / "messages").open("w", encoding="utf-8") as messages:
                inputs = {name: arrays[name] for name in ("landscape", "valid", *names)}
                job = Job({**LANDSCAPE, **parameters}, inputs, Reporter(messages), Path(folder))
                TASKS[task].estimate(job)
                TASKS[task].run(job)


def _arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    landscape = rng.lognormal(size=SHAPE)
    landscape[10:30, 20] = 0
    cells = np.array([[0, 0], [SHAPE[0] - 1, 0], [0, SHAPE[1] - 1]])
    return {
        "landscape": landscape,
        "valid": np.ones(SHAPE, bool),
        "quality": rng.random(SHAPE),
        "potential": rng.random(SHAPE),
        "sources": cells,
        "focal_ids": np.arange(1, 4),
        "focal_cells": cells,
    }
