"""Background tasks, which keep the window responsive."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from typing import Any

from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QObject, Qt, pyqtSignal

from ..plugin.detailed_exception import internal_error

# Tasks whose thread runs, or has ended without the main thread knowing yet.
_running: set[BackgroundTask] = set()


class BackgroundTask(QObject):
    """A function run in another thread, with callbacks in the main thread.

    Parameters
    ----------
    work
        Function to run; it must not access widgets. It receives a function that returns whether the task was cancelled.
    done
        Called with the result of `work`.
    failed
        Called with an error message and the details for developers, empty if there are none.

    Notes
    -----
    This is no `QgsTask`: a task that starts while another one ends can remain queued for ever in QGIS's task manager,
    which takes the new one for the old one if both have the same address in memory (QGIS issue 53806).
    """

    _ended = pyqtSignal()

    def __init__(
        self,
        work: Callable[[Callable[[], bool]], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
    ) -> None:
        super().__init__()
        self._work, self._done, self._failed = work, done, failed
        self._result: Any = None
        self._succeeded = self._cancelled = False
        self._message = self._details = ""
        self._ended.connect(self._finish, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Start the thread."""
        _running.add(self)
        threading.Thread(target=self._run, name="permea-background").start()

    def cancel(self) -> None:
        """Let `work` know that its result is not needed; neither `done` nor `failed` is called."""
        self._cancelled = True

    def is_cancelled(self) -> bool:
        """Return whether the task was cancelled."""
        return self._cancelled

    def _run(self) -> None:
        try:
            self._result = self._work(self.is_cancelled)
            self._succeeded = True
        except QgsProcessingException as error:
            self._message, self._details = str(error), "\n".join(getattr(error, "details", ()))
        except Exception:  # the window has to say so, and a thread's own exceptions are lost
            self._message, self._details = internal_error(), traceback.format_exc()
        self._ended.emit()

    def _finish(self) -> None:
        _running.discard(self)
        if self._cancelled:
            return
        if self._succeeded:
            self._done(self._result)
        else:
            self._failed(self._message, self._details)


class BackgroundTasks:
    """The background tasks of a window, which end with it.

    Parameters
    ----------
    owner
        The window; when Qt deletes it, its tasks are cancelled.
    """

    def __init__(self, owner: QObject) -> None:
        self._tasks: list[BackgroundTask] = []
        owner.destroyed.connect(self.cancel)

    def __bool__(self) -> bool:
        """Whether any task is running."""
        return bool(self._tasks)

    def start(
        self,
        work: Callable[[Callable[[], bool]], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
    ) -> None:
        """Run `work` in a background task; call `done` or `failed` with its outcome; see `BackgroundTask`."""

        def remove_task_then(callback: Callable) -> Callable:
            def finished(*outcome: Any) -> None:
                self._tasks.remove(task)
                callback(*outcome)

            return finished

        task = BackgroundTask(work, remove_task_then(done), remove_task_then(failed))
        self._tasks.append(task)
        task.start()

    def cancel(self) -> None:
        """Cancel all tasks, without waiting for them."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
