"""Shares of one progress bar."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback
from qgis.PyQt.QtCore import Qt


class StepFeedback(QgsProcessingFeedback):
    """A feedback whose 0–100 % is a part of another's progress bar; everything else it passes on.

    `QgsProcessingMultiStepFeedback` gives every step the same share; here reading and writing take seconds
    while the engine may take an hour.

    Parameters
    ----------
    whole
        The feedback of the whole run.
    start, end
        Percent of the whole at the start and at the end of this stage.
    """

    def __init__(self, whole: QgsProcessingFeedback, start: float, end: float) -> None:
        super().__init__(False)
        self._whole = whole
        self._start = start
        self._end = end
        self.progressChanged.connect(self._pass_progress_on)
        # Direct, because the run's thread has no event loop that would deliver a queued signal.
        whole.canceled.connect(self.cancel, Qt.ConnectionType.DirectConnection)
        if whole.isCanceled():
            self.cancel()

    def _pass_progress_on(self, percent: float) -> None:
        self._whole.setProgress(self._start + (self._end - self._start) * percent / 100)

    def setProgressText(self, text: str) -> None:
        self._whole.setProgressText(text)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self._whole.reportError(error, fatalError)

    def pushWarning(self, warning: str) -> None:
        self._whole.pushWarning(warning)

    def pushInfo(self, info: str) -> None:
        self._whole.pushInfo(info)

    def pushCommandInfo(self, info: str) -> None:
        self._whole.pushCommandInfo(info)

    def pushDebugInfo(self, info: str) -> None:
        self._whole.pushDebugInfo(info)

    def pushConsoleInfo(self, info: str) -> None:
        self._whole.pushConsoleInfo(info)
