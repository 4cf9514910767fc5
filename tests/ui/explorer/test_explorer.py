"""The explorer, with a real engine: click, drag, paint, undo, save; layers that vanish and engines that end."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
from explorer_window import COLUMNS, PIXEL, ROWS, centre, uniform_with_a_lake, wait_until, write_raster
from osgeo import gdal
from qgis.core import QgsCoordinateTransform, QgsPointXY, QgsProcessingUtils, QgsProject, QgsRasterLayer
from qgis.PyQt.QtGui import QImage, QPainter

FAR = np.sqrt(2) * PIXEL


def drawn(overlay, canvas):
    """Return how many pixels the overlay draws."""
    image = QImage(canvas.size(), QImage.Format.Format_ARGB32)
    image.fill(0)
    painter = QPainter(image)
    overlay.paint(painter)
    painter.end()
    data = image.bits()
    data.setsize(image.sizeInBytes())
    return int(np.count_nonzero(np.frombuffer(data, np.uint8).reshape(-1, 4)[:, 3]))


def test_a_click_shows_the_distance_of_every_cell(explorer):
    view = explorer.click(10, 10)
    assert view.values[10, 10] == 0
    assert view.values[10, 15] == pytest.approx(5 * PIXEL)
    assert view.values[15, 15] == pytest.approx(5 * FAR)
    assert np.isnan(view.values[7, 32])
    assert (view.pixels == 0)[7, 32]
    assert drawn(explorer.dock.map.overlay, explorer.window.canvas) > 1000
    assert "Mean cost" in explorer.dock.results.mean_label.text()
    assert "map units × resistance" in explorer.dock.results.legend.title


def test_a_drag_ends_with_its_last_cell(explorer):
    explorer.click(2, 2)

    def drag():
        for column in range(3, 30):
            explorer.drag(centre(2, column))

    view = explorer.sharp(drag)
    assert view.request.target == (2, 29)
    assert view.values[2, 29] == 0


@pytest.mark.parametrize("distance", ["resistance", pytest.param("rsp", marks=pytest.mark.long)])
def test_the_other_distances(explorer, distance):
    explorer.click(10, 10)
    controls = explorer.dock.controls
    for quantity in ("distance", "flow", "sensitivity"):

        def choose(quantity=quantity):
            explorer.choose(controls.distance_box, distance)
            explorer.choose(controls.quantity_box, quantity)

        view = explorer.sharp(choose)
        assert (view.request.distance, view.request.quantity) == (distance, quantity)
        assert np.isfinite(view.values).sum() == ROWS * COLUMNS - 25
    assert controls.theta_slider.isVisible() == (distance == "rsp")
    assert np.nanmin(view.values) < 0, "more permeability brings the place closer"


def test_with_one_origin_resistance_is_that_between_two_cells(explorer):
    controls = explorer.dock.controls
    explorer.click(10, 10)
    explorer.sharp(lambda: explorer.choose(controls.distance_box, "resistance"))
    controls.mode_buttons["origins"].click()
    view = explorer.click(10, 25)
    assert view.request.origins == ((10, 25),)
    assert view.values[10, 25] == pytest.approx(view.numbers["mean"], rel=1e-4)
    assert "Effective resistance" in explorer.dock.results.mean_label.text()
    assert "1 place" in controls.origins_label.text()
    again = explorer.click(10, 25)
    assert again.request.origins == ()


def test_a_wall_is_painted_compared_and_undone(explorer):
    before = explorer.click(10, 5)
    blocked = explorer.paint_column(20)
    assert blocked.numbers["unreached"] > 400
    assert blocked.numbers["mean_before"] == before.numbers["mean"]
    controls = explorer.dock.controls
    wait_until(lambda: controls.undo_button.isEnabled())
    assert "cells painted" in controls.painted_label.text()
    change = explorer.sharp(lambda: controls.change_box.setChecked(True))
    assert change.request.change
    assert np.nanmax(np.abs(change.values[:, :19])) == 0
    assert "Before painting" in explorer.dock.results.change_label.text()
    assert explorer.dock.results.legend.title.startswith("After − before")
    explorer.sharp(controls.undo_button.click)
    wait_until(lambda: not controls.undo_button.isEnabled() and controls.redo_button.isEnabled())
    restored = explorer.sharp(lambda: explorer.dock.move_target(centre(10, 5)))
    assert restored.numbers["mean"] == before.numbers["mean"]
    explorer.sharp(controls.redo_button.click)
    wait_until(controls.undo_button.isEnabled)


def test_restoring_shortens_paths(explorer):
    before = explorer.click(10, 5)
    after = explorer.paint_column(20, 50.0)
    assert after.numbers["mean"] < before.numbers["mean"]
    assert "−" in explorer.dock.results.change_label.text()


def test_the_layer_is_never_changed_and_the_painted_one_is_saved(explorer, layer, tmp_path):
    source = Path(layer.source())
    content, files = source.read_bytes(), set(tmp_path.iterdir())
    explorer.click(10, 5)
    explorer.paint_column(20)
    wait_until(lambda: explorer.dock.exploration.painted_cells > 0)
    painted = explorer.dock.exploration.painted_cells
    explorer.dock.write_painted(layer.source())
    assert "Choose another file" in explorer.message()
    target = tmp_path / "painted.tif"
    explorer.dock.write_painted(str(target))
    wait_until(lambda: "Saved" in explorer.message())
    assert source.read_bytes() == content
    assert set(tmp_path.iterdir()) - files == {target}
    dataset = gdal.Open(str(target))
    values = np.frombuffer(dataset.GetRasterBand(1).ReadRaster(), np.float32).reshape(ROWS, COLUMNS)
    nodata = dataset.GetRasterBand(1).GetNoDataValue()
    assert np.count_nonzero(values == nodata) == 25 + painted
    assert dataset.GetGeoTransform()[1] == PIXEL


def test_a_cell_without_data_is_refused_and_the_map_stays(explorer):
    view = explorer.click(10, 10)
    explorer.press(centre(7, 32))
    wait_until(lambda: "barrier" in explorer.message())
    assert explorer.dock.view is view
    explorer.press(QgsPointXY(0, 0))
    wait_until(lambda: "barrier" in explorer.message())
    assert explorer.click(10, 12).values[10, 12] == 0
    assert explorer.message() == ""


def test_a_layer_that_is_removed_leaves_a_clean_explorer(explorer, layer):
    explorer.click(10, 10)
    QgsProject.instance().removeMapLayer(layer.id())
    dock = explorer.dock
    assert dock.map.overlay.image is None
    assert dock.exploration.layer is None
    assert not dock.exploration.is_ready
    assert dock.target is None
    assert not dock.results.run_button.isEnabled()


def test_an_engine_that_is_killed_starts_again_with_the_strokes(explorer):
    explorer.click(10, 5)
    blocked = explorer.paint_column(20)
    process = explorer.dock.exploration.process
    first = process.process_id()
    again = explorer.sharp(lambda: os.kill(first, signal.SIGKILL))
    assert process.process_id() != first
    wait_until(lambda: explorer.dock.exploration.painted_cells > 0)
    final = explorer.sharp(lambda: explorer.dock.move_target(centre(10, 5)))
    assert final.numbers["mean"] == blocked.numbers["mean"]
    assert again.request.target == (10, 5)


def test_other_steps_between_cells_keep_the_strokes(explorer):
    explorer.click(10, 5)
    blocked = explorer.paint_column(20)
    view = explorer.sharp(lambda: explorer.choose(explorer.dock.controls.neighbors_box, "rook"))
    assert view.values[11, 6] == pytest.approx(2 * PIXEL)
    wait_until(lambda: explorer.dock.exploration.painted_cells > 0)
    view = explorer.sharp(lambda: explorer.dock.move_target(centre(10, 5)))
    assert view.numbers["unreached"] == blocked.numbers["unreached"]


def test_a_project_in_another_coordinate_system(explorer, layer, degrees):
    canvas = explorer.window.canvas
    transform = QgsCoordinateTransform(layer.crs(), degrees, QgsProject.instance())
    canvas.setDestinationCrs(degrees)
    canvas.setExtent(transform.transformBoundingBox(layer.extent()))
    view = explorer.sharp(lambda: explorer.press(transform.transform(centre(12, 17))))
    assert view.request.target == (12, 17)
    assert drawn(explorer.dock.map.overlay, canvas) > 1000
    assert explorer.dock.map.overlay.can_be_drawn()
    assert explorer.dock.map.value_at(view, transform.transform(centre(12, 19))) == pytest.approx(2 * PIXEL)


def test_a_raster_that_is_too_large_is_explored_with_larger_cells(empty_explorer, layer):
    exploration = empty_explorer.dock.exploration
    usual, exploration.max_cells = exploration.max_cells, 400
    try:
        empty_explorer.open(layer)
        assert "2 × 2" in empty_explorer.message()
        view = empty_explorer.click(11, 11)
        assert view.values.shape == (15, 20)
        assert view.request.target == (5, 5)
        assert view.values[5, 7] == pytest.approx(4 * PIXEL)
        assert "2 × 2" in empty_explorer.dock.results.note_label.text()
    finally:
        exploration.max_cells = usual


def test_the_free_memory_limits_the_number_of_cells(empty_explorer, monkeypatch):
    from permea.ui.explorer import exploration

    opened = empty_explorer.dock.exploration
    for free, cells in ((None, exploration.MAX_CELLS), (100e9, exploration.MAX_CELLS), (1e6, exploration.FEWEST_CELLS)):
        monkeypatch.setattr(exploration, "free_memory", lambda free=free: free)
        assert opened._most_cells() == cells
    monkeypatch.setattr(exploration, "free_memory", lambda: exploration.ENGINE_BYTES + 100_000 * exploration.CELL_BYTES)
    assert opened._most_cells() == 100_000


def test_the_meaning_of_the_values_has_no_silent_default(empty_explorer, layer):
    QgsProject.instance().addMapLayer(layer)
    empty_explorer.dock.propose(layer)
    assert empty_explorer.dock.controls.layer_box.currentLayer() == layer
    assert "permeability or resistance" in empty_explorer.message()
    assert empty_explorer.dock.exploration.layer is None


def test_a_raster_that_is_no_landscape_is_refused_in_words(empty_explorer, tmp_path):
    values = uniform_with_a_lake()
    values[3, 4] = -7
    layer = QgsRasterLayer(write_raster(tmp_path / "negative.tif", values), "negative")
    QgsProject.instance().addMapLayer(layer)
    empty_explorer.dock.controls.layer_box.setLayer(layer)
    empty_explorer.choose(empty_explorer.dock.controls.values_box, "permeability")
    wait_until(lambda: "negative" in empty_explorer.message())
    assert "row 4, column 5" in empty_explorer.message()
    assert empty_explorer.dock.exploration.layer is None


def test_without_an_engine_the_engine_dialog_is_offered(empty_explorer, layer, monkeypatch):
    monkeypatch.setenv("PERMEA_ENGINE_PYTHON", "")
    empty_explorer.dock.exploration.close()
    QgsProject.instance().addMapLayer(layer)
    dock = empty_explorer.dock
    dock.controls.layer_box.setLayer(layer)
    empty_explorer.choose(dock.controls.values_box, "permeability")
    assert "not installed" in empty_explorer.message()
    assert dock.results.engine_button.isVisible()
    dock.results.engine_button.click()
    assert dock.engine_requests
    dock.engine_requests.clear()


def test_a_python_without_the_engine_is_named_with_the_reason(empty_explorer, layer, monkeypatch):
    monkeypatch.setenv("PERMEA_ENGINE_PYTHON", "/usr/bin/python3")
    dock = empty_explorer.dock
    dock.exploration.close()
    QgsProject.instance().addMapLayer(layer)
    dock.controls.layer_box.setLayer(layer)
    empty_explorer.choose(dock.controls.values_box, "permeability")
    wait_until(lambda: "cannot be used" in empty_explorer.message())
    assert "lacks the package" in empty_explorer.message()
    assert not dock.exploration.process.is_running


def test_landscape_that_is_read_after_the_engine_has_ended_does_not_hide_the_reason(empty_explorer, layer, monkeypatch):
    monkeypatch.setenv("PERMEA_ENGINE_PYTHON", "/usr/bin/python3")
    dock = empty_explorer.dock
    dock.exploration.close()
    landscapes = []
    monkeypatch.setattr(dock.exploration, "_read", landscapes.append)  # reading takes longer than the engine's end
    QgsProject.instance().addMapLayer(layer)
    dock.controls.layer_box.setLayer(layer)
    empty_explorer.choose(dock.controls.values_box, "permeability")
    wait_until(lambda: landscapes and "cannot be used" in empty_explorer.message())
    monkeypatch.undo()
    dock.exploration._read(landscapes[0])
    assert "cannot be used" in empty_explorer.message()


def test_files_for_the_engine_are_in_the_temporary_folder_of_qgis(explorer):
    assert explorer.dock.exploration.process.folder.parent == Path(QgsProcessingUtils.tempFolder())


def test_closing_the_dock_ends_the_engine(explorer):
    explorer.click(10, 10)
    explorer.dock.close()
    assert not explorer.dock.exploration.process.is_running
    assert explorer.dock.map.overlay.image is None
    explorer.dock.show()
