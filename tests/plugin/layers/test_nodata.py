"""Nodata that was rounded, that the data type cannot hold, or that nobody declared."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer, QgsRasterRange

from permea.plugin.layers import open_band, read_raster, stream_landscape

FLOAT32_MIN, FLOAT32_MAX = float(np.finfo("float32").min), float(np.finfo("float32").max)


def holes(layer, feedback):
    return np.flatnonzero(~read_raster(layer, 1, feedback).valid.ravel()).tolist()


@pytest.mark.parametrize(
    ("dtype", "declared", "marks"),
    [
        ("uint8", -9999, 255),
        ("uint8", -1, 255),
        ("uint8", 65535, 255),
        ("uint8", np.nan, 255),
        ("uint8", -3.4e38, 255),
        ("uint16", -9999, 65535),
        ("uint16", -9999, 55537),  # the bits of −9999
        ("uint16", -1, 65535),
        ("int16", 65535, -1),
        ("int16", -99999, -32768),
        ("int16", 1e20, 32767),
        ("int32", -3.4e38, -(2**31)),
    ],
)
def test_value_in_place_of_one_that_the_type_cannot_hold(raster_layer, feedback, dtype, declared, marks):
    layer = raster_layer(np.array([[1, marks, 3], [100, 0, marks]], dtype), nodata=declared)
    assert holes(layer, feedback) == [1, 5]
    [warning] = feedback.warnings
    assert f"which its data type ({dtype}) cannot hold. {marks}, far from all other values" in warning
    assert "(2 cells)" in warning


def test_value_among_others_is_not_taken_as_nodata_but_named(raster_layer, feedback):
    layer = raster_layer(np.array([[100, 254, 255]], "uint8"), nodata=-9999)
    assert holes(layer, feedback) == []
    assert any("If 255 (1 cell) marks missing data, declare it as nodata" in text for text in feedback.warnings)


@pytest.mark.parametrize(("dtype", "declared", "mark"), [("uint8", -9999, 241), ("int16", 99999, -31073)])
def test_last_bits_of_a_value_that_the_type_cannot_hold_are_named(raster_layer, feedback, dtype, declared, mark):
    layer = raster_layer(np.array([[10, mark, 30]], dtype), nodata=declared)
    assert holes(layer, feedback) == []
    assert any(f"If {mark} (1 cell) marks missing data, declare it as nodata" in text for text in feedback.warnings)


@pytest.mark.parametrize(
    ("dtype", "mark", "scale"), [("uint8", 255, 0.5), ("int16", 32767, 0.01), ("int16", 9999, 0.001)]
)
def test_undeclared_nodata_of_scaled_values_is_named(raster_layer, feedback, dtype, mark, scale):
    values = np.arange(1, 101).reshape(10, 10).astype(dtype)
    values[3, 4:6] = mark
    read_raster(raster_layer(values, scale=scale), 1, feedback)
    assert "(2 cells) is far outside all other values" in feedback.warnings[0]


@pytest.mark.parametrize("nodata", [-1.7976931348623157e308, 1e300])
def test_double_precision_nodata_of_single_precision_cells(raster_layer, feedback, nodata):
    limit = np.copysign(FLOAT32_MAX, nodata)
    values = np.array([[1, limit, np.copysign(np.inf, nodata), 4]], "float32")
    assert holes(raster_layer(values, nodata=nodata), feedback) == [1, 2]
    assert "the limit of the type is taken as nodata" in feedback.warnings[0]


@pytest.mark.parametrize(
    ("dtype", "declared", "stored"),
    [
        ("float32", -3.40282e38, FLOAT32_MIN),
        ("float64", -3.40282e38, FLOAT32_MIN),
        ("float64", -3.4028235e38, FLOAT32_MIN),
        ("float64", -1.79769e308, -1.7976931348623157e308),
        ("float64", 1.70141e38, 1.7014118346046923e38),
        ("float64", 0.1, float(np.float32(0.1))),
        ("float64", -9999.99, float(np.float32(-9999.99))),
        ("float64", -1234.57, -1234.5678),
        ("float32", 1e20, float(np.float32(1e20))),
    ],
)
def test_declared_nodata_differs_by_rounding(raster_layer, feedback, dtype, declared, stored):
    values = np.array([[1.0, stored, 3.0], [stored, 5.0, 6.0]], dtype)
    assert holes(raster_layer(values, nodata=declared), feedback) == [1, 3]


def test_rounded_nodata_in_an_ascii_grid(tmp_path, feedback):
    path = tmp_path / "grid.asc"
    header = "ncols 3\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 30\nNODATA_value -3.40282e+38\n"
    path.write_text(header + "1.5 -3.4028234663852886e+38 2\n")
    assert holes(QgsRasterLayer(str(path), "grid"), feedback) == [1]


def test_rounding_is_named_once(raster_layer, feedback):
    values = np.where(np.arange(1500 * 1500) % 7, 1.0, FLOAT32_MIN).reshape(1500, 1500)
    layer = raster_layer(values, nodata=-3.40282e38)
    assert read_raster(layer, 1, feedback).valid.sum() == (values == 1).sum()
    assert len(feedback.warnings) == 1
    assert "the same number rounded, and are taken as nodata" in feedback.warnings[0]


def test_measurements_near_the_declared_nodata_stay(raster_layer, feedback):
    values = np.array([[100.0, 100.0001, 99.99999, 100.0002]])
    assert holes(raster_layer(values, nodata=100), feedback) == [0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mark", [-0.1, -3.4028235e38, -9999.5, -1e-7])
def test_printed_value_works_when_typed_back(raster_layer, feedback, dtype, mark, tmp_path):
    layer = raster_layer(np.array([[1, mark, 3]], dtype))
    with pytest.raises(QgsProcessingException) as refused:
        stream_landscape(open_band(layer, 1), "resistance", tmp_path, feedback)
    printed = str(refused.value).partition("column 2 (")[2].partition(")")[0]
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(float(printed), float(printed))])
    assert holes(layer, feedback) == [1]
    assert layer.dataProvider().block(1, layer.extent(), 3, 1).isNoData(0, 1)  # in QGIS too


@pytest.mark.parametrize("typed", [-3.40282e38, -3.4028235e38])
def test_typed_nodata_differs_by_rounding(raster_layer, feedback, typed):
    layer = raster_layer(np.array([[1, FLOAT32_MIN, 3]], "float32"))
    layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(typed, typed)])
    assert holes(layer, feedback) == [1]


@pytest.mark.parametrize(
    ("dtype", "mark"),
    [
        ("float32", FLOAT32_MAX),
        ("float64", 1e30),
        ("float32", 1e20),
        ("uint16", 65535),
        ("uint8", 255),
        ("int16", 32767),
        ("float32", 65535),
        ("int32", 9999),
        ("int32", 2**31 - 1),
        ("float32", 99999),
    ],
)
def test_undeclared_nodata_is_named(raster_layer, feedback, dtype, mark):
    values = np.arange(1, 101).reshape(10, 10).astype(dtype)
    values[3, 4:6] = mark
    assert read_raster(raster_layer(values), 1, feedback).valid.all()
    [warning] = feedback.warnings
    assert warning.startswith(f"'landscape': {mark:.17g} (2 cells)" if mark < 1e15 else "'landscape': ")
    assert "(2 cells) is far outside all other values (the next is 100)" in warning
    assert "declare it as nodata" in warning


def test_several_marks_are_named(raster_layer, feedback):
    values = np.append(np.linspace(1, 100, 20), [1e36, FLOAT32_MAX, 1e37])[None]
    read_raster(raster_layer(values), 1, feedback)
    assert "values up to 3.4028234663852886e+38 (3 cells) are far larger than all others" in feedback.warnings[0]


def test_far_smaller_values_are_named(raster_layer, feedback):
    values = np.append(np.linspace(0.1, 1, 20), [1.1754943508222875e-38])[None]
    read_raster(raster_layer(values), 1, feedback)
    assert "values down to 1.1754943508222875e-38 (1 cell) are far smaller than all others" in feedback.warnings[0]


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 255, 0]], "uint8"),
        np.arange(256, dtype="uint8")[None],
        np.array([[1.0, 10.0, 1000.0, 10000.0]]),
        np.array([[1e-6, 1.0, 0.0]]),
        np.exp(np.random.default_rng(1).normal(0, 4, (40, 40))),
        np.full((3, 3), 65535, "uint16"),
        np.array([[2_000_001, 2_000_002]], "int32"),
    ],
)
def test_ordinary_values_are_not_named(raster_layer, feedback, values):
    read_raster(raster_layer(values), 1, feedback)
    assert feedback.warnings == []


def test_provider_reads_rounded_nodata_alike(raster_layer, feedback):
    from permea.plugin.layers.bands.provider_band import ProviderBand

    layer = raster_layer(np.array([[1.0, FLOAT32_MIN, 3.0]]), nodata=-3.40282e38)
    band = ProviderBand(layer, 1)
    assert band.read(0, 1)[1].tolist() == [[True, False, True]]
    assert len(band.notes) == 1


def test_signed_bytes_in_an_old_file(tmp_path, feedback):
    path = str(tmp_path / "signed.tif")
    made = gdal.GetDriverByName("GTiff").Create(path, 3, 1, 1, gdal.GDT_Byte, options=["PIXELTYPE=SIGNEDBYTE"])
    if made is None:
        pytest.skip("this GDAL has a type for signed bytes")
    made.SetGeoTransform((0, 30, 0, 0, 0, -30))
    made.GetRasterBand(1).SetNoDataValue(-1)
    made.GetRasterBand(1).WriteRaster(0, 0, 3, 1, bytes([1, 255, 3]))
    made = None
    assert holes(QgsRasterLayer(path, "signed"), feedback) == [1]
