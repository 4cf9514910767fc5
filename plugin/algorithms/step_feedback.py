"""A part of the progress bar of a run."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import Qt


class StepFeedback(QgsProcessingFeedback):
    """A feedback whose 0–100 % is an interval of another feedback's progress; messages are forwarded.

    `QgsProcessingMultiStepFeedback` gives all steps the same interval; here reading and writing take seconds while the
    engine may take an hour.

    Parameters
    ----------
    parent
        The feedback of the whole run.
    start, end
        Percentage of the whole run at the start and end of this step.
    """

    def __init__(self, parent: QgsProcessingFeedback, start: float, end: float) -> None:
        super().__init__(False)
        self._parent = parent
        self._start = start
        self._end = end
        self.progressChanged.connect(self._forward_progress)
        # Direct because the thread of the run has no event loop to deliver a queued signal.
        parent.canceled.connect(self.cancel, Qt.ConnectionType.DirectConnection)
        if parent.isCanceled():
            self.cancel()

    def _forward_progress(self, percent: float) -> None:
        self._parent.setProgress(self._start + (self._end - self._start) * percent / 100)

    def setProgressText(self, text: str) -> None:
        self._parent.setProgressText(text)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self._parent.reportError(error, fatalError)

    def pushWarning(self, warning: str) -> None:
        self._parent.pushWarning(warning)

    def pushInfo(self, info: str) -> None:
        self._parent.pushInfo(info)

    def pushCommandInfo(self, info: str) -> None:
        self._parent.pushCommandInfo(info)

    def pushDebugInfo(self, info: str) -> None:
        self._parent.pushDebugInfo(info)

    def pushConsoleInfo(self, info: str) -> None:
        self._parent.pushConsoleInfo(info)
