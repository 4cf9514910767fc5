"""Sources and sinks: of known voltages and fields, and of the voltages that Permea itself computes; bad inputs."""

import re

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsProcessingException, QgsRasterLayer

from permea.plugin.algorithms.color_ramps import WHITE_AT_ZERO
from permea.plugin.algorithms.styles import source_style

CELL = 30.0
ROWS, COLUMNS = 6, 8
EAST = (np.arange(COLUMNS) + 0.5) * CELL * np.ones((ROWS, 1))
NORTH = -(np.arange(ROWS)[:, None] + 0.5) * CELL * np.ones(COLUMNS)


@pytest.fixture
def components(geotiff):
    """Write the two components of a field."""

    def write(east, north, **options):
        return {
            "KIND": "components",
            "EAST": geotiff(east, name="east", **options),
            "NORTH": geotiff(north, name="north", **options),
        }

    return write


@pytest.fixture
def voltage(geotiff):
    """Write a landscape of permeability 1 and a voltage on it."""

    def write(values, landscape=None, **options):
        ones = np.ones(np.shape(values)) if landscape is None else landscape
        return {
            "KIND": "potential",
            "INPUT": geotiff(ones, name="land"),
            "POTENTIAL": geotiff(values, name="voltage", **options),
        }

    return write


# -- Results


def test_known_voltage_gives_the_injected_currents(run, read, voltage):
    """A row of cells of permeability 1: conductance 1 / 30 between neighbours."""
    result = run("flowdivergence", **voltage(np.array([[90.0, 60.0, 30.0, 0.0]])))
    np.testing.assert_allclose(read(result["OUTPUT"]).band, [[1.0, 0.0, 0.0, -1.0]], atol=1e-7)
    assert (result["SOURCES"], result["SINKS"], result["BOUNDARY_FLOW"]) == pytest.approx((1.0, -1.0, 0.0))
    assert result["CONSERVATION_ERROR"] < 1e-15
    assert (result["SOURCE_CELLS"], result["SINK_CELLS"], result["ROUNDING_CELLS"]) == (1, 1, 2)


def test_resistance_neighbours_and_edge_rule_count(run, read, voltage):
    volts = np.array([[2.0, 1.0], [0.0, 0.0]])
    inputs = voltage(volts, np.array([[1.0, 3.0], [1.0, 1.0]]))
    options = {"VALUES": "resistance", "NEIGHBORS": "rook", "EDGE_RULE": "resistance"}
    found = read(run("flowdivergence", **inputs, **options)["OUTPUT"]).band
    # Between resistances of 1 and 3 the mean is 2, times 30 m.
    expected = np.array([[1 / 2 + 2, -1 / 2 + 1 / 2], [-2, -1 / 2]]) / CELL
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_current_flow_is_conserved_between_sources_and_grounds(run, read, valley_file, sites, feedback):
    flow = run(
        "currentflowadvanced", INPUT=valley_file, SOURCES=sites([(0, 0), (8, 1)]), GROUNDS=sites([(1, 10), (2, 7)])
    )
    result = run("flowdivergence", KIND="potential", INPUT=valley_file, POTENTIAL=flow["VOLTAGE"])
    net = read(result["OUTPUT"]).band
    assert net[0, 0] == pytest.approx(1.0, rel=1e-5) and net[8, 1] == pytest.approx(1.0, rel=1e-5)
    assert net[1, 10] + net[2, 7] == pytest.approx(-2.0, rel=1e-5)
    assert (result["SOURCE_CELLS"], result["SINK_CELLS"]) == (2, 2)
    assert result["EXCEEDING_SOURCES"] == pytest.approx(2.0, rel=1e-5)
    # The voltage was written in single precision.
    others = np.delete(net[np.isfinite(net)], np.argsort(-np.abs(net[np.isfinite(net)]))[:4])
    assert np.abs(others).max() < 1e-5
    assert result["ROUNDING_CELLS"] == others.size
    [text] = [text for text in feedback.infos if "rounding" in text]
    assert "2 sources (in all 2) and 2 sinks (in all −2) are larger than rounding can explain" in text
    assert "single precision, about 7 digits" in text
    assert f"The other {others.size} values" in text


def test_linear_field_has_its_trace_as_divergence(run, read, components):
    inputs = components(2 * EAST - 5 * NORTH, 4 * EAST + 3 * NORTH)
    per_area = read(run("flowdivergence", PER_AREA=True, **inputs)["OUTPUT"]).band
    np.testing.assert_allclose(per_area[1:-1, 1:-1], 5.0, rtol=1e-6)
    total = read(run("flowdivergence", **inputs)["OUTPUT"]).band
    np.testing.assert_allclose(total, per_area * CELL**2, rtol=1e-6)


def test_north_is_up(run, read, components):
    """What points north and grows towards the north, that is towards smaller rows, spreads."""
    inputs = components(np.zeros((ROWS, COLUMNS)), NORTH)
    assert (read(run("flowdivergence", **inputs)["OUTPUT"]).band[1:-1] > 0).all()


def test_rotation_has_neither_sources_nor_sinks(run, components):
    result = run("flowdivergence", **components(-NORTH, EAST))
    assert (result["SOURCE_CELLS"], result["SINK_CELLS"], result["ROUNDING_CELLS"]) == (0, 0, ROWS * COLUMNS)


def test_south_up_raster_gives_the_same_map(run, read, components, geotiff):
    north = read(run("flowdivergence", **components(EAST, NORTH**3))["OUTPUT"]).band
    turned = {}
    for name, values in (("EAST", EAST), ("NORTH", NORTH**3)):
        path = geotiff(values[::-1].copy(), name=f"{name} south up")
        dataset = gdal.Open(path, gdal.GA_Update)
        left, width, _, top, _, step = dataset.GetGeoTransform()
        dataset.SetGeoTransform((left, width, 0.0, top + ROWS * step, 0.0, -step))
        dataset = None
        turned[name] = path
    np.testing.assert_allclose(read(run("flowdivergence", KIND="components", **turned)["OUTPUT"]).band, north)


@pytest.mark.parametrize(("boundary", "through"), [("open", 0.0), ("closed", 5 * CELL)])
def test_border_is_open_or_closed(run, components, boundary, through):
    east = np.ones((4, 5))
    east[1, 2] = -9.0
    result = run("flowdivergence", BOUNDARY=boundary, **components(east, 0 * east, nodata=-9.0))
    assert (result["SOURCES"], result["SINKS"]) == pytest.approx((through, -through), abs=1e-9)
    assert result["ACTIVE_CELLS"] == 19


def test_both_components_may_be_bands_of_one_raster(run, read, geotiff, feedback):
    path = geotiff(np.array([[EAST, NORTH]])[0], name="wind")
    result = run("flowdivergence", KIND="components", EAST=path, NORTH=path, NORTH_BAND=2)
    np.testing.assert_allclose(read(result["OUTPUT"]).band[1:-1, 1:-1], 2.0 * CELL**2, rtol=1e-6)
    assert not [text for text in feedback.warnings if "band" in text]


def test_whole_numbers_are_exact(run, components, feedback):
    run("flowdivergence", **components(EAST.astype(np.int32), np.zeros((ROWS, COLUMNS), np.int32)))
    assert any("with input in whole numbers" in text for text in feedback.infos)


# -- Bad inputs


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"KIND": "components", "EAST": "plain"}, "choose a raster of the northward component as well"),
        ({"KIND": "components", "NORTH": "plain"}, "choose a raster of the eastward component as well"),
        ({"KIND": "components"}, "choose a raster of the eastward and one of the northward component"),
        ({"KIND": "potential", "INPUT": "plain"}, "No voltage: choose a raster of voltages"),
        ({"KIND": "potential", "POTENTIAL": "plain"}, "No landscape"),
        ({"KIND": "potential", "POTENTIAL": "plain", "INPUT": "plain", "VALUES": None}, "permeability or resistance"),
    ],
)
def test_missing_input_is_named(run, geotiff, inputs, words):
    plain = geotiff(np.ones((2, 3)), name="plain")
    with pytest.raises(QgsProcessingException, match=words):
        run("flowdivergence", **{name: plain if value == "plain" else value for name, value in inputs.items()})


def changed(value):
    values = np.ones((2, 3))
    values[1, 2] = value
    return values


@pytest.mark.parametrize(
    ("values", "options", "words"),
    [
        (np.ones((3, 3)), {}, "'odd' is not on the grid of 'plain': 3 × 3 cells instead of 2 × 3 cells"),
        (np.ones((2, 3)), {"crs": "EPSG:32633"}, "'odd' is not on the grid of 'plain': CRS EPSG:32633 instead of"),
        (np.full((2, 3), -1.0), {"nodata": -1.0}, "'odd' is empty: every cell is nodata"),
        (changed(np.inf), {}, "'odd': the value is infinite in 1 cell, at row 2, column 3"),
        (changed(np.nan), {}, "'odd': the value is NaN (not a number) but not marked as nodata in 1 cell"),
        (changed(1e60), {}, "'odd': the value is above 1e+50 in 1 cell, at row 2, column 3"),
    ],
)
@pytest.mark.parametrize("kind", ["potential", "components"])
def test_bad_raster_is_named(run, geotiff, kind, values, options, words):
    plain, odd = geotiff(np.ones((2, 3)), name="plain"), geotiff(values, name="odd", **options)
    inputs = {"INPUT": plain, "POTENTIAL": odd} if kind == "potential" else {"EAST": plain, "NORTH": odd}
    with pytest.raises(QgsProcessingException, match=re.escape(words)):
        run("flowdivergence", KIND=kind, **inputs)


def test_rasters_without_a_common_cell_are_refused(run, geotiff):
    west, east = (
        geotiff(np.array([values]), nodata=-1.0, name=name) for name, values in (("w", [1, -1.0]), ("e", [-1.0, 1]))
    )
    with pytest.raises(QgsProcessingException, match="no cell has both components"):
        run("flowdivergence", KIND="components", EAST=west, NORTH=east)
    with pytest.raises(QgsProcessingException, match="no passable cell of the landscape has a voltage"):
        run("flowdivergence", KIND="potential", INPUT=west, POTENTIAL=east)


def test_inputs_of_the_other_kind_are_named(run, components, geotiff, feedback):
    run("flowdivergence", INPUT=geotiff(np.ones((ROWS, COLUMNS)), name="land"), **components(EAST, NORTH))
    assert any("“Landscape” has no effect: it needs “The flow is given by”" in text for text in feedback.warnings)


def test_cells_that_are_left_out_are_named(run, components, voltage, feedback):
    east = EAST.copy()
    east[2, 2] = -9.0
    run("flowdivergence", **components(east, NORTH, nodata=-9.0))
    assert any("1 cell has only one of the two components" in text for text in feedback.warnings)
    run("flowdivergence", **voltage(np.array([[2.0, 1.0, 0.0]]), np.array([[1.0, 1.0, 0.0]])))
    assert any("1 cell has a voltage, but cannot be entered" in text for text in feedback.warnings)


# -- Appearance


def test_zero_is_white_and_rounding_is_pale():
    values = np.random.default_rng(0).normal(scale=1e-6, size=(50, 50))
    values[3, 4], values[40, 40], values[1, 1] = 1.0, -1.0, 50.0
    style = source_style(values, "A", rounding=1e-5)
    assert style.colours == WHITE_AT_ZERO and style.colours[len(style.colours) // 2] == "#ffffff"
    assert style.low == -style.high and 1.0 <= style.high <= 50.0
    assert style.beyond == (False, True)


def test_map_of_nothing_but_rounding_is_pale():
    values = np.random.default_rng(0).normal(scale=1e-6, size=(50, 50))
    assert source_style(values, rounding=1e-5).high == pytest.approx(1e-5, rel=0.02)
    assert source_style(np.zeros((2, 2))).high == 1.0


def test_report_shows_map_and_numbers(run, voltage, components, tmp_path):
    pages = {}
    for name, inputs in (("voltage", voltage(np.array([[90.0, 60.0, 30.0, 0.0]]))), ("field", components(EAST, NORTH))):
        report = tmp_path / f"{name}.html"
        run("flowdivergence", REPORT=str(report), **inputs)
        pages[name] = report.read_text(encoding="utf-8")
    assert "Sum of the sources" in pages["voltage"] and "larger than rounding can explain" in pages["voltage"]
    assert '<section class="landscape">' in pages["voltage"]
    assert '<section class="landscape">' not in pages["field"] and "Eastward component" in pages["field"]


def test_layer_of_result_has_band_name_and_unit(run, voltage):
    inputs = voltage(np.array([[90.0, 60.0, 30.0, 0.0]]))
    names = [
        QgsRasterLayer(run("flowdivergence", PER_AREA=each, **inputs)["OUTPUT"]).bandName(1) for each in (False, True)
    ]
    assert names == ["Band 1: net source, ampere", "Band 1: net source, A per square m"]
