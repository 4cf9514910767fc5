"""The messages of one run, passed on and recorded for its report."""

from __future__ import annotations

import time

from qgis.core import QgsProcessingFeedback

from .step_feedback import StepFeedback


class RunLog(StepFeedback):
    """Passes all messages and the progress of a run on, and records the messages.

    Parameters
    ----------
    parent
        The feedback of the run.

    Attributes
    ----------
    warnings
        The warnings, each once, in order.
    lines
        Warnings and information, in order.
    commands
        The commands of the processes that the run started.
    """

    def __init__(self, parent: QgsProcessingFeedback) -> None:
        super().__init__(parent, 0, 100)
        self._started_at = time.monotonic()
        self.warnings: list[str] = []
        self.lines: list[str] = []
        self.commands: list[str] = []

    @property
    def seconds(self) -> float:
        """Duration of the run so far, in seconds."""
        return time.monotonic() - self._started_at

    def pushWarning(self, warning: str) -> None:
        if warning not in self.warnings:
            self.warnings.append(warning)
        self.lines.append(warning)
        super().pushWarning(warning)

    def pushInfo(self, info: str) -> None:
        self.lines.append(info)
        super().pushInfo(info)

    def pushCommandInfo(self, info: str) -> None:
        self.commands.append(info)
        super().pushCommandInfo(info)
