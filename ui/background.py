"""Background tasks, which keep the window responsive."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication, QgsProcessingException, QgsTask

from ..plugin.detailed_exception import internal_error

# QGIS's task manager holds no reference to the Python object of a task.
_running: set[BackgroundTask] = set()


class BackgroundTask(QgsTask):
    """A function run in another thread, with callbacks in the main thread.

    Parameters
    ----------
    description
        Description in QGIS's list of tasks.
    work
        Function to run; it must not access widgets. It receives a function that returns whether the task was cancelled.
    done
        Called with the result of `work`.
    failed
        Called with an error message and the details for developers, empty if there are none.
    """

    def __init__(
        self,
        description: str,
        work: Callable[[Callable[[], bool]], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
    ) -> None:
        super().__init__(description, QgsTask.Flag.CanCancel)
        self._work, self._done, self._failed = work, done, failed
        self._result: Any = None
        self._message = self._details = ""

    def start(self) -> None:
        """Submit the task to QGIS's task manager."""
        _running.add(self)
        QgsApplication.taskManager().addTask(self)

    def run(self) -> bool:
        """Call `work`, in the task's thread."""
        try:
            self._result = self._work(self.isCanceled)
        except QgsProcessingException as error:
            self._message, self._details = str(error), "\n".join(getattr(error, "details", ()))
            return False
        except Exception:  # an uncaught exception in `run` would crash QGIS
            self._message, self._details = internal_error(), traceback.format_exc()
            return False
        return True

    def finished(self, result: bool) -> None:
        """Call `done` or `failed` in the main thread, unless the task was cancelled."""
        _running.discard(self)
        if self.isCanceled():
            return
        if result:
            self._done(self._result)
        else:
            self._failed(self._message, self._details)


class BackgroundTasks:
    """The background tasks of a window, which end with it."""

    def __init__(self) -> None:
        self._tasks: list[BackgroundTask] = []

    def __bool__(self) -> bool:
        """Whether any task is running."""
        return bool(self._tasks)

    def start(
        self,
        description: str,
        work: Callable[[Callable[[], bool]], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
    ) -> None:
        """Run `work` in a background task; call `done` or `failed` with its outcome; see `BackgroundTask`."""

        def remove_task_then(callback: Callable) -> Callable:
            def finished(*outcome: Any) -> None:
                if task in self._tasks:
                    self._tasks.remove(task)
                    callback(*outcome)

            return finished

        task = BackgroundTask(description, work, remove_task_then(done), remove_task_then(failed))
        self._tasks.append(task)
        task.start()

    def cancel(self) -> None:
        """Cancel all tasks, without waiting for them."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
