"""Habitat that can be reached within a range, in landscapes of any size."""

from ..solvers.journal import journal
from ..windows import ConnectivityAnalysis, DiskRaster
from .registry import Answer, Forecast, Job, Task
from .windowed import arguments, checkpoint, dispatch, forecast, numbers, progress


class WindowedConnectivityTask(Task):
    """Quality-weighted connectivity over windows, and each cell's part of it."""

    name = "windowed.connectivity"

    def forecast(self, job: Job) -> Forecast:
        """A batch of windows in memory, all of them in time."""
        return forecast(job, gradient=False)

    def run(self, job: Job) -> Answer:
        """Batch by batch, straight to the disk."""
        analysis = ConnectivityAnalysis(**arguments(job))
        job.report.message(analysis.summary())
        output = DiskRaster.create(job.folder / "connectivity.npy", analysis.windows.shape)
        with journal() as entries:
            found = analysis.run(output, dispatch=dispatch(job), checkpoint=checkpoint(job), progress=progress(job))
        return Answer({"connectivity": output}, numbers(found, output, entries, connectivity=found.connectivity))
