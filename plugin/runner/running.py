"""One run: write the job, start the engine, listen, read the result."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback

from ..environment import Engine
from .task import Result, Task


def run(
    task: Task, feedback: QgsProcessingFeedback, *, engine: Engine | None = None, keep_job: bool = False
) -> Result:
    """Run a task in the engine and wait for it, reporting to `feedback` and stopping when it is cancelled.

    Parameters
    ----------
    task
        What to do.
    feedback
        Hears progress (0–100), messages and warnings; asked about twenty times a second whether to stop.
    engine
        Which engine; by default the one that `find_engine` finds.
    keep_job
        Keep the job folder, to run it again by hand.

    Raises
    ------
    EngineMissing
        No engine works.
    RunCancelled, WorkerFailedToStart, WorkerCrashed, InputRefused, OutOfMemory, RunFailed
        The run ended without a result. All of them are `QgsProcessingException`.
    """
    raise NotImplementedError
