"""Where movement in all directions goes, in landscapes of any size."""

from typing import Any

from ..solvers.journal import journal
from ..windows import DiskRaster, MovingWindowCurrent, WindowOperation
from ..windows.layout import tile_of_blocks
from ..windows.operation import Raster
from ..windows.rasters import on_disk
from ..windows.target_blocks import TargetBlocks
from . import forecasts
from .landscape import choice, positive, read_pixel_size, solver_numbers
from .registry import Answer, Forecast, Job, Task
from .streams import read_streams
from .windowed import batch_of, checkpoint, dispatch, extent_of, progress


class WindowedCurrentTask(Task):
    """Currents to every block from the sources around it, added up, and what they would be if nothing resisted."""

    name = "windowed.current"

    def forecast(self, job: Job) -> Forecast:
        """A batch of windows in memory, all of them in time."""
        blocks = _blocks(job)
        windows = WindowOperation(job.inputs["landscape"].shape, blocks.width, blocks.reach)
        tiles = windows.grouped(tile_of_blocks(windows, batch_of(job), on_host=True))
        return forecasts.moving_currents(blocks.reach, windows, tiles, potential=any(_maps(job).values()))

    def run(self, job: Job) -> Answer:
        """Batch by batch, straight to the disk."""
        permeability, _, _ = read_streams(job)
        cutoff = {"resistance_cutoff": positive(job, "cutoff")} if job.parameters.get("cutoff") is not None else {}
        blocks = _blocks(job)
        analysis = MovingWindowCurrent(
            permeability=permeability,
            radius=blocks.radius,
            block=blocks.width,
            buffer=blocks.buffer,
            sources=_sources(job),
            source_threshold=_at_least_zero(job, "threshold"),
            correct_artifacts=bool(job.parameters.get("correct_artifacts", True)),
            as_omniscape=bool(job.parameters.get("as_omniscape", True)),
            neighbors=choice(job, "neighbors", ("queen", "rook")),
            edge_rule=choice(job, "edge_rule", ("mean", "resistance", "target")),
            pixel_size=blocks.pixel_size,
            batch=batch_of(job),
            **cutoff,
        )
        job.report.message(analysis.summary())
        wanted = _maps(job)
        names = ["current", *(name for name, yes in wanted.items() if yes)]
        outputs = {name: DiskRaster.create(job.folder / f"{name}.npy", analysis.windows.shape) for name in names}
        with journal() as entries:
            found = analysis.run(
                flow_potential=wanted["flow_potential"],
                normalized=wanted["normalized_current"],
                outputs=outputs,
                dispatch=dispatch(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        active, lowest, highest = extent_of(outputs["current"])
        numbers: dict[str, Any] = {
            "active_cells": active,
            "total_current": found.total,
            "windows": found.windows,
            "skipped_windows": found.skipped,
            "minimum": lowest,
            "maximum": highest,
        }
        return Answer(outputs, numbers | solver_numbers(entries))


def _blocks(job: Job) -> TargetBlocks:
    block = job.parameters.get("block", 1)
    return TargetBlocks(block, positive(job, "radius"), _at_least_zero(job, "buffer"), read_pixel_size(job))


def _maps(job: Job) -> dict[str, bool]:
    return {name: bool(job.parameters.get(name)) for name in ("flow_potential", "normalized_current")}


def _sources(job: Job) -> Raster | None:
    return on_disk(job.inputs["sources"]) if "sources" in job.inputs else None


def _at_least_zero(job: Job, name: str) -> float:
    value = job.parameters.get(name, 0.0)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ValueError(f'parameter "{name}" must be a number, 0 or more, not {value!r}')
    return float(value)
