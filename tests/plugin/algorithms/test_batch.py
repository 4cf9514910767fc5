"""Runs from the batch dialog."""

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
from qgis.core import Qgis, QgsApplication
from qgis.gui import QgsBrowserGuiModel
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtWidgets import QApplication

PATIENCE = 120  # seconds

# QGIS's status bar ends the task of a batch; there is none in tests.
pytestmark = pytest.mark.skipif(Qgis.QGIS_VERSION_INT >= 34200, reason="the batch would wait for QGIS's window")


@pytest.fixture
def batch(provider, engine_python, qgis_iface, monkeypatch):
    """Open the batch dialog of an algorithm with filled rows."""
    from processing.gui import BatchAlgorithmDialog as dialogs  # noqa: N813

    monkeypatch.setattr(dialogs, "QgsScopedProxyProgressTask", NoProgressTask, raising=False)  # QGIS 3.22
    model = QgsBrowserGuiModel()
    monkeypatch.setattr(qgis_iface, "browserModel", lambda: model, raising=False)
    monkeypatch.setattr(qgis_iface, "iconSize", lambda *docked: QSize(16, 16), raising=False)
    opened = []

    def fill(name, rows):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"permea:{name}")
        dialog = dialogs.BatchAlgorithmDialog(algorithm)
        opened.append(dialog)
        panel = dialog.mainWidget()
        panel.checkLoadLayersOnCompletion.setChecked(False)
        while panel.batchRowCount() < len(rows):
            panel.addRow()
        for number, row in enumerate(rows):
            for parameter, value in row.items():
                column = panel.parameter_to_column[parameter]
                if algorithm.parameterDefinition(parameter).isDestination():
                    panel.tblParameters.cellWidget(number + 1, column).setValue(value)
                else:
                    panel.wrappers[number][column].setParameterValue(value, panel.processing_context)
        return dialog

    yield fill
    for dialog in opened:
        with contextlib.suppress(RuntimeError):  # deleted by QGIS 3.40 after its run
            dialog.close()
            dialog.deleteLater()


class NoProgressTask:
    """Replacement of the task that shows a batch in QGIS's status bar.

    That task ends with the last reference to the batch's feedback, and QGIS 3.22 never lets go of the exception of a
    row that has failed, whose frames hold one: the test's QGIS would wait for it for ever when it ends.
    """

    def __init__(self, description):
        self.description = description

    def setProgress(self, percent):  # noqa: N802
        pass


def run(dialog, last_row):
    """Run a batch and wait for its end; from QGIS 3.38 on it runs in the background."""
    dialog.runAlgorithm()
    end = time.monotonic() + PATIENCE
    while Qgis.QGIS_VERSION_INT >= 33800 and not is_finished(last_row):
        assert time.monotonic() < end, f"the batch has not ended after {PATIENCE} s"
        QApplication.processEvents()
        time.sleep(0.01)


def is_finished(last_row):
    return Path(last_row["OUTPUT"]).is_file() and not QgsApplication.taskManager().countActiveTasks()


def test_batch_of_two_landscapes_writes_two_maps(batch, geotiff, read, tmp_path):
    marks = np.zeros((3, 5), np.uint8)
    marks[1, 0] = 1
    sources = geotiff(marks, name="marks")
    rows = [
        {
            "INPUT": geotiff(np.full((3, 5), permeability), name=f"land{number}"),
            "VALUES": "permeability",
            "SOURCE_RASTER": sources,
            "OUTPUT": str(tmp_path / f"distance{number}.tif"),
        }
        for number, permeability in enumerate((1.0, 0.25))
    ]
    dialog = batch("leastcostdistance", rows)
    run(dialog, rows[-1])
    easy, hard = (read(row["OUTPUT"]).band for row in rows)
    assert easy[1, 4] == pytest.approx(4 * 30.0)
    np.testing.assert_allclose(hard, 4 * easy)


def test_failed_batch_row_does_not_stop_others(batch, geotiff, read, tmp_path):
    wrong = np.ones((3, 5))
    wrong[0, 0] = -1
    rows = [
        {
            "INPUT": geotiff(values, name=name),
            "VALUES": "permeability",
            "OUTPUT": str(tmp_path / f"parts of {name}.tif"),
        }
        for name, values in (("wrong", wrong), ("right", np.ones((3, 5))))
    ]
    dialog = batch("connectedcomponents", rows)
    run(dialog, rows[-1])
    assert not list(tmp_path.glob("*parts of wrong*"))
    assert (read(rows[1]["OUTPUT"]).band == 1).all()
