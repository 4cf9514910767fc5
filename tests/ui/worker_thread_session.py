"""A session inside a real QGIS window: run algorithms in threads, then look up a CRS until these threads have ended.

Reads the environment: `PERMEA_TEST_ROOT` (the plugin's folder) and `PERMEA_TEST_OUT` (a folder for `report.json`).
QGIS ends an idle thread after half a minute, and then no longer knows any CRS that this thread came across first.
"""

import json
import os
import time
import traceback
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QTimer
from qgis.utils import iface

ROOT = Path(os.environ["PERMEA_TEST_ROOT"])
OUT = Path(os.environ["PERMEA_TEST_OUT"])
SECONDS = 50  # an idle thread ends after 30 s

LANDSCAPE = str(OUT / "permeability.tif")
PATCHES = f"{OUT / 'patches.gpkg'}|layername=patches"
TEMPORARY = "TEMPORARY_OUTPUT"
RUNS = [
    ("loadsampledata", {"PERMEABILITY": TEMPORARY, "PATCHES": TEMPORARY, "CLASSES": TEMPORARY}),
    ("loadsampledata", {"PERMEABILITY": LANDSCAPE, "PATCHES": str(OUT / "patches.gpkg"), "CLASSES": "classes.gpkg"}),
    (
        "leastcostpaths",
        {"INPUT": LANDSCAPE, "VALUES": "permeability", "FOCAL": PATCHES, "ID_FIELD": "name", "OUTPUT": TEMPORARY},
    ),
    (
        "leastcostpaths",
        {
            "INPUT": LANDSCAPE,
            "VALUES": "permeability",
            "FOCAL": PATCHES,
            "ID_FIELD": "name",
            "OUTPUT": "paths.gpkg",
            "REPORT": "paths.html",
        },
    ),
    (
        "leastcostdistance",
        {
            "INPUT": LANDSCAPE,
            "VALUES": "permeability",
            "SOURCES": PATCHES,
            "OUTPUT": "distance.tif",
            "REPORT": "distance.html",
        },
    ),
]

report = {"runs": [], "crs": []}


def run(name, parameters):
    """Start an algorithm in a thread of QGIS's pool."""
    algorithm = QgsApplication.processingRegistry().algorithmById(f"permea:{name}")
    values = {
        key: str(OUT / value) if "." in value and "/" not in value else value for key, value in parameters.items()
    }
    context, feedback = QgsProcessingContext(), QgsProcessingFeedback(False)
    context.setProject(QgsProject.instance())
    task = QgsProcessingAlgRunnerTask(algorithm, values, context, feedback)

    def finished(successful, results):
        report["runs"].append({"name": name, "successful": successful, "log": feedback.textLog()})

    task.executed.connect(finished)
    task.context_and_feedback = context, feedback
    QgsApplication.taskManager().addTask(task)
    return task


def advance(remaining, task=None):
    """Run the algorithms one after the other, then watch the CRS database."""
    try:
        if len(report["runs"]) < len(RUNS) - len(remaining):
            QTimer.singleShot(100, lambda: advance(remaining, task))
        elif remaining:
            task = run(*remaining[0])
            QTimer.singleShot(100, lambda: advance(remaining[1:], task))
        else:
            watch(time.monotonic(), results())
    except Exception:  # the report must be written whatever went wrong
        leave(traceback.format_exc())


def results():
    """Load results, as QGIS does when a run has ended."""
    return [
        QgsRasterLayer(LANDSCAPE, "landscape"),
        QgsRasterLayer(str(OUT / "distance.tif"), "distance"),
        QgsVectorLayer(PATCHES, "patches"),
        QgsVectorLayer(str(OUT / "paths.gpkg"), "paths"),
    ]


def watch(start, layers):
    """Look up the CRS, and that of the layers, every two seconds."""
    elapsed = time.monotonic() - start
    known = [QgsCoordinateReferenceSystem("EPSG:31985"), *(layer.crs() for layer in layers)]
    report["crs"].append((round(elapsed, 1), [len(crs.toWkt()) for crs in known]))
    if elapsed > SECONDS:
        leave()
    else:
        QTimer.singleShot(2000, lambda: watch(start, layers))


def leave(error=""):
    """Write the report and close QGIS without a prompt."""
    (OUT / "report.json").write_text(json.dumps(report | {"error": error}, indent=1), encoding="utf-8")
    QgsProject.instance().clear()
    QgsProject.instance().setDirty(False)
    QTimer.singleShot(0, iface.actionExit().trigger)


QTimer.singleShot(2500, lambda: advance(RUNS))
