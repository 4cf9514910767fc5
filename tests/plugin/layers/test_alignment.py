"""Alignment of a raster to the grid of the landscape, with a warning in the log."""

import numpy as np
import pytest
from qgis.core import QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsProcessingException, QgsProject

from permea.plugin.layers import align, read_raster

WEST, NORTH = 290_000.0, 9_120_000.0


def test_raster_on_same_grid_is_unchanged(raster_layer, grid, feedback):
    values = np.random.default_rng(0).random((4, 5))
    aligned = align(raster_layer(values), 1, grid(4, 5), feedback)
    np.testing.assert_array_equal(aligned.values, values)
    assert feedback.warnings == []


def test_same_grid_tolerates_header_rounding(grid):
    shifted = (WEST + 1e-6, 30.0, 0.0, NORTH, 0.0, -30.0 - 1e-9)
    assert grid(1000, 1000).same_grid_as(grid(1000, 1000, geotransform=shifted))


def test_grid_shifted_by_half_a_pixel_differs(grid):
    assert not grid(4, 5).same_grid_as(grid(4, 5, geotransform=(WEST + 15, 30.0, 0.0, NORTH, 0.0, -30.0)))


def test_grid_with_another_crs_differs(grid):
    assert not grid(4, 5).same_grid_as(grid(4, 5, crs="EPSG:31984"))


def test_classes_are_resampled_by_nearest_neighbour(raster_layer, grid, feedback):
    # 15 m cells of classes onto 30 m: every class that comes out went in.
    classes = np.random.default_rng(0).choice([3, 17, 40], (8, 10)).astype("uint8")
    layer = raster_layer(classes, geotransform=(WEST, 15, 0, NORTH, 0, -15), nodata=0, name="land cover")
    aligned = align(layer, 1, grid(4, 5), feedback)
    assert aligned.values.shape == (4, 5)
    assert set(np.unique(aligned.values)) <= {3, 17, 40}
    assert aligned.valid.all()


def test_bilinear_resampling_is_exact_on_a_plane(raster_layer, grid, feedback):
    # A plane in x and y, shifted by half a pixel: bilinear interpolation is exact on it.
    rows, columns = np.mgrid[:8, :9]
    plane = 0.5 * rows + 0.25 * columns + 0.125
    layer = raster_layer(plane, geotransform=(WEST - 75, 30, 0, NORTH + 45, 0, -30), name="slope")
    aligned = align(layer, 1, grid(4, 5), feedback)
    # The grid's cell (0, 0) lies 1.5 rows down and 2.5 columns right of the layer's.
    rows, columns = np.mgrid[:4, :5]
    np.testing.assert_allclose(aligned.values, 0.5 * (rows + 1.5) + 0.25 * (columns + 2.5) + 0.125, atol=1e-9)


def test_log_names_layer_and_both_grids(raster_layer, grid, feedback):
    layer = raster_layer(np.ones((2, 2)), geotransform=(WEST, 60, 0, NORTH, 0, -60), name="quality")
    align(layer, 1, grid(4, 5), feedback)
    assert feedback.warnings == [
        "'quality' is not on the grid of the landscape and was resampled (nearest neighbour, because it holds "
        "integers) from 2 × 2 cells of 60 × 60 m, EPSG:31985 to 4 × 5 cells of 30 × 30 m, EPSG:31985; "
        "it has values in 16 of 20 cells."
    ]


def test_nodata_stays_nodata_and_does_not_spread(raster_layer, grid, feedback):
    values = np.full((4, 5), 2.5)
    values[1, 1] = -9999
    layer = raster_layer(values, nodata=-9999, geotransform=(WEST, 60, 0, NORTH, 0, -60))
    aligned = align(layer, 1, grid(8, 10), feedback)
    assert not aligned.valid[2:4, 2:4].any()
    assert aligned.valid.sum() == 76
    np.testing.assert_allclose(aligned.values[aligned.valid], 2.5)


def test_raster_in_degrees_is_reprojected(raster_layer, grid, feedback):
    # A raster in degrees that says of each cell how far north it is: on the UTM grid it must say the same.
    to_degrees = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:31985"), QgsCoordinateReferenceSystem("EPSG:4674"), QgsProject.instance()
    )
    corner = to_degrees.transform(WEST - 200, NORTH + 200)
    pixel = 0.0005
    latitudes = corner.y() - pixel * (np.arange(20) + 0.5)
    layer = raster_layer(
        np.repeat(latitudes[:, None], 20, 1),
        geotransform=(corner.x(), pixel, 0, corner.y(), 0, -pixel),
        crs="EPSG:4674",
    )
    aligned = align(layer, 1, grid(4, 5), feedback)
    for row, column in [(0, 0), (3, 4), (2, 1)]:
        expected = to_degrees.transform(WEST + 30 * (column + 0.5), NORTH - 30 * (row + 0.5)).y()
        assert aligned.values[row, column] == pytest.approx(expected, abs=1e-7)


def error_message(layer, grid, feedback):
    with pytest.raises(QgsProcessingException) as error:
        align(layer, 1, grid, feedback)
    return str(error.value)


def test_raster_without_overlap_is_rejected(raster_layer, grid, feedback):
    layer = raster_layer(np.ones((4, 5)), geotransform=(0, 30, 0, 0, 0, -30), name="elsewhere")
    message = error_message(layer, grid(4, 5), feedback)
    assert message.startswith(
        "'elsewhere' (4 × 5 cells of 30 × 30 m, EPSG:31985) has no values within the extent of the landscape"
    )
    assert "Check that both layers have the right CRS" in message


def test_nan_is_rejected_before_resampling(raster_layer, grid, feedback):
    layer = raster_layer(np.array([[1.5, np.nan]]), geotransform=(WEST, 60, 0, NORTH, 0, -60))
    assert "NaN" in error_message(layer, grid(4, 5), feedback)


def test_raster_without_crs_is_accepted_with_warning(raster_layer, grid, feedback):
    values = np.random.default_rng(0).random((4, 5))
    aligned = align(raster_layer(values, crs=None), 1, grid(4, 5), feedback)
    np.testing.assert_array_equal(aligned.values, values)
    assert "one of the two rasters has no CRS" in feedback.warnings[0]


def test_geographic_rasters_align(raster_layer, grid, feedback):
    layer = raster_layer(np.ones((4, 6)), geotransform=(-35, 0.25, 0, -8, 0, -0.25), crs="EPSG:4326")
    on = grid(2, 3, geotransform=(-35.0, 0.5, 0.0, -8.0, 0.0, -0.5), crs="EPSG:4326")
    assert align(layer, 1, on, feedback).valid.all()


def test_aligned_raster_has_the_landscape_grid(raster_layer, feedback):
    first = read_raster(raster_layer(np.ones((4, 5)), nodata=-1, name="first"), 1, feedback)
    second = raster_layer(np.ones((9, 9)) * 1.5, geotransform=(WEST - 40, 25, 0, NORTH + 40, 0, -25), name="second")
    assert align(second, 1, first.grid, feedback).grid is first.grid


LOCAL = 'LOCAL_CS["Site grid of the mine",UNIT["metre",1]]'


def test_local_crs_without_transformation_is_rejected(raster_layer, grid, feedback):
    layer = raster_layer(np.ones((4, 5)), crs=LOCAL, name="survey")
    message = error_message(layer, grid(4, 5), feedback)
    assert "'survey' has the coordinate reference system" in message
    assert "from which no transformation to that of the landscape" in message


def test_landscape_in_a_local_crs_takes_layers_in_the_same(raster_layer, feedback):
    first = read_raster(raster_layer(np.ones((4, 5)), crs=LOCAL, name="first"), 1, feedback)
    second = raster_layer(np.ones((8, 10)), geotransform=(WEST, 15, 0, NORTH, 0, -15), crs=LOCAL, name="second")
    assert align(second, 1, first.grid, feedback).valid.all()


def test_landscape_in_a_local_crs_rejects_layers_in_another(raster_layer, feedback):
    first = read_raster(raster_layer(np.ones((4, 5)), crs=LOCAL, name="first"), 1, feedback)
    assert "no transformation" in error_message(raster_layer(np.ones((4, 5)), name="second"), first.grid, feedback)
    other = raster_layer(np.ones((4, 5)), crs=LOCAL.replace("mine", "quarry"), name="third")
    assert "no transformation" in error_message(other, first.grid, feedback)


def ids_of(raster_layer, values, pixel=10.0, west=WEST, north=NORTH, **how):
    return raster_layer(np.asarray(values, "int32"), geotransform=(west, pixel, 0, north, 0, -pixel), name="ids", **how)


def lost(layer, grid, feedback):
    aligned = align(layer, 1, grid, feedback, labels=True)
    assert (aligned.lost_labels != "") == any("lost in resampling" in text for text in feedback.warnings)
    return aligned.lost_labels


def test_ids_too_small_for_a_cell_are_named(raster_layer, grid, feedback):
    values = np.zeros((12, 15))
    values[:3, :3], values[5, 5], values[8, 8] = 1, 7, 12  # 30 m cells have their centres in cells 1, 4, 7, …
    values[4, 4] = 3
    message = lost(ids_of(raster_layer, values), grid(4, 5), feedback)
    assert message == "too small to contain the centre of a cell of the landscape: 7, 12"


def test_ids_outside_the_landscape_are_named(raster_layer, grid, feedback):
    values = np.zeros((12, 24))
    values[4, 4], values[4, 20], values[11, 23] = 1, 5, 9
    assert lost(ids_of(raster_layer, values), grid(4, 5), feedback) == "outside the landscape: 5, 9"


def test_ids_lost_for_both_reasons_are_named_apart(raster_layer, grid, feedback):
    values = np.zeros((12, 24))
    values[4, 4], values[4, 20], values[3, 3] = 1, 5, 6
    message = lost(ids_of(raster_layer, values), grid(4, 5), feedback)
    assert message == ("outside the landscape: 5; too small to contain the centre of a cell of the landscape: 6")


def test_ids_lost_in_reprojection_are_named(raster_layer, grid, feedback):
    to_degrees = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem("EPSG:31985"), QgsCoordinateReferenceSystem("EPSG:4674"), QgsProject.instance()
    )
    corner = to_degrees.transform(WEST, NORTH)
    values = np.zeros((40, 60))
    values[10:20, 10:20], values[35:, 55:], values[3, 3] = 1, 2, 3
    pixel = 0.0001  # about 11 m
    layer = raster_layer(
        values.astype("int32"), geotransform=(corner.x(), pixel, 0, corner.y(), 0, -pixel), crs="EPSG:4674", name="ids"
    )
    message = lost(layer, grid(8, 10), feedback)
    assert "outside the landscape: 2" in message


def test_complete_ids_are_not_named(raster_layer, grid, feedback):
    values = np.kron(np.arange(1, 21).reshape(4, 5), np.ones((3, 3)))
    assert lost(ids_of(raster_layer, values), grid(4, 5), feedback) == ""


def test_labels_and_masks_do_not_spread(raster_layer, grid, feedback):
    marks = np.zeros((4, 4))
    marks[1, 1] = 0.5
    shifted = raster_layer(marks, geotransform=(290_010.0, 30.0, 0.0, 9_119_990.0, 0.0, -30.0), name="marks")
    for how in ({"labels": True}, {"nearest": True}):
        assert np.count_nonzero(align(shifted, 1, grid(4, 4), feedback, **how).values == 0.5) == 1
    assert np.count_nonzero(np.nan_to_num(align(shifted, 1, grid(4, 4), feedback).values)) == 4
    assert "was resampled (nearest neighbour)" in feedback.warnings[0] and "(bilinear)" in feedback.warnings[-1]
