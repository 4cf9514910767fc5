"""Where changing a landscape of any size would help or hurt connectivity most."""

from ..sensitivity import RESPECTS
from ..solvers.journal import journal
from ..windows import DiskRaster, SensitivityAnalysis
from .landscape import choice
from .registry import Answer, Forecast, Job, Task
from .windowed import arguments, checkpoint, dispatch, forecast, numbers, progress


class WindowedSensitivityTask(Task):
    """Gradient of the quality-weighted connectivity over windows."""

    name = "windowed.sensitivity"

    def forecast(self, job: Job) -> Forecast:
        """A batch of windows in memory, all of them in time."""
        return forecast(job, gradient=True)

    def run(self, job: Job) -> Answer:
        """Batch by batch, straight to the disk."""
        respect_to = choice(job, "respect_to", RESPECTS)
        analysis = SensitivityAnalysis(**arguments(job))
        job.report.message(analysis.summary())
        output = DiskRaster.create(job.folder / "sensitivity.npy", analysis.windows.shape)
        with journal() as entries:
            found = analysis.run(
                respect_to,
                output,
                elasticity=bool(job.parameters.get("elasticity")),
                dispatch=dispatch(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        return Answer({"sensitivity": output}, numbers(found, output, entries, connectivity=found.connectivity))
