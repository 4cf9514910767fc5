"""The dialog of an algorithm says how a run ended."""

import time

import pytest
from qgis.core import QgsApplication
from qgis.gui import QgsBrowserGuiModel
from qgis.PyQt.QtCore import QCoreApplication, QSize
from qgis.PyQt.QtWidgets import QTextEdit


@pytest.fixture
def dialog(provider, qgis_iface, monkeypatch):
    """Open the dialog that the toolbox opens."""
    model = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: model, raising=False)
    monkeypatch.setattr(qgis_iface, "iconSize", lambda *docked: QSize(16, 16), raising=False)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:connectedcomponents")
    opened = algorithm.createCustomParametersWidget(None)
    yield opened
    opened.cancelButton().click()
    opened.close()
    opened.deleteLater()


@pytest.fixture
def engine_that_does(worker, monkeypatch):
    from permea.plugin.runner import execution

    def does(lines):
        engine = worker(lines)
        monkeypatch.setattr(execution, "find_engine", lambda is_cancelled: engine)

    return does


def run(dialog, land, cancel_at=""):
    """Run a dialog, cancel once its log holds a text; return the log, and how the run ended."""
    dialog.setParameters({"INPUT": land, "VALUES": "permeability"})
    ended = []
    dialog.algorithmFinished.connect(lambda successful, results: ended.append((successful, results)))
    dialog.runAlgorithm()
    log, patience = dialog.findChildren(QTextEdit)[-1], time.monotonic() + 30
    while not ended and time.monotonic() < patience:
        QCoreApplication.processEvents()
        if cancel_at and cancel_at in log.toPlainText():
            dialog.cancelButton().click()
        time.sleep(0.01)
    QCoreApplication.processEvents()
    return log.toPlainText(), ended


def test_cancelled_run_is_not_called_a_failure(dialog, engine_that_does, valley_file):
    engine_that_does("""
        say("progress", percent=50, text="half-way")
        time.sleep(60)
    """)
    log, ended = run(dialog, valley_file, "half-way")
    assert ended == [(False, {})]
    assert "Cancelled." in log and "failed" not in log


def test_failed_run_is_called_a_failure(dialog, engine_that_does, valley_file):
    engine_that_does("""
        say("error", kind="internal", text="the solver lost its way")
        sys.exit(1)
    """)
    log, _ = run(dialog, valley_file)
    assert "Execution failed" in log and "Cancelled" not in log
