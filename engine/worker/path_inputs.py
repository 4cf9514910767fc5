"""What the tasks about cheapest paths share: places, paths as arrays, what they need."""

from collections.abc import Callable, Sequence

import numpy as np

from ..graph.focal_nodes import FocalNodes
from ..graph.grid_graph import GridGraph
from ..paths.path_search import LeastCostPath
from . import resource_estimates
from .circuit_inputs import read_focal
from .task import Job, ResourceEstimate

#: Bytes for each cell of a path: row and column, while it is found and while it is written.
PATH_CELL = 48

#: Bytes for each cell of a raster of costs that is kept.
KEPT = 8


def estimate(job: Job, *, kept: int = 0) -> ResourceEstimate:
    """Say what searches from all places need, if so many rasters are kept; a path is about as long as the landscape."""
    rows, columns = job.inputs["landscape"].shape
    nodes = len(np.unique(job.inputs["focal_ids"]))
    paths = nodes * (nodes - 1) // (1 if job.parameters.get("edge_rule") == "target" else 2)
    searches = nodes
    if "target_ids" in job.inputs:
        ends = len(np.unique(job.inputs["target_ids"]))
        paths, searches = nodes * ends, min(nodes, ends)
    if job.parameters.get("pairs", "all") != "all":
        paths, searches = 3 * nodes, kept or 1
    each = resource_estimates.shortest_paths(rows * columns, searches, 2)
    drawn = paths * (rows + columns) // 2 * PATH_CELL
    return ResourceEstimate(each.bytes + rows * columns * kept * KEPT + drawn, each.seconds)


def read_targets(job: Job, grid: GridGraph) -> FocalNodes | None:
    """Return the targets of a job, None where there are none."""
    return read_focal(job, grid.shape, "target") if "target_ids" in job.inputs else None


def path_arrays(paths: Sequence[LeastCostPath]) -> dict[str, np.ndarray]:
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


def progress_reporter(job: Job, first: float, last: float) -> Callable[[int, int], None]:
    """Return what reports searches as a part of the work, in percent."""

    def progress(done: int, of: int) -> None:
        job.report.progress(first + (last - first) * done / of, f"Search {done} of {of}")

    return progress
