"""The installation of the engine as a task of QGIS, which goes on when its window is closed."""

from __future__ import annotations

import traceback

from qgis.core import QgsApplication, QgsFeedback, QgsTask
from qgis.PyQt.QtCore import pyqtSignal

from ..plugin.cancelled import Cancelled
from ..plugin.detailed_exception import internal_error
from ..plugin.engine_environment import EngineInfo
from ..plugin.i18n import tr
from ..plugin.installer import InstallationFailed, Plan, Progress, install

# QGIS's task manager holds no reference to the Python object of a task.
_running: InstallationTask | None = None


def running_installation() -> InstallationTask | None:
    """Return the installation that is going on in this QGIS; None if there is none."""
    return _running


class InstallationTask(QgsTask):
    """An installation of the engine.

    Parameters
    ----------
    plan
        What to install.

    Attributes
    ----------
    step, line
        Signals: the current step and its percentage; a line of the log.
    ended
        Signal, after the last step, in the main thread.
    message
        Why the installation failed; empty if it did not.
    engine
        The installed engine; None if there is none.
    lines
        The log.
    """

    step = pyqtSignal(str, float)
    line = pyqtSignal(str)
    ended = pyqtSignal()

    def __init__(self, plan: Plan) -> None:
        super().__init__(tr("Installing the Permea engine"), QgsTask.Flag.CanCancel)
        self.plan = plan
        self.message = ""
        self.engine: EngineInfo | None = None
        self.lines: list[str] = []
        self.current_step: tuple[str, float] = ("", 0.0)
        self._feedback = QgsFeedback()

    def start(self) -> None:
        """Submit the task to QGIS's task manager."""
        global _running
        _running = self
        QgsApplication.taskManager().addTask(self)

    def run(self) -> bool:
        """Install, in the task's thread."""
        try:
            self.engine = install(self.plan, Progress(self._on_step, self._on_line), self._feedback)
        except Cancelled:
            return False
        except InstallationFailed as error:
            self.message = str(error)
            return False
        except Exception:  # an uncaught exception in `run` would crash QGIS
            self.message = internal_error()
            self._on_line(traceback.format_exc())
            return False
        return True

    def cancel(self) -> None:
        """Stop the installation; what is downloaded is kept."""
        self._feedback.cancel()
        super().cancel()

    def finished(self, result: bool) -> None:
        """Emit `ended`, in the main thread."""
        global _running
        if _running is self:
            _running = None
        self.ended.emit()

    def _on_step(self, text: str, percentage: float) -> None:
        self.current_step = (text, percentage)
        self.setProgress(percentage)
        self.step.emit(text, percentage)

    def _on_line(self, line: str) -> None:
        self.lines.append(line)
        self.line.emit(line)
