"""One run: write the job, start the engine, listen, read the result."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsSettings

from ..engine_environment import (
    MODULE_ARGUMENTS,
    EngineInfo,
    cannot_run,
    find_engine,
    forget_probes,
    scrubbed_environment,
)
from ..i18n import tr
from ..subprocess_runner import Outcome, ProcessResult, run_process
from .errors import InvalidInput, JobNotWritten, RunCancelled, RunFailed, WorkerFailedToStart, failure, with_log
from .job_folder import new_folder, read_partial_result, read_result, remove, write_job
from .protocol import MessageHandler
from .task import PartialResult, Result, Task

KEEP_JOBS_SETTING = "permea/engine/keep_jobs"


def run(
    task: Task, feedback: QgsProcessingFeedback, *, engine: EngineInfo | None = None, keep_job: bool = False
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
        Keep the job folder, to run it again by hand; the setting ``permea/engine/keep_jobs`` keeps all of them.

    Raises
    ------
    EngineMissing
        No engine works.
    RunCancelled, WorkerFailedToStart, WorkerCrashed, InvalidInput, OutOfMemory, RunFailed
        The run ended without a result. All of them are `QgsProcessingException`.
    """
    with open_job(feedback, engine=engine, keep_job=keep_job) as job:
        return job.run(task, feedback)


@dataclass(frozen=True)
class Job:
    """A job whose folder is there already, so that inputs can be written into it bit by bit.

    Parameters
    ----------
    folder
        The job folder.
    engine
        The engine that will run it.
    """

    folder: Path
    engine: EngineInfo

    def run(
        self,
        task: Task,
        feedback: QgsProcessingFeedback,
        on_partial_result: Callable[[PartialResult], None] | None = None,
    ) -> Result:
        """Run a task as `run` does; outputs on disk last as long as the job is open.

        Parameters
        ----------
        task, feedback
            As for `run`.
        on_partial_result
            Takes the parts of the result that are there before the end, one after the other. What it raises ends the
            run.
        """
        write_job(task, self.folder)
        return _result_of(task, self.engine, self.folder, feedback, on_partial_result)


@contextmanager
def open_job(
    feedback: QgsProcessingFeedback, *, engine: EngineInfo | None = None, keep_job: bool = False
) -> Iterator[Job]:
    """Make a job folder, and remove it at the end; see `run` for the parameters and for what is raised."""
    keep_job = keep_job or QgsSettings().value(KEEP_JOBS_SETTING, False, type=bool)
    engine = engine or find_engine()
    folder = new_folder()
    failed: QgsProcessingException | None = None
    try:
        yield Job(folder, engine)
    except QgsProcessingException as error:
        failed = error
        raise
    finally:
        if keep_job or _worth_repeating(failed):
            feedback.pushInfo(tr("The job is kept until QGIS is closed, to be run again: {job}").format(job=folder))
        else:
            remove(folder)


def _result_of(
    task: Task,
    engine: EngineInfo,
    folder: Path,
    feedback: QgsProcessingFeedback,
    on_partial_result: Callable[[PartialResult], None] | None = None,
) -> Result:
    command = [engine.python, *MODULE_ARGUMENTS, str(folder)]
    feedback.pushCommandInfo(_to_repeat(engine, command))

    def hand_on(name: str, files: dict, metrics: dict) -> None:
        on_partial_result(read_partial_result(folder, name, files, metrics))

    messages = MessageHandler(feedback, hand_on if on_partial_result else None)
    ended = run_process(
        command,
        environment=scrubbed_environment(engine.folder),
        folder=engine.folder,
        on_line=messages.hear,
        is_cancelled=feedback.isCanceled,
    )
    messages.close()
    if messages.refusal is not None:
        raise messages.refusal
    if missing := _missing_module(ended, messages):
        forget_probes()
        raise cannot_run(engine.python, engine.origin, missing, ended.log)
    failed = failure(ended, messages.error, engine.python)
    if failed is not None:
        raise failed
    return _read(folder, task, ended)


def _read(folder: Path, task: Task, ended: ProcessResult) -> Result:
    try:
        return read_result(folder, task)
    except RunFailed as error:
        raise RunFailed(with_log(str(error), ended.log)) from error


def _missing_module(ended: ProcessResult, messages: MessageHandler) -> str:
    """The complaint of a Python that has lost a package since it was probed; empty where it has not."""
    spoke = messages.error or ended.ending is not Outcome.EXITED or ended.status == 0
    complaints = [line for line in ended.log if line.startswith("ModuleNotFoundError")]
    return complaints[-1] if complaints and not spoke else ""


def _to_repeat(engine: EngineInfo, command: Sequence[str]) -> str:
    """The command for a shell; its environment is only the one that a plain shell has."""
    quote = _quoted_for_windows if sys.platform == "win32" else shlex.quote
    return f"cd {quote(engine.folder)} && {' '.join(quote(part) for part in command)}"


def _quoted_for_windows(text: str) -> str:
    return f'"{text}"' if " " in text else text


def _worth_repeating(failed: QgsProcessingException | None) -> bool:
    """Whether somebody could learn more from the job: not where the reason is known already."""
    known = (InvalidInput, JobNotWritten, RunCancelled, WorkerFailedToStart)
    return isinstance(failed, RunFailed) and not isinstance(failed, known)
