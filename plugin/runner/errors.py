"""Exceptions for the ways in which a run can fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

from qgis.core import QgsProcessingException

from ..cancelled import Cancelled
from ..i18n import tr
from ..process_runner import LOG_LINES_SHOWN, Outcome, ProcessResult

# Exit statuses of the worker; see the developer guide.
INVALID_INPUT_STATUS = 2
OUT_OF_MEMORY_STATUS = 3

# What allocators and XLA print when the memory runs out before the worker can report it.
OUT_OF_MEMORY_TEXTS = ("MemoryError", "std::bad_alloc", "RESOURCE_EXHAUSTED", "Out of memory", "Cannot allocate memory")

# The worker's error for a computation without a solution: the reason is complete, and its log adds nothing.
UNSOLVED = "unsolved"

# Environment variables of the user that reach the engine's libraries; a wrong one can end the engine at its start.
ENGINE_VARIABLES = ("XLA_FLAGS", "JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES", "XLA_PYTHON_CLIENT_MEM_FRACTION")

# What JAX and Equinox write around an error for programmers.
LIBRARY_NOTES = (
    "--------------------",
    "An error occurred during the runtime of your JAX program",
    "JAX has removed its internal frames",
    "JAX_TRACEBACK_FILTERING",
    "excludes JAX-internal frames",
    "The preceding is the original exception",
    "equinox.filter_jit",
    "EQX_ON_ERROR",
)


class RunCancelled(Cancelled):
    """The user cancelled the run, and the engine was stopped."""


class RunFailed(QgsProcessingException):
    """The run ended without a result; the message says what happened and what to do."""


class JobNotWritten(RunFailed):
    """The job cannot be written, for example because the disk is full."""


class WorkerFailedToStart(RunFailed):
    """The engine's Python did not start."""


class WorkerCrashed(RunFailed):
    """The engine was killed or crashed."""


class InvalidInput(RunFailed):
    """The engine found the input invalid."""


class OutOfMemory(RunFailed):
    """The run needs, or needed, more memory than there is."""


def memory_advice() -> str:
    """Return what the user can do about too little memory."""
    return tr(
        "Use a smaller raster (clip it), coarser cells, or fewer sources (with moving windows: a shorter dependency "
        "range or smaller batches); or close other programs."
    )


def failure(ended: ProcessResult, error: dict[str, str], python: str) -> QgsProcessingException | None:
    """Return the exception for a process that has ended, None if it succeeded.

    Parameters
    ----------
    ended
        How the process ended.
    error
        The worker's ``error`` message (`kind`, `text`), empty if there was none.
    python
        The interpreter, for messages.
    """
    text, kind = error.get("text", "").strip(), error.get("kind", "")
    if ended.outcome is Outcome.CANCELLED:
        return RunCancelled(tr("Cancelled; the engine was stopped."))
    if ended.outcome is Outcome.FAILED_TO_START:
        return WorkerFailedToStart(
            tr("The engine's Python did not start: {python} ({reason}). See Permea ▸ Engine….").format(
                python=python, reason=ended.reason
            )
        )
    if ended.outcome is Outcome.CRASHED:
        return _crash(ended, text)
    if ended.status == 0:
        return None
    if ended.status == INVALID_INPUT_STATUS and kind == "input" and text:
        return InvalidInput(text)
    if ended.status == OUT_OF_MEMORY_STATUS or kind == "memory" or (not text and _log_shows_out_of_memory(ended.log)):
        what = text or tr("The engine ran out of memory.")
        return OutOfMemory(with_log(f"{what} {memory_advice()}", ended.log))
    if kind == UNSOLVED and text:
        return RunFailed(text)
    what = text or tr("The engine stopped with status {status} and gave no reason.").format(status=ended.status)
    return RunFailed(with_log(_with_variables(what, ended.log), ended.log))


def with_log(text: str, log: Sequence[str]) -> str:
    """Return a message with the last lines of the worker's log."""
    lines = [line for line in log if not any(note in line for note in LIBRARY_NOTES)]
    if not lines:
        return text
    return "\n".join([text, tr("The last lines of the engine's log:"), *lines[-LOG_LINES_SHOWN:]])


def _with_variables(text: str, log: Sequence[str]) -> str:
    """Return a message that names the environment variables of the user which the log of a failed engine mentions."""
    named = [name for name in ENGINE_VARIABLES if name in os.environ and any(name in line for line in log)]
    if not named:
        return text
    values = ", ".join(f"{name}={os.environ[name]}" for name in named)
    advice = tr(
        "The log of the engine names environment variables that are set here: {values}. Correct or remove them."
    )
    return f"{text} {advice.format(values=values)}"


def _crash(ended: ProcessResult, text: str) -> RunFailed:
    if ended.status == signal.Signals.SIGTERM:
        what = tr("The engine was terminated from outside (signal {status}).").format(status=ended.status)
        return WorkerCrashed(with_log(what, ended.log))
    if ended.status == getattr(signal, "SIGKILL", None):
        what = tr(
            "The engine was killed by the system (signal 9): most likely the computer ran out of memory,"
            " unless a user or another program stopped it."
        )
        return OutOfMemory(with_log(f"{what} {memory_advice()}", ended.log))
    if _log_shows_out_of_memory(ended.log):
        what = tr("The engine crashed because no memory was left (signal {status}).").format(status=ended.status)
        return OutOfMemory(with_log(f"{what} {memory_advice()}", ended.log))
    what = text or tr("The engine crashed (signal or code {status}).").format(status=ended.status)
    return WorkerCrashed(with_log(_with_variables(what, ended.log), ended.log))


def _log_shows_out_of_memory(log: Sequence[str]) -> bool:
    return any(text in line for line in log[-LOG_LINES_SHOWN:] for text in OUT_OF_MEMORY_TEXTS)
