"""Rasters in text with decimal commas: read where they have one reading, and otherwise refused by file and line."""

import gc
import gzip

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from permea.plugin.layers import open_band, read_raster

HEADER = "ncols 3\nnrows 2\nxllcorner 290000\nyllcorner 9119940\ncellsize 30\nNODATA_value -9999\n"
VALUES = [[1.5, 2, np.nan], [0.25, 100, 1234.5]]


@pytest.fixture
def layer_of(tmp_path, qgis_app):
    """Load a text as a raster layer."""

    def load(text, name="cells.asc", options=""):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        source = f"/vsigzip/{path}" if name.endswith(".gz") else str(path)
        return QgsRasterLayer(source + options, "cells")

    yield load
    gc.collect()  # a caught exception keeps a layer alive beyond the end of QGIS


def error_message(layer):
    with pytest.raises(QgsProcessingException) as error:
        open_band(layer, 1)
    return str(error.value)


@pytest.mark.parametrize(
    "cells",
    [
        "1,5 2 -9999\n0,25 100 1234,5\n",
        "1,5 2,0 -9999\r\n0,25 1e2 1234,5",
        "1,5\t2,000\t-9999,0\n,25\t100\t12345,0e-1\n",
        "1,5 2 -9999 0,25\n100 1234,5",
    ],
    ids=["mixed with whole numbers", "windows", "tabs", "other lines"],
)
@pytest.mark.parametrize("options", ["", "|option:DATATYPE=Float32"])
def test_cells_with_decimal_commas(layer_of, feedback, cells, options):
    raster = read_raster(layer_of(HEADER + cells, options=options), 1, feedback)
    np.testing.assert_array_equal(raster.values, VALUES)
    assert feedback.warnings == ["'cells': commas in numbers are read as decimal commas, the first in line 7: 1,5."]


def test_same_cells_with_points_and_compressed_with_commas(layer_of, feedback):
    points = read_raster(layer_of(HEADER + "1.5 2 -9999\n0.25 100 1234.5\n"), 1, feedback)
    assert not feedback.warnings
    packed = gzip.compress((HEADER + "1,5 2 -9999\n0,25 100 1234,5\n").encode())
    np.testing.assert_array_equal(read_raster(layer_of(packed, "cells.asc.gz"), 1, feedback).values, points.values)


def test_whole_numbers_before_the_first_decimal_comma(layer_of, feedback):
    """GDAL looks at the beginning of a file to tell whether it holds whole numbers."""
    header = HEADER.replace("ncols 3", "ncols 400").replace("nrows 2", "nrows 600")
    values = np.arange(240_000).reshape(600, 400) % 90 + 10.0
    values[-1, -1] = 0.75
    text = "\n".join(" ".join(f"{value:g}" for value in row) for row in values).replace(".", ",")
    np.testing.assert_array_equal(read_raster(layer_of(header + text), 1, feedback).values, values)


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("cellsize 30", "cellsize 30,5"),
        HEADER.replace("cellsize 30", "cellsize 30,5").replace("-9999", "-9999,0").replace("290000", "290000,25"),
    ],
)
@pytest.mark.parametrize("cells", ["1 2 -9999\n3 4 5\n", "1.5 2 -9999\n3 4 5\n", "1,5 2 -9999\n3 4 5\n"])
def test_headers_with_decimal_commas(layer_of, feedback, header, cells):
    raster = read_raster(layer_of(header + cells), 1, feedback)
    assert raster.grid.geotransform[1] == 30.5
    assert raster.grid.geotransform[0] == (290000.25 if ",25" in header else 290000)
    assert np.isnan(raster.values).sum() == 1
    assert raster.values[0, 0] == (1 if cells.startswith("1 ") else 1.5)
    assert "the first in line" in feedback.warnings[0]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ("1,5 2 3\n4 5 1,234.5\n", "'cells.asc', line 8: '1,234.5' is not a number."),
        ("1,5 2 3\n4 5 1.234,5\n", "'cells.asc', line 8: '1.234,5' is not a number."),
        ("1,234 2 3\n4 5 678\n", "'cells.asc', line 7: the comma in '1,234' may be a decimal comma or separate"),
        (
            "1 2,5 3\n4 5 6.5\n",
            "'cells.asc': '2,5' in line 7 has a decimal comma, but '6.5' in line 8 a decimal point.",
        ),
        (
            "1, 2, 3,5\n4, 5, 6\n",
            "the comma in '3,5', line 7, may be a decimal comma, but in '1,', line 7, it separates",
        ),
        ("1,5, 2,5, 3\n4, 5, 6\n", "'cells.asc', line 7: '1,5,' is not a number."),
        ("1,2,3\n4,5,6\n", "'cells.asc', line 7: '1,2,3' is not a number."),
        ("1 2 3\n4 5\n", "'cells.asc' holds 5 numbers, but its header declares 2 rows of 3."),
        ("1 2 3\n4 none 5\n", "'cells.asc', line 8: 'none' is not a number."),
    ],
)
def test_cells_with_several_readings_are_rejected(layer_of, cells, words):
    assert words in error_message(layer_of(HEADER + cells))


def test_commas_and_spaces_between_numbers(layer_of, feedback):
    raster = read_raster(layer_of(HEADER + "1.5, 2, 3\n4, 5, 6\n"), 1, feedback)
    np.testing.assert_array_equal(raster.values, [[1.5, 2, 3], [4, 5, 6]])
    assert not feedback.warnings


def test_header_with_several_readings_is_rejected(layer_of):
    message = error_message(layer_of(HEADER.replace("290000", "290,000") + "1 2 3\n4 5 6\n"))
    assert message.startswith("'cells.asc', line 3: the comma in '290,000' may be a decimal comma or separate")


COLUMNS = [(x + 0.5, y + 0.5, 10 * y + x + 0.25) for y in range(3) for x in range(3)]


@pytest.mark.parametrize("separator", ["\t", " ", ";"])
@pytest.mark.parametrize("heading", ["", "x{0}y{0}z\n"])
def test_columns_with_decimal_commas_are_read_right_or_rejected(layer_of, feedback, separator, heading):
    """Versions of GDAL differ."""
    lines = [separator.join(f"{number:g}".replace(".", ",") for number in row) for row in COLUMNS]
    layer = layer_of(heading.format(separator) + "\n".join(lines) + "\n", "cells.xyz")
    line = 2 if heading else 1
    try:
        raster = read_raster(layer, 1, feedback)
    except QgsProcessingException as error:
        assert f"'cells.xyz', line {line}: '0,5' has a decimal comma" in str(error) or not layer.isValid()
        return
    assert sorted(raster.values.ravel()) == sorted(row[2] for row in COLUMNS)
    assert feedback.warnings[0].endswith(f"are read as decimal commas, the first in line {line}: 0,5.")


@pytest.mark.parametrize("separator", ["\t", " ", ",", ", "])
def test_columns_with_decimal_points(layer_of, feedback, separator):
    lines = [separator.join(f"{number:g}" for number in row) for row in COLUMNS]
    raster = read_raster(layer_of("\n".join(lines) + "\n", "cells.xyz"), 1, feedback)
    assert sorted(raster.values.ravel()) == sorted(row[2] for row in COLUMNS)


@pytest.mark.parametrize(("number", "separator"), [("1,234.5", "\t"), ("1,234", "\t"), ("1,234", ";")])
def test_columns_with_separators_of_thousands_are_rejected(layer_of, number, separator):
    lines = "".join(f"{x}{separator}{y}{separator}{number}\n" for y in range(3) for x in range(3))
    layer = layer_of(lines, "cells.xyz")
    assert not layer.isValid() or f"line 1: '{number}' has a decimal comma" in error_message(layer)


def test_virtual_raster_of_a_grid_with_decimal_commas_is_rejected(layer_of, tmp_path):
    layer_of(HEADER + "1,5 2 3\n4 5 6\n")
    gdal.BuildVRT(str(tmp_path / "cells.vrt"), [str(tmp_path / "cells.asc")]).FlushCache()
    message = error_message(QgsRasterLayer(str(tmp_path / "cells.vrt"), "cells"))
    assert message.startswith("'cells.asc', line 7: '1,5' has a decimal comma")
