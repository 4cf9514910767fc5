"""A user session inside a real QGIS window: open the explorer from the menu, click, drag, paint, run, close.

Reads the environment: `PERMEA_TEST_ROOT` (the plugin's folder) and `PERMEA_TEST_OUT` (a folder for the pictures and
`report.json`).
"""

import os
from pathlib import Path

from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QDialog, QDockWidget
from qgis.utils import iface, plugins
from window_session import WindowSession

ROOT = Path(os.environ["PERMEA_TEST_ROOT"])
OUT = Path(os.environ["PERMEA_TEST_OUT"])
WINDOW = (1400, 900)
PATIENCE_SECONDS = 900

course = WindowSession(OUT, PATIENCE_SECONDS)
report, picture = course.report, course.picture
views = []


def pixel(x, y):
    """The pixel of the canvas for fractions of the landscape's width and height."""
    extent = QgsProject.instance().mapLayersByName("Permeability")[0].extent()
    point = QgsPointXY(extent.xMinimum() + x * extent.width(), extent.yMinimum() + y * extent.height())
    transformed = iface.mapCanvas().getCoordinateTransform().transform(point)
    return QPoint(round(transformed.x()), round(transformed.y()))


def mouse(action, x, y):
    """Press, move or release the mouse on the canvas."""
    viewport, place = iface.mapCanvas().viewport(), pixel(x, y)
    if action == "move":
        QTest.mouseMove(viewport, place)
    else:
        getattr(QTest, f"mouse{action.capitalize()}")(
            viewport, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place
        )


def is_sharp():
    dock = plugins["permea"].explorer
    return views and not views[-1].preview and views[-1].sequence == dock.exploration.sequence


def session():
    """Show and paint the sample."""
    window = iface.mainWindow()
    window.showNormal()
    window.setGeometry(0, 0, *WINDOW)
    landscape = QgsRasterLayer(str(ROOT / "resources" / "sample" / "permeability.tif"), "Permeability")
    QgsProject.instance().addMapLayer(landscape)
    iface.setActiveLayer(landscape)
    iface.mapCanvas().setDestinationCrs(landscape.crs())
    iface.mapCanvas().setExtent(landscape.extent())
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() == "Layers")
    yield 1000
    plugin = plugins["permea"]
    action = next(each for each in plugin.actions if each.objectName() == "permeaExplorerAction")
    action.trigger()
    dock = plugin.explorer
    dock.shown.connect(views.append)
    report["layer"] = dock.controls.layer_box.currentLayer().name()
    yield 500
    if not dock.controls.settings:
        dock.controls.values_box.setCurrentIndex(1)
    yield lambda: dock.exploration.is_ready
    iface.mapCanvas().setExtent(landscape.extent())
    yield 800
    mouse("press", 0.35, 0.4)
    for step in range(6):
        mouse("move", 0.35 + 0.03 * step, 0.4 + 0.02 * step)
        yield 30
    mouse("release", 0.5, 0.5)
    yield is_sharp
    yield 300
    report["target"] = list(dock.target)
    report["mean"] = dock.results.mean_label.text()
    picture("distance")
    dock.controls.distance_box.setCurrentIndex(1)
    dock.controls.quantity_box.setCurrentIndex(2)
    yield 300
    yield is_sharp
    picture("sensitivity")
    dock.controls.mode_buttons["origins"].click()
    mouse("press", 0.2, 0.7)
    mouse("release", 0.2, 0.7)
    yield 300
    yield is_sharp
    dock.controls.mode_buttons["paint"].click()
    dock.controls.block_button.setChecked(True)
    mouse("press", 0.35, 0.5)
    for step in range(8):
        mouse("move", 0.35, 0.5 + 0.03 * step)
        yield 30
    mouse("release", 0.35, 0.71)
    yield lambda: dock.exploration.painted_cells > 300
    dock.controls.quantity_box.setCurrentIndex(1)
    dock.controls.change_box.setChecked(True)
    yield 300
    yield is_sharp
    yield 300
    report["change"] = dock.results.change_label.text()
    picture("after-before")
    dock.results.run_button.click()
    yield 1500
    report["dialog"] = dock.dialog.algorithm().id()
    picture("full-run")
    dock.dialog.close()
    iface.actionPan().trigger()
    yield 200
    report["mode_after_pan"] = dock.controls.mode
    dock.close()
    yield 300
    report["running_after_close"] = dock.exploration.process.is_running
    report["dialogs"] = [type(each).__name__ for each in window.findChildren(QDialog) if each.isVisible()]


course.start(session())
