"""Where movement in all directions goes, in landscapes of any size."""

from ...linalg.solver_stats import record_stats
from ...storage.npy_raster import NpyRaster
from ..moving_window_inputs import estimate, moving_window_current
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import checkpoint, executor, progress, window_metrics


class WindowedCurrentTask(Task):
    """Currents to every block from the sources around it, added up, and what they would be if nothing resisted."""

    name = "windowed.current"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A batch of windows in memory, all of them in time."""
        return estimate(job, potential=any(_maps(job).values()))

    def run(self, job: Job) -> TaskResult:
        """Batch by batch, straight to the disk."""
        windows, _ = moving_window_current(job)
        job.report.message(windows.summary())
        wanted = _maps(job)
        names = ["current", *(name for name, yes in wanted.items() if yes)]
        outputs = {name: NpyRaster.create(job.folder / f"{name}.npy", windows.windows.shape) for name in names}
        with record_stats() as entries:
            found = windows.run(
                flow_potential=wanted["flow_potential"],
                normalized=wanted["normalized_current"],
                outputs=outputs,
                executor=executor(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        return TaskResult(outputs, window_metrics(found, outputs["current"], entries, total_current=found.total))


def _maps(job: Job) -> dict[str, bool]:
    return {name: bool(job.parameters.get(name)) for name in ("flow_potential", "normalized_current")}
