"""What the tasks about cheapest paths share: places, paths as arrays, what they need."""

from collections.abc import Callable, Sequence

import numpy as np

from ..flows import FocalNodes, LeastCostPath
from ..grid import GridGraph
from . import forecasts
from .circuits import read_focal
from .registry import Forecast, Job

#: Bytes for each cell of a path: row and column, while it is found and while it is written.
PATH_CELL = 48


def forecast(job: Job, *, kept: int = 0) -> Forecast:
    """Say what searches from all places need, if so many rasters are kept; paths are about as long as the landscape."""
    rows, columns = job.inputs["landscape"].shape
    nodes = len(np.unique(job.inputs["focal_ids"]))
    ends = len(np.unique(job.inputs["target_ids"])) if "target_ids" in job.inputs else nodes
    every = job.parameters.get("pairs", "all") == "all"
    searches = min(nodes, ends) if every else 1
    paths = nodes * ends if every else 3 * nodes
    each = forecasts.shortest_paths(rows * columns, searches, 2 + kept)
    return Forecast(each.bytes + paths * (rows + columns) * PATH_CELL, each.seconds)


def read_targets(job: Job, grid: GridGraph) -> FocalNodes | None:
    """Return the targets of a job, None where there are none."""
    return read_focal(job, grid.shape, "target") if "target_ids" in job.inputs else None


def as_arrays(paths: Sequence[LeastCostPath]) -> dict[str, np.ndarray]:
    """Return paths as outputs of a job.

    Returns
    -------
    dict
        ``pairs`` int64 (k, 2): positions of source and target; ``costs`` and ``lengths`` float64 (k,); ``path_cells``
        int64 (n, 2): rows and columns of all paths, one after the other; ``path_ends`` int64 (k,): where each ends.
    """
    cells = [np.stack([path.rows, path.columns], axis=1) for path in paths]
    return {
        "pairs": np.array([(path.source, path.target) for path in paths], np.int64).reshape(-1, 2),
        "costs": np.array([path.cost for path in paths], float),
        "lengths": np.array([path.length for path in paths], float),
        "path_cells": np.concatenate([*cells, np.empty((0, 2), np.int64)]),
        "path_ends": np.cumsum([len(each) for each in cells], dtype=np.int64),
    }


def progress_of(job: Job, first: float, last: float) -> Callable[[int, int], None]:
    """Return what reports searches as a part of the work, in percent."""

    def progress(done: int, of: int) -> None:
        job.report.progress(first + (last - first) * done / of, f"Search {done} of {of}")

    return progress
