"""Where changing a landscape of any size would send more or less movement through places of interest."""

from ..solvers.journal import journal
from ..windows import DiskRaster
from ..windows.moving_current import CURRENT_RESPECTS
from .landscape import choice
from .moving_windows import forecast, moving_windows, raster_input
from .registry import Answer, Forecast, Job, Task
from .windowed import checkpoint, dispatch, numbers, progress


class WindowedCurrentSensitivityTask(Task):
    """Gradient of the current of moving windows in places of interest, or in all cells."""

    name = "windowed.current_sensitivity"

    def forecast(self, job: Job) -> Forecast:
        """A batch of windows in memory, all of them in time."""
        return forecast(job, gradient=True)

    def run(self, job: Job) -> Answer:
        """Batch by batch, straight to the disk."""
        respect_to = choice(job, "respect_to", CURRENT_RESPECTS)
        windows, everywhere = moving_windows(job)
        weights = raster_input(job, "weights")
        job.report.message(windows.summary())
        output = DiskRaster.create(job.folder / "sensitivity.npy", windows.windows.shape)
        with journal() as entries:
            found = windows.gradient(
                everywhere if weights is None else weights,
                respect_to,
                output,
                elasticity=bool(job.parameters.get("elasticity")),
                dispatch=dispatch(job),
                checkpoint=checkpoint(job),
                progress=progress(job),
            )
        said = numbers(found, output, entries, weighted_current=found.total)
        if said["weighted_current"] == said["minimum"] == said["maximum"] == 0:
            raise ValueError(
                "no current passes through any place of interest, so nothing that is changed a little changes it"
            )
        return Answer({"sensitivity": output}, said)
