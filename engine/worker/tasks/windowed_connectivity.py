"""Habitat that can be reached within a range, in landscapes of any size."""

from ...linalg.solver_stats import record_stats
from ...moving_window.analysis import ConnectivityAnalysis
from ...storage.npy_raster import NpyRaster
from ..task import Job, ResourceEstimate, Task, TaskResult
from ..window_inputs import arguments, checkpoint, estimate, executor, progress, window_metrics


class WindowedConnectivityTask(Task):
    """Quality-weighted connectivity over windows, and each cell's part of it."""

    name = "windowed.connectivity"

    def estimate(self, job: Job) -> ResourceEstimate:
        """A batch of windows in memory, all of them in time."""
        return estimate(job, self.name, gradient=False)

    def run(self, job: Job) -> TaskResult:
        """Batch by batch, straight to the disk."""
        analysis = ConnectivityAnalysis(**arguments(job, self.name))
        job.report.message(analysis.summary())
        output = NpyRaster.create(job.folder / "connectivity.npy", analysis.windows.shape)
        with record_stats() as entries:
            found = analysis.run(output, executor=executor(job), checkpoint=checkpoint(job), progress=progress(job))
        return TaskResult(
            {"connectivity": output}, window_metrics(found, output, entries, connectivity=found.connectivity)
        )
