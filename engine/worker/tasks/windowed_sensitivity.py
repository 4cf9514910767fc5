"""Sensitivity of windowed connectivity, in landscapes of any size."""

from ...connectivity import WRT
from ...linalg import record_stats
from ...moving_window import SensitivityAnalysis
from ...storage import NpyRaster
from ..inputs import choice_parameter
from ..job_checkpoint import checkpoint_parameter
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import analysis_arguments, batch_progress, estimate_windows, read_executor, window_metrics


class WindowedSensitivityTask(Task):
    """Gradient of the quality-weighted connectivity over windows."""

    name = "windowed.sensitivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Memory of a batch of windows, time of all of them."""
        return estimate_windows(job, self.name, gradient=True)

    def run(self, job: Job) -> TaskResult:
        """Compute one batch after the other and write it to the disk."""
        respect_to = choice_parameter(job, "respect_to", WRT)
        analysis = SensitivityAnalysis(**analysis_arguments(job, self.name))
        job.report.message(analysis.summary())
        output = NpyRaster.create(job.folder / "sensitivity.npy", analysis.windows.shape)
        with record_stats() as stats:
            result = analysis.run(
                respect_to,
                output,
                elasticity=bool(job.parameters.get("elasticity")),
                executor=read_executor(job),
                checkpoint=checkpoint_parameter(job),
                progress=batch_progress(job),
            )
        return TaskResult(
            {"sensitivity": output}, window_metrics(result, output, stats, connectivity=result.connectivity)
        )
