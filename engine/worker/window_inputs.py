"""Inputs, resource estimates, executors and metrics that the windowed tasks share."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ..connectivity import ExponentialKernel
from ..linalg import SolveRecord
from ..moving_window import AbstractExecutor, BlockGeometry, DaskExecutor, SerialExecutor, windows_and_batches
from ..parallel import cpu_count
from ..storage import NpyRaster, row_strips
from .distance_estimates import ESTIMATES
from .distance_factory import chosen_distance, make_distance
from .inputs import choice_parameter, positive_parameter, read_pixel_size
from .metrics import solver_metrics
from .resource_estimates import BASE_BYTES
from .streamed_inputs import read_streamed_inputs
from .task import Job, ResourceEstimate

#: In place of a scheduler's address: a cluster on this machine.
LOCAL_CLUSTER = "local"


def analysis_arguments(job: Job, task: str) -> dict[str, Any]:
    """Return the keyword arguments of a windowed analysis."""
    permeability, quality = read_streamed_inputs(job)
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
        "starts": choice_parameter(job, "starts", ("centre", "cells"), "centre"),
    }


def batch_size(job: Job) -> int | None:
    """Return the number of windows in a batch; None to let the engine choose it."""
    batch = job.parameters.get("batch")
    if batch is not None and (isinstance(batch, bool) or not isinstance(batch, int) or batch < 1):
        raise ValueError(f'parameter "batch" must be a number of windows, 1 or more, not {batch!r}')
    return batch


def range_in_cells(job: Job) -> tuple[int, int]:
    """Return the dependency range in rows and columns: at least 1, at most twice the size of the raster."""
    distance, shape = positive_parameter(job, "range"), job.inputs["landscape"].shape
    rows, columns = (
        max(1, math.ceil(round(min(distance / size, 2 * cells), 9)))
        for size, cells in zip(read_pixel_size(job), shape, strict=True)
    )
    return rows, columns


def estimate_windows(job: Job, task: str, *, gradient: bool) -> ResourceEstimate:
    """Estimate a windowed job: the memory of one batch, the time of all windows."""
    shape = job.inputs["landscape"].shape
    estimates = ESTIMATES[chosen_distance(job, task).estimate]
    windows, batches = windows_and_batches(
        shape, range_in_cells(job), _coarsening(job), job.parameters.get("batch"), estimates.batched_windows
    )
    estimate = estimates.windows(windows, batches, gradient=gradient)
    if choice_parameter(job, "starts", ("centre", "cells"), "centre") == "cells":
        geometry = BlockGeometry(windows.core, windows.buffer)
        cells = math.prod(windows.window_shape)
        estimate = ResourceEstimate(estimate.bytes, estimate.seconds * geometry.searched_cells / cells)
    return on_executor(job, estimate)


def on_executor(job: Job, estimate: ResourceEstimate) -> ResourceEstimate:
    """Return the estimate for the executor of a job: a local cluster has a process with a batch on each core."""
    if job.parameters.get("cluster") != LOCAL_CLUSTER:
        return estimate
    workers = cpu_count()
    return ResourceEstimate(workers * estimate.bytes + BASE_BYTES, estimate.seconds)


def read_executor(job: Job) -> AbstractExecutor:
    """Return the executor: this process, or the cluster that the job names."""
    address = job.parameters.get("cluster")
    if not address:
        return SerialExecutor()
    if not isinstance(address, str):
        raise ValueError(f'parameter "cluster" must be an address or "{LOCAL_CLUSTER}", not {address!r}')
    try:
        return DaskExecutor(workers=cpu_count()) if address == LOCAL_CLUSTER else DaskExecutor(address)
    except ModuleNotFoundError as missing:
        raise ValueError(str(missing)) from missing


def batch_progress(job: Job) -> Callable[[int, int, float | None], None]:
    """Return a callback that reports completed batches and the remaining time."""

    def progress(done: int, total: int, seconds: float | None) -> None:
        """Report completed batches and the remaining time."""
        remaining = "" if seconds is None else f", {_format_seconds(seconds)} left"
        job.report.progress(2 + 97 * done / total, f"Batch {done:,} of {total:,}{remaining}")

    return progress


def window_metrics(result: Any, raster: NpyRaster, stats: list[SolveRecord], **further: float) -> dict[str, Any]:
    """Return the metrics of a windowed analysis.

    Parameters
    ----------
    result
        Result of the analysis.
    raster
        First output of the analysis.
    stats
        Statistics of the solvers.
    further
        Metrics that only this kind of analysis has.
    """
    active, minimum, maximum = raster_range(raster)
    return {
        "active_cells": active,
        **further,
        "windows": result.windows,
        "skipped_windows": result.skipped,
        "minimum": minimum,
        "maximum": maximum,
    } | solver_metrics(stats)


def raster_range(raster: NpyRaster) -> tuple[int, float, float]:
    """Return the number of cells that hold data, the minimum and the maximum."""
    minimum, maximum, active = np.inf, -np.inf, 0
    for strip in row_strips(raster.shape):
        values = raster[strip]
        values = values[~np.isnan(values)]
        minimum, maximum = min(minimum, values.min(initial=np.inf)), max(maximum, values.max(initial=-np.inf))
        active += values.size
    return active, float(minimum), float(maximum)


def _coarsening(job: Job) -> float:
    coarsening = job.parameters.get("coarsening", 0.0)
    if isinstance(coarsening, bool) or not isinstance(coarsening, (int, float)) or not 0 <= coarsening <= 1:
        raise ValueError(f'parameter "coarsening" must be a number between 0 and 1, not {coarsening!r}')
    return float(coarsening)


def _format_seconds(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
