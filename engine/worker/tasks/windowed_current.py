"""Omnidirectional current in moving windows, in landscapes of any size."""

from ...linalg import record_stats
from ...storage import NpyRaster
from ..job_checkpoint import checkpoint_parameter
from ..moving_window_inputs import estimate_moving_window, moving_window_current
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import batch_progress, read_executor, window_metrics


class WindowedCurrentTask(Task):
    """Cumulative current to every block from the sources around it, with flow potential and normalized current."""

    name = "windowed.current"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Memory of a batch of windows, time of all of them."""
        return estimate_moving_window(job, potential=any(_optional_maps(job).values()))

    def run(self, job: Job) -> TaskResult:
        """Compute one batch after the other and write it to the disk."""
        windows, _ = moving_window_current(job)
        job.report.message(windows.summary())
        optional = _optional_maps(job)
        names = ["current", *(name for name, is_requested in optional.items() if is_requested)]
        outputs = {name: NpyRaster.create(job.folder / f"{name}.npy", windows.windows.shape) for name in names}
        with record_stats() as stats:
            result = windows.run(
                flow_potential=optional["flow_potential"],
                normalized=optional["normalized_current"],
                outputs=outputs,
                executor=read_executor(job),
                checkpoint=checkpoint_parameter(job),
                progress=batch_progress(job),
            )
        return TaskResult(outputs, window_metrics(result, outputs["current"], stats, total_current=result.total))


def _optional_maps(job: Job) -> dict[str, bool]:
    return {name: bool(job.parameters.get(name)) for name in ("flow_potential", "normalized_current")}
