"""Rasters of ids on other cells than the landscape: ids that get lost are named."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from .conftest import NORTH, WEST

FINE = (WEST, 10.0, 0.0, NORTH, 0.0, -10.0)


@pytest.fixture
def land(geotiff):
    return geotiff(np.ones((4, 5)), name="land")


@pytest.fixture
def ids(geotiff):
    """Ids 1 and 2 in cells of the landscape, 7 between the centres of its cells, 9 to the east of it."""
    values = np.zeros((12, 24), np.int32)
    values[4, 4], values[10, 13], values[5, 8], values[2, 20] = 1, 2, 7, 9
    return geotiff(values, geotransform=FINE, name="ids")


@pytest.mark.parametrize("name", ["distancematrix", "leastcostpaths", "currentflow"])
def test_lost_focal_nodes_are_named(run, land, ids, feedback, name):
    run(name, INPUT=land, FOCAL_RASTER=ids)
    [warning] = [text for text in feedback.warnings if "lost in resampling" in text]
    assert "outside the landscape: 9; too small to contain the centre of a cell of the landscape: 7" in warning


def test_lost_sources_are_named(run, land, ids, feedback):
    run("leastcostdistance", INPUT=land, SOURCE_RASTER=ids)
    assert any("outside the landscape: 9; too small" in text for text in feedback.warnings)


def test_too_few_focal_nodes_say_which_were_lost(run, land, geotiff):
    values = np.zeros((12, 24), np.int32)
    values[4, 4], values[5, 8] = 1, 7
    with pytest.raises(QgsProcessingException) as refused:
        run("distancematrix", INPUT=land, FOCAL_RASTER=geotiff(values, geotransform=FINE, name="ids"))
    assert "only one focal node" in str(refused.value)
    assert "too small to contain the centre of a cell of the landscape: 7" in str(refused.value)
