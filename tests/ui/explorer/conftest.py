"""The explorer in a window, and an engine whose compiled code all sessions share."""

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import Qt

ROOT = Path(__file__).resolve().parents[3]


def import_helper(name):
    """Import a file beside this one under its own name; the importlib mode of pytest leaves `sys.path` alone."""
    specification = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


explorer_window = import_helper("explorer_window")
Explorer, Window = explorer_window.Explorer, explorer_window.Window
uniform_with_a_lake, write_raster = explorer_window.uniform_with_a_lake, explorer_window.write_raster


@pytest.fixture(scope="session")
def cached_python(tmp_path_factory):
    python = os.environ.get("PERMEA_ENGINE_PYTHON", "")
    if not Path(python).is_file():
        pytest.fail("PERMEA_ENGINE_PYTHON does not name the engine's Python: run `make test-qgis`.")
    script = tmp_path_factory.mktemp("engine") / "python"
    return str(explorer_window.write_interpreter(script, python, ROOT / "build"))


@pytest.fixture(scope="module")
def shared_dock(qgis_app, qgis_processing, cached_python):
    """One window and one dock for the tests of a file."""
    from permea.ui.explorer.dock import ExplorerDock

    usual = os.environ["PERMEA_ENGINE_PYTHON"]
    os.environ["PERMEA_ENGINE_PYTHON"] = cached_python
    window = Window()
    asked = []
    dock = ExplorerDock(window, lambda: asked.append(True))
    dock.engine_requests = asked
    window.window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    dock.show()
    yield window, dock
    dock.unload()
    window.window.close()
    os.environ["PERMEA_ENGINE_PYTHON"] = usual


@pytest.fixture
def empty_explorer(shared_dock):
    """The dock without a layer."""
    window, dock = shared_dock
    explorer = Explorer(window, dock)
    yield explorer
    dock.shown.disconnect(explorer.views.append)
    dock.controls.values_box.setCurrentIndex(0)
    for box in (dock.controls.distance_box, dock.controls.quantity_box, dock.controls.neighbors_box):
        box.setCurrentIndex(0)
    dock.controls.change_box.setChecked(False)
    QgsProject.instance().clear()


@pytest.fixture
def layer(tmp_path):
    return QgsRasterLayer(write_raster(tmp_path / "landscape.tif", uniform_with_a_lake()), "landscape")


@pytest.fixture
def explorer(empty_explorer, layer):
    """The dock with a uniform landscape that has a lake."""
    empty_explorer.open(layer)
    return empty_explorer


@pytest.fixture
def degrees():
    return QgsCoordinateReferenceSystem("EPSG:4326")
