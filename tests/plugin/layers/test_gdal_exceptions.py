"""GDAL may raise exceptions or return None: QGIS switches exceptions on from 3.38, other plugins when they like."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer

from permea.plugin.circuitscape.raster_layers import raster_layer as circuitscape_layer
from permea.plugin.layers import layer_names, source_files
from permea.plugin.layers.bands import read_raster

VALUES = np.array([[1.0, 2.0], [3.0, 4.0]])
GRID = "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 1\nNODATA_value -9999\n1 2\n3 4\n"


@pytest.fixture(autouse=True, params=[True, False], ids=["exceptions", "no exceptions"])
def exceptions(request):
    before = gdal.GetUseExceptions()
    gdal.UseExceptions() if request.param else gdal.DontUseExceptions()
    yield
    gdal.UseExceptions() if before else gdal.DontUseExceptions()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_grid_with_a_byte_order_mark_is_read(tmp_path, feedback, encoding):
    path = tmp_path / "grid.asc"
    path.write_bytes(GRID.encode(encoding))
    with circuitscape_layer(path, feedback) as layer:
        np.testing.assert_array_equal(read_raster(layer, 1, feedback).values, VALUES)


def test_virtual_raster_of_a_file_that_is_no_text_is_read(geotiff, tmp_path, feedback):
    path = str(tmp_path / "mosaic.vrt")
    gdal.BuildVRT(path, [geotiff(VALUES)]).FlushCache()
    np.testing.assert_array_equal(read_raster(QgsRasterLayer(path, "mosaic"), 1, feedback).values, VALUES)


def test_file_of_no_known_format_has_no_layers(tmp_path):
    (tmp_path / "letter.txt").write_text("Dear reader")
    assert layer_names(tmp_path / "letter.txt") == []
    assert {file.path.name for file in source_files("ogr", str(tmp_path / "letter.txt"))} == {"letter.txt"}
    assert source_files("gdal", str(tmp_path / "missing.tif")) == set()
