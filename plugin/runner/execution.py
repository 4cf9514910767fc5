"""One run: write the job, start the engine, handle its messages, read the result."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from ..byte_sizes import format_bytes
from ..engine_environment import (
    MODULE_ARGUMENTS,
    EngineInfo,
    find_engine,
    forget_probes,
    ignored_variables,
)
from ..engine_errors import cannot_run, missing_package
from ..i18n import tr
from ..process_runner import Outcome, ProcessResult
from ..settings import KEEP_JOBS, KEEP_MINUTES
from ..shell_quoting import quoted
from .errors import (
    EnvironmentFailed,
    InvalidInput,
    JobNotWritten,
    RunCancelled,
    RunFailed,
    Unsolved,
    WorkerFailedToStart,
    failure,
)
from .job_folder import is_written, new_folder, partial_result, read_result, remove, write_job
from .protocol import MessageHandler
from .task import PartialResult, Result, Task
from .value_range import explain_unsolved
from .worker_pool import WORKERS


def run(
    task: Task, feedback: QgsProcessingFeedback, *, engine: EngineInfo | None = None, keep_job: bool = False
) -> Result:
    """Run a task in the engine and wait for it, reporting to `feedback` and stopping when it is cancelled.

    Parameters
    ----------
    task
        The task.
    feedback
        Receives progress (0–100), messages and warnings; checked for cancellation about twenty times a second.
    engine
        The engine; by default the one that `find_engine` returns.
    keep_job
        Keep the job folder, so that it can be run again by hand; the setting ``permea/engine/keep_jobs`` keeps all.

    Raises
    ------
    EngineNotFound
        No engine works.
    RunCancelled, WorkerFailedToStart, WorkerCrashed, InvalidInput, OutOfMemory, RunFailed
        The run ended without a result. All are subclasses of `QgsProcessingException`.
    """
    with open_job(feedback, engine=engine, keep_job=keep_job) as job:
        return job.run(task, feedback, in_memory=True)


@dataclass(frozen=True)
class Job:
    """A job whose folder exists already, so that inputs can be written into it row by row.

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
        *,
        in_memory: bool = False,
    ) -> Result:
        """Run a task like the function `run`; its rasters are files that exist as long as the job is open.

        Parameters
        ----------
        task, feedback
            See `run`.
        on_partial_result
            Called with each partial result. An exception that it raises ends the run.
        in_memory
            Whether to read the rasters into memory instead.
        """
        write_job(task, self.folder)
        try:
            ended = _run_engine(self.engine, self.folder, task, feedback, on_partial_result)
        except Unsolved as error:
            raise explain_unsolved(error, task) from error
        return _read_result(self.folder, task, ended, in_memory)


@contextmanager
def open_job(
    feedback: QgsProcessingFeedback, *, engine: EngineInfo | None = None, keep_job: bool = False
) -> Iterator[Job]:
    """Create a job folder and remove it at the end; see `run` for parameters and exceptions."""
    keep_job = keep_job or KEEP_JOBS.value()
    engine = engine or find_engine(feedback.isCanceled)
    folder = new_folder()
    failed: QgsProcessingException | None = None
    try:
        yield Job(folder, engine)
    except QgsProcessingException as error:
        failed = error
        raise
    finally:
        if is_written(folder) and (keep_job or _keep_for_debugging(failed)):
            feedback.pushInfo(tr("The job is kept until QGIS is closed, to be run again: {job}").format(job=folder))
        else:
            remove(folder)


def _run_engine(
    engine: EngineInfo,
    folder: Path,
    task: Task,
    feedback: QgsProcessingFeedback,
    on_partial_result: Callable[[PartialResult], None] | None = None,
) -> ProcessResult:
    command = [engine.python, *MODULE_ARGUMENTS, str(folder)]
    feedback.pushCommandInfo(_shell_command(engine, command))
    if ignored := ignored_variables():
        names = ", ".join(f"{name}={value}" for name, value in sorted(ignored.items()))
        feedback.pushInfo(tr("Environment variables that do not reach the engine: {names}.").format(names=names))

    def read_and_pass(name: str, files: dict, metrics: dict) -> None:
        with partial_result(folder, task, name, files, metrics) as partial:
            on_partial_result(partial)

    messages = MessageHandler(feedback, read_and_pass if on_partial_result else None)
    end = WORKERS.run_job(
        engine,
        folder,
        on_line=messages.handle_line,
        is_cancelled=feedback.isCanceled,
        while_waiting=messages.show_silence,
    )
    messages.close()
    ended = end.result
    if messages.refusal is not None:
        raise messages.refusal
    if missing := _missing_package(ended, messages):
        forget_probes()
        raise cannot_run(engine.python, engine.origin, missing, ended.log)
    failed = failure(ended, messages.error, engine.python)
    if failed is not None:
        raise failed
    if end.memory_bytes is not None:
        text = tr(
            "The engine stays loaded for the next run, for {minutes} min or until QGIS is closed, and keeps {size} "
            "of memory."
        )
        feedback.pushInfo(text.format(minutes=KEEP_MINUTES.value(), size=format_bytes(end.memory_bytes)))
    return ended


def _read_result(folder: Path, task: Task, ended: ProcessResult, in_memory: bool) -> Result:
    try:
        return read_result(folder, task, in_memory=in_memory)
    except RunFailed as error:
        raise RunFailed(str(error), [*ended.log, *error.details]) from error


def _missing_package(ended: ProcessResult, messages: MessageHandler) -> str:
    """Return which package a Python has lost since it was probed, in words; empty if none."""
    has_reported = messages.error or ended.outcome is not Outcome.EXITED or ended.status == 0
    return "" if has_reported else missing_package(ended.log)


def _shell_command(engine: EngineInfo, command: Sequence[str], system: str = sys.platform) -> str:
    """Return the command for a shell with its ordinary environment."""
    change = "cd /d" if system == "win32" else "cd"  # the engine may be on another drive than the prompt
    return f"{change} {quoted(engine.folder, system)} && {' '.join(quoted(part, system) for part in command)}"


def _keep_for_debugging(failed: QgsProcessingException | None) -> bool:
    """Return whether the job helps to find the cause of a failure, that is if the cause is not known."""
    known = (EnvironmentFailed, InvalidInput, JobNotWritten, RunCancelled, WorkerFailedToStart)
    return isinstance(failed, RunFailed) and not isinstance(failed, known)
