"""The dialog *Plugins ▸ Permea ▸ Engine…*: status of the engine, its installation, and choice of another Python."""

from __future__ import annotations

import json
from collections.abc import Callable

from qgis.core import QgsApplication
from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import Qt, QTimer
from qgis.PyQt.QtGui import QFontDatabase
from qgis.PyQt.QtWidgets import (
    QApplication,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from ..plugin import engine_environment
from ..plugin.engine_environment import EngineInfo
from ..plugin.engine_errors import EngineNotFound, EngineNotInstalled
from ..plugin.i18n import tr
from ..plugin.settings import PYTHON
from .background import BackgroundTasks
from .engine_info import device_text, memory_text, origin_text, versions_text
from .installer_panel import InstallerPanel
from .labels import selectable_label
from .python_chooser import PythonChooser

LOG_HEIGHT = 130  # pixels: shows the last lines of a traceback
SCREEN_MARGIN = 60  # pixels for the window's frame


class EngineDialog(QDialog):
    """Show the status of the engine; install it, or test and select another Python interpreter.

    Parameters
    ----------
    parent
        Parent window.
    load_sample, open_toolbox
        Called when the user presses the buttons for it after an installation.
    for_run
        Whether a run waits for the engine: the dialog says so, and closes once it is installed.

    Notes
    -----
    Processes are started in background tasks; the dialog shows their results.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        load_sample: Callable[[], None] = lambda: None,
        open_toolbox: Callable[[], None] = lambda: None,
        *,
        for_run: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("permeaEngineDialog")
        self.setWindowTitle(tr("Permea engine"))
        self._tasks = BackgroundTasks(self)
        self._actions = {"sample": load_sample, "toolbox": open_toolbox}
        self._ready_to_go_on, self._for_run = False, for_run
        self._fitting = QTimer(self)
        self._fitting.setSingleShot(True)
        self._fitting.timeout.connect(self._grow)
        content = QWidget()
        layout = QVBoxLayout(content)
        layout.addLayout(self._make_headline())
        layout.addLayout(self._make_next_steps())
        layout.addWidget(self._make_installer())
        layout.addWidget(self._make_facts())
        layout.addWidget(self._make_chooser())
        layout.addWidget(self._make_log(), 1000)
        layout.addStretch(1)  # takes the space when the log is collapsed
        self._content = content
        area = QScrollArea()
        area.setFrameShape(QScrollArea.Shape.NoFrame)
        area.setWidgetResizable(True)
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.addWidget(area, 1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        outer.addWidget(buttons)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # pressing Enter after typing a path must not click a button
        self.setMinimumWidth(560)
        self.resize(760, 520)
        self.refresh()

    # Public methods

    def headline(self) -> str:
        """Return the status line at the top."""
        return self.state_label.text()

    def is_busy(self) -> bool:
        """Return whether a background task of this dialog is running."""
        return bool(self._tasks) or self.installer.is_installing()

    def refresh(self) -> None:
        """Check again which engine is in use and whether it works."""
        engine_environment.forget_probes()
        self.python_chooser.default_button.setEnabled(bool(PYTHON.text()))
        self._show_next_steps(False)
        self._show_state("mIconTimer.svg", tr("Checking the engine…"))
        self._show_facts(None)
        self._tasks.start(_engine_in_use, self._engine_works, self._engine_fails)

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
        self.reason_label = selectable_label(tr("Reason"))
        self.reason_label.setVisible(False)
        lines = QVBoxLayout()
        lines.addWidget(self.state_label)
        lines.addWidget(self.reason_label)
        headline = QHBoxLayout()
        headline.addWidget(self.state_icon, 0, Qt.AlignmentFlag.AlignTop)
        headline.addLayout(lines, 1)
        return headline

    def _make_next_steps(self) -> QHBoxLayout:
        line = QHBoxLayout()
        self.next_steps = {}
        for step, label in (("sample", tr("Load the &sample")), ("toolbox", tr("Open the toolbo&x"))):
            self.next_steps[step] = QPushButton(label)
            self.next_steps[step].clicked.connect(lambda _=False, step=step: self._go_on(step))
            line.addWidget(self.next_steps[step])
        line.addStretch(1)
        return line

    def _make_installer(self) -> InstallerPanel:
        self.installer = InstallerPanel()
        self.installer.installed.connect(self._installed)
        self.installer.failed.connect(self._installation_failed)
        self.installer.cancelled.connect(
            lambda: self._show_state("mIconWarning.svg", tr("Cancelled. What is downloaded is kept."))
        )
        self.installer.logged.connect(self.log_line)
        self.installer.another_python_requested.connect(lambda: self.python_chooser.setCollapsed(False))
        self.installer.started.connect(
            lambda: self._show_state(
                "mIconTimer.svg",
                tr("Installing the engine…"),
                self._waiting() or tr("You may close this window and go on working."),
            )
        )
        return self.installer

    def _make_chooser(self) -> PythonChooser:
        self.python_chooser = PythonChooser(self._tasks)
        self.python_chooser.setCollapsed(True)
        self.python_chooser.changed.connect(self.refresh)
        self.python_chooser.fitting.connect(self._fit)
        self.python_chooser.logged.connect(self._log_test)
        return self.python_chooser

    def _make_facts(self) -> QGroupBox:
        self.facts_box = box = QGroupBox(tr("In use"))
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
            self.facts[key] = selectable_label(label)
            form.addRow(label, self.facts[key])
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

    # Installation

    def _installed(self) -> None:
        self._ready_to_go_on = True
        self.refresh()

    def _installation_failed(self, message: str) -> None:
        self._show_state("mIconCritical.svg", tr("The engine was not installed."), message)
        self.log_line(message)
        self.log_box.setCollapsed(False)
        self._fit()

    def _waiting(self) -> str:
        """Return what happens after an installation that a run waits for; empty if none does."""
        return tr("The run starts once the engine is installed; it does not if you close this window.") * self._for_run

    def _show_next_steps(self, ready: bool) -> None:
        for button in self.next_steps.values():
            button.setVisible(ready)

    def _go_on(self, step: str) -> None:
        self.accept()
        self._actions[step]()

    # The engine in use

    def _engine_works(self, engine: EngineInfo) -> None:
        if self._for_run and not self.installer.is_installing():
            self.accept()
            return
        self._show_state("mIconSuccess.svg", tr("The engine is ready."))
        self._show_next_steps(self._ready_to_go_on)
        self._show_facts(engine)
        self.installer.setCollapsed(not self.installer.is_installing())
        self._write_log(tr("Engine in use"), json.dumps(engine.probe, indent=2))
        self._fit()

    def _engine_fails(self, message: str, details: str) -> None:
        reason, _, rest = message.partition("\n")
        if self.installer.is_installing():
            return
        if _is_installed():
            self._show_state("mIconWarning.svg", tr("Permea has no working engine."), reason)
        else:
            self._show_state("mIconInfo.svg", tr("Permea's engine is not installed yet."), self._waiting())
        self.installer.setCollapsed(False)
        self._show_facts(None)
        self._write_log(tr("Engine in use"), "\n".join(filter(None, (message, details))))
        self.log_box.setCollapsed(not (rest or details))
        self.installer.show_offer()
        self._fit()

    def _show_state(self, icon: str, text: str, reason: str = "") -> None:
        self.state_icon.setPixmap(QgsApplication.getThemeIcon(icon).pixmap(24, 24))
        self.state_label.setText(text)
        self.reason_label.setText(reason)
        self.reason_label.setVisible(bool(reason))

    def _show_facts(self, engine: EngineInfo | None) -> None:
        self.facts_box.setVisible(engine is not None)
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

    # Shared

    def _fit(self) -> None:
        """Enlarge the dialog, after Qt has laid out new texts, so that none is cut off; never shrink it."""
        self._fitting.start(0)

    def _grow(self) -> None:
        layout = self._content.layout()
        complete = layout.totalHeightForWidth(self._content.width()) + self.height() - self._content.parent().height()
        # What does not fit on the screen can be scrolled to.
        needed = min(complete, self.screen().availableGeometry().height() - SCREEN_MARGIN)
        if needed > self.height():
            self.resize(self.width(), needed)

    def log_line(self, line: str) -> None:
        """Append a line to the details."""
        self.log.appendPlainText(line)

    def _log_test(self, title: str, text: str, visible: bool) -> None:
        self._write_log(title, text)
        if visible:
            self.log_box.setCollapsed(False)

    def _write_log(self, title: str, text: str) -> None:
        self.log.appendPlainText(f"{title}\n{text}\n")

    def done(self, result: int) -> None:
        """Close the dialog and cancel its checks, without waiting for them; an installation goes on."""
        self._tasks.cancel()
        super().done(result)


def _is_installed() -> bool:
    """Return whether any engine is installed or configured, working or not."""
    try:
        engine_environment.engine_python()
    except EngineNotInstalled:
        return False
    except EngineNotFound:
        return True
    return True


def _engine_in_use(is_cancelled: Callable[[], bool]) -> EngineInfo:
    """Probe the engine and return its description; slow."""
    python, origin = engine_environment.engine_python()
    return engine_environment.probe_python(
        python, folder=engine_environment.PACKAGE_FOLDER, origin=origin, is_cancelled=is_cancelled
    )
