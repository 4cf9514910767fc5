"""Inputs and resource estimates that the tasks about omnidirectional current in moving windows share."""

import math
from typing import Any

from ..moving_window import Condition, MovingWindowCurrent, TargetBlocks, WindowOperation, batch_shape
from ..storage import RasterLike, on_disk
from . import resource_estimates
from .inputs import choice_parameter, nonnegative_parameter, positive_parameter, read_pixel_size
from .streamed_inputs import LazyQuality, read_streamed_inputs
from .task import Job, ResourceEstimate
from .window_inputs import batch_size, on_executor


def moving_window_current(job: Job) -> tuple[MovingWindowCurrent, LazyQuality]:
    """Return the moving windows of a job, and a raster that is 1 in every cell with data, else 0.

    Raises
    ------
    ValueError
        A parameter is invalid, or rasters differ in size.
    """
    permeability, valid_cells = read_streamed_inputs(job)
    blocks = read_blocks(job)
    cutoff = (
        {"resistance_cutoff": positive_parameter(job, "cutoff")} if job.parameters.get("cutoff") is not None else {}
    )
    windows = MovingWindowCurrent(
        permeability=permeability,
        radius=blocks.radius,
        block=blocks.width,
        buffer=blocks.buffer,
        sources=raster_input(job, "sources"),
        source_threshold=nonnegative_parameter(job, "threshold"),
        conditions=_conditions(job),
        correct_artifacts=bool(job.parameters.get("correct_artifacts", True)),
        as_omniscape=bool(job.parameters.get("as_omniscape", False)),
        neighbors=choice_parameter(job, "neighbors", ("queen", "rook")),
        edge_rule=choice_parameter(job, "edge_rule", ("mean", "resistance", "target")),
        pixel_size=blocks.pixel_size,
        batch=batch_size(job),
        **cutoff,
    )
    return windows, valid_cells


def estimate_moving_window(job: Job, *, potential: bool = False, gradient: bool = False) -> ResourceEstimate:
    """Estimate a moving-window job: the memory of one batch, the time of all windows."""
    shape = job.inputs["landscape"].shape
    blocks = read_blocks(job).within(shape)
    windows = WindowOperation(shape, blocks.width, blocks.half_window)
    tiles = windows.grouped(batch_shape(windows, batch_size(job), cpu_kernels=True))
    estimate = resource_estimates.moving_currents(
        blocks.half_window, windows, tiles, potential=potential, gradient=gradient
    )
    return on_executor(job, estimate)


def read_blocks(job: Job) -> TargetBlocks:
    """Return the target blocks of a job and the radius within which their sources lie."""
    block = job.parameters.get("block", 1)
    return TargetBlocks(
        block, positive_parameter(job, "radius"), nonnegative_parameter(job, "buffer"), read_pixel_size(job)
    )


def raster_input(job: Job, name: str) -> RasterLike | None:
    """Return an optional input as a raster that is read by slices."""
    return on_disk(job.inputs[name]) if name in job.inputs else None


def _conditions(job: Job) -> list[Condition]:
    descriptions = job.parameters.get("conditions", [])
    if not isinstance(descriptions, list) or not all(isinstance(entry, dict) for entry in descriptions):
        raise ValueError(f'parameter "conditions" must be a list of conditions, not {descriptions!r}')
    conditions = []
    for number, entry in enumerate(descriptions, start=1):
        present = raster_input(job, f"condition_{number}")
        if present is None:
            raise ValueError(f'input "condition_{number}" is missing')
        future = raster_input(job, f"condition_{number}_future")
        lower, upper = _limit(entry, "lower", -math.inf), _limit(entry, "upper", math.inf)
        conditions.append(Condition(present, future, entry.get("comparison", "within"), lower, upper))
    return conditions


def _limit(condition: dict[str, Any], name: str, default: float) -> float:
    value = condition.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError(f'"{name}" of a condition must be a number, not {value!r}')
    return float(value)
