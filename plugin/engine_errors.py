"""Why a Python cannot run the engine, in words for the user."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable

from .detailed_exception import DetailedException
from .i18n import tr
from .process_runner import Outcome, ProcessResult

VARIABLE = "PERMEA_ENGINE_PYTHON"

# Environment variables of the user that reach the engine's libraries; a wrong one can end the engine at its start.
LIBRARY_VARIABLES = ("XLA_FLAGS", "JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES", "XLA_PYTHON_CLIENT_MEM_FRACTION")


class EngineNotFound(DetailedException):
    """No engine works; the message says what to do."""


class EngineNotInstalled(EngineNotFound):
    """No engine is installed or configured."""


def cannot_run(python: str, origin: str, reason: str, log: Iterable[str] = ()) -> EngineNotFound:
    """Return the error for a Python that does not run the engine.

    Parameters
    ----------
    python, origin
        The interpreter, and where it is configured.
    reason
        The cause, in words for the user.
    log
        What it printed.
    """
    named_by = {
        "setting": tr("set in Permea ▸ Engine…"),
        "environment variable": tr("set by the environment variable {variable}").format(variable=VARIABLE),
        "profile": tr("installed by Permea"),
    }
    what = f"{python} ({named_by[origin]})" if origin in named_by else python
    text = tr(
        "This Python cannot run Permea's engine: {what}: {reason}. "
        "Open Permea ▸ Engine… to repair it or to choose another."
    )
    return EngineNotFound(text.format(what=what, reason=reason), log)


def named_variables(log: Iterable[str]) -> str:
    """Return advice about the environment variables of the user that the log of a failed engine names, if any."""
    text = "\n".join(log)
    named = [name for name in LIBRARY_VARIABLES if name in os.environ and name in text]
    if not named:
        return ""
    advice = tr(
        "Its libraries do not accept the value of an environment variable: {values}. Correct or remove the variable, "
        "where it was set for this computer or in Settings ▸ Options ▸ System ▸ Environment, and start QGIS again."
    )
    return advice.format(values=", ".join(f"{name}={os.environ[name]}" for name in named))


def missing_package(log: Iterable[str]) -> str:
    """Return which package a Python lacks, or cannot load, by what it printed; empty if it says nothing of that.

    Examples
    --------
    >>> missing_package(["ModuleNotFoundError: No module named 'jax'"])
    "it lacks the package 'jax'"
    """
    reason = ""
    for line in log:
        if match := re.match(r"ModuleNotFoundError: No module named '(\w+)", line):
            reason = tr("it lacks the package '{name}'").format(name=match[1])
        elif line.startswith("ImportError"):
            reason = tr("one of its packages cannot be loaded")
    return reason


def failure_reason(ended: ProcessResult, seconds: float) -> str:
    """Return why a Python has given no description of its environment.

    Parameters
    ----------
    ended
        How its process ended.
    seconds
        The time that it had.
    """
    if ended.outcome is Outcome.FAILED_TO_START:
        return tr("it does not start ({reason})").format(reason=ended.reason)
    if ended.outcome is Outcome.TIMED_OUT:
        return tr("it did not answer within {seconds} seconds").format(seconds=seconds)
    if ended.outcome is Outcome.CRASHED:
        return tr("it crashed (signal or code {status})").format(status=ended.status)
    return missing_package(ended.log) or tr("it ended with status {status}").format(status=ended.status)
