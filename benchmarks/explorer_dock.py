"""Measure how fast the explorer answers, by driving its dock: `make bench-explorer`.

It runs in QGIS's Python, with the engine in its own process. A time is that from the movement of the mouse to the
picture in the dock; the table has the median and the slowest of several moves or strokes. It also has the processor
time of the engine for the coarse and the sharp picture together, which other programs hardly change.
"""

import importlib.util
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from qgis.core import QgsApplication, QgsRasterLayer
from qgis.PyQt.QtCore import Qt

ROOT = Path(__file__).resolve().parents[1]
SIDE, REPETITIONS = 1000, 7

#: Targets on two cores, in seconds.
TARGETS = {"moving the place": 0.3, "painting 100 cells": 0.5, "sensitivity": 1.0, "coarse preview": 0.1}

#: Radius of a brush that paints about 100 cells.
BRUSH_RADIUS = 5.7


def _load(name: str, path: Path):
    specification = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


def _landscape() -> np.ndarray:
    """Patches of five classes with barriers, contrast 10⁴, 8 neighbours: as *categorical* of the benchmarks."""
    gallery = _load("gallery", ROOT / "engine" / "graph" / "gallery.py")
    return gallery.categorical(SIDE, SIDE, contrast=1e4, barriers=0.1)


class _DockDriver:
    """Drives the dock and measures the seconds until its pictures appear."""

    def __init__(self, explorer, window_module):
        self.explorer, self.window = explorer, window_module
        self.rng = np.random.default_rng(0)

    def timed(self, action):
        """Return the seconds until the first and until the sharp picture, and the engine's processor time for both."""
        explorer, first = self.explorer, []
        used = self.processor_seconds()
        explorer.views.clear()
        start = time.perf_counter()
        action()

        def done():
            if explorer.views and not first:
                first.append(time.perf_counter() - start)
            return explorer.is_up_to_date()

        self.window.wait_until(done)
        return first[0], time.perf_counter() - start, self.processor_seconds() - used

    def processor_seconds(self):
        """Return the processor time that the engine has used, on Linux."""
        stat = Path(f"/proc/{self.explorer.dock.exploration.process.process_id()}/stat")
        if not stat.is_file():
            return float("nan")
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def passable_point(self):
        """Return the centre of a random passable cell."""
        landscape = self.explorer.dock.exploration.landscape
        while True:
            row, column = self.rng.integers(SIDE // 10, SIDE - SIDE // 10, 2)
            if landscape.valid[row, column]:
                return self.window.centre(int(row), int(column))

    def moves(self):
        """Time moves of the target."""
        return [self.timed(lambda: self.explorer.dock.move_target(self.passable_point())) for _ in range(REPETITIONS)]

    def strokes(self, value):
        """Time strokes of the brush, with the view of after − before."""
        controls = self.explorer.dock.controls
        controls.mode_buttons["paint"].click()
        controls.radius_box.setValue(BRUSH_RADIUS * self.window.PIXEL)
        (controls.restore_button if value else controls.block_button).setChecked(True)
        if value:
            controls.value_box.setValue(value)
        return [self.timed(lambda: self.explorer.press(self.passable_point())) for _ in range(REPETITIONS)]


def _report(name: str, label: str, times: list[tuple[float, float, float]]) -> None:
    column = 0 if name == "coarse preview" else 1
    seconds = [each[column] for each in times]
    median, slowest = statistics.median(seconds), max(seconds)
    processor = statistics.median(each[2] for each in times)
    reached = "reached" if median <= TARGETS[name] else "missed"
    line = f"{label:<58} {median:6.3f} s, slowest {slowest:6.3f} s, target {TARGETS[name]:.1f} s: {reached}"
    if column:
        line += f"; {processor:.2f} s of processor time"
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _measure(driver: _DockDriver) -> None:
    explorer = driver.explorer
    controls = explorer.dock.controls
    driver.timed(lambda: explorer.dock.move_target(driver.passable_point()))
    for distance in ("leastcost", "resistance"):
        name = controls.distance_box.itemText(controls.distance_box.findData(distance))
        explorer.choose(controls.quantity_box, "distance")
        if controls.distance != distance:
            driver.timed(lambda distance=distance: explorer.choose(controls.distance_box, distance))
        moves = driver.moves()
        _report("coarse preview", f"{name}: first picture after a move", moves)
        _report("moving the place", f"{name}: sharp distance after a move", moves)
        driver.timed(lambda: explorer.choose(controls.quantity_box, "sensitivity"))
        moves = driver.moves()
        _report("coarse preview", f"{name}: first sensitivity after a move", moves)
        _report("sensitivity", f"{name}: sharp sensitivity after a move", moves)
        driver.timed(lambda: explorer.choose(controls.quantity_box, "distance"))
        for label, value in (("blocking", 0.0), ("restoring", float(controls.value_box.value()))):
            driver.strokes(value)  # unmeasured: the first stroke copies the landscape
            if not controls.change_box.isChecked():
                driver.timed(lambda: controls.change_box.setChecked(True))
            strokes = driver.strokes(value)
            _report("coarse preview", f"{name}: first after − before, {label}", strokes)
            _report("painting 100 cells", f"{name}: sharp after − before, {label}", strokes)
        controls.change_box.setChecked(False)
        while explorer.dock.exploration.strokes:
            strokes_left = explorer.dock.exploration.strokes
            controls.undo_button.click()
            driver.window.wait_until(lambda n=strokes_left: explorer.dock.exploration.strokes < n)
        controls.mode_buttons["target"].click()


def main() -> None:
    """Open the dock on a landscape of a million cells and print the times."""
    QgsApplication.setPrefixPath("/usr", True)
    application = QgsApplication([], True)
    application.initQgis()
    _load("permea", ROOT / "__init__.py").__path__ = [str(ROOT)]
    window_module = _load("explorer_window", ROOT / "tests" / "ui" / "explorer" / "explorer_window.py")
    from permea.ui.explorer.dock import ExplorerDock

    with tempfile.TemporaryDirectory() as folder:
        script, python = Path(folder) / "python", os.environ["PERMEA_ENGINE_PYTHON"]
        os.environ["PERMEA_ENGINE_PYTHON"] = str(window_module.write_interpreter(script, python, ROOT / "build"))
        path = window_module.write_raster(Path(folder) / "landscape.tif", _landscape())
        window = window_module.Window()
        dock = ExplorerDock(window)
        window.window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        dock.show()
        explorer = window_module.Explorer(window, dock)
        explorer.open(QgsRasterLayer(path, "landscape"))
        driver = _DockDriver(explorer, window_module)
        # The engine compiles its code before the first measurement.
        settle = time.monotonic() + float(os.environ.get("PERMEA_SETTLE_SECONDS", "8"))
        window_module.wait_until(lambda: time.monotonic() > settle)
        _measure(driver)
        dock.unload()
        dock.deleteLater()
        window.window.deleteLater()
        application.processEvents()
        application.exitQgis()


if __name__ == "__main__":
    main()
