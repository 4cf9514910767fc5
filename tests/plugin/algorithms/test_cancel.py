"""Cancelled and failed runs leave no incomplete files."""

import time

import pytest
from qgis.core import QgsApplication, QgsProcessingAlgRunnerTask, QgsProcessingException
from qgis.PyQt.QtCore import QCoreApplication

from permea.plugin.runner import execution

from .interventions import as_soon_as


@pytest.fixture
def slow_engine(worker, monkeypatch):
    """An engine that reports half of its progress and then sleeps."""
    engine = worker("""
        say("progress", percent=50, text="half-way")
        time.sleep(120)
    """)
    monkeypatch.setattr(execution, "find_engine", lambda is_cancelled: engine)


def cancel_at_half(feedback):
    """Cancel as soon as the engine reports half of its progress; return the list that receives the time."""
    return as_soon_as(lambda: any("half-way" in text for text in feedback.texts), feedback.cancel)


def test_cancel_ends_run_within_a_second_without_files(
    run, slow_engine, feedback, points, valley_file, tmp_path, job_folders
):
    target, before = tmp_path / "result.tif", job_folders()
    cancelled = cancel_at_half(feedback)
    results = run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)), OUTPUT=str(target))
    assert results == {} and "Cancelled." in feedback.infos
    assert time.monotonic() - cancelled[0] < 1.0
    assert not list(tmp_path.glob("*result*"))
    assert job_folders() == before


def test_engine_progress_covers_most_of_the_bar(run, slow_engine, feedback, points, valley_file):
    cancel_at_half(feedback)
    assert run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0))) == {}
    assert feedback.percents[-1] == pytest.approx(50)


def test_cancel_from_background_thread(provider, slow_engine, feedback, context, points, valley_file):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:leastcostdistance")
    landscape = {"INPUT": valley_file, "VALUES": "permeability"}
    parameters = {**landscape, "SOURCES": points((0, 0)), "OUTPUT": "TEMPORARY_OUTPUT"}
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, feedback)
    ended = []
    task.executed.connect(lambda successful, results: ended.append((successful, time.monotonic())))
    cancelled = cancel_at_half(feedback)
    QgsApplication.taskManager().addTask(task)
    patience = time.monotonic() + 30
    while not ended and time.monotonic() < patience:
        QCoreApplication.processEvents()
        time.sleep(0.01)
    assert ended[0][0] is False
    assert ended[0][1] - cancelled[0] < 1.5


def test_failed_run_keeps_earlier_result(run, worker, monkeypatch, points, valley_file, tmp_path):
    engine = worker("""
        say("error", kind="internal", text="the solver lost its way")
        sys.exit(1)
    """)
    monkeypatch.setattr(execution, "find_engine", lambda is_cancelled: engine)
    target = tmp_path / "result.tif"
    target.write_bytes(b"last week's result")
    with pytest.raises(QgsProcessingException, match="because of an error in its own program"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)), OUTPUT=str(target))
    assert target.read_bytes() == b"last week's result"
    assert [path.name for path in tmp_path.glob("*result*")] == ["result.tif"]
