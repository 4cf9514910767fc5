"""Invalid landscapes are rejected with a helpful message."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.layers import Raster
from permea.plugin.layers.validation import LandscapeValidator

NAN, INF = np.nan, np.inf


@pytest.fixture
def raster(grid):
    def make(values, valid=None):
        values = np.array(values, float)
        valid = np.ones(values.shape, bool) if valid is None else np.array(valid, bool)
        return Raster("landscape", values, valid, grid(*values.shape))

    return make


def validate_landscape(raster, values):
    validator = LandscapeValidator(raster.name, values)
    validator.add(raster.values, raster.valid)
    validator.require_valid()


def message_of(raster, values):
    with pytest.raises(QgsProcessingException) as error:
        validate_landscape(raster, values)
    return str(error.value)


def test_negative_permeability_is_counted_and_located(raster):
    message = message_of(raster([[1, 2, 3], [4, -0.4, 5], [-1, 6, -2]]), "permeability")
    assert message.startswith(
        "'landscape': permeability is negative in 3 cells, the first at row 2, column 2 (-0.4). If this value marks"
    )
    assert "Additional no data value" in message


def test_single_negative_resistance_is_located(raster):
    message = message_of(raster([[1, -9999]]), "resistance")
    assert "resistance is negative in 1 cell, at row 1, column 2 (-9999)" in message


def test_undeclared_nan_is_counted_and_located(raster):
    message = message_of(raster([[1, NAN], [NAN, 1]], [[True, True], [True, True]]), "permeability")
    assert "NaN (not a number) but not marked as nodata in 2 cells, the first at row 1, column 2." in message
    assert "-a_nodata nan" in message


def test_nan_in_nodata_cells_is_valid(raster):
    validate_landscape(raster([[1, NAN]], [[True, False]]), "permeability")


@pytest.mark.parametrize("value", [INF, -INF])
def test_infinite_value_is_located(raster, value):
    message = message_of(raster([[1, 1], [1, value]]), "resistance")
    assert f"the value is infinite in 1 cell, at row 2, column 2 ({value})" in message


def test_zero_resistance_is_rejected(raster):
    message = message_of(raster([[1, 0, 0]]), "resistance")
    assert "resistance is zero in 2 cells, the first at row 1, column 2 (0). Movement would be free there" in message


def test_zero_permeability_is_a_barrier(raster):
    validate_landscape(raster([[1, 0, 2]]), "permeability")


def test_landscape_of_barriers_is_rejected(raster):
    assert "permeability is zero in every cell, so nothing can move" in message_of(raster([[0, 0]]), "permeability")


@pytest.mark.parametrize("values", ["permeability", "resistance"])
def test_landscape_of_nodata_is_rejected(raster, values):
    assert "'landscape' is empty: every cell is nodata." in message_of(raster([[NAN]], [[False]]), values)


def test_unknown_quantity_is_rejected(raster):
    assert "not 'cost'" in message_of(raster([[1]]), "cost")
