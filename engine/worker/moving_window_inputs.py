"""What the tasks about currents in moving windows share: the windows, what moves in them, and what they will need."""

from typing import Any

from ..moving_window.omnidirectional_current import MovingWindowCurrent
from ..moving_window.source_strengths import Condition
from ..moving_window.target_blocks import TargetBlocks
from ..moving_window.tiling import batch_shape
from ..moving_window.window_operation import WindowOperation
from ..storage.npy_raster import on_disk
from ..storage.raster_like import RasterLike
from . import resource_estimates
from .inputs import choice_parameter, positive_parameter, read_pixel_size
from .streamed_inputs import LazyQuality, read_streamed_inputs
from .task import Job, ResourceEstimate
from .window_inputs import batch_size


def moving_window_current(job: Job) -> tuple[MovingWindowCurrent, LazyQuality]:
    """Return the windows of a job, and 1 in every cell that holds data.

    Raises
    ------
    ValueError
        A parameter that is none, or rasters that do not belong together.
    """
    permeability, everywhere, _ = read_streamed_inputs(job)
    blocks = blocks_of(job)
    cutoff = (
        {"resistance_cutoff": positive_parameter(job, "cutoff")} if job.parameters.get("cutoff") is not None else {}
    )
    windows = MovingWindowCurrent(
        permeability=permeability,
        radius=blocks.radius,
        block=blocks.width,
        buffer=blocks.buffer,
        sources=raster_input(job, "sources"),
        source_threshold=_at_least_zero(job, "threshold"),
        conditions=_conditions(job),
        correct_artifacts=bool(job.parameters.get("correct_artifacts", True)),
        as_omniscape=bool(job.parameters.get("as_omniscape", True)),
        neighbors=choice_parameter(job, "neighbors", ("queen", "rook")),
        edge_rule=choice_parameter(job, "edge_rule", ("mean", "resistance", "target")),
        pixel_size=blocks.pixel_size,
        batch=batch_size(job),
        **cutoff,
    )
    return windows, everywhere


def estimate(job: Job, *, potential: bool = False, gradient: bool = False) -> ResourceEstimate:
    """Say what the windows of a job will need: a batch at a time in memory, all of them in time."""
    blocks = blocks_of(job)
    windows = WindowOperation(job.inputs["landscape"].shape, blocks.width, blocks.half_window)
    tiles = windows.grouped(batch_shape(windows, batch_size(job), cpu_kernels=True))
    return resource_estimates.moving_currents(
        blocks.half_window, windows, tiles, potential=potential, gradient=gradient
    )


def blocks_of(job: Job) -> TargetBlocks:
    """Return the targets of a job and how far around them sources lie."""
    block = job.parameters.get("block", 1)
    return TargetBlocks(block, positive_parameter(job, "radius"), _at_least_zero(job, "buffer"), read_pixel_size(job))


def raster_input(job: Job, name: str) -> RasterLike | None:
    """Return an input as a raster that is read part by part; None if the job has none of that name."""
    return on_disk(job.inputs[name]) if name in job.inputs else None


def _conditions(job: Job) -> list[Condition]:
    given = job.parameters.get("conditions", [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise ValueError(f'parameter "conditions" must be a list of conditions, not {given!r}')
    conditions = []
    for number, each in enumerate(given, start=1):
        present = raster_input(job, f"condition_{number}")
        if present is None:
            raise ValueError(f'input "condition_{number}" is missing')
        future = raster_input(job, f"condition_{number}_future")
        lower, upper = (_limit(each, name, otherwise) for name, otherwise in (("lower", "-inf"), ("upper", "inf")))
        conditions.append(Condition(present, future, each.get("comparison", "within"), lower, upper))
    return conditions


def _limit(condition: dict[str, Any], name: str, otherwise: str) -> float:
    value = condition.get(name)
    if value is None:
        return float(otherwise)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != value:
        raise ValueError(f'"{name}" of a condition must be a number, not {value!r}')
    return float(value)


def _at_least_zero(job: Job, name: str) -> float:
    value = job.parameters.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f'parameter "{name}" must be a number, 0 or more, not {value!r}')
    return float(value)
