"""What the windowed tasks share: parameters, who computes, progress in words, numbers for the report."""

import math
from typing import Any

import numpy as np

from ..connectivity.dispersal_kernel import ExponentialKernel
from ..linalg.solver_stats import SolveRecord
from ..moving_window.dispatch.base import AbstractExecutor, SerialExecutor
from ..moving_window.dispatch.dask import DaskExecutor
from ..moving_window.tiling import windows_and_batches
from ..parallel.numba_jit import cpu_count
from ..storage.fingerprint import row_strips
from ..storage.npy_raster import NpyRaster
from .distance_estimates import ESTIMATES
from .distance_factory import chosen_distance, make_distance
from .inputs import choice_parameter, positive_parameter, read_pixel_size, solver_metrics
from .streamed_inputs import read_streamed_inputs
from .task import Job, ResourceEstimate

#: The cluster of this machine alone, as a word in place of an address.
THIS_MACHINE = "local"


def arguments(job: Job, task: str) -> dict[str, Any]:
    """Return what an analysis is made of, from the parameters and inputs of a job."""
    permeability, quality, _ = read_streamed_inputs(job)
    return {
        "quality": quality,
        "permeability": permeability,
        "distance": make_distance(job, chosen_distance(job, task)),
        "proximity": ExponentialKernel(positive_parameter(job, "alpha")),
        "dependency_range": range_in_cells(job),
        "coarsening": _coarsening(job),
        "neighbors": choice_parameter(job, "neighbors", ("queen", "rook")),
        "edge_rule": choice_parameter(job, "edge_rule", ("mean", "resistance", "target")),
        "pixel_size": read_pixel_size(job),
        "batch": batch_size(job),
    }


def batch_size(job: Job) -> int | None:
    """Return how many windows are to be computed together, if the job says so."""
    batch = job.parameters.get("batch")
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, int) or batch < 1):
        raise ValueError(f'parameter "batch" must be a number of windows, 1 or more, not {batch!r}')
    return batch


def range_in_cells(job: Job) -> tuple[int, int]:
    """Return how many rows and columns the dependency range, in map units, covers; at least one of each."""
    reach = positive_parameter(job, "range")
    rows, columns = (max(1, math.ceil(round(reach / size, 9))) for size in read_pixel_size(job))
    return rows, columns


def estimate(job: Job, task: str, *, gradient: bool) -> ResourceEstimate:
    """Say what a windowed job will need: a batch at a time in memory, all windows in time."""
    shape = job.inputs["landscape"].shape
    estimates = ESTIMATES[chosen_distance(job, task).estimate]
    windows, tile = windows_and_batches(
        shape, range_in_cells(job), _coarsening(job), job.parameters.get("batch"), estimates.batched_windows
    )
    return estimates.windows(windows, tile, gradient=gradient)


def executor(job: Job) -> AbstractExecutor:
    """Return who computes: this process, or the cluster that the job names."""
    address = job.parameters.get("cluster")
    if not address:
        return SerialExecutor()
    if not isinstance(address, str):
        raise ValueError(f'parameter "cluster" must be an address or "{THIS_MACHINE}", not {address!r}')
    try:
        return DaskExecutor(workers=cpu_count()) if address == THIS_MACHINE else DaskExecutor(address)
    except ModuleNotFoundError as missing:
        raise ValueError(str(missing)) from missing


def checkpoint(job: Job) -> str | None:
    """Return the folder of finished batches that the job names, if any."""
    folder = job.parameters.get("checkpoint")
    if folder is not None and not isinstance(folder, str):
        raise ValueError(f'parameter "checkpoint" must be a folder, not {folder!r}')
    return folder or None


def progress(job: Job):
    """Return a function that reports batches as they are done."""

    def report(done: int, of: int, seconds: float | None) -> None:
        left = "" if seconds is None else f", {_in_words(seconds)} left"
        job.report.progress(2 + 97 * done / of, f"Batch {done:,} of {of:,}{left}")

    return report


def window_metrics(found: Any, raster: NpyRaster, entries: list[SolveRecord], **own: float) -> dict[str, Any]:
    """Return what a windowed analysis found, in numbers.

    Parameters
    ----------
    found
        Its result.
    raster
        The first raster that it wrote.
    entries
        Of the journal.
    own
        Numbers that only this kind of analysis has.
    """
    active, lowest, highest = extent_of(raster)
    return {
        "active_cells": active,
        **own,
        "windows": found.windows,
        "skipped_windows": found.skipped,
        "minimum": lowest,
        "maximum": highest,
    } | solver_metrics(entries)


def extent_of(raster: NpyRaster) -> tuple[int, float, float]:
    """Return how many cells hold a value, the smallest and the largest of them."""
    lowest, highest, active = np.inf, -np.inf, 0
    for place in row_strips(raster.shape):
        values = raster[place]
        values = values[~np.isnan(values)]
        lowest, highest = min(lowest, values.min(initial=np.inf)), max(highest, values.max(initial=-np.inf))
        active += values.size
    return active, float(lowest), float(highest)


def _coarsening(job: Job) -> float:
    given = job.parameters.get("coarsening", 0.0)
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 <= given <= 1:
        raise ValueError(f'parameter "coarsening" must be a number between 0 and 1, not {given!r}')
    return float(given)


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
