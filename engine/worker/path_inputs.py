"""Inputs, outputs and resource estimates that the tasks about least-cost paths share."""

from collections.abc import Callable, Sequence

import numpy as np

from ..graph import FocalNodes, GridGraph
from ..paths import LeastCostPath
from . import resource_estimates
from .circuit_inputs import read_focal
from .machine_speed import speed_factors
from .task import Job, ResourceEstimate

#: Bytes for each cell of a path: row and column, in the search and in the output.
PATH_CELL_BYTES = 48

#: Seconds for each path, with its backtrace and table row, and for each cell of each pair's corridor.
PATH_SECONDS = 5e-5
CORRIDOR_SECONDS = 1.5e-9

#: Bytes for each cell of a stored cost raster.
COST_CELL_BYTES = 8


def estimate_searches(
    job: Job, *, rasters: int = 0, with_paths: bool = True, with_corridors: bool = False
) -> ResourceEstimate:
    """Estimate a search from every focal node.

    Parameters
    ----------
    job
        The job.
    rasters
        Number of cost rasters held in memory.
    with_paths, with_corridors
        Whether a path, and whether a corridor, is computed for each pair.

    Notes
    -----
    The assumed number of cells of a path is half the sum of the raster's rows and columns.
    """
    rows, columns = job.inputs["landscape"].shape
    nodes = len(np.unique(job.inputs["focal_ids"]))
    paths = nodes * (nodes - 1) // (1 if job.parameters.get("edge_rule") == "target" else 2)
    searches = nodes
    if "target_ids" in job.inputs:
        targets = len(np.unique(job.inputs["target_ids"]))
        paths, searches = nodes * targets, min(nodes, targets)
    if job.parameters.get("pairs", "all") != "all":
        paths, searches = 3 * nodes, rasters or 1
    search = resource_estimates.shortest_paths(rows * columns, searches, is_map=False)
    output = paths * (rows + columns) // 2 * PATH_CELL_BYTES if with_paths else 0
    pair_seconds = PATH_SECONDS * with_paths + CORRIDOR_SECONDS * rows * columns * with_corridors
    seconds = search.seconds + speed_factors()[1] * pair_seconds * paths
    return ResourceEstimate(search.bytes + rows * columns * rasters * COST_CELL_BYTES + output, seconds)


def read_targets(job: Job, grid: GridGraph) -> FocalNodes | None:
    """Return the targets of a job, None if there are none."""
    return read_focal(job, grid.shape, "target") if "target_ids" in job.inputs else None


def path_arrays(paths: Sequence[LeastCostPath]) -> dict[str, np.ndarray]:
    """Return paths as outputs of a job.

    Returns
    -------
    dict
        ``pairs`` int64 (k, 2): indices of source and target; ``costs`` and ``lengths`` float64 (k,); ``path_cells``
        int64 (n, 2): rows and columns of all paths, concatenated; ``path_ends`` int64 (k,): end of each path.
    """
    cells = [np.stack([path.rows, path.columns], axis=1) for path in paths]
    return {
        "pairs": np.array([(path.source, path.target) for path in paths], np.int64).reshape(-1, 2),
        "costs": np.array([path.cost for path in paths], float),
        "lengths": np.array([path.length for path in paths], float),
        "path_cells": np.concatenate([*cells, np.empty((0, 2), np.int64)]),
        "path_ends": np.cumsum([len(path) for path in cells], dtype=np.int64),
    }


def search_progress(job: Job, first: float, last: float) -> Callable[[int, int], None]:
    """Return a callback that reports completed searches between two percentages."""

    def progress(done: int, total: int) -> None:
        job.report.progress(first + (last - first) * done / total, f"Search {done} of {total}")

    return progress
