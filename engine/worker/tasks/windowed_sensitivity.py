"""Where changing a landscape of any size would help or hurt connectivity most."""

from ...connectivity.sensitivity_map import WRT
from ...linalg.solver_stats import record_stats
from ...moving_window.analysis import SensitivityAnalysis
from ...storage.npy_raster import NpyRaster
from ..inputs import choice_parameter
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import arguments, checkpoint, estimate, executor, progress, window_metrics


class WindowedSensitivityTask(Task):
    """Gradient of the quality-weighted connectivity over windows."""

    name = "windowed.sensitivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A batch of windows in memory, all of them in time."""
        return estimate(job, self.name, gradient=True)

    def run(self, job: Job) -> TaskResult:
        """Batch by batch, straight to the disk."""
        respect_to = choice_parameter(job, "respect_to", WRT)
        analysis = SensitivityAnalysis(**arguments(job, self.name))
        job.report.message(analysis.summary())
        output = NpyRaster.create(job.folder / "sensitivity.npy", analysis.windows.shape)
        with record_stats() as entries:
            found = analysis.run(
                respect_to,
                output,
                elasticity=bool(job.parameters.get("elasticity")),
                executor=executor(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        return TaskResult(
            {"sensitivity": output}, window_metrics(found, output, entries, connectivity=found.connectivity)
        )
