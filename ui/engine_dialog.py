"""The dialog *Permea ▸ Engine…*: status of the engine, and choice of its Python interpreter."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from qgis.core import QgsApplication, QgsSettings
from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from ..plugin import engine_environment
from ..plugin.engine_environment import EngineInfo
from ..plugin.i18n import tr
from .background import BackgroundTask
from .cluster_widget import ClusterWidget
from .engine_info import clear_folder, device_text, folder_size, memory_text, origin_text, size_text, versions_text

REQUIREMENTS = "resources/engine-requirements.txt"
LOG_HEIGHT = 130  # pixels: shows the last lines of a traceback


class EngineDialog(QDialog):
    """Show the status of the engine; test and select another Python interpreter.

    Parameters
    ----------
    parent
        Parent window.

    Notes
    -----
    Processes are started in background tasks; the dialog shows their results.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("permeaEngineDialog")
        self.setWindowTitle(tr("Permea engine"))
        self._tasks: list[BackgroundTask] = []
        self._tested = ""
        self._fitting = QTimer(self)
        self._fitting.setSingleShot(True)
        self._fitting.timeout.connect(self._grow)
        layout = QVBoxLayout(self)
        layout.addLayout(self._make_headline())
        layout.addWidget(self._make_facts())
        layout.addWidget(self._make_chooser())
        self.cluster_box = ClusterWidget()
        layout.addWidget(self.cluster_box)
        layout.addWidget(self._make_log(), 1000)
        layout.addStretch(1)  # takes the space when the log is collapsed
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # pressing Enter after typing a path must not click a button
        self.setMinimumWidth(560)
        self.resize(720, 440)
        self.refresh()

    # Public methods

    def headline(self) -> str:
        """Return the status line at the top."""
        return self.state_label.text()

    def is_busy(self) -> bool:
        """Return whether a background task of this dialog is running."""
        return bool(self._tasks)

    def refresh(self) -> None:
        """Check again which engine is in use and whether it works."""
        engine_environment.forget_probes()
        self.default_button.setEnabled(QgsSettings().contains(engine_environment.SETTING))
        self._show_state("mIconTimer.svg", tr("Checking the engine…"))
        self._show_facts(None)
        self._in_background(tr("Checking the Permea engine"), _engine_in_use, self._engine_works, self._engine_fails)

    # Widgets

    def _make_headline(self) -> QHBoxLayout:
        self.state_icon = QLabel()
        self.state_label = QLabel()
        self.state_label.setAccessibleName(tr("Engine status"))
        self.state_label.setWordWrap(True)
        font = self.state_label.font()
        font.setBold(True)
        font.setPointSizeF(font.pointSizeF() * 1.15)
        self.state_label.setFont(font)
        self.reason_label = _selectable_label(tr("Reason"))
        self.reason_label.setVisible(False)
        lines = QVBoxLayout()
        lines.addWidget(self.state_label)
        lines.addWidget(self.reason_label)
        headline = QHBoxLayout()
        headline.addWidget(self.state_icon, 0, Qt.AlignmentFlag.AlignTop)
        headline.addLayout(lines, 1)
        return headline

    def _make_facts(self) -> QGroupBox:
        box = QGroupBox(tr("In use"))
        form = QFormLayout(box)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.facts = {}
        for key, label in (
            ("python", tr("Python")),
            ("origin", tr("Source")),
            ("versions", tr("Versions")),
            ("device", tr("Device")),
            ("memory", tr("Memory")),
        ):
            self.facts[key] = _selectable_label(label)
            form.addRow(label, self.facts[key])
        self.cache_label = _selectable_label(tr("Compiled code"))
        self.clear_button = QPushButton(tr("C&lear"))
        self.clear_button.setToolTip(tr("Delete the compiled code. The next runs will start a few seconds slower."))
        self.clear_button.clicked.connect(self._clear_cache)
        line = QHBoxLayout()
        line.addWidget(self.cache_label, 1)
        line.addWidget(self.clear_button, 0, Qt.AlignmentFlag.AlignTop)
        form.addRow(tr("Compiled code"), line)
        return box

    def _make_chooser(self) -> QGroupBox:
        box = QGroupBox(tr("Use another Python interpreter"))
        layout = QVBoxLayout(box)
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
        self.test_label = _selectable_label(tr("Test result"))
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
        return box

    def _make_log(self) -> QgsCollapsibleGroupBox:
        self.log_box = QgsCollapsibleGroupBox(tr("Details"))
        self.log_box.setSaveCollapsedState(False)
        layout = QVBoxLayout(self.log_box)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setAccessibleName(tr("Engine log"))
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.setTabChangesFocus(True)
        self.log.setMinimumHeight(LOG_HEIGHT)
        layout.addWidget(self.log)
        self.copy_button = QPushButton(tr("C&opy"))
        self.copy_button.setToolTip(tr("Copy the details to the clipboard, for example for a bug report"))
        self.copy_button.clicked.connect(lambda: QApplication.clipboard().setText(self.log.toPlainText()))
        layout.addWidget(self.copy_button, 0, Qt.AlignmentFlag.AlignRight)
        self.log_box.setCollapsed(True)
        return self.log_box

    # The engine in use

    def _engine_works(self, outcome: tuple[EngineInfo, int]) -> None:
        engine, cache_size = outcome
        self._show_state("mIconSuccess.svg", tr("The engine is ready."))
        self._show_facts(engine)
        self._show_cache(cache_size)
        self._write_log(tr("Engine in use"), json.dumps(engine.probe, indent=2))
        self._fit()

    def _engine_fails(self, message: str, details: str) -> None:
        reason, _, rest = message.partition("\n")
        self._show_state("mIconWarning.svg", tr("Permea has no working engine."), reason)
        self._show_facts(None)
        self._show_cache(folder_size(engine_environment.cache_folder()))
        self._write_log(tr("Engine in use"), "\n".join(filter(None, (message, details))))
        self.log_box.setCollapsed(not (rest or details))
        self._fit()

    def _show_state(self, icon: str, text: str, reason: str = "") -> None:
        self.state_icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(24, 24))
        self.state_label.setText(text)
        self.reason_label.setText(reason)
        self.reason_label.setVisible(bool(reason))

    def _show_facts(self, engine: EngineInfo | None) -> None:
        texts = dict.fromkeys(self.facts, "–")
        if engine is not None:
            texts = {
                "python": engine.python,
                "origin": origin_text(engine.origin),
                "versions": versions_text(engine),
                "device": device_text(engine),
                "memory": memory_text(engine),
            }
        for key, label in self.facts.items():
            label.setText(texts[key])

    # Compiled code

    def _show_cache(self, size: int) -> None:
        text = tr("{size} in {folder}").format(size=size_text(size), folder=engine_environment.cache_folder())
        self.cache_label.setText(text)
        self.clear_button.setEnabled(size > 0)

    def _clear_cache(self) -> None:
        folder = engine_environment.cache_folder()
        try:
            freed = clear_folder(folder)
        except OSError as error:
            text = tr("The compiled code in {folder} cannot be deleted: {reason}.")
            self._write_log(tr("Compiled code"), text.format(folder=folder, reason=error.strerror))
            self.log_box.setCollapsed(False)
        else:
            self._write_log(tr("Compiled code"), tr("Deleted {size}.").format(size=size_text(freed)))
        self._show_cache(folder_size(folder))

    # Another Python

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

        self._in_background(
            tr("Testing a Python interpreter for Permea"),
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
        self._write_log(python, json.dumps(engine.probe, indent=2))

    def _test_failed(self, python: str, message: str, details: str) -> None:
        self.test_button.setEnabled(True)
        self._show_verdict("mIconWarning.svg", message.partition("\n")[0])
        self._write_log(python, "\n".join(filter(None, (message, details))))
        self.log_box.setCollapsed(False)

    def _show_verdict(self, icon: str | None, text: str) -> None:
        self.test_icon.setVisible(icon is not None)
        self.test_label.setVisible(icon is not None)
        self.test_label.setText(text)
        if icon is not None:
            self.test_icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(18, 18))
            self._fit()

    def _use(self) -> None:
        QgsSettings().setValue(engine_environment.SETTING, self._tested)
        self.refresh()

    def _back_to_default(self) -> None:
        QgsSettings().remove(engine_environment.SETTING)
        self.refresh()

    # Shared

    def _path(self) -> str:
        return os.path.expanduser(self.chooser.filePath().strip())

    def _fit(self) -> None:
        """Enlarge the dialog, after Qt has laid out new texts, so that none is cut off; never shrink it."""
        self._fitting.start(0)

    def _grow(self) -> None:
        needed = self.layout().totalHeightForWidth(self.width())
        if needed > self.height():
            self.resize(self.width(), needed)

    def _write_log(self, title: str, text: str) -> None:
        self.log.appendPlainText(f"{title}\n{text}\n")

    def _in_background(self, description, work, done, failed) -> None:
        """Run `work` in a background task; call `done` or `failed` with its outcome if the dialog is still open."""

        def remove_task_then(callback):
            def finished(*outcome):
                self._tasks.remove(task)
                callback(*outcome)

            return finished

        task = BackgroundTask(description, work, remove_task_then(done), remove_task_then(failed))
        self._tasks.append(task)
        task.start()

    def done(self, result: int) -> None:
        """Close the dialog and cancel its background tasks, without waiting for them."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        super().done(result)


def _engine_in_use(is_cancelled: Callable[[], bool]) -> tuple[EngineInfo, int]:
    """Probe the engine and return its description and the size of the compiled code in bytes; slow."""
    python, origin = engine_environment.engine_python()
    engine = engine_environment.probe_python(python, origin=origin, is_cancelled=is_cancelled)
    return engine, folder_size(engine_environment.cache_folder())


def _selectable_label(name: str) -> QLabel:
    """Create a label that wraps its text and lets the user select it by mouse or keyboard."""
    label = QLabel()
    label.setAccessibleName(name)
    label.setWordWrap(True)
    label.setTextInteractionFlags(
        Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
    )
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return label
