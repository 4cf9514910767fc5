"""The course of a session inside a real QGIS window: steps of a generator, pictures, and a report at the end.

The generator yields either a number of milliseconds to wait or a condition to poll until it holds.
"""

import json
import time
import traceback
from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtGui import QGuiApplication
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface

# QGIS keeps this module, so that no generator is collected between two of its steps.
_sessions = []


class WindowSession:
    """A session that writes its pictures and `report.json` into a folder and then closes QGIS.

    Parameters
    ----------
    folder
        For the pictures and the report.
    patience
        Seconds after which a condition that does not hold ends the session.
    size
        Width and height of the part of the screen that pictures show; all of it by default.
    """

    def __init__(self, folder: Path, patience: float, size: tuple[int, int] = (-1, -1)):
        self.folder, self.patience, self.size = folder, patience, size
        self.report = {"steps": []}

    def picture(self, name):
        """Save a screenshot."""
        QApplication.processEvents()
        QGuiApplication.primaryScreen().grabWindow(0, 0, 0, *self.size).save(str(self.folder / f"{name}.png"))
        self.report["steps"].append(name)

    def start(self, steps):
        """Begin the session when QGIS has drawn its window."""
        _sessions.append(steps)
        QTimer.singleShot(2500, lambda: self._advance(steps))

    def _advance(self, steps, condition=None, since=None):
        try:
            if condition is not None and not condition():
                if time.monotonic() - since > self.patience:
                    raise TimeoutError(f"Nothing happened for {self.patience} s after {self.report['steps']}.")
                QTimer.singleShot(100, lambda: self._advance(steps, condition, since))
                return
            step = next(steps)
        except StopIteration:
            self._leave()
            return
        except Exception:  # the report must be written whatever went wrong
            self.report["error"] = traceback.format_exc()
            self.picture("error")
            self._leave()
            return
        if callable(step):
            QTimer.singleShot(100, lambda: self._advance(steps, step, time.monotonic()))
        else:
            QTimer.singleShot(step, lambda: self._advance(steps))

    def _leave(self):
        """Write the report and close QGIS without a prompt."""
        (self.folder / "report.json").write_text(json.dumps(self.report, indent=1), encoding="utf-8")
        QgsProject.instance().clear()
        QgsProject.instance().setDirty(False)
        QTimer.singleShot(0, iface.actionExit().trigger)
