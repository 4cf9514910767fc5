"""Layers whose file was replaced, moved or deleted after they were loaded."""

import gc
import os

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsRasterDataProvider,
    QgsRasterLayer,
    QgsRasterRange,
)

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
    assert error_message(replaced(np.ones((4, 5)), np.ones((8, 5))), feedback) == (
        "'landscape': its file was replaced after the layer was loaded (8 × 5 cells instead of 4 × 5; its extent is "
        "290000.000,9119760.000 : 290150.000,9120000.000 instead of 290000.000,9119880.000 : 290150.000,9120000.000). "
        "Remove the layer from the project and add it again."
    )


def test_moved_file_is_rejected(replaced, feedback):
    layer = replaced(np.ones((4, 5)), np.ones((4, 5)), geotransform=(WEST + 90, 30, 0, NORTH, 0, -30))
    message = error_message(layer, feedback)
    assert "its extent is 290090.000,9119880.000 : 290240.000,9120000.000 instead of 290000.000," in message


def test_file_with_other_cells_is_rejected(replaced, feedback):
    layer = replaced(np.ones((4, 4)), np.ones((4, 4)), geotransform=(WEST, 60, 0, NORTH, 0, -60))
    assert "its file was replaced after the layer was loaded" in error_message(layer, feedback)


def test_file_with_fewer_bands_is_rejected(replaced, feedback):
    assert "1 band instead of 3" in error_message(replaced(np.ones((3, 4, 4)), np.ones((4, 4))), feedback)


@pytest.mark.parametrize(
    ("crs", "now"),
    [("EPSG:32725", "EPSG:32725 - WGS 84 / UTM zone 25S"), ("EPSG:31984", "UTM zone 24S"), (None, "unknown")],
)
def test_file_in_another_crs_is_rejected(replaced, feedback, crs, now):
    message = error_message(replaced(np.ones((4, 5)), np.ones((4, 5)), crs=crs), feedback)
    assert "its CRS is " in message and f"{now} instead of EPSG:31985 - SIRGAS 2000 / UTM zone 25S" in message


def test_crs_that_the_user_has_assigned_remains(replaced, feedback):
    layer = replaced(np.ones((4, 5)), np.ones((4, 5)))
    layer.setCrs(QgsCoordinateReferenceSystem("EPSG:31984"))
    assert read_raster(layer, 1, feedback).grid.crs.authid() == "EPSG:31984"


@pytest.mark.parametrize("georeference", [{"geotransform": None}, {"geotransform": None, "crs": None}])
def test_file_without_georeference_is_rejected(replaced, feedback, georeference):
    message = error_message(replaced(np.ones((4, 5)), np.ones((4, 5)), **georeference), feedback)
    assert "its extent is 0.000,-4.000 : 5.000,0.000 instead of" in message


@pytest.mark.parametrize("kind", ["text", "empty", "folder"])
def test_file_that_is_no_raster_any_more_is_rejected(raster_layer, feedback, tmp_path, kind):
    layer = raster_layer(np.ones((4, 5)))
    path = tmp_path / "landscape.tif"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    else:
        path.write_text("hello" if kind == "text" else "")
    assert f"its file '{path}' can no longer be read as a raster: it was replaced or" in error_message(layer, feedback)


def test_file_with_other_values_on_the_same_cells_is_read(replaced, feedback):
    values = np.random.default_rng(0).random((4, 5))
    np.testing.assert_array_equal(read_raster(replaced(np.ones((4, 5)), values), 1, feedback).values, values)


def test_deleted_file_is_named(raster_layer, feedback, tmp_path):
    layer = raster_layer(np.ones((4, 5)))
    (tmp_path / "landscape.tif").unlink()
    assert error_message(layer, feedback) == (
        f"'landscape': its file '{tmp_path / 'landscape.tif'}' no longer exists. Restore the file, or remove the layer."
    )


@pytest.mark.parametrize(
    "geotransform",
    [
        (WEST, 0, 0, NORTH, 0, 0),
        (WEST, 30, 0, NORTH, 0, 0),
        (float("nan"), 30, 0, NORTH, 0, -30),
        (WEST, 1e-300, 0, NORTH, 0, -1e-300),
        (WEST, 1e300, 0, NORTH, 0, -1e300),
    ],
)
def test_cells_without_a_size_or_position_are_rejected(raster_layer, feedback, geotransform):
    message = error_message(raster_layer(np.ones((4, 5)), geotransform=geotransform), feedback)
    assert "its cells cannot be told apart. Correct its georeference." in message


@pytest.fixture
def virtual(geotiff, tmp_path, qgis_app):
    """Load a virtual raster of a raster of ones, and replace that raster by another one."""

    def make(second, *, nested=False, **how):
        path = str(tmp_path / "virtual.vrt")
        gdal.BuildVRT(path, [geotiff(np.ones((4, 5)))]).FlushCache()
        if nested:
            inner, path = path, str(tmp_path / "outer.vrt")
            gdal.BuildVRT(path, [inner]).FlushCache()
        layer = QgsRasterLayer(path, "virtual")
        assert layer.dataProvider().sample(layer.extent().center(), 1)[0] == 1  # QGIS has opened the source
        if second is None:
            (tmp_path / "landscape.tif").unlink()
        else:
            os.replace(geotiff(np.asarray(second), name="another", **how), tmp_path / "landscape.tif")
        return layer

    yield make
    gc.collect()


@pytest.mark.parametrize("nested", [False, True])
def test_virtual_raster_whose_source_has_another_size_is_rejected(virtual, feedback, nested):
    message = error_message(virtual(np.ones((8, 10)), nested=nested), feedback)
    assert "the virtual raster no longer fits the rasters that it is made of" in message
    assert "'landscape.tif' has 8 × 10 cells instead of 4 × 5" in message and "make it again" in message


def test_virtual_raster_whose_source_is_missing_is_rejected(virtual, feedback):
    assert "('landscape.tif' cannot be read)" in error_message(virtual(None), feedback)


def test_virtual_raster_has_the_values_that_its_source_has_now(virtual, feedback):
    values = np.arange(20.0).reshape(4, 5)
    np.testing.assert_array_equal(read_raster(virtual(values), 1, feedback).values, values)


def test_raster_computed_by_qgis_has_the_values_that_its_input_has_now(geotiff, tmp_path, feedback):
    first = QgsRasterLayer(geotiff(np.ones((4, 5))), "landscape")
    parameters = QgsRasterDataProvider.VirtualRasterParameters()
    parameters.crs, parameters.extent = first.crs(), first.extent()
    parameters.width, parameters.height, parameters.formula = 5, 4, '"landscape@1" * 2'
    entry = QgsRasterDataProvider.VirtualRasterInputLayers()
    entry.name, entry.provider, entry.uri = "landscape", "gdal", first.source()
    parameters.rInputLayers = [entry]
    uri = QgsRasterDataProvider.encodeVirtualRasterProviderUri(parameters)
    layer = QgsRasterLayer(uri, "doubled", "virtualraster")
    assert layer.isValid()
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(8, 8)])
    values = np.arange(20.0).reshape(4, 5)
    os.replace(geotiff(values, name="another"), tmp_path / "landscape.tif")
    raster = read_raster(layer, 1, feedback)
    np.testing.assert_array_equal(raster.values[raster.valid], np.delete(2 * values.ravel(), 4))
    del layer, first
