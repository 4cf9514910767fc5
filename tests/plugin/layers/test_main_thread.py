"""Functions that run in QGIS's main thread, whichever thread asks for them."""

import gc
import gzip
import threading
import time

import pytest
from qgis.core import QgsApplication, QgsTask
from qgis.PyQt.QtCore import QEventLoop, QTimer

from permea.plugin.circuitscape.input_files import read_input_raster
from permea.plugin.layers import in_main_thread, is_main_thread


class Worker(QgsTask):
    """Calls a function in a thread of QGIS's pool."""

    def __init__(self, function):
        super().__init__("worker")
        self.function, self.seconds = function, None

    def run(self):
        start = time.monotonic()
        self.function()
        self.seconds = time.monotonic() - start
        return True


@pytest.fixture
def call_in_worker(qgis_app):
    """Call a function in another thread and, if the main thread is to answer, handle its events meanwhile."""

    def call(function, answering=True):
        worker = Worker(function)
        QgsApplication.taskManager().addTask(worker)
        end = time.monotonic() + 20
        while worker.seconds is None and time.monotonic() < end:
            if answering:
                loop = QEventLoop()
                QTimer.singleShot(20, loop.quit)
                getattr(loop, "exec", loop.exec_)()
            else:
                time.sleep(0.02)
        assert worker.seconds is not None
        return worker.seconds

    return call


def test_function_of_a_worker_runs_in_the_main_thread(call_in_worker):
    ran_in = []

    def function():
        ran_in.append((is_main_thread(), threading.get_ident()))

    call_in_worker(lambda: (in_main_thread(function), ran_in.append((is_main_thread(), threading.get_ident()))))
    (first, main), (second, worker) = ran_in
    assert first and not second
    assert main == threading.get_ident() != worker


def test_function_of_the_main_thread_runs_at_once(qgis_app):
    ran = []
    in_main_thread(lambda: ran.append(is_main_thread()))
    assert ran == [True]


def test_main_thread_that_waits_for_the_run_does_not_stop_it(call_in_worker):
    assert call_in_worker(lambda: in_main_thread(lambda: None, seconds=0.1), answering=False) < 5


def test_compressed_raster_opened_in_the_main_thread_leaves_no_file(call_in_worker, feedback, tmp_path):
    text = "ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n"
    path = tmp_path / "habitat.asc.gz"
    path.write_bytes(gzip.compress(text.encode()))
    read = []
    target = tmp_path / "habitat.npy"
    call_in_worker(lambda: read.append(read_input_raster(path, target, feedback).values[:].tolist()))
    gc.collect()
    assert read == [[[1, 2]]]
    target.unlink()
    assert [each.name for each in tmp_path.iterdir()] == ["habitat.asc.gz"]
