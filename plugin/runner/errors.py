"""The ways a run can end other than well, each an exception of its own."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from qgis.core import QgsProcessingException

from ..cancelled import Cancelled
from ..i18n import tr
from ..subprocess_runner import LOG_LINES_SHOWN, Outcome, ProcessResult

# The contract's exit statuses; see the developer guide.
INPUT_REFUSED = 2
NOT_ENOUGH_MEMORY = 3

# How allocators and XLA end when there is no memory left and nobody could say so any more.
SIGNS_OF_NO_MEMORY = ("MemoryError", "std::bad_alloc", "RESOURCE_EXHAUSTED", "Out of memory", "Cannot allocate memory")


class RunCancelled(Cancelled):
    """The user cancelled the run, and the engine has ended."""


class RunFailed(QgsProcessingException):
    """The run ended without a result; the message says what happened and what to do."""


class JobNotWritten(RunFailed):
    """There is no room for the job, or it cannot be written."""


class WorkerFailedToStart(RunFailed):
    """The engine's Python did not start."""


class WorkerCrashed(RunFailed):
    """The engine was killed or crashed."""


class InvalidInput(RunFailed):
    """The engine looked at the input and refused it."""


class OutOfMemory(RunFailed):
    """The run needs, or needed, more memory than there is."""


def smaller() -> str:
    """What a user can do who has too little memory."""
    return tr(
        "Use a smaller raster (clip it), coarser cells, or fewer sources (with moving windows: a shorter dependency "
        "range or smaller batches); or close other programs."
    )


def failure(ended: ProcessResult, error: dict[str, str], python: str) -> QgsProcessingException | None:
    """The exception for a process that has ended, or None where it ended well.

    Parameters
    ----------
    ended
        What is known about the process.
    error
        The worker's own ``error`` line (`kind`, `text`), empty where there was none.
    python
        The interpreter, for messages.
    """
    text, kind = error.get("text", "").strip(), error.get("kind", "")
    if ended.ending is Outcome.CANCELLED:
        return RunCancelled(tr("Cancelled; the engine was stopped."))
    if ended.ending is Outcome.FAILED_TO_START:
        return WorkerFailedToStart(
            tr("The engine's Python did not start: {python} ({reason}). See Permea ▸ Engine….").format(
                python=python, reason=ended.reason
            )
        )
    if ended.ending is Outcome.CRASHED:
        return _crash(ended, text)
    if ended.status == 0:
        return None
    if ended.status == INPUT_REFUSED and kind == "input" and text:
        return InvalidInput(text)
    if ended.status == NOT_ENOUGH_MEMORY or kind == "memory" or (not text and _says_no_memory(ended.log)):
        what = text or tr("The engine ran out of memory.")
        return OutOfMemory(with_log(f"{what} {smaller()}", ended.log))
    what = text or tr("The engine stopped with status {status} and gave no reason.").format(status=ended.status)
    return RunFailed(with_log(what, ended.log))


def with_log(text: str, log: Sequence[str]) -> str:
    """A message, followed by the last lines of the worker's log where there are any."""
    if not log:
        return text
    return "\n".join([text, tr("The last lines of the engine's log:"), *log[-LOG_LINES_SHOWN:]])


def _crash(ended: ProcessResult, text: str) -> RunFailed:
    if ended.status == signal.Signals.SIGTERM:
        what = tr("The engine was ended from outside (signal {status}).").format(status=ended.status)
        return WorkerCrashed(with_log(what, ended.log))
    if ended.status == getattr(signal, "SIGKILL", None):
        what = tr(
            "The engine was killed by the system (signal 9): most likely the computer ran out of memory,"
            " unless somebody killed it."
        )
        return OutOfMemory(with_log(f"{what} {smaller()}", ended.log))
    if _says_no_memory(ended.log):
        what = tr("The engine crashed because no memory was left (signal {status}).").format(status=ended.status)
        return OutOfMemory(with_log(f"{what} {smaller()}", ended.log))
    what = text or tr("The engine crashed (signal or code {status}).").format(status=ended.status)
    return WorkerCrashed(with_log(what, ended.log))


def _says_no_memory(log: Sequence[str]) -> bool:
    return any(sign in line for line in log[-LOG_LINES_SHOWN:] for sign in SIGNS_OF_NO_MEMORY)
