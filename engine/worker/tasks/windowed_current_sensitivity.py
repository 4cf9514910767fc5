"""Sensitivity of omnidirectional current in areas of interest, in landscapes of any size."""

from ...linalg import record_stats
from ...moving_window import CURRENT_WRT
from ...storage import NpyRaster
from ..inputs import choice_parameter
from ..job_checkpoint import checkpoint_parameter
from ..moving_window_inputs import estimate_moving_window, moving_window_current, raster_input
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import batch_progress, read_executor, window_metrics


class WindowedCurrentSensitivityTask(Task):
    """Gradient of the weighted sum of the cumulative current; all cells have weight 1 by default."""

    name = "windowed.current_sensitivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Memory of a batch of windows, time of all of them."""
        return estimate_moving_window(job, gradient=True)

    def run(self, job: Job) -> TaskResult:
        """Compute one batch after the other and write it to the disk."""
        respect_to = choice_parameter(job, "respect_to", CURRENT_WRT)
        windows, valid_cells = moving_window_current(job)
        weights = raster_input(job, "weights")
        job.report.message(windows.summary())
        output = NpyRaster.create(job.folder / "sensitivity.npy", windows.windows.shape)
        with record_stats() as stats:
            result = windows.gradient(
                valid_cells if weights is None else weights,
                respect_to,
                output,
                elasticity=bool(job.parameters.get("elasticity")),
                executor=read_executor(job),
                checkpoint=checkpoint_parameter(job),
                progress=batch_progress(job),
            )
        metrics = window_metrics(result, output, stats, weighted_current=result.total)
        if metrics["weighted_current"] == metrics["minimum"] == metrics["maximum"] == 0:
            raise ValueError("no current passes through the places of interest, so its sensitivity is 0 everywhere")
        return TaskResult({"sensitivity": output}, metrics)
