"""Where changing a landscape of any size would send more or less movement through places of interest."""

from ...linalg.solver_stats import record_stats
from ...moving_window.omnidirectional_current import CURRENT_WRT
from ...storage.npy_raster import NpyRaster
from ..inputs import choice_parameter
from ..moving_window_inputs import estimate, moving_window_current, raster_input
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import checkpoint, executor, progress, window_metrics


class WindowedCurrentSensitivityTask(Task):
    """Gradient of the current of moving windows in places of interest, or in all cells."""

    name = "windowed.current_sensitivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A batch of windows in memory, all of them in time."""
        return estimate(job, gradient=True)

    def run(self, job: Job) -> TaskResult:
        """Batch by batch, straight to the disk."""
        respect_to = choice_parameter(job, "respect_to", CURRENT_WRT)
        windows, everywhere = moving_window_current(job)
        weights = raster_input(job, "weights")
        job.report.message(windows.summary())
        output = NpyRaster.create(job.folder / "sensitivity.npy", windows.windows.shape)
        with record_stats() as entries:
            found = windows.gradient(
                everywhere if weights is None else weights,
                respect_to,
                output,
                elasticity=bool(job.parameters.get("elasticity")),
                executor=executor(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        said = window_metrics(found, output, entries, weighted_current=found.total)
        if said["weighted_current"] == said["minimum"] == said["maximum"] == 0:
            raise ValueError(
                "no current passes through any place of interest, so nothing that is changed a little changes it"
            )
        return TaskResult({"sensitivity": output}, said)
