"""GDAL may raise exceptions or return None: QGIS switches exceptions on from 3.38, other plugins when they like."""

import ast
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsRasterLayer

from permea.plugin.circuitscape.raster_layers import raster_layer as circuitscape_layer
from permea.plugin.layers import layer_names, source_files
from permea.plugin.layers.bands import read_raster

ROOT = Path(__file__).resolve().parents[3]
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


def names_lost_with_an_exception(function):
    """Yield `(line, name)` of names that only a block set which an exception of GDAL ends early, and that are read."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    known = {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
    for block in ast.walk(function):
        if not isinstance(block, ast.With) or "collected_gdal_errors" not in ast.dump(block.items[0]):
            continue
        inside = {node.id for node in names if isinstance(node.ctx, ast.Store) and within(node, block)}
        outside = {node.id for node in names if isinstance(node.ctx, ast.Store) and not within(node, block)}
        for node in names:
            if (
                node.id in inside - outside - known
                and isinstance(node.ctx, ast.Load)
                and node.lineno > block.end_lineno
            ):
                yield node.lineno, node.id


def within(node, block):
    return block.body[0].lineno <= node.lineno <= block.end_lineno


def test_no_name_is_lost_with_an_exception():
    findings = []
    for path in sorted((ROOT / "plugin").rglob("*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef):
                lost = names_lost_with_an_exception(function)
                findings += [f"{path.relative_to(ROOT)}:{line}: {name}" for line, name in lost]
    assert not findings, "set these before the block as well:\n" + "\n".join(sorted(set(findings)))
