"""A user session inside a real QGIS window (`qgis --code`): open the sample, run an algorithm, open the dialogs.

Reads the environment: `PERMEA_TEST_ROOT` (the plugin's folder) and `PERMEA_TEST_OUT` (a folder for the pictures and
`report.json`).
"""

import os
from pathlib import Path

import processing
from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QAction, QApplication, QDockWidget, QTextEdit
from qgis.utils import iface
from window_session import WindowSession

ROOT = Path(os.environ["PERMEA_TEST_ROOT"])
OUT = Path(os.environ["PERMEA_TEST_OUT"])
SAMPLE = ROOT / "resources" / "sample"
WINDOW = (1400, 900)
PATIENCE_SECONDS = 600

course = WindowSession(OUT, PATIENCE_SECONDS)
report, picture = course.report, course.picture


def centre(dialog, width, height):
    """Centre a dialog in the window, because the virtual display has no window manager."""
    dialog.resize(width, height)
    dialog.move((WINDOW[0] - dialog.width()) // 2, (WINDOW[1] - dialog.height()) // 2)
    dialog.raise_()


def tidy_window():
    """Set the size of the window and show only the layer and toolbox panels."""
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, *WINDOW)
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "ProcessingToolbox"))
    toolbox = window.findChild(QDockWidget, "ProcessingToolbox")
    toolbox.searchBox.setText("permea")


def with_margin(extent):
    """Return the extent enlarged by 6 %."""
    extent.scale(1.06)
    return extent


def patches_on_top(patches):
    """Move the points above the result, which QGIS has added on top."""
    root = QgsProject.instance().layerTreeRoot()
    node = root.findLayer(patches.id())
    root.insertChildNode(0, node.clone())
    root.removeChildNode(node)


def visible(name):
    """Return the windows of a class that are shown."""
    return [w for w in QApplication.topLevelWidgets() if type(w).__name__ == name and w.isVisible()]


def session():
    """Open the sample, run least-cost distance from its dialog, show the map and Permea's own dialogs."""
    tidy_window()
    landscape = QgsRasterLayer(str(SAMPLE / "permeability.tif"), "Permeability")
    patches = QgsVectorLayer(f"{SAMPLE / 'patches.gpkg'}|layername=patches", "Habitat patches")
    QgsProject.instance().addMapLayers([patches, landscape])  # the first one on top
    iface.mapCanvas().setDestinationCrs(landscape.crs())
    iface.mapCanvas().setExtent(with_margin(landscape.extent()))
    yield lambda: not iface.mapCanvas().isDrawing()
    yield 1500
    picture("sample")

    finished = []
    dialog = processing.createAlgorithmDialog(
        "permea:leastcostdistance",
        {"INPUT": landscape, "VALUES": "permeability", "SOURCES": patches, "OUTPUT": "TEMPORARY_OUTPUT"},
    )
    dialog.algorithmFinished.connect(lambda successful, results: finished.append((successful, dict(results))))
    dialog.show()
    centre(dialog, 900, 720)
    yield 1500
    picture("algorithm")

    before = set(QgsProject.instance().mapLayers())
    dialog.runAlgorithm()
    yield lambda: finished
    report["successful"] = bool(finished[0][0])
    report["results"] = {key: str(value) for key, value in finished[0][1].items()}
    report["log"] = dialog.findChild(QTextEdit, "txtLog").toPlainText()
    picture("log")
    yield lambda: set(QgsProject.instance().mapLayers()) - before
    yield 500
    dialog.close()
    made = [QgsProject.instance().mapLayer(layer) for layer in set(QgsProject.instance().mapLayers()) - before]
    report["layers"] = [
        {
            "name": layer.name(),
            "valid": layer.isValid(),
            "renderer": layer.renderer().type(),
            "crs": layer.crs().authid(),
        }
        for layer in made
    ]
    tree = QgsProject.instance().layerTreeRoot()
    tree.findLayer(landscape.id()).setItemVisibilityChecked(False)
    patches_on_top(patches)
    tree.findLayer(made[0].id()).setExpanded(False)
    tree.findLayer(made[0].id()).setExpanded(True)  # a change, or the panel does not notice
    iface.mapCanvas().setExtent(with_margin(made[0].extent()))
    iface.mapCanvas().refresh()
    yield 500
    yield lambda: not iface.mapCanvas().isDrawing()
    yield 1500
    iface.messageBar().clearWidgets()
    yield 200
    picture("result")

    actions = {action.objectName(): action for action in iface.mainWindow().findChildren(QAction)}
    report["actions"] = sorted(name for name in actions if name in ("permeaEngine", "permeaSettings"))
    QTimer.singleShot(0, actions["permeaSettings"].trigger)  # deferred, because the dialog is modal
    yield lambda: visible("SettingsDialog")
    (settings,) = visible("SettingsDialog")
    centre(settings, 640, settings.height())
    yield 500
    report["loaded"] = settings.memory_label.text()
    picture("settings")
    settings.reject()
    QTimer.singleShot(0, actions["permeaEngine"].trigger)
    yield lambda: visible("EngineDialog")
    (engine,) = visible("EngineDialog")
    yield lambda: not engine.is_busy()
    yield 500
    centre(engine, 760, 620)
    yield 500
    report["engine"] = engine.headline()
    picture("engine")
    engine.close()


course.start(session())
