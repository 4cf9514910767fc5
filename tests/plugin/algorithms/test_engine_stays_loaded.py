"""Algorithms that run one after the other share the engine's process."""

import numpy as np
import pytest
from qgis.core import QgsApplication, QgsProcessingAlgRunnerTask, QgsProcessingException, QgsSettings
from qgis.PyQt.QtCore import QCoreApplication

from permea.plugin.runner import WORKERS
from permea.plugin.settings import MEMORY, THREADS


def process_id():
    """Number of the process that waits."""
    return WORKERS.waiting_process_id()


@pytest.fixture
def distances(run, valley_file, points):
    """Run least-cost distance."""
    return lambda **others: run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)), **others)


def test_runs_of_different_algorithms_use_one_process(run, distances, valley_file):
    distances()
    first = process_id()
    run("connectedcomponents", INPUT=valley_file)
    distances()
    assert first is not None and process_id() == first


def test_run_in_the_background_uses_the_same_process(distances, context, feedback, valley_file, points):
    distances()
    first = process_id()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:leastcostdistance")
    parameters = {
        "INPUT": valley_file,
        "SOURCES": points((0, 0)),
        "VALUES": "permeability",
        "OUTPUT": "TEMPORARY_OUTPUT",
    }
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended = []
    task.executed.connect(lambda successful, results: ended.append(successful))
    QgsApplication.taskManager().addTask(task)
    while not ended:
        QCoreApplication.processEvents()
    assert ended == [True] and process_id() == first


def test_peak_memory_is_that_of_each_run(run, distances, geotiff, points):
    small = distances()["PEAK_MEMORY_BYTES"]
    large = geotiff(np.ones((1000, 1000)), name="large")
    assert run("leastcostdistance", INPUT=large, SOURCES=points((0, 0)))["PEAK_MEMORY_BYTES"] > small + 20e6
    assert distances()["PEAK_MEMORY_BYTES"] < small + 100e6


def test_memory_limit_refuses_a_run(distances):
    MEMORY.store("0.01")
    with pytest.raises(QgsProcessingException, match="memory limit of 0.01 GB"):
        distances()


def test_wrong_setting_is_named_before_the_engine_starts(distances):
    QgsSettings().setValue(THREADS.key, "many")
    with pytest.raises(QgsProcessingException, match="is 'many': give a whole number"):
        distances()
