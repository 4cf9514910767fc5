"""Written rasters hold the result on the grid of the input, or no file is left."""

import os
import resource
import signal

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from permea.plugin.layers import Cancelled, read_raster, write_raster

NAN, INF = np.nan, np.inf


def read_back(path):
    dataset = gdal.Open(str(path))
    kinds = {gdal.GDT_Float32: np.float32, gdal.GDT_Float64: np.float64, gdal.GDT_Int32: np.int32}
    bands = []
    for number in range(1, dataset.RasterCount + 1):
        band = dataset.GetRasterBand(number)
        array = np.empty((dataset.RasterYSize, dataset.RasterXSize), kinds[band.DataType])
        band.ReadRaster(buf_obj=array)
        bands.append(array)
    return np.array(bands), dataset


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (700, 1), (300, 513)])
def test_written_values_are_read_back(tmp_path, grid, feedback, dtype, shape):
    values = np.random.default_rng(2).integers(-1000, 1000, shape).astype(float)
    values[0, 0] = NAN
    path = tmp_path / "distance.tif"
    nodata = write_raster(str(path), values, grid(*shape, nodata=-32768), dtype=dtype, feedback=feedback)
    (band,), dataset = read_back(path)
    assert nodata == -32768 == dataset.GetRasterBand(1).GetNoDataValue()
    np.testing.assert_array_equal(band, np.where(np.isnan(values), -32768, values))
    assert dataset.GetGeoTransform() == (290_000, 30, 0, 9_120_000, 0, -30)
    assert dataset.GetMetadataItem("COMPRESSION", "IMAGE_STRUCTURE") == "DEFLATE"
    assert dataset.GetMetadataItem("PREDICTOR", "IMAGE_STRUCTURE") in ("2", "3", None)
    assert dataset.GetRasterBand(1).GetBlockSize() == [256, 256]


@pytest.mark.parametrize("crs", ["EPSG:31985", "EPSG:4326", "EPSG:3035", "ESRI:54009"])
def test_crs_nodata_and_grid_survive_round_trip(tmp_path, grid, feedback, crs):
    values = np.array([[1.5, NAN, INF], [-2.0, 0.0, 4.0]])
    on = grid(2, 3, nodata=-9999, crs=crs, geotransform=(10.0, 0.5, 0.0, 50.0, 0.0, -0.25))
    path = str(tmp_path / "result.tif")
    write_raster(path, values, on, keep_infinity=True, feedback=feedback)
    layer = QgsRasterLayer(path, "result")
    assert layer.crs().authid() == crs
    raster = read_raster(layer, 1, feedback)
    np.testing.assert_array_equal(raster.values, values)
    np.testing.assert_array_equal(raster.valid, ~np.isnan(values))
    assert raster.grid.same_grid_as(on)


def test_input_raster_survives_round_trip(geotiff, tmp_path, feedback):
    source = QgsRasterLayer(geotiff(np.array([[1, -32768, 3]], "int16"), nodata=-32768), "in")
    first = read_raster(source, 1, feedback)
    path = str(tmp_path / "out.tif")
    assert write_raster(path, first.values, first.grid, feedback=feedback) == -32768
    again = read_raster(QgsRasterLayer(path, "out"), 1, feedback)
    np.testing.assert_array_equal(again.values, first.values)


@pytest.mark.parametrize(
    ("preferred", "dtype", "expected"),
    [
        (-9999, "float32", -9999),
        (255, "float32", 255),
        (None, "float32", -9999),
        (-2147483647, "float32", -9999),  # float32 has no such number: it would become −2147483648
        (-2147483647, "int32", -2147483647),
        (-3.4028234663852886e38, "float32", -3.4028234663852886e38),
        (-3.4028234663852886e38, "int32", -9999),
        (0.1, "float32", -9999),
        (0.1, "float64", 0.1),
        (1e300, "float32", -9999),
        (7, "float32", -9999),  # 7 is a value of the result
        (INF, "float32", -9999),  # so is infinity
        (NAN, "int32", -9999),
    ],
)
def test_nodata_of_input_is_used_if_possible(tmp_path, grid, feedback, preferred, dtype, expected):
    values = np.array([[7.0, NAN, INF if dtype != "int32" else 8.0]])
    path, on = tmp_path / "result.tif", grid(1, 3, nodata=preferred)
    assert write_raster(str(path), values, on, dtype=dtype, keep_infinity=True, feedback=feedback) == expected
    (band,), dataset = read_back(path)
    assert dataset.GetRasterBand(1).GetNoDataValue() == expected
    assert band.tolist() == [[7, np.dtype(dtype).type(expected), values[0, 2]]]


def test_nan_nodata_stays_nan(tmp_path, grid, feedback):
    path = tmp_path / "result.tif"
    assert np.isnan(write_raster(str(path), np.array([[1.0, NAN]]), grid(1, 2, nodata=NAN), feedback=feedback))
    (band,), dataset = read_back(path)
    assert np.isnan(dataset.GetRasterBand(1).GetNoDataValue())
    np.testing.assert_array_equal(band, [[1, NAN]])


def test_result_with_fallback_value_gets_another_nodata(tmp_path, grid, feedback):
    path = tmp_path / "result.tif"
    nodata = write_raster(str(path), np.array([[-9999.0, NAN]]), grid(1, 2), feedback=feedback)
    (band,), _ = read_back(path)
    assert band[0, 0] == -9999
    assert band[0, 1] == nodata == np.finfo(np.float32).min


def test_bands_have_names_and_statistics(tmp_path, grid, feedback):
    bands = np.array([[[1.0, 2.0, 3.0, INF]], [[NAN, NAN, 8.0, 8.0]], [[NAN] * 4]])
    path = tmp_path / "per source.tif"
    names = ["mangrove", "açude", "3"]
    write_raster(str(path), bands, grid(1, 4), band_names=names, keep_infinity=True, feedback=feedback)
    written, dataset = read_back(path)
    assert [dataset.GetRasterBand(n).GetDescription() for n in (1, 2, 3)] == names
    np.testing.assert_array_equal(written[0], [[1, 2, 3, INF]])
    statistics = dataset.GetRasterBand(1).GetStatistics(False, False)
    assert statistics == pytest.approx([1, 3, 2, np.sqrt(2 / 3)])
    assert dataset.GetRasterBand(2).GetStatistics(False, False) == [8, 8, 8, 0]
    assert dataset.GetRasterBand(3).GetMetadata() == {}
    assert not (tmp_path / "per source.tif.aux.xml").exists()


def test_underflow_gives_warning(tmp_path, grid, feedback):
    write_raster(str(tmp_path / "r.tif"), np.array([[1e-60, 0.0, 1.0]]), grid(1, 3), feedback=feedback)
    assert feedback.warnings == ["1 value of 'r.tif' is too small for float32 and is stored as zero."]


@pytest.mark.parametrize("values", [[[1e39, 1.0, NAN]], [[1e-60, 0.0, 1e-50]], [[-1e200, 1e-200, INF]]])
def test_values_outside_single_precision_are_stored_in_double(tmp_path, grid, feedback, values):
    path = tmp_path / "r.tif"
    nodata = write_raster(str(path), np.array(values), grid(1, 3), feedback=feedback)
    (band,), _ = read_back(path)
    expected = np.where(np.isfinite(values), values, nodata)
    np.testing.assert_array_equal(band, expected)
    assert "outside the range of float32 and are stored as float64" in feedback.infos[0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_infinity_becomes_nodata_and_is_counted(tmp_path, grid, feedback, dtype):
    path = tmp_path / "r.tif"
    nodata = write_raster(str(path), np.array([[1.0, INF, NAN, -INF]]), grid(1, 4), dtype=dtype, feedback=feedback)
    (band,), _ = read_back(path)
    assert band.tolist() == [[1, nodata, nodata, nodata]]
    assert feedback.infos == ["'r.tif': 2 cells without a finite value are written as nodata."]


def test_existing_file_and_sidecars_are_replaced(tmp_path, grid, feedback):
    path = tmp_path / "result.tif"
    write_raster(str(path), np.array([[1.0]]), grid(1, 1), feedback=feedback)
    stale = tmp_path / "result.tif.aux.xml"
    stale.write_text("<PAMDataset><PAMRasterBand band='1'><NoDataValue>2</NoDataValue></PAMRasterBand></PAMDataset>")
    write_raster(str(path), np.array([[2.0]]), grid(1, 1), feedback=feedback)
    (band,), dataset = read_back(path)
    assert band == 2
    assert dataset.GetRasterBand(1).GetNoDataValue() == -9999
    assert os.listdir(tmp_path) == ["result.tif"]


def error_message(path, array, grid, feedback, error=QgsProcessingException, **how):
    with pytest.raises(error) as raised:
        write_raster(str(path), np.asarray(array), grid, feedback=feedback, **how)
    return str(raised.value)


@pytest.mark.parametrize(
    ("array", "dtype", "message"),
    [
        ([[1.5, 2.0]], "int32", "not whole numbers between -2147483648 and 2147483647 (the first is 1.5)"),
        ([[INF, 2.0]], "int32", "not whole numbers between -2147483648 and 2147483647 (the first is inf)"),
        ([[3_000_000_000, 2]], "int32", "(the first is 3e+09)"),
    ],
)
def test_unstorable_value_is_rejected(tmp_path, grid, feedback, array, dtype, message):
    path = tmp_path / "r.tif"
    assert message in error_message(path, array, grid(1, 2), feedback, dtype=dtype, keep_infinity=True)
    assert os.listdir(tmp_path) == []


def test_missing_folder_is_rejected(tmp_path, grid, feedback):
    message = error_message(tmp_path / "nowhere" / "r.tif", [[1.0]], grid(1, 1), feedback)
    assert message.startswith(f"'r.tif' cannot be written: the folder '{tmp_path / 'nowhere'}' does not exist.")


def test_other_formats_are_rejected(tmp_path, grid, feedback):
    message = error_message(tmp_path / "r.asc", [[1.0]], grid(1, 1), feedback)
    assert message == "Results are written as GeoTIFF: choose a file name that ends in .tif instead of 'r.asc'."


def test_wrong_shape_is_rejected(tmp_path, grid, feedback):
    message = error_message(tmp_path / "r.tif", [[1.0, 2.0]], grid(2, 1), feedback)
    assert "the result has the shape (1, 1, 2), but its input 2 × 1" in message


def test_wrong_number_of_band_names_is_rejected(tmp_path, grid, feedback):
    message = error_message(tmp_path / "r.tif", np.ones((2, 1, 1)), grid(1, 1), feedback, band_names=["only one"])
    assert message == "'r.tif' has 2 bands but 1 band names."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_folder_without_permission_is_rejected(tmp_path, grid, feedback):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert "No permission" in error_message(closed / "r.tif", [[1.0]], grid(1, 1), feedback)


@pytest.fixture
def full_disk():
    """Limit files to 64 kB, to simulate a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("exceptions", [False, True])
def test_full_disk_is_reported_and_old_file_preserved(tmp_path, grid, feedback, full_disk, exceptions):
    path = tmp_path / "r.tif"
    write_raster(str(path), np.array([[5.0]]), grid(1, 1), feedback=feedback)
    before = path.read_bytes()
    noise = np.random.default_rng(3).random((400, 400))
    (gdal.UseExceptions if exceptions else gdal.DontUseExceptions)()
    try:
        message = error_message(path, noise, grid(400, 400), feedback)
    finally:
        gdal.DontUseExceptions()
    assert f"cannot be written to '{tmp_path}'" in message
    assert "the disk is full" in message
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["r.tif"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("exceptions", [False, True])
def test_full_disk_at_last_tile_is_reported(tmp_path, grid, feedback, full_disk, exceptions):
    # 150 × 250 float32 of noise: a single tile, which GDAL holds back until the file is closed.
    noise = np.random.default_rng(3).random((150, 250))
    (gdal.UseExceptions if exceptions else gdal.DontUseExceptions)()
    try:
        assert "the disk is full" in error_message(tmp_path / "r.tif", noise, grid(150, 250), feedback)
    finally:
        gdal.DontUseExceptions()
    assert os.listdir(tmp_path) == []


def test_cancelled_writing_leaves_no_file(tmp_path, grid, feedback):
    feedback.cancel()
    error_message(tmp_path / "r.tif", [[1.0]], grid(1, 1), feedback, error=Cancelled)
    assert os.listdir(tmp_path) == []
