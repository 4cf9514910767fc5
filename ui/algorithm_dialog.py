"""QGIS's dialog of an algorithm, which says "Cancelled" rather than "Execution failed" after a cancel."""

from __future__ import annotations

from typing import Any

from processing.gui.AlgorithmDialog import AlgorithmDialog as ProcessingDialog
from qgis.core import QgsProcessingFeedback

from ..plugin.algorithms.step_feedback import StepFeedback
from ..plugin.i18n import tr
from ..plugin.layers import is_main_thread


class DialogFeedback(StepFeedback):
    """The feedback of a dialog, without the error that the dialog reports about every run without a result.

    Parameters
    ----------
    shown
        The feedback that the dialog made, which shows messages and progress.
    """

    def __init__(self, shown: QgsProcessingFeedback) -> None:
        super().__init__(shown, 0, 100)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        """Report an error; after a cancel only those of the algorithm, which runs in a thread of its own."""
        if not (self.isCanceled() and is_main_thread()):
            super().reportError(error, fatalError)

    def htmlLog(self) -> str:
        """Return the log as QGIS's history keeps it."""
        return self._parent.htmlLog()

    def textLog(self) -> str:
        """Return the log as text."""
        return self._parent.textLog()


class AlgorithmDialog(ProcessingDialog):
    """QGIS's dialog of an algorithm; only the end of a cancelled run differs."""

    def createFeedback(self) -> QgsProcessingFeedback:
        """Return the feedback of a run."""
        return DialogFeedback(super().createFeedback())

    def finish(self, successful: bool, *arguments: Any, **options: Any) -> None:
        """Show the end of a run."""
        if successful or self.feedback is None or not self.feedback.isCanceled():
            super().finish(successful, *arguments, **options)
            return
        self.setResults({})
        self.setInfo(tr("Cancelled"))
        self.algorithmFinished.emit(False, {})
        self.resetGui()
