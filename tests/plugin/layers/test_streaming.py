"""Streaming a raster block by block gives the same arrays and the same errors as reading it at once."""

import resource
import signal

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException

from permea.plugin.layers import (
    Cancelled,
    align,
    open_band,
    read_raster,
    stream_landscape,
    stream_quality,
    write_raster,
)
from permea.plugin.layers.bands import reader
from permea.plugin.layers.outputs.statistics import Statistics
from permea.plugin.npy_file import NpyFile, written_by_rows

WEST, NORTH = 290_000.0, 9_120_000.0


@pytest.fixture
def rows_of_two(monkeypatch):
    """Blocks of two rows of ten cells each."""
    monkeypatch.setattr(reader, "CELLS_PER_BLOCK", 20)
    monkeypatch.setattr(reader, "MAX_CELLS_PER_BLOCK", 20)


@pytest.fixture
def land(raster_layer):
    """A layer of 7 × 10 cells of permeability, with holes."""

    def layer(change=None, **how):
        values = np.random.default_rng(5).uniform(0.1, 1.0, (7, 10))
        values[2, 3:6] = -1.0
        if change is not None:
            change(values)
        return raster_layer(values, nodata=-1.0, name="land", **how)

    return layer


def streamed(layer, folder, feedback, values="permeability"):
    return stream_landscape(open_band(layer, 1), values, folder, feedback)


def error_message(*arguments, **how):
    with pytest.raises(QgsProcessingException) as error:
        streamed(*arguments, **how)
    return str(error.value)


def test_streamed_landscape_equals_raster_in_memory(land, rows_of_two, tmp_path, feedback):
    layer = land()
    whole, on_disk = read_raster(layer, 1, feedback), streamed(layer, tmp_path, feedback)
    np.testing.assert_array_equal(on_disk.values[:], whole.values)
    np.testing.assert_array_equal(on_disk.valid[:], whole.valid)
    assert (on_disk.grid, on_disk.name, on_disk.valid_cells) == (whole.grid, "land", whole.valid_cells)
    assert feedback.percents[-1] == 100


def test_negative_cells_are_counted_across_blocks(land, rows_of_two, tmp_path, feedback):
    def make_wrong(values):
        values[3, 8] = -5.0
        values[6, 0:2] = -7.0

    message = error_message(land(make_wrong), tmp_path, feedback)
    assert message.startswith("'land': permeability is negative in 3 cells, the first at row 4, column 9 (-5).")


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (
            np.nan,
            "permeability",
            "NaN (not a number) but not marked as nodata in 2 cells, the first at row 6, column 2",
        ),
        (np.inf, "permeability", "the value is infinite in 2 cells, the first at row 6, column 2 (inf)"),
        (0.0, "resistance", "resistance is zero in 2 cells, the first at row 6, column 2 (0)"),
    ],
)
def test_other_invalid_cells_are_counted_across_blocks(land, rows_of_two, tmp_path, feedback, value, kind, message):
    def make_wrong(values):
        values[5:7, 1] = value

    assert message in error_message(land(make_wrong), tmp_path, feedback, values=kind)


@pytest.mark.parametrize(("value", "message"), [(0.0, "so nothing can move"), (-1.0, "every cell is nodata")])
def test_empty_landscape_is_rejected(land, rows_of_two, tmp_path, feedback, value, message):
    assert message in error_message(land(lambda values: values.fill(value)), tmp_path, feedback)


def test_file_with_one_large_block_is_read_in_parts(geotiff, rows_of_two, tmp_path, feedback, monkeypatch):
    from qgis.core import QgsRasterLayer

    from permea.plugin.layers.bands.gdal_band import GdalBand

    plain = geotiff(np.ones((7, 10)), name="plain")
    gdal.Translate(str(tmp_path / "one.tif"), plain, creationOptions=["BLOCKYSIZE=7", "COMPRESS=DEFLATE"])
    read, heights = GdalBand.read, []
    monkeypatch.setattr(GdalBand, "read", lambda self, *where: heights.append(where[1]) or read(self, *where))
    streamed(QgsRasterLayer(str(tmp_path / "one.tif"), "one"), tmp_path, feedback)
    assert heights == [2, 2, 2, 1]


@pytest.mark.parametrize("whole_numbers", [False, True])
@pytest.mark.parametrize("pixel", [30.0, 17.0, 75.0])
def test_streamed_quality_equals_aligned_raster(
    land, raster_layer, rows_of_two, tmp_path, feedback, pixel, whole_numbers
):
    landscape = streamed(land(), tmp_path, feedback)
    values = np.random.default_rng(6).uniform(0, 9, (9, 11))
    values[4, 4:6] = -1
    values = np.rint(values) if whole_numbers else values
    layer = raster_layer(values, nodata=-1, geotransform=(WEST, pixel, 0, NORTH, 0, -pixel), name="quality")
    expected = align(layer, 1, landscape.grid, feedback)
    warnings = feedback.warnings[:]
    quality = stream_quality(open_band(layer, 1), landscape, tmp_path, feedback)
    np.testing.assert_allclose(quality[:], np.where(expected.valid, expected.values, 0.0), rtol=1e-12)
    assert feedback.warnings == warnings * 2 and "resampled" in warnings[0]
    assert sorted(path.name for path in tmp_path.glob("*.npy")) == ["landscape.npy", "quality.npy", "valid.npy"]
    assert not (tmp_path / "to-be-resampled.tif").exists()


def test_invalid_quality_is_counted_across_blocks(land, raster_layer, rows_of_two, tmp_path, feedback):
    landscape = streamed(land(), tmp_path, feedback)

    def quality_error(values):
        with pytest.raises(QgsProcessingException) as error:
            stream_quality(open_band(raster_layer(values, name="quality"), 1), landscape, tmp_path, feedback)
        return str(error.value)

    bad = np.ones((7, 10))
    bad[4:7, 2] = -3.0
    assert "3 cells of 'quality' are negative or infinite, the first at row 5, column 3 (-3)" in quality_error(bad)
    only_in_a_hole = np.zeros((7, 10))
    only_in_a_hole[2, 4] = 1.0
    assert "'quality' is 0 or nodata in every passable cell of 'land'" in quality_error(only_in_a_hole)


def test_full_disk_is_reported(land, tmp_path, feedback):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    layer = land()
    resource.setrlimit(resource.RLIMIT_FSIZE, (256, limits[1]))
    try:
        message = error_message(layer, tmp_path, feedback)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert f"cannot be written to {tmp_path}" in message and "Free disk space" in message


def test_streaming_can_be_cancelled(land, rows_of_two, tmp_path, feedback):
    feedback.progressChanged.connect(feedback.cancel)
    with pytest.raises(Cancelled):
        streamed(land(), tmp_path, feedback)


def test_writing_from_disk_equals_writing_from_memory(tmp_path, grid, feedback):
    values = np.random.default_rng(2).normal(3.0, 1.0, (600, 300))
    values[5:9] = np.nan
    with written_by_rows(tmp_path / "result.npy", values.shape, float) as append:
        append(values)
    first, second = tmp_path / "memory.tif", tmp_path / "disk.tif"
    write_raster(str(first), values, grid(*values.shape), feedback=feedback)
    write_raster(str(second), NpyFile(tmp_path / "result.npy"), grid(*values.shape), feedback=feedback)
    assert first.read_bytes() == second.read_bytes()
    dataset = gdal.Open(str(second))
    statistics = dataset.GetRasterBand(1).GetStatistics(False, False)
    finite = values[np.isfinite(values)]
    assert statistics == pytest.approx([finite.min(), finite.max(), finite.mean(), finite.std()], rel=1e-12)


def test_statistics_of_blocks_with_large_mean():
    values = 1e9 + np.random.default_rng(4).normal(0, 1, 10_000)
    statistics = Statistics()
    for part in np.array_split(values, 7):
        statistics.add(part)
    assert statistics.deviation == pytest.approx(values.std(), rel=1e-6)
    assert statistics.mean == pytest.approx(values.mean(), rel=1e-15)


@pytest.mark.parametrize("values", [[1e300, -1e300], [1e300, 1e-300], [5e-324, 1.7e308]])
def test_statistics_of_extreme_values_are_numbers(values):
    statistics = Statistics()
    for value in values:
        statistics.add(np.array([value]))
    assert (statistics.minimum, statistics.maximum) == (min(values), max(values))
    assert statistics.deviation > 0


@pytest.mark.parametrize(("dtype", "small"), [("float32", 1.0), ("int32", 0)])
def test_overviews_ignore_nodata(tmp_path, grid, feedback, dtype, small):
    values = np.tile([[0.0, 2.0], [np.nan, 1.0]], (3, 3000))
    path = str(tmp_path / "long.tif")
    write_raster(path, values, grid(*values.shape), dtype=dtype, feedback=feedback)
    dataset = gdal.Open(path)
    band = dataset.GetRasterBand(1)
    sizes = [band.GetOverview(number).XSize for number in range(band.GetOverviewCount())]
    assert sizes == [3000, 1500, 750, 375]
    half = np.frombuffer(band.GetOverview(0).ReadRaster(buf_type=gdal.GDT_Float64))
    assert set(half) == {small}
    assert not list(tmp_path.glob("*.ovr"))


def test_small_raster_has_no_overviews(tmp_path, grid, feedback):
    path = str(tmp_path / "short.tif")
    write_raster(path, np.ones((2, 4096)), grid(2, 4096), feedback=feedback)
    dataset = gdal.Open(path)
    assert dataset.GetRasterBand(1).GetOverviewCount() == 0
