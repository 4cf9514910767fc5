"""Layers whose file was replaced, moved or deleted after they were loaded."""

import os

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.layers import read_raster

WEST, NORTH = 290_000.0, 9_120_000.0


@pytest.fixture
def replaced(raster_layer, geotiff, tmp_path):
    """Load a layer, and replace its file by another one."""

    def replace(first, second, **how):
        layer = raster_layer(np.asarray(first))
        # Another file under the same name: a program that writes anew would do the same.
        os.replace(geotiff(np.asarray(second), name="another", **how), tmp_path / "landscape.tif")
        return layer

    return replace


def error_message(layer, feedback):
    with pytest.raises(QgsProcessingException) as error:
        read_raster(layer, 1, feedback)
    return str(error.value)


def test_file_of_another_size_is_rejected(replaced, feedback):
    message = error_message(replaced(np.ones((4, 5)), np.ones((8, 10))), feedback)
    assert message == (
        "'landscape': its file was replaced after the layer was loaded (8 × 10 cells instead of 4 × 5; its north-west "
        "corner is x 290000, y 9120000 instead of x 290000, y 9120000). Remove the layer from the project and add it "
        "again."
    ) or message.startswith("'landscape': its file was replaced after the layer was loaded (8 × 10 cells instead of 4")


def test_moved_file_is_rejected(replaced, feedback):
    layer = replaced(np.ones((4, 5)), np.ones((4, 5)), geotransform=(WEST + 90, 30, 0, NORTH, 0, -30))
    message = error_message(layer, feedback)
    assert "its north-west corner is x 290090, y 9120000 instead of x 290000, y 9120000" in message


def test_file_with_other_cells_is_rejected(replaced, feedback):
    layer = replaced(np.ones((4, 4)), np.ones((4, 4)), geotransform=(WEST, 60, 0, NORTH, 0, -60))
    assert "its file was replaced after the layer was loaded" in error_message(layer, feedback)


def test_file_with_fewer_bands_is_rejected(replaced, feedback):
    assert "1 bands instead of 3" in error_message(replaced(np.ones((3, 4, 4)), np.ones((4, 4))), feedback)


def test_file_with_other_values_on_the_same_cells_is_read(replaced, feedback):
    values = np.random.default_rng(0).random((4, 5))
    np.testing.assert_array_equal(read_raster(replaced(np.ones((4, 5)), values), 1, feedback).values, values)


def test_deleted_file_is_named(raster_layer, feedback, tmp_path):
    layer = raster_layer(np.ones((4, 5)))
    (tmp_path / "landscape.tif").unlink()
    assert error_message(layer, feedback) == (
        f"'landscape': its file '{tmp_path / 'landscape.tif'}' no longer exists. Restore the file, or remove the layer."
    )
