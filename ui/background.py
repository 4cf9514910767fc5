"""Do something slow without freezing the window."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

from qgis.core import QgsApplication, QgsProcessingException, QgsTask

# QGIS's task manager does not keep the Python half of a task alive.
_running: set[BackgroundTask] = set()


class BackgroundTask(QgsTask):
    """A function that runs in another thread, and what to do in the window's thread when it has ended.

    Parameters
    ----------
    description
        What QGIS shows in its list of tasks.
    work
        The slow function; it must not touch widgets.
    done
        Called with the function's answer.
    failed
        Called with a message in plain words and, after an unexpected error, its traceback (otherwise an empty text).
    """

    def __init__(
        self,
        description: str,
        work: Callable[[], Any],
        done: Callable[[Any], None],
        failed: Callable[[str, str], None],
    ) -> None:
        super().__init__(description, QgsTask.Flag.CanCancel)
        self._work, self._done, self._failed = work, done, failed
        self._answer: Any = None
        self._message = self._details = ""

    def start(self) -> None:
        """Hand the task to QGIS."""
        _running.add(self)
        QgsApplication.taskManager().addTask(self)

    def run(self) -> bool:
        """Call the function, in the task's thread."""
        try:
            self._answer = self._work()
        except QgsProcessingException as error:
            self._message = str(error)
            return False
        except Exception as error:  # an exception that leaves `run` would end QGIS
            self._message, self._details = f"{type(error).__name__}: {error}", traceback.format_exc()
            return False
        return True

    def finished(self, result: bool) -> None:
        """Pass the outcome on, in the window's thread, unless nobody waits for it any more."""
        _running.discard(self)
        if self.isCanceled():
            return
        if result:
            self._done(self._answer)
        else:
            self._failed(self._message, self._details)
