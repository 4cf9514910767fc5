"""Work that QGIS must do in its main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

from qgis.PyQt.QtCore import QCoreApplication, QObject, Qt, QThread, pyqtSignal, pyqtSlot

# A script that waits for a task without an event loop never answers.
SECONDS_TO_ANSWER = 2.0


class _MainThread(QObject):
    """Runs functions in the thread in which it lives."""

    requested = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.moveToThread(QCoreApplication.instance().thread())
        self.requested.connect(self.run, Qt.ConnectionType.QueuedConnection)

    @pyqtSlot(object)
    def run(self, function: Callable[[], None]) -> None:
        """Run a function."""
        function()


def is_main_thread() -> bool:
    """Return whether this is the main thread of QGIS."""
    return QThread.currentThread() == QCoreApplication.instance().thread()


def in_main_thread(function: Callable[[], None], *, seconds: float = SECONDS_TO_ANSWER) -> None:
    """Run a function in the main thread and wait for its end.

    QGIS stores every coordinate reference system that it comes across, and those first stored by another thread are
    useless once that thread has ended: QGIS then no longer knows them, in the whole session. So the main thread has to
    open each layer first.

    Parameters
    ----------
    function
        Must not raise.
    seconds
        How long to wait for a main thread that does not answer, because it waits for the run.
    """
    if is_main_thread():
        function()
        return
    ended = threading.Event()

    def run_and_report() -> None:
        try:
            function()
        finally:
            ended.set()

    _main_thread().requested.emit(run_and_report)
    ended.wait(seconds)


@cache
def _main_thread() -> _MainThread:
    return _MainThread()
