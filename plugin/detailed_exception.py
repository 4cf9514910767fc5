"""Errors with a message for the user and, apart from it, what an engineer needs to find the cause."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import QgsProcessingException, QgsProcessingFeedback

from .i18n import tr

# The last lines of a program's output that go into the log.
DETAIL_LINES = 50

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


class DetailedException(QgsProcessingException):
    """An error whose technical details are no part of its message; `log_details` writes them to the log.

    Parameters
    ----------
    message
        What happened and what to do, for the user.
    details
        Lines for engineers: a traceback, the output of a program. Notes of libraries to programmers are left out.
    """

    def __init__(self, message: str, details: Iterable[str] = ()) -> None:
        super().__init__(message)
        lines = [line for line in details if not any(note in line for note in LIBRARY_NOTES)]
        self.details = tuple(lines[-DETAIL_LINES:])


def log_details(details: Iterable[str], feedback: QgsProcessingFeedback) -> None:
    """Write details for engineers to the log, set apart from what a user should read."""
    lines = list(details)
    if lines:
        feedback.pushConsoleInfo("\n".join([tr("Details for developers:"), *lines]))


def report_advice() -> str:
    """Return what the user can do about a failure whose cause is not known."""
    return tr(
        "Run it again. If it fails again, please report it to the developers of Permea, with the details at the end of "
        "the log."
    )


def internal_error() -> str:
    """Return the message for an error that should not be possible."""
    return tr("Permea stopped because of an error in its own program.") + " " + report_advice()
