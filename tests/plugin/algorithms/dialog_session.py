"""A session with the dialogs of algorithms in a QGIS of its own, which does not survive their deletion at its end.

    python dialog_session.py FOLDER LANDSCAPE ENGINE

FOLDER is the plugin's, ENGINE a folder with a package `engine` that waits or fails, as the file `does` in it says.
Writes how the runs ended and their logs to the standard output, as JSON.
"""

import importlib.util
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from osgeo import gdal
from qgis.core import QgsApplication
from qgis.gui import QgsBrowserGuiModel, QgsLayerTreeView, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtWidgets import QMainWindow, QTextEdit

folder, landscape, engine_folder = sys.argv[1:]
QGIS = QgsApplication([], True)
QGIS.initQgis()
sys.path.append(os.path.join(QGIS.pkgDataPath(), "python", "plugins"))
specification = importlib.util.spec_from_file_location(
    "permea", Path(folder) / "__init__.py", submodule_search_locations=[folder]
)
sys.modules["permea"] = importlib.util.module_from_spec(specification)
specification.loader.exec_module(sys.modules["permea"])


class Window:
    """What the dialogs need of QGIS's window."""

    def __init__(self):
        self.model, self.window = QgsBrowserGuiModel(), QMainWindow()
        self.canvas, self.layers = QgsMapCanvas(self.window), QgsLayerTreeView(self.window)

    def browserModel(self):  # noqa: N802
        return self.model

    def iconSize(self, *docked):  # noqa: N802
        return QSize(16, 16)

    def layerTreeView(self):  # noqa: N802
        return self.layers

    def mainWindow(self):  # noqa: N802
        return self.window

    def mapCanvas(self):  # noqa: N802
        return self.canvas

    def messageBar(self):  # noqa: N802
        return QgsMessageBar(self.window)

    def __getattr__(self, name):
        return lambda *arguments: None


import qgis.utils  # noqa: E402

qgis.utils.iface = Window()

from processing.core.Processing import Processing  # noqa: E402
from processing.core.ProcessingResults import resultsList  # noqa: E402

from permea.plugin.engine_environment import EngineInfo  # noqa: E402
from permea.plugin.engine_offer import set_engine_offer  # noqa: E402
from permea.plugin.provider import PermeaProvider  # noqa: E402
from permea.plugin.runner import execution  # noqa: E402

Processing.initialize()
provider = PermeaProvider()
QgsApplication.processingRegistry().addProvider(provider)
provider.refreshAlgorithms()  # the models, whose steps must be found
execution.find_engine = lambda is_cancelled: EngineInfo(sys.executable, folder=engine_folder)


def run(does, cancel_at="", name="connectedcomponents", seconds=30, **parameters):
    """Run a dialog, cancel once its log holds a text; return its class, how the run ended, and the log."""
    (Path(engine_folder) / "does").write_text(does)
    dialog = provider.algorithm(name).create().createCustomParametersWidget(None)
    dialog.setParameters({"INPUT": landscape, "VALUES": "permeability", **parameters})
    ended = []
    dialog.algorithmFinished.connect(lambda successful, results: ended.append([successful, results]))
    dialog.runAlgorithm()
    log, patience = dialog.findChildren(QTextEdit)[-1], time.monotonic() + seconds  # the first is the help
    # QGIS 3.40 and newer do not emit the signal where an output is missing; their message is there.
    while not ended and "Execution failed" not in log.toPlainText() and time.monotonic() < patience:
        QGIS.processEvents()
        if not ended and cancel_at and cancel_at in log.toPlainText():
            dialog.cancelButton().click()
        time.sleep(0.01)
    if ended and ended[0][0]:
        return {"ended": ended}  # the dialog has closed
    for _ in range(10):
        QGIS.processEvents()
    return {"ended": ended, "log": log.toPlainText()}


model = provider.algorithm("firstlook").create().createCustomParametersWidget(None)
value = float(np.frombuffer(gdal.Open(landscape).ReadRaster(0, 0, 1, 1, buf_type=gdal.GDT_Float64))[0])
report = {"cancelled": run("wait", "half-way"), "failed": run("fail"), "model": type(model).__module__}
report["reclassified"] = run("", name="permeabilityfromlandcover", MISSING="nodata", MATRIX=[value, 1])


# Runs without an engine: the user installs one when it is offered, or closes the window.
def run_without_engine(installed):
    """Run a dialog without an engine; return whether runs were offered one, how the run ended, and the log."""
    variable, offered = "PERMEA_ENGINE_PYTHON", []
    python = os.environ.pop(variable)

    def offer(for_run):
        offered.append(for_run)
        if for_run and installed:
            os.environ[variable] = python

    set_engine_offer(offer)
    ended = run("fail", seconds=30 if installed else 1)
    set_engine_offer(None)
    os.environ[variable] = python
    return {"offered": offered, **ended}


report["installed"], report["not installed"] = run_without_engine(True), run_without_engine(False)
report["viewer"] = [[result.name, result.filename] for result in resultsList.getResults()]
print(json.dumps(report, default=str), flush=True)
os._exit(0)
