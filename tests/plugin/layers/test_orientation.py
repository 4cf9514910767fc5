"""Rasters stored south-up, mirrored or rotated."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsCoordinateReferenceSystem, QgsProcessingException, QgsRasterLayer

from permea.plugin.layers import align, open_band, read_raster

WEST, NORTH = 290_000.0, 9_120_000.0
NORTH_UP = (WEST, 30.0, 0.0, NORTH, 0.0, -20.0)


@pytest.fixture
def values():
    values = np.random.default_rng(1).random((7, 5))
    values[1, 3] = values[6, 0] = -1
    return values


def stored(values, turned):
    """Return the rows in another order, with the geotransform that puts each cell where it was."""
    rows, columns = values.shape
    left, width, _, top, _, step_down = NORTH_UP
    if "south-up" in turned:
        values, top, step_down = values[::-1], top + rows * step_down, -step_down
    if "mirrored" in turned:
        values, left, width = values[:, ::-1], left + columns * width, -width
    return np.ascontiguousarray(values), (left, width, 0.0, top, 0.0, step_down)


@pytest.mark.parametrize("turned", [("south-up",), ("mirrored",), ("south-up", "mirrored")])
def test_turned_raster_is_read_in_the_usual_order(raster_layer, feedback, values, turned):
    usual = read_raster(raster_layer(values, nodata=-1, geotransform=NORTH_UP, name="usual"), 1, feedback)
    array, geotransform = stored(values, turned)
    raster = read_raster(raster_layer(array, nodata=-1, geotransform=geotransform, name="turned"), 1, feedback)
    np.testing.assert_array_equal(raster.values, usual.values)
    np.testing.assert_array_equal(raster.valid, usual.valid)
    assert raster.grid.geotransform == usual.grid.geotransform
    assert raster.grid.same_grid_as(usual.grid)


@pytest.mark.parametrize("turned", [("south-up",), ("south-up", "mirrored")])
def test_turned_raster_is_read_block_by_block(raster_layer, values, turned):
    array, geotransform = stored(values, turned)
    band = open_band(raster_layer(array, nodata=-1, geotransform=geotransform), 1)
    for first, rows in [(0, 7), (0, 3), (3, 3), (6, 1)]:
        block, valid = band.read(first, rows)
        np.testing.assert_array_equal(valid, (values != -1)[first : first + rows])
        np.testing.assert_array_equal(block[valid], values[first : first + rows][valid])


def test_turned_raster_is_resampled(raster_layer, grid, feedback, values):
    """The same on other cells as the raster stored in the usual order."""
    coarse = grid(3, 3, geotransform=(WEST, 45.0, 0.0, NORTH, 0.0, -45.0))
    usual = align(raster_layer(values, nodata=-1, geotransform=NORTH_UP, name="usual"), 1, coarse, feedback)
    array, geotransform = stored(values, ("south-up",))
    turned = align(raster_layer(array, nodata=-1, geotransform=geotransform, name="turned"), 1, coarse, feedback)
    np.testing.assert_array_equal(turned.values, usual.values)


ROTATED = (WEST, 20.0, 5.0, NORTH, 5.0, -20.0)


def advice(layer, feedback):
    with pytest.raises(QgsProcessingException, match="is rotated") as error:
        read_raster(layer, 1, feedback)
    return str(error.value)


@pytest.mark.parametrize(
    ("dtype", "nodata", "option", "data_type"),
    [
        ("float32", None, "“Nodata value for output bands” to a value that no cell has, such as -9999", 0),
        ("int16", None, "“Nodata value for output bands” to a value that no cell has, such as -9999", 0),
        ("uint8", None, "“Nodata value for output bands” to -9999 and “Output data type” to Float32", 6),
        ("uint16", None, "“Nodata value for output bands” to -9999 and “Output data type” to Float32", 6),
        ("uint8", 255, "“Nodata value for output bands” to 255:", 0),
    ],
)
def test_advice_on_a_rotated_raster_ends_without_zeros(
    raster_layer, feedback, tmp_path, qgis_processing, dtype, nodata, option, data_type
):
    import processing

    layer = raster_layer(np.full((6, 6), 7, dtype), geotransform=ROTATED, nodata=nodata, name="aerial")
    assert option in advice(layer, feedback)
    target = str(tmp_path / "rectified.tif")
    parameters = {"INPUT": layer, "SOURCE_CRS": "EPSG:31985", "TARGET_CRS": "EPSG:31985", "OUTPUT": target}
    parameters |= {"NODATA": -9999 if nodata is None else nodata, "DATA_TYPE": data_type}
    processing.run("gdal:warpreproject", parameters)
    raster = read_raster(QgsRasterLayer(target, "rectified"), 1, feedback)
    assert (raster.values[raster.valid] == 7).all() and not raster.valid[0, 0]


def test_advice_without_the_option_would_end_with_zeros(geotiff):
    """Why the advice names the option."""
    rotated = geotiff(np.full((6, 6), 7, "float32"), geotransform=ROTATED)
    warped = gdal.Warp("", rotated, format="MEM", srcSRS="EPSG:31985", dstSRS="EPSG:31985")
    assert np.frombuffer(warped.GetRasterBand(1).ReadRaster(), np.float32)[0] == 0


@pytest.fixture
def with_control_points(geotiff):
    """A raster that is rotated by control points at its corners."""

    def make(**how):
        path = geotiff(np.full((6, 6), 7, "float32"), geotransform=None, crs=None, name="points", **how)
        dataset = gdal.Open(path, gdal.GA_Update)
        corners = [(0, 0), (6, 0), (0, 6), (6, 6)]
        points = [gdal.GCP(WEST + 20 * c + 5 * r, NORTH + 5 * c - 20 * r, 0, c, r) for c, r in corners]
        dataset.SetGCPs(points, QgsCoordinateReferenceSystem("EPSG:31985").toWkt())
        dataset = None
        return QgsRasterLayer(path, "points")

    return make


def test_control_points_without_nodata_are_rejected(with_control_points, feedback):
    """QGIS rectifies such a raster by itself, with zeros in the corners."""
    with pytest.raises(QgsProcessingException, match="is georeferenced by control points.*“Nodata value"):
        read_raster(with_control_points(), 1, feedback)


def test_control_points_with_nodata_end_without_zeros(with_control_points, feedback):
    raster = read_raster(with_control_points(nodata=-1), 1, feedback)
    assert (raster.values[raster.valid] == 7).all() and not raster.valid[0, 0]
