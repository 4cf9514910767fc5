"""Values and nodata of all kinds of raster layers are read as QGIS shows them."""

import gc
import weakref

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessingException,
    QgsRasterLayer,
    QgsRasterRange,
)

from permea.plugin.layers import Cancelled, read_raster
from permea.plugin.layers.bands.gdal_band import GdalBand
from permea.plugin.layers.bands.provider_band import ProviderBand

NAN = np.nan


def same(actual, expected):
    np.testing.assert_array_equal(actual, np.array(expected, float))


@pytest.mark.parametrize(
    ("dtype", "nodata", "hole"),
    [
        ("int16", -32768, -32768),
        ("uint8", 255, 255),
        ("uint16", 0, 0),
        ("int32", -2147483648, -2147483648),
        ("float32", -9999, -9999),
        ("float32", NAN, NAN),
        ("float32", -3.4028234663852886e38, np.finfo("float32").min),
        ("float32", 0.1, 0.1),
        ("float64", NAN, NAN),
        ("float64", -1e300, -1e300),
    ],
)
def test_nodata_of_every_data_type(raster_layer, feedback, dtype, nodata, hole):
    layer = raster_layer(np.array([[1, hole, 3], [4, 5, hole]], dtype), nodata=nodata)
    raster = read_raster(layer, 1, feedback)
    assert raster.values.dtype == np.float64
    same(raster.values, [[1, NAN, 3], [4, 5, NAN]])
    same(raster.valid, [[True, False, True], [True, True, False]])
    assert raster.grid.nodata == pytest.approx(nodata, nan_ok=True)


def test_unrepresentable_nodata_matches_no_other_cell(raster_layer, feedback):
    raster = read_raster(raster_layer(np.array([[241, 0, 254]], "uint8"), nodata=-9999), 1, feedback)
    assert raster.valid.all()
    assert "If 241 (1 cell) marks missing data" in feedback.warnings[0]


def test_scale_and_offset_do_not_affect_nodata(raster_layer, feedback):
    layer = raster_layer(np.array([[10, -1, 30]], "int16"), nodata=-1, scale=0.1, offset=2)
    same(np.round(read_raster(layer, 1, feedback).values, 12), [[3, NAN, 5]])


def test_user_nodata_is_nodata(raster_layer, feedback):
    layer = raster_layer(np.array([[0.0, 1.0, 2.0, 5.0, 7.0]]), nodata=7)
    bounds = QgsRasterRange.BoundsType
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(0, 0), QgsRasterRange(1, 5, bounds.IncludeMax)])
    same(read_raster(layer, 1, feedback).values, [[NAN, 1, NAN, NAN, NAN]])


def test_disabled_nodata_value_is_a_value(raster_layer, feedback):
    layer = raster_layer(np.array([[1.0, 7.0]]), nodata=7)
    layer.dataProvider().setUseSourceNoDataValue(1, False)
    raster = read_raster(layer, 1, feedback)
    same(raster.values, [[1, 7]])
    assert raster.grid.nodata is None


def test_undeclared_nan_stays_valid(raster_layer, feedback):
    raster = read_raster(raster_layer(np.array([[1, NAN, -1]], "float32"), nodata=-1), 1, feedback)
    same(raster.valid, [[True, True, False]])
    assert np.isnan(raster.values[0, 1])


def test_mask_band_marks_nodata(geotiff, feedback):
    path = geotiff(np.array([[1.0, 2.0, 3.0]]))
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.CreateMaskBand(gdal.GMF_PER_DATASET)
    dataset.GetRasterBand(1).GetMaskBand().WriteRaster(0, 0, 3, 1, bytes([255, 0, 255]))
    dataset = None
    same(read_raster(QgsRasterLayer(path, "masked"), 1, feedback).valid, [[True, False, True]])


def test_bands_are_read_separately(raster_layer, feedback):
    bands = np.arange(18, dtype="float32").reshape(3, 2, 3)
    layer = raster_layer(bands)
    for number in (1, 2, 3):
        same(read_raster(layer, number, feedback).values, bands[number - 1])


@pytest.mark.parametrize("shape", [(1, 7), (7, 1), (1, 1)])
def test_single_row_column_and_cell(raster_layer, feedback, shape):
    values = np.arange(1.0, 1 + np.prod(shape)).reshape(shape)
    same(read_raster(raster_layer(values), 1, feedback).values, values)


def test_gdal_vrt_uses_its_own_nodata(geotiff, tmp_path, feedback):
    path = str(tmp_path / "mosaic.vrt")
    gdal.BuildVRT(path, [geotiff(np.array([[1.0, 2.0, 3.0]]))], srcNodata=2, VRTNodata=-5).FlushCache()
    raster = read_raster(QgsRasterLayer(path, "mosaic"), 1, feedback)
    same(raster.values, [[1, NAN, 3]])
    assert raster.grid.nodata == -5


def test_vsimem_raster_is_read(geotiff, feedback):
    path = geotiff(np.array([[1.0, 2.0]]), path="/vsimem/permea-test.tif")
    same(read_raster(QgsRasterLayer(path, "in memory"), 1, feedback).values, [[1, 2]])
    gdal.Unlink(path)


def test_open_options_are_used(geotiff, feedback):
    path = geotiff(np.array([[1.0, 2.0]]))
    layer = QgsRasterLayer(path + "|option:NUM_THREADS=1", "with option")
    assert layer.isValid()
    assert GdalBand.of(layer, 1) is not None
    same(read_raster(layer, 1, feedback).values, [[1, 2]])


def test_qgis_virtual_raster_is_read_through_provider(raster_layer, feedback):
    from qgis.core import QgsProject

    landscape = raster_layer(np.array([[1, -1, 3], [4, 5, 6]], "float32"), nodata=-1)
    QgsProject.instance().addMapLayer(landscape)
    extent = landscape.extent()
    box = ",".join(str(v) for v in (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()))
    uri = (
        f"?crs=EPSG:31985&extent={box}&width=3&height=2&formula=%22landscape@1%22%20*%202"
        f"&landscape:uri={landscape.source()}&landscape:provider=gdal"
    )
    twice = QgsRasterLayer(uri, "twice", "virtualraster")
    assert twice.isValid()
    raster = read_raster(twice, 1, feedback)
    QgsProject.instance().clear()
    same(raster.values, [[2, NAN, 6], [8, 10, 12]])
    assert raster.grid.geotransform == pytest.approx((290_000, 30, 0, 9_120_000, 0, -30))


@pytest.mark.parametrize("user_nodata", [False, True])
@pytest.mark.parametrize("how", [{}, {"nodata": 3}, {"nodata": 3, "scale": 0.5, "offset": 100}])
def test_gdal_and_provider_agree(raster_layer, how, user_nodata):
    layer = raster_layer(np.arange(35, dtype="int16").reshape(5, 7), **how)
    if user_nodata:
        layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(5, 8)])
    through_gdal, through_qgis = GdalBand.of(layer, 1), ProviderBand(layer, 1)
    assert through_gdal.grid.same_grid_as(through_qgis.grid)
    for first, rows in [(0, 5), (1, 2), (4, 1)]:
        values, valid = through_gdal.read(first, rows)
        others, others_valid = through_qgis.read(first, rows)
        same(valid, others_valid)
        np.testing.assert_allclose(values[valid], others[valid], rtol=1e-6)


def test_large_raster_is_read_in_blocks_with_progress(raster_layer, feedback):
    values = np.arange(1500 * 1500, dtype="float32").reshape(1500, 1500)
    same(read_raster(raster_layer(values), 1, feedback).values, values)
    assert len(feedback.percents) > 1
    assert feedback.percents[-1] == 100


def test_reading_can_be_cancelled(raster_layer, feedback):
    feedback.cancel()
    with pytest.raises(Cancelled):
        read_raster(raster_layer(np.ones((3, 3))), 1, feedback)


def test_geographic_grid_is_preserved(raster_layer, feedback):
    geotransform = (-35.0, 0.25, 0, -8.0, 0, -0.5)
    raster = read_raster(raster_layer(np.ones((2, 3)), geotransform=geotransform, crs="EPSG:4326"), 1, feedback)
    assert raster.grid.pixel_size == (0.5, 0.25)
    assert raster.grid.crs.authid() == "EPSG:4326"


def test_raster_without_georeference_is_read(raster_layer, feedback):
    raster = read_raster(raster_layer(np.array([[1.0, 2.0]]), geotransform=None, crs=None), 1, feedback)
    same(raster.values, [[1, 2]])
    assert raster.grid.pixel_size == (1, 1)


def error_message(layer, feedback, band=1):
    with pytest.raises(QgsProcessingException) as error:
        read_raster(layer, band, feedback)
    return str(error.value)


def test_rotated_raster_is_rejected(raster_layer, feedback):
    layer = raster_layer(np.ones((4, 4)), geotransform=(0, 20, 5, 0, 5, -20), name="aerial")
    message = error_message(layer, feedback)
    assert "'aerial' is rotated" in message
    assert "Warp" in message


def test_header_rounding_is_not_a_rotation(raster_layer, feedback):
    layer = raster_layer(np.ones((4, 4)), geotransform=(0, 30, 1e-9, 0, 1e-9, -30))
    assert read_raster(layer, 1, feedback).valid.all()


def test_missing_band_is_rejected(raster_layer, feedback):
    message = error_message(raster_layer(np.ones((3, 2, 2))), feedback, band=4)
    assert message == "'landscape' has no band 4: its bands are numbered from 1 to 3."


def test_complex_values_are_rejected(raster_layer, feedback):
    message = error_message(raster_layer(np.ones((2, 2), "complex64"), name="radar"), feedback)
    assert "'radar': band 1 holds CFloat32 values, but a landscape needs real numbers." in message


def test_layer_with_missing_file_is_rejected(feedback):
    message = error_message(QgsRasterLayer("gone.tif", "gone"), feedback)
    assert message == "The raster layer 'gone' cannot be opened. Does its file still exist?"


def test_damaged_file_is_rejected(geotiff, feedback):
    path = geotiff(np.random.default_rng(1).random((400, 400)))
    with open(path, "r+b") as file:
        file.truncate(200_000)
    message = error_message(QgsRasterLayer(path, "damaged"), feedback)
    assert "'damaged' cannot be read at row" in message
    assert "its data are damaged or incomplete" in message


@pytest.mark.parametrize("exceptions", [False, True])
def test_damaged_file_is_detected_with_any_gdal_exception_setting(geotiff, feedback, exceptions):
    path = geotiff(np.random.default_rng(1).random((400, 400)))
    with open(path, "r+b") as file:
        file.truncate(200_000)
    layer = QgsRasterLayer(path, "damaged")
    (gdal.UseExceptions if exceptions else gdal.DontUseExceptions)()
    try:
        assert "cannot be read" in error_message(layer, feedback)
        assert bool(gdal.GetUseExceptions()) == exceptions
    finally:
        gdal.DontUseExceptions()


@pytest.mark.parametrize("kind", [GdalBand.of, ProviderBand])
def test_file_is_closed_as_soon_as_the_band_is_gone(raster_layer, kind):
    """Not only by the next collection of garbage: an open file cannot be replaced on Windows."""
    layer = raster_layer(np.ones((3, 4), np.float32), nodata=-1)
    band = kind(layer, 1)
    band.read(0, 3)
    known = weakref.ref(band)
    gc.disable()
    try:
        del band
        assert known() is None
    finally:
        gc.enable()
