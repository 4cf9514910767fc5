"""Habitat accessible within a dependency range, in landscapes of any size."""

from ...linalg import record_stats
from ...moving_window import ConnectivityAnalysis, interpolate_blocks
from ...storage import NpyRaster
from ..job_checkpoint import checkpoint_parameter
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import analysis_arguments, batch_progress, estimate_windows, read_executor, window_metrics


class WindowedConnectivityTask(Task):
    """Quality-weighted connectivity over windows, and each cell's contribution."""

    name = "windowed.connectivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """Memory of a batch of windows, time of all of them."""
        return estimate_windows(job, self.name, gradient=False)

    def run(self, job: Job) -> TaskResult:
        """Compute one batch after the other and write it to the disk."""
        analysis = ConnectivityAnalysis(**analysis_arguments(job, self.name))
        job.report.message(analysis.summary())
        output = NpyRaster.create(job.folder / "connectivity.npy", analysis.windows.shape)
        with record_stats() as stats:
            result = analysis.run(
                output, executor=read_executor(job), checkpoint=checkpoint_parameter(job), progress=batch_progress(job)
            )
        interpolate_blocks(output, analysis.quality, analysis.windows)
        return TaskResult(
            {"connectivity": output}, window_metrics(result, output, stats, connectivity=result.connectivity)
        )
