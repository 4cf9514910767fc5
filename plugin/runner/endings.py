"""The ways a run can end other than well, each an exception of its own."""

from __future__ import annotations

from qgis.core import QgsProcessingException


class RunFailed(QgsProcessingException):
    """The run ended without a result; the message says what happened and what to do."""


class RunCancelled(RunFailed):
    """The user cancelled: no error, an algorithm returns what it has."""


class WorkerFailedToStart(RunFailed):
    """The engine's Python did not start."""


class WorkerCrashed(RunFailed):
    """The engine was killed or crashed."""


class InputRefused(RunFailed):
    """The engine looked at the input and refused it."""


class OutOfMemory(RunFailed):
    """The run needs, or needed, more memory than there is."""
