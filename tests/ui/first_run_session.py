"""A run without an engine in a real QGIS window: the engine is offered, installed by the button, and the run goes on.

Reads the environment: `PERMEA_TEST_LANDSCAPE` (a raster of permeability), `PERMEA_TEST_WHEELS` (a folder of wheels, as
index; if empty, the package index) and `PERMEA_TEST_OUT` (a folder for the pictures and `report.json`).
"""

import os
from pathlib import Path

import processing
from qgis.core import QgsProject, QgsRasterLayer, QgsSettings
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication
from qgis.utils import iface
from window_session import WindowSession

OUT = Path(os.environ["PERMEA_TEST_OUT"])
PATIENCE_SECONDS = 900  # compiling takes minutes on a loaded machine

course = WindowSession(OUT, PATIENCE_SECONDS, (1366, 768))
report, picture = course.report, course.picture
dialogs = []


def engine_dialog():
    """Return the visible engine dialog; None if there is none."""
    dialogs = (each for each in QApplication.topLevelWidgets() if each.objectName() == "permeaEngineDialog")
    return next((each for each in dialogs if each.isVisible()), None)


def open_algorithm():
    """Open the dialog of an algorithm."""
    dialog = processing.createAlgorithmDialog("permea:connectedcomponents", {"VALUES": "permeability"})
    dialog.show()
    dialog.move(150, 20)
    dialogs.append(dialog)


def session():
    """Run an algorithm and install the engine that it asks for."""
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, 1366, 768)
    if os.environ["PERMEA_TEST_WHEELS"]:
        QgsSettings().setValue("permea/engine/index", os.environ["PERMEA_TEST_WHEELS"])
    QgsProject.instance().addMapLayer(QgsRasterLayer(os.environ["PERMEA_TEST_LANDSCAPE"], "Permeability"))
    QTimer.singleShot(0, open_algorithm)  # it opens a modal window, as does the run
    yield engine_dialog
    engine_dialog().reject()
    yield lambda: dialogs
    (dialog,), ended = dialogs, []
    dialog.algorithmFinished.connect(lambda successful, results: ended.append(successful))
    yield 1000
    QTimer.singleShot(0, dialog.runButton().click)
    yield engine_dialog
    offer = engine_dialog()
    yield lambda: offer.installer.install_button.isVisible()
    yield 500
    report["offered"] = offer.reason_label.text()
    picture("first-run-offered")
    offer.installer.install_button.click()
    yield 3000
    picture("first-run-installing")
    yield lambda: engine_dialog() is None or not offer.installer.is_installing() and not offer.is_busy()
    report["closed"] = engine_dialog() is None
    if engine_dialog() is not None:
        raise RuntimeError(offer.reason_label.text() + offer.log.toPlainText())
    yield lambda: ended
    yield 2000
    report["ended"] = ended
    report["layers"] = sorted(layer.name() for layer in QgsProject.instance().mapLayers().values())
    picture("first-run-result")


course.start(session())
