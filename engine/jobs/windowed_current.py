"""Where movement in all directions goes, in landscapes of any size."""

from ..solvers.journal import journal
from ..windows import DiskRaster
from .landscape import solver_numbers
from .moving_windows import forecast, moving_windows
from .registry import Answer, Forecast, Job, Task
from .windowed import checkpoint, dispatch, extent_of, progress


class WindowedCurrentTask(Task):
    """Currents to every block from the sources around it, added up, and what they would be if nothing resisted."""

    name = "windowed.current"

    def forecast(self, job: Job) -> Forecast:
        """A batch of windows in memory, all of them in time."""
        return forecast(job, potential=any(_maps(job).values()))

    def run(self, job: Job) -> Answer:
        """Batch by batch, straight to the disk."""
        windows, _ = moving_windows(job)
        job.report.message(windows.summary())
        wanted = _maps(job)
        names = ["current", *(name for name, yes in wanted.items() if yes)]
        outputs = {name: DiskRaster.create(job.folder / f"{name}.npy", windows.windows.shape) for name in names}
        with journal() as entries:
            found = windows.run(
                flow_potential=wanted["flow_potential"],
                normalized=wanted["normalized_current"],
                outputs=outputs,
                dispatch=dispatch(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        active, lowest, highest = extent_of(outputs["current"])
        numbers = {
            "active_cells": active,
            "total_current": found.total,
            "windows": found.windows,
            "skipped_windows": found.skipped,
            "minimum": lowest,
            "maximum": highest,
        }
        return Answer(outputs, numbers | solver_numbers(entries))


def _maps(job: Job) -> dict[str, bool]:
    return {name: bool(job.parameters.get(name)) for name in ("flow_potential", "normalized_current")}
