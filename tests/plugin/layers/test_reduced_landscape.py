"""Landscapes at a reduced resolution have the mean permeability of their cells; painted ones are written in full."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException

from permea.plugin.layers import open_band, read_reduced, write_painted
from permea.plugin.layers.reduced_landscape import reduction_factor


def permeability():
    values = np.random.default_rng(0).uniform(0.5, 2, (7, 10))
    values[0, 0] = values[4:, 8:] = -1
    return values


@pytest.mark.parametrize("quantity", ["permeability", "resistance"])
def test_larger_cells_have_the_mean_permeability(raster_layer, feedback, quantity):
    values = permeability()
    layer = raster_layer(values, nodata=-1.0)
    reduced = read_reduced(open_band(layer, 1), quantity, 24, feedback)
    assert (reduced.factor, reduced.values.shape) == (2, (4, 5))
    known = np.where(values > 0, values if quantity == "permeability" else 1 / np.abs(values), 0)
    expected = known[:2, :2].mean() if quantity == "permeability" else 1 / known[:2, :2].mean()
    assert reduced.values[0, 0] == pytest.approx(expected)
    last = known[6:, 6:8].mean()
    assert reduced.values[3, 3] == pytest.approx(last if quantity == "permeability" else 1 / last)
    assert not reduced.valid[2:, 4].any()
    assert reduced.grid.rows == 7


def test_a_small_landscape_is_read_as_it_is(raster_layer, feedback):
    values = permeability()
    reduced = read_reduced(open_band(raster_layer(values, nodata=-1.0), 1), "permeability", 1000, feedback)
    assert reduced.factor == 1
    np.testing.assert_array_equal(reduced.valid, values > 0)
    np.testing.assert_allclose(reduced.values[reduced.valid], values[values > 0])


@pytest.mark.parametrize(
    ("rows", "columns", "cells"), [(1000, 1000, 10**6), (1000, 1001, 10**6), (7, 9, 1), (1, 50, 7)]
)
def test_no_more_cells_than_allowed(rows, columns, cells):
    factor = reduction_factor(rows, columns, cells)
    assert -(-rows // factor) * -(-columns // factor) <= cells
    assert factor == 1 or -(-rows // (factor - 1)) * -(-columns // (factor - 1)) > cells


def test_a_landscape_with_invalid_cells_is_refused(raster_layer, feedback):
    values = permeability()
    values[5, 5] = -3
    with pytest.raises(QgsProcessingException, match="negative"):
        read_reduced(open_band(raster_layer(values, nodata=-1.0), 1), "permeability", 10, feedback)


def test_painted_cells_are_written_at_full_resolution(raster_layer, feedback, tmp_path):
    values = permeability()
    layer = raster_layer(values, nodata=-1.0)
    painted = np.full((4, 5), np.nan)
    painted[0, 0], painted[3, 4] = 0.0, 9.0
    write_painted(str(tmp_path / "painted.tif"), layer, 1, painted, 2, feedback)
    dataset = gdal.Open(str(tmp_path / "painted.tif"))
    band = dataset.GetRasterBand(1)
    written = np.frombuffer(band.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(7, 10)
    assert (written[:2, :2] == band.GetNoDataValue()).all()
    assert (written[6:, 8:] == 9).all()
    np.testing.assert_allclose(written[2:4], values[2:4], rtol=1e-6)
