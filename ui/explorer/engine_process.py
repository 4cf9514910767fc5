"""The engine's process of an exploration: requests as lines to it, answers as signals from it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import deque
from pathlib import Path

from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QObject, QProcess, QProcessEnvironment, pyqtSignal

from ...plugin.engine_environment import MODULE_ARGUMENTS, PACKAGE_FOLDER, engine_python, scrubbed_environment
from ...plugin.engine_errors import missing_package
from ...plugin.i18n import tr
from ...plugin.system_errors import system_reason
from ...plugin.temporary_folder import temporary_folder

# Lines of the engine's log that are kept for a message about a crash.
LOG_LINES = 40

# After more crashes than this without a view in between, the process is not restarted.
MAX_CRASHES = 2

END_MILLISECONDS = 3_000


class ExplorationProcess(QObject):
    """A process of the engine that answers requests until it is ended.

    Signals
    -------
    answered
        A message of the engine, as a dictionary.
    ended
        The process ended by itself: why, and whether it may be restarted.
    """

    answered = pyqtSignal(dict)
    ended = pyqtSignal(str, bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.folder: Path | None = None
        self._process: QProcess | None = None
        self._rest = b""
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._crashes = 0
        self._is_ready = False

    @property
    def is_running(self) -> bool:
        """Whether the process has been started and has not ended."""
        return self._process is not None

    @property
    def log(self) -> str:
        """The last lines that the engine wrote for developers."""
        return "\n".join(self._log)

    def start(self) -> None:
        """Start the process if it is not running.

        Raises
        ------
        EngineNotFound
            No engine is installed.
        QgsProcessingException
            A setting cannot be used, or there is no temporary folder.
        """
        if self.is_running:
            return
        python, _ = engine_python()
        if self.folder is None:
            self.folder = _new_folder()
        variables = QProcessEnvironment()
        for name, value in scrubbed_environment().items():
            variables.insert(name, value)
        process = QProcess(self)
        process.setProcessEnvironment(variables)
        process.setWorkingDirectory(PACKAGE_FOLDER)
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_log)
        process.finished.connect(self._finished)
        process.errorOccurred.connect(self._failed)
        self._process, self._rest, self._is_ready = process, b"", False
        self._log.clear()
        process.start(python, [*MODULE_ARGUMENTS, "--explore", str(self.folder)])

    def send(self, request: dict) -> None:
        """Send a request; it is dropped if the process is not running."""
        if self._process is not None:
            self._process.write(json.dumps(request, allow_nan=False).encode("utf-8") + b"\n")

    def stop(self) -> None:
        """End the process and remove its folder."""
        process, self._process = self._process, None
        if process is not None:
            for signal in (process.finished, process.errorOccurred, process.readyReadStandardOutput):
                signal.disconnect()
            process.kill()
            process.waitForFinished(END_MILLISECONDS)
            process.deleteLater()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def process_id(self) -> int:
        """Return the id of the process; 0 if it is not running."""
        return int(self._process.processId()) if self._process is not None else 0

    def _read(self) -> None:
        if self._process is None:
            return
        *lines, self._rest = (self._rest + bytes(self._process.readAllStandardOutput())).split(b"\n")
        for line in lines:
            try:
                answer = json.loads(line)
            except ValueError:
                self._log.append(line.decode("utf-8", errors="replace"))
                continue
            if isinstance(answer, dict):
                self._is_ready = self._is_ready or answer.get("type") == "ready"
                self._crashes = 0 if answer.get("type") == "view" else self._crashes
                if answer.get("type") == "error":
                    self._log.append(str(answer.get("text", "")))
                self.answered.emit(answer)

    def _read_log(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError()).decode("utf-8", errors="replace")
            self._log.extend(text.splitlines())

    def _failed(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            reason = self._process.errorString()
            self._forget()
            self.ended.emit(tr("The engine cannot be started: {reason}.").format(reason=reason), False)

    def _finished(self, *_: object) -> None:
        if self._process is None:
            return
        self._read()
        self._read_log()
        self._forget()
        if not self._is_ready:
            last = next((line for line in reversed(self._log) if line.strip()), tr("it gave no reason"))
            reason = missing_package(self._log) or last
            text = tr("The engine cannot be used: {reason}. Plugins ▸ Permea ▸ Engine… tests and installs it.")
            self.ended.emit(text.format(reason=reason.strip().rstrip(".")), False)
            return
        self._crashes += 1
        again = self._crashes <= MAX_CRASHES
        self.ended.emit(
            tr("The engine ended unexpectedly and is being restarted.")
            if again
            else tr("The engine ended unexpectedly several times. Choose the landscape again to go on."),
            again,
        )

    def _forget(self) -> None:
        self._process.deleteLater()
        self._process = None


def _new_folder() -> Path:
    """Create an empty folder in QGIS's temporary folder."""
    parent = temporary_folder()
    try:
        return Path(tempfile.mkdtemp(prefix="permea-explorer-", dir=parent))
    except OSError as error:
        text = tr("The temporary folder {folder} cannot be written to: {reason}.")
        raise QgsProcessingException(text.format(folder=parent, reason=system_reason(error))) from error
