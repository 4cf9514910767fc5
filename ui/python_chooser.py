"""The part of the engine dialog in which the user chooses another Python interpreter."""

from __future__ import annotations

import json
import os

from qgis.core import QgsApplication
from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ..plugin import engine_environment
from ..plugin.engine_environment import EngineInfo
from ..plugin.i18n import tr
from ..plugin.settings import PYTHON
from .background import BackgroundTasks
from .engine_info import device_text, versions_text
from .labels import selectable_label

REQUIREMENTS = "resources/engine-requirements.txt"


class PythonChooser(QgsCollapsibleGroupBox):
    """Test a Python interpreter and use it.

    Parameters
    ----------
    tasks
        Runs the tests.
    parent
        Parent widget.

    Attributes
    ----------
    changed
        Signal: another interpreter is in use.
    logged
        Signal: title and text for the log, and whether the user should see it.
    fitting
        Signal: a text has become longer.
    """

    changed = pyqtSignal()
    logged = pyqtSignal(str, str, bool)
    fitting = pyqtSignal()

    def __init__(self, tasks: BackgroundTasks, parent: QWidget | None = None) -> None:
        super().__init__(tr("Use an existing Python"), parent)
        self._tasks, self._tested = tasks, ""
        self.setSaveCollapsedState(False)
        layout = QVBoxLayout(self)
        explanation = QLabel(
            tr("Choose the Python interpreter of an environment with the packages listed in {file}.").format(
                file=REQUIREMENTS
            )
        )
        explanation.setWordWrap(True)
        layout.addWidget(explanation)
        self.chooser = QgsFileWidget()
        self.chooser.setStorageMode(QgsFileWidget.StorageMode.GetFile)
        self.chooser.setDialogTitle(tr("Choose a Python interpreter"))
        # The Python of an environment is a symbolic link; if it were resolved, the environment would be lost.
        self.chooser.setOptions(QFileDialog.Option.DontResolveSymlinks)
        self.chooser.lineEdit().setPlaceholderText(tr("Path to a Python interpreter"))
        self.chooser.lineEdit().setAccessibleName(tr("Path to a Python interpreter"))
        self.chooser.fileChanged.connect(self._path_changed)
        self.test_button = QPushButton(tr("&Test"))
        self.test_button.setToolTip(tr("Check whether this Python can run the engine"))
        self.test_button.clicked.connect(self._test)
        line = QHBoxLayout()
        line.addWidget(self.chooser, 1)
        line.addWidget(self.test_button)
        layout.addLayout(line)
        self.test_icon = QLabel()
        self.test_label = selectable_label(tr("Test result"))
        verdict = QHBoxLayout()
        verdict.addWidget(self.test_icon, 0, Qt.AlignmentFlag.AlignTop)
        verdict.addWidget(self.test_label, 1)
        layout.addLayout(verdict)
        self.use_button = QPushButton(tr("&Use this Python"))
        self.use_button.setToolTip(tr("Use this Python for all runs from now on; it must pass the test first"))
        self.use_button.clicked.connect(self._use)
        self.default_button = QPushButton(tr("Reset to &default"))
        self.default_button.setToolTip(tr("Discard the Python interpreter chosen here"))
        self.default_button.clicked.connect(self._back_to_default)
        choices = QHBoxLayout()
        choices.addStretch(1)
        choices.addWidget(self.use_button)
        choices.addWidget(self.default_button)
        layout.addLayout(choices)
        self._path_changed("")

    def _path_changed(self, path: str) -> None:
        self._tested = ""
        self.test_button.setEnabled(bool(path.strip()))
        self.use_button.setEnabled(False)
        self._show_verdict(None, "")

    def _test(self) -> None:
        python = self._path()
        self.test_button.setEnabled(False)
        self._show_verdict("mIconTimer.svg", tr("Testing {python}…").format(python=python))

        def if_path_unchanged(then):
            return lambda *outcome: then(python, *outcome) if self._path() == python else None

        self._tasks.start(
            lambda is_cancelled: engine_environment.probe_python(python, is_cancelled=is_cancelled),
            if_path_unchanged(self._test_passed),
            if_path_unchanged(self._test_failed),
        )

    def _test_passed(self, python: str, engine: EngineInfo) -> None:
        self._tested = python
        self.test_button.setEnabled(True)
        self.use_button.setEnabled(True)
        text = tr("This Python can run the engine: {versions}; device: {device}.")
        text = text.format(versions=versions_text(engine), device=device_text(engine))
        self._show_verdict("mIconSuccess.svg", text)
        self.logged.emit(python, json.dumps(engine.probe, indent=2), False)

    def _test_failed(self, python: str, message: str, details: str) -> None:
        self.test_button.setEnabled(True)
        self._show_verdict("mIconWarning.svg", message.partition("\n")[0])
        self.logged.emit(python, "\n".join(filter(None, (message, details))), True)

    def _show_verdict(self, icon: str | None, text: str) -> None:
        self.test_icon.setVisible(icon is not None)
        self.test_label.setVisible(icon is not None)
        self.test_label.setText(text)
        if icon is not None:
            self.test_icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(18, 18))
            self.fitting.emit()

    def _use(self) -> None:
        PYTHON.store(self._tested)
        self.changed.emit()

    def _back_to_default(self) -> None:
        PYTHON.store("")
        self.changed.emit()

    def _path(self) -> str:
        return os.path.expanduser(self.chooser.filePath().strip())
