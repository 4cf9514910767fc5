"""Where movement in all directions goes, in landscapes of any size."""

from ..solvers.journal import journal
from ..windows import DiskRaster
from .moving_windows import forecast, moving_windows
from .registry import Answer, Forecast, Job, Task
from .windowed import checkpoint, dispatch, numbers, progress


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
        return Answer(outputs, numbers(found, outputs["current"], entries, total_current=found.total))


def _maps(job: Job) -> dict[str, bool]:
    return {name: bool(job.parameters.get(name)) for name in ("flow_potential", "normalized_current")}
