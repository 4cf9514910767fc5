"""An algorithm that is opened without an engine opens the engine's window, where there are windows."""

import threading

import pytest
from qgis.core import QgsApplication, QgsProcessingException

from permea.plugin.algorithms import base, bundled_models
from permea.plugin.engine_offer import set_engine_offer

DIALOG = "the dialog of the algorithm"


@pytest.fixture
def offered(provider, monkeypatch):
    """What has been offered since; there is no engine, and dialogs are not made."""
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    calls = []
    set_engine_offer(lambda for_run: calls.append(threading.current_thread()))
    for module in (base, bundled_models):
        monkeypatch.setattr(module, "algorithm_dialog", lambda algorithm, parent: DIALOG)
    yield calls
    set_engine_offer(None)


def opened(name):
    """Do what the toolbox, the menus and the locator do with an algorithm."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"permea:{name}")
    possible, reason = algorithm.canExecute()
    return possible, reason, algorithm.createCustomParametersWidget(None) if possible else None


@pytest.mark.parametrize("name", ["leastcostdistance", "circuitscapeproject", "windowedconnectivity"])
def test_opening_an_algorithm_offers_the_engine_first(offered, name):
    assert opened(name) == (True, "", DIALOG)
    assert offered == [threading.main_thread()]


def test_opening_a_model_offers_the_engine(offered, provider):
    model = next(a.name() for a in provider.algorithms() if a.groupId() == "examples")
    assert opened(model)[0] and len(offered) == 1


def test_sample_is_loaded_without_an_offer(offered):
    assert opened("loadsampledata") == (True, "", DIALOG) and not offered


def test_nothing_is_offered_with_an_engine(offered, engine_python, monkeypatch):
    monkeypatch.setenv("PERMEA_ENGINE_PYTHON", engine_python)
    assert opened("leastcostdistance")[0] and not offered


def test_nothing_is_offered_in_a_thread(offered):
    answers = []
    thread = threading.Thread(target=lambda: answers.append(opened("leastcostdistance")))
    thread.start()
    thread.join(10)
    possible, reason, _ = answers[0]
    assert not possible and "Permea ▸ Engine…" in reason and not offered


def test_nothing_is_offered_without_windows(provider, monkeypatch):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    possible, reason, _ = opened("leastcostdistance")
    assert not possible and "Permea ▸ Engine…" in reason


def test_batch_and_script_report_the_missing_engine(offered, run, monkeypatch, valley_file, points):
    monkeypatch.delenv("PERMEA_ENGINE_PYTHON", raising=False)
    with pytest.raises(QgsProcessingException, match="Permea ▸ Engine…"):
        run("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)))
    assert not offered
