"""Exceptions for the ways in which a run can fail."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from qgis.core import QgsProcessingException

from ..cancelled import Cancelled
from ..detailed_exception import DETAIL_LINES, DetailedException, internal_error, report_advice
from ..engine_errors import named_variables
from ..i18n import tr
from ..process_runner import Outcome, ProcessResult
from ..settings import MEMORY, settings_menu

# Exit statuses of the worker; see the developer guide.
INVALID_INPUT_STATUS = 2
OUT_OF_MEMORY_STATUS = 3

# What allocators and XLA print when the memory runs out before the worker can report it.
OUT_OF_MEMORY_TEXTS = ("MemoryError", "std::bad_alloc", "RESOURCE_EXHAUSTED", "Out of memory", "Cannot allocate memory")

# Kinds of the worker's `error` messages whose text says all that a user needs: there is no accurate solution; the disk,
# a package or a cluster fails.
UNSOLVED, ENVIRONMENT = "unsolved", "environment"


class RunCancelled(Cancelled):
    """The user cancelled the run, and the engine was stopped."""


class RunFailed(DetailedException):
    """The run ended without a result; the message says what happened and what to do."""


class JobNotWritten(RunFailed):
    """The job cannot be written, for example because the disk is full."""


class WorkerFailedToStart(RunFailed):
    """The engine's Python did not start."""


class WorkerCrashed(RunFailed):
    """The engine was killed or crashed."""


class EnvironmentFailed(RunFailed):
    """The disk, a package of the engine or the cluster failed."""


class Unsolved(RunFailed):
    """The computation has no accurate solution."""


class InvalidInput(RunFailed):
    """The engine found the input invalid."""


class OutOfMemory(RunFailed):
    """The run needs, or needed, more memory than there is."""


def memory_advice() -> str:
    """Return what the user can do about too little memory, also if a setting is the cause."""
    advice = tr(
        "Use a smaller raster (clip it), coarser cells, or fewer sources (with moving windows: a shorter dependency "
        "range or smaller batches); or close other programs."
    )
    if limit := MEMORY.value():
        text = tr("The engine has a memory limit of {limit:g} GB, set in {place}.")
        advice = f"{text.format(limit=limit, place=settings_menu())} {advice}"
    return advice


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
        return OutOfMemory(f"{what} {memory_advice()}", ended.log)
    if kind == UNSOLVED and text:
        return Unsolved(text, ended.log)
    if kind == ENVIRONMENT and text:
        return EnvironmentFailed(text, ended.log)
    if text:
        return RunFailed(internal_error(), [*ended.log, text])
    what = tr("The engine stopped with status {status} and gave no reason.").format(status=ended.status)
    return RunFailed(f"{what} {named_variables(ended.log) or report_advice()}", ended.log)


def _crash(ended: ProcessResult, text: str) -> RunFailed:
    log = [*ended.log, text] if text else ended.log
    if ended.status == signal.Signals.SIGTERM:
        what = tr("The engine was terminated from outside (signal {status}). Run it again.").format(status=ended.status)
        return WorkerCrashed(what, log)
    if ended.status == getattr(signal, "SIGKILL", None):
        what = tr(
            "The engine was killed by the system (signal 9): most likely the computer ran out of memory,"
            " unless a user or another program stopped it."
        )
        return OutOfMemory(f"{what} {memory_advice()}", log)
    if _log_shows_out_of_memory(ended.log):
        what = tr("The engine crashed because no memory was left (signal {status}).").format(status=ended.status)
        return OutOfMemory(f"{what} {memory_advice()}", log)
    what = tr("The engine crashed (signal or code {status}).").format(status=ended.status)
    return WorkerCrashed(f"{what} {named_variables(ended.log) or report_advice()}", log)


def _log_shows_out_of_memory(log: Sequence[str]) -> bool:
    return any(text in line for line in log[-DETAIL_LINES:] for text in OUT_OF_MEMORY_TEXTS)
