"""Background tasks: outcomes, cancellation, and windows that end before their tasks."""

import threading
import time

import pytest
from qgis.core import QgsProcessingException
from qgis.PyQt.QtCore import QEvent, QObject, Qt, QThread
from qgis.PyQt.QtWidgets import QApplication, QLabel

from permea.ui.background import BackgroundTasks

PATIENCE = 120  # seconds


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"nothing happened for {PATIENCE} s"
        QApplication.processEvents()
        time.sleep(0.005)


def wait_for_threads():
    """Wait until no background task runs, and the main thread knows."""
    wait_until(lambda: all(thread.name != "permea-background" for thread in threading.enumerate()))
    for _ in range(3):
        QApplication.processEvents()


@pytest.fixture
def owner(qgis_app):
    return QObject()


@pytest.fixture
def tasks(owner):
    return BackgroundTasks(owner)


def test_result_is_received_in_the_main_thread(tasks):
    outcomes, main = [], threading.get_ident()
    tasks.start(
        lambda _: threading.get_ident() != main,
        lambda result: outcomes.append((result, threading.get_ident())),
        lambda *failure: outcomes.append(failure),
    )
    assert tasks
    wait_until(lambda: not tasks)
    assert outcomes == [(True, main)]


def test_failure_has_a_message_and_details(tasks):
    outcomes = []

    def work(_):
        error = QgsProcessingException("The file is missing.")
        error.details = ("line 1", "line 2")
        raise error

    tasks.start(work, outcomes.append, lambda *failure: outcomes.append(failure))
    wait_until(lambda: not tasks)
    assert outcomes == [("The file is missing.", "line 1\nline 2")]


def test_error_of_the_program_has_its_traceback_in_the_details(tasks):
    outcomes = []
    tasks.start(lambda _: [][1], outcomes.append, lambda *failure: outcomes.append(failure))
    wait_until(lambda: not tasks)
    ((message, details),) = outcomes
    assert message.startswith("Permea stopped because of an error in its own program.") and "IndexError" in details


def test_cancelled_task_ends_and_reports_nothing(tasks):
    outcomes, ended = [], threading.Event()

    def work(is_cancelled):
        while not is_cancelled():
            time.sleep(0.005)
        ended.set()

    tasks.start(work, outcomes.append, lambda *failure: outcomes.append(failure))
    tasks.cancel()
    assert not tasks
    wait_for_threads()
    assert ended.is_set() and outcomes == []


def test_deleted_window_cancels_its_tasks(qgis_app):
    window, outcomes, may_end = QLabel("window"), [], threading.Event()
    tasks = BackgroundTasks(window)

    def done(_):
        window.setText("done")  # an exception if Qt has deleted the window
        outcomes.append("done")

    tasks.start(lambda _: may_end.wait(PATIENCE), done, lambda *failure: outcomes.append(failure))
    window.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    window.show()
    window.close()
    QApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete)
    assert not tasks
    may_end.set()
    wait_for_threads()
    assert outcomes == []


def test_tasks_that_start_while_others_end_all_run(tasks):
    """QGIS's task manager forgets some of them where it has two threads."""
    left = [60]

    def next_one(_=None):
        if left[0]:
            left[0] -= 1
            tasks.start(lambda _: QThread.msleep(1), next_one, lambda *failure: None)

    for _ in range(4):
        next_one()
    wait_until(lambda: not tasks)
    assert left == [0]
