#!/usr/bin/env python3
"""Measure how soon a run begins to compute: the first run of a QGIS session, and those that follow.

It runs least-cost distance on the sample in one QGIS without windows, and prints for each run the seconds until the
engine begins to compute and until the run has ended. It runs in the Python that QGIS uses; the environment variable
`PERMEA_ENGINE_PYTHON` names the engine's Python.

    python3 resources/scripts/second_run.py
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from pathlib import Path

from qgis.core import QgsApplication, QgsProcessingFeedback

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "sample"
RUNS = 5
PARAMETERS = {
    "INPUT": str(SAMPLE / "permeability.tif"),
    "VALUES": "permeability",
    "SOURCES": f"{SAMPLE / 'patches.gpkg'}|layername=patches",
    "OUTPUT": "TEMPORARY_OUTPUT",
}


class Clock(QgsProcessingFeedback):
    """Records when the engine begins to compute."""

    def __init__(self) -> None:
        super().__init__(False)
        self.start, self.computes = time.monotonic(), None

    def pushInfo(self, text: str) -> None:  # noqa: N802 (QGIS calls it so)
        """Record the time of the estimate of memory, which the log gives just before the engine computes."""
        if self.computes is None and "of memory in the engine" in text:
            self.computes = time.monotonic() - self.start


def main() -> None:
    """Run the algorithm several times and print a table."""
    spec = importlib.util.spec_from_file_location(
        "permea", ROOT / "__init__.py", submodule_search_locations=[str(ROOT)]
    )
    package = sys.modules["permea"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    QgsApplication.setPrefixPath(os.environ.get("QGIS_PREFIX_PATH", "/usr"), True)
    application = QgsApplication([], False)
    application.initQgis()
    sys.path.append(str(Path(QgsApplication.pkgDataPath()) / "python" / "plugins"))
    import processing
    from processing.core.Processing import Processing

    from permea.ui.plugin import PermeaPlugin

    Processing.initialize()
    plugin = PermeaPlugin(None)
    plugin.initProcessing()
    print("run   computes after   ended after")
    for number in range(1, RUNS + 1):
        clock = Clock()
        processing.run("permea:leastcostdistance", PARAMETERS, feedback=clock)
        print(f"{number:3}   {clock.computes:10.2f} s   {time.monotonic() - clock.start:9.2f} s", flush=True)
    plugin.unload()
    application.exitQgis()


if __name__ == "__main__":
    main()
