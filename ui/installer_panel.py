"""The part of the engine dialog that installs the engine: what and where, progress, and what comes next."""

from __future__ import annotations

import sys

from qgis.gui import QgsCollapsibleGroupBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QApplication,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ..plugin.byte_sizes import folder_bytes, format_bytes
from ..plugin.engine_folders import current_engine, other_engines, remove_engine
from ..plugin.i18n import tr
from ..plugin.installer import Plan, installation_commands, measured_devices, plan_installation
from ..plugin.runner import WORKERS
from ..plugin.system_errors import system_reason
from .installation_task import InstallationTask, running_installation


class InstallerPanel(QgsCollapsibleGroupBox):
    """Offer and progress of an installation.

    Attributes
    ----------
    started
        Signal: an installation has begun.
    installed, failed, cancelled
        Signals: the installation has ended, `failed` with its message.
    logged
        Signal: a line of the log.
    another_python_requested
        Signal: the user has pressed the button for it.
    """

    started = pyqtSignal()
    installed = pyqtSignal()
    failed = pyqtSignal(str)
    cancelled = pyqtSignal()
    logged = pyqtSignal(str)
    another_python_requested = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Install the engine"), parent)
        self.setSaveCollapsedState(False)
        self._task: InstallationTask | None = None
        layout = QVBoxLayout(self)
        self.offer = QLabel()
        self.offer.setWordWrap(True)
        self.offer.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        self.offer.linkActivated.connect(lambda _: self._show_packages())
        layout.addWidget(self.offer)
        layout.addLayout(self._make_device())
        layout.addLayout(self._make_buttons())
        self.step_label = QLabel()
        self.step_label.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        layout.addWidget(self.step_label)
        layout.addWidget(self.bar)
        layout.addWidget(self.cancel_button, 0, Qt.AlignmentFlag.AlignRight)
        self.show_offer()
        if running_installation() is not None:
            self._follow(running_installation())

    # Widgets

    def _make_device(self) -> QHBoxLayout:
        self.device = QComboBox()
        self.device.addItem(tr("Processor (CPU)"), "cpu")
        if sys.platform == "linux" and "cuda" in measured_devices():
            self.device.addItem(tr("NVIDIA graphics card (GPU), with CUDA 12"), "cuda")
        self.device.currentIndexChanged.connect(lambda _: self.show_offer())
        self.device_label = QLabel(tr("&Device"))
        self.device_label.setBuddy(self.device)
        line = QHBoxLayout()
        line.addWidget(self.device_label)
        line.addWidget(self.device, 1)
        return line

    def _make_buttons(self) -> QHBoxLayout:
        self.install_button = QPushButton(tr("&Install"))
        self.install_button.setToolTip(tr("Download the packages and install them; nothing is downloaded before"))
        self.install_button.clicked.connect(self._install)
        self.another_button = QPushButton(tr("Use an &existing Python…"))
        self.another_button.clicked.connect(self.another_python_requested)
        self.copy_button = QPushButton(tr("Copy the &commands"))
        self.copy_button.setToolTip(tr("Copy the commands that install the engine in a terminal"))
        self.copy_button.clicked.connect(self._copy_commands)
        self.remove_button = QPushButton(tr("&Remove older engines"))
        self.remove_button.clicked.connect(self._remove)
        self.cancel_button = QPushButton(tr("C&ancel"))
        self.cancel_button.setToolTip(tr("Stop the installation; what is downloaded is kept for the next one"))
        self.cancel_button.clicked.connect(self._cancel)
        line = QHBoxLayout()
        for button in (
            self.install_button,
            self.another_button,
            self.copy_button,
            self.remove_button,
        ):
            line.addWidget(button)
        line.addStretch(1)
        return line

    # States

    def is_installing(self) -> bool:
        """Return whether an installation is going on."""
        return self._task is not None

    def show_offer(self) -> None:
        """Say what would be installed, and offer it."""
        plan = plan_installation(self.device.currentData())
        self.offer.setText(offer_text(plan))
        has_engine = current_engine() is not None
        self.setTitle(tr("Install another engine") if has_engine else tr("Install the engine"))
        older = other_engines()
        self.remove_button.setVisible(bool(older))
        size = format_bytes(sum(folder_bytes(folder) for folder in older))
        self.remove_button.setToolTip(tr("Delete {size} of engines that are not in use").format(size=size))
        self._set_installing(False)

    def _set_installing(self, installing: bool) -> None:
        for widget in (self.offer, self.device, self.device_label, self.another_button, self.copy_button):
            widget.setVisible(not installing)
        self.install_button.setVisible(not installing)
        self.remove_button.setVisible(not installing and bool(other_engines()))
        self.cancel_button.setVisible(installing)
        self.step_label.setVisible(installing)
        self.bar.setVisible(installing)

    # Installation

    def _install(self) -> None:
        task = InstallationTask(plan_installation(self.device.currentData()))
        self._follow(task)
        task.start()

    def _follow(self, task: InstallationTask) -> None:
        self._task = task
        self.setCollapsed(False)
        self._set_installing(True)
        self.started.emit()
        self._show_step(*task.current_step)
        for line in task.lines:
            self.logged.emit(line)
        task.step.connect(self._show_step)
        task.line.connect(self.logged)
        task.ended.connect(self._end)

    def _show_step(self, text: str, percentage: float) -> None:
        self.step_label.setText(text)
        self.bar.setValue(round(10 * percentage))

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self._task.cancel()

    def _end(self) -> None:
        task, self._task = self._task, None
        self.cancel_button.setEnabled(True)
        self.show_offer()
        if task.engine is not None:
            self.installed.emit()
        elif task.message:
            self.failed.emit(task.message)
        else:
            self.cancelled.emit()

    # Other buttons

    def _copy_commands(self) -> None:
        commands = installation_commands(plan_installation(self.device.currentData()))
        QApplication.clipboard().setText(commands)
        self.logged.emit(commands)

    def _remove(self) -> None:
        WORKERS.close()  # a loaded engine may be one of them, and Windows deletes no program that runs
        for folder in other_engines():
            try:
                remove_engine(folder)
            except OSError as error:
                text = tr("{folder} cannot be deleted: {reason}.")
                self.logged.emit(text.format(folder=folder, reason=system_reason(error)))
        self.show_offer()

    def _show_packages(self) -> None:
        plan = plan_installation(self.device.currentData())
        lines = [f"{package.name} {package.version}: {package.licence}" for package in plan.packages]
        box = QMessageBox(self)
        box.setWindowTitle(tr("Packages and licences"))
        box.setText(tr("{count:# package is|# packages are} installed:").format(count=len(lines)))
        box.setInformativeText("\n".join(lines))
        box.exec()


def offer_text(plan: Plan) -> str:
    """Describe what an installation would do, as rich text."""
    source = plan.index.split("://")[-1].split("/")[0] if not plan.is_offline else plan.index
    return tr(
        "Permea computes in a Python of its own, apart from that of QGIS. <b>Install</b> downloads "
        '<a href="packages">{count:# package|# packages} ({licences})</a> from {source}: about {download} to download, '
        "{disk} on disk, in {folder}. Then it compiles the engine, which takes a minute or two. "
        "Nothing is downloaded before you press the button."
    ).format(
        count=len(plan.packages),
        licences=tr("free software") if plan.device == "cpu" else tr("free software, and NVIDIA's under its licence"),
        source=source,
        download=format_bytes(plan.download_bytes),
        disk=format_bytes(plan.disk_bytes),
        folder=plan.folder,
    )
