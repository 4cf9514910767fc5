"""A newcomer's session inside a real QGIS window: from the package to the first sensitivity map, by the mouse alone.

Reads the environment: `PERMEA_TEST_PACKAGE` (the zip), `PERMEA_TEST_WHEELS` (a folder of wheels, as index) and
`PERMEA_TEST_OUT` (a folder for the pictures and `report.json`). Every action of the user is one call of `act`.
"""

import os
import time
from pathlib import Path

import pyplugin_installer
from qgis.core import QgsApplication, QgsProject, QgsSettings
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QDockWidget, QMessageBox, QPushButton
from qgis.utils import iface, plugins
from window_session import WindowSession

OUT = Path(os.environ["PERMEA_TEST_OUT"])
WINDOW = (1366, 768)
PATIENCE_SECONDS = 900  # compiling takes minutes on a loaded machine

course = WindowSession(OUT, PATIENCE_SECONDS, WINDOW)
report, picture = course.report, course.picture
report["actions"] = []
started = time.monotonic()


def act(text, action):
    """Count an action of the user and do it when control is back in QGIS, as some open modal windows."""
    report["actions"].append({"text": text, "minute": round((time.monotonic() - started) / 60, 2)})
    QTimer.singleShot(0, action)


def window_named(name):
    """Return a visible window of a class by its name; None if there is none."""
    return next((w for w in QApplication.topLevelWidgets() if type(w).__name__ == name and w.isVisible()), None)


def button(parent, text):
    """Return a visible button by its label."""
    return next(
        (b for b in parent.findChildren(QPushButton) if b.text().replace("&", "") == text and b.isVisible()), None
    )


def close_message_boxes():
    """Confirm the plugin manager's message that a plugin was installed."""
    for box in QApplication.topLevelWidgets():
        if isinstance(box, QMessageBox) and box.isVisible():
            box.accept()


def session():
    """Install the plugin and the engine, load the sample, map the sensitivity."""
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, *WINDOW)
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "ProcessingToolbox"))
    QgsSettings().setValue("permea/engine/index", os.environ["PERMEA_TEST_WHEELS"])

    install = pyplugin_installer.instance().installFromZipFile
    act("Install from ZIP", lambda: install(os.environ["PERMEA_TEST_PACKAGE"]))
    yield lambda: "permea" in plugins or close_message_boxes()
    close_message_boxes()
    yield lambda: button(iface.messageBar(), "Install…")
    yield 500
    picture("newcomer-message")

    act("Install… in the message", button(iface.messageBar(), "Install…").click)
    yield lambda: window_named("EngineDialog")
    dialog = window_named("EngineDialog")
    yield lambda: not dialog.is_busy()
    dialog.move((WINDOW[0] - dialog.width()) // 2, max(0, (WINDOW[1] - dialog.height()) // 2))
    yield 500
    picture("newcomer-offer")
    act("Install in the dialog", dialog.installer.install_button.click)
    yield lambda: dialog.installer.is_installing()
    yield lambda: not dialog.installer.is_installing() or dialog.installer.bar.value() > 500
    picture("newcomer-installing")
    yield lambda: not dialog.is_busy()
    yield 500
    picture("newcomer-ready")
    report["engine"], report["reason"] = dialog.headline(), dialog.reason_label.text()
    report["installed_minutes"] = round((time.monotonic() - started) / 60, 2)
    if dialog.headline() != "The engine is ready.":
        report["log"] = dialog.log.toPlainText()
        dialog.close()
        return

    act("Load the sample", dialog.next_steps["sample"].click)
    yield lambda: window_named("AlgorithmDialog")
    sample = window_named("AlgorithmDialog")
    act("Run", sample.runAlgorithm)
    yield lambda: len(QgsProject.instance().mapLayers()) >= 2
    yield 1500
    picture("newcomer-sample")
    act("Close", sample.close)
    yield 1000
    report["active_layer"] = iface.activeLayer() and iface.activeLayer().name()

    toolbox = window.findChild(QDockWidget, "ProcessingToolbox")
    toolbox.searchBox.setText("sensitivity of")
    act("Sensitivity of connectivity in the toolbox", lambda: open_algorithm("permea:sensitivity"))
    yield lambda: window_named("AlgorithmDialog")
    sensitivity = window_named("AlgorithmDialog")
    sensitivity.move(200, 20)
    yield 1000
    picture("newcomer-sensitivity-dialog")
    report["parameters"] = str(sensitivity.createProcessingParameters())
    before = set(QgsProject.instance().mapLayers())
    act("Run", sensitivity.runAlgorithm)
    yield lambda: set(QgsProject.instance().mapLayers()) - before
    report["minutes"] = round((time.monotonic() - started) / 60, 2)
    report["maps"] = [QgsProject.instance().mapLayer(i).name() for i in set(QgsProject.instance().mapLayers()) - before]
    sensitivity.close()
    yield lambda: not iface.mapCanvas().isDrawing()
    yield 2000
    iface.messageBar().clearWidgets()
    yield 300
    picture("newcomer-map")


def open_algorithm(name):
    """Open an algorithm's dialog as a double click in the toolbox does."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(name)
    AlgorithmDialog(algorithm, False, iface.mainWindow()).show()


course.start(session())
