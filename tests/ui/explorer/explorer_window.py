"""A window with a map canvas and the explorer, driven as the user does."""

import time

import numpy as np
from osgeo import gdal, osr
from qgis.core import QgsPointXY, QgsProject, QgsRasterLayer
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtWidgets import QApplication, QMainWindow

PATIENCE = 300  # seconds; the first session of a checkout compiles the kernels, which takes long on a loaded machine
WEST, NORTH, PIXEL, UTM = 290_000.0, 9_120_000.0, 30.0, "EPSG:31985"
ROWS, COLUMNS = 30, 40


class Window:
    """What the explorer needs of `QgisInterface`."""

    def __init__(self):
        self.window, self.canvas = QMainWindow(), QgsMapCanvas()
        self.window.setCentralWidget(self.canvas)
        self.window.resize(1100, 800)
        self.window.show()
        self.messages = []

    def mainWindow(self):  # noqa: N802
        return self.window

    def mapCanvas(self):  # noqa: N802
        return self.canvas

    def addRasterLayer(self, path, name):  # noqa: N802
        QgsProject.instance().addMapLayer(QgsRasterLayer(path, name))


def wait_until(condition, seconds=PATIENCE):
    """Process Qt events until the condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"nothing happened for {seconds} s"
        QApplication.processEvents()
        time.sleep(0.002)


def write_raster(path, values, nodata=-1.0):
    reference = osr.SpatialReference()
    reference.SetFromUserInput(UTM)
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), values.shape[1], values.shape[0], 1, gdal.GDT_Float32)
    dataset.SetGeoTransform((WEST, PIXEL, 0.0, NORTH, 0.0, -PIXEL))
    dataset.SetProjection(reference.ExportToWkt())
    dataset.GetRasterBand(1).SetNoDataValue(nodata)
    dataset.GetRasterBand(1).WriteRaster(0, 0, *values.shape[::-1], values.astype(np.float32).tobytes())
    return str(path)


def write_interpreter(script, python, caches):
    """Write a shell script that stands in for an interpreter, with compiled code that all sessions share."""
    variables = f'JAX_COMPILATION_CACHE_DIR="{caches}/jax-cache" NUMBA_CACHE_DIR="{caches}/loops"'
    script.write_text(f'#!/bin/sh\nexport {variables}\nexec "{python}" "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return script


def uniform_with_a_lake():
    """Permeability 1, and a lake of nodata in the east."""
    values = np.ones((ROWS, COLUMNS))
    values[5:10, 30:35] = -1
    return values


def centre(row, column):
    """The centre of a cell, in the coordinates of the layer."""
    return QgsPointXY(WEST + (column + 0.5) * PIXEL, NORTH - (row + 0.5) * PIXEL)


class Explorer:
    """The dock, driven as the user does, and the views that it has shown."""

    def __init__(self, window, dock):
        self.window, self.dock, self.views = window, dock, []
        dock.shown.connect(self.views.append)

    def open(self, layer, values="permeability"):
        QgsProject.instance().addMapLayer(layer)
        canvas = self.window.canvas
        canvas.setDestinationCrs(layer.crs())
        canvas.setLayers([layer])
        canvas.setExtent(layer.extent())
        self.dock.controls.layer_box.setLayer(layer)
        self.choose(self.dock.controls.values_box, values)
        wait_until(lambda: self.dock.exploration.is_ready)

    def choose(self, box, data):
        box.setCurrentIndex(box.findData(data))

    def sharp(self, action=lambda: None):
        """Do something and wait for the sharp view that follows."""
        self.views.clear()
        action()
        try:
            wait_until(self.is_up_to_date)
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.message()}\n{self.dock.exploration.process.log}") from None
        return self.views[-1]

    def is_up_to_date(self):
        """Return whether the sharp view of the last request is shown."""
        last = self.views[-1] if self.views else None
        is_last = last is not None and not last.preview and last.sequence == self.dock.exploration.sequence
        return is_last and not self.dock._debounce.isActive()

    def click(self, row, column):
        return self.sharp(lambda: self.press(centre(row, column)))

    def press(self, point):
        self.dock.map.tool.pressed.emit(point)

    def drag(self, point):
        self.dock.map.tool.dragged.emit(point)

    def message(self):
        return self.dock.results.message_label.text()

    def paint_column(self, column, value=None):
        """Paint a wall from north to south; by default a barrier."""
        controls = self.dock.controls
        controls.mode_buttons["paint"].click()
        controls.radius_box.setValue(1.0)
        (controls.block_button if value is None else controls.restore_button).setChecked(True)
        if value is not None:
            controls.value_box.setValue(value)

        def stroke():
            self.press(centre(0, column))
            self.drag(centre(ROWS - 1, column))

        return self.sharp(stroke)
