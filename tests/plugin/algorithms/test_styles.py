"""Layer styles: colour ramps, legends, and transparent unreachable cells."""

import numpy as np
import pytest
from qgis.core import (
    QgsApplication,
    QgsColorRampLegendNode,
    QgsLayerTreeLayer,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor

from permea.plugin.algorithms import styles
from permea.plugin.algorithms.styles import (
    CURRENT,
    component_style,
    corridor_style,
    current_style,
    distance_style,
    gain_style,
    habitat_style,
    line_style,
    ratio_style,
    sensitivity_style,
    shared_path_style,
    survival_style,
)
from permea.plugin.npy_file import NpyFile

from .conftest import NODATA, NORTH, WEST


@pytest.fixture
def loaded(provider, context, read):
    """Run an algorithm and load its map with its style, as the toolbox does."""

    def run(name, **parameters):
        target = QgsProcessingContext.LayerDetails("map", QgsProject.instance(), "OUTPUT")
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"permea:{name}")
        path = parameters["OUTPUT"]
        context.addLayerToLoadOnCompletion(path, target)
        heard = QgsProcessingFeedback()
        _, successful = algorithm.run({"VALUES": "permeability", **parameters}, context, heard)
        assert successful, heard.textLog()
        layer = QgsRasterLayer(path, "map")
        context.layerToLoadOnCompletionDetails(path).postProcessor().postProcessLayer(layer, context, heard)
        return layer

    return run


def legend(layer):
    """Return the labels of a layer's legend nodes, and the highest and lowest label of its continuous legends."""
    in_tree = QgsLayerTreeLayer(layer)
    entries = layer.renderer().createLegendNodes(in_tree)
    settings = [entry.settings() for entry in entries if isinstance(entry, QgsColorRampLegendNode)]
    bars = [(each.maximumLabel(), each.minimumLabel()) for each in settings]
    return [entry.data(Qt.ItemDataRole.DisplayRole) for entry in entries], bars


def colour(layer, row, column):
    """Return the colour of a cell, or None if it is transparent."""
    size = 30.0
    x, y = WEST + column * size, NORTH - row * size
    drawn = layer.renderer().block(1, QgsRectangle(x, y - size, x + size, y), 1, 1)
    seen = QColor.fromRgba(drawn.color(0, 0))
    return seen if seen.alpha() else None


@pytest.mark.parametrize("unreachable", ["nodata", "infinity"])
def test_distance_colours_and_transparent_unreachable_cells(
    loaded, valley_file, points, tmp_path, engine_python, unreachable
):
    places = {"SOURCES": points((0, 0)), "UNREACHABLE": unreachable, "OUTPUT": str(tmp_path / "distance.tif")}
    layer = loaded("leastcostdistance", INPUT=valley_file, **places)
    assert colour(layer, 0, 0).lightness() > colour(layer, 4, 6).lightness() > colour(layer, 0, 11).lightness()
    assert colour(layer, 7, 10) is None  # the island
    assert colour(layer, 3, 4) is None  # no data


def test_infinite_cells_do_not_affect_statistics(loaded, valley_file, points, tmp_path):
    places = {"SOURCES": points((0, 0)), "UNREACHABLE": "infinity", "OUTPUT": str(tmp_path / "distance.tif")}
    layer = loaded("leastcostdistance", INPUT=valley_file, **places)
    statistics = layer.dataProvider().bandStatistics(1)
    assert np.isfinite([statistics.minimumValue, statistics.maximumValue, statistics.mean]).all()


def test_outputs_keep_their_own_styles(loaded, valley_file, points, tmp_path):
    first = loaded("leastcostdistance", INPUT=valley_file, SOURCES=points((0, 0)), OUTPUT=str(tmp_path / "a.tif"))
    second = loaded("sensitivity", INPUT=valley_file, SAMPLES=6, OUTPUT=str(tmp_path / "b.tif"))
    assert first.renderer().type() == second.renderer().type() == "singlebandpseudocolor"
    assert first.renderer().classificationMin() == 0
    assert second.renderer().classificationMin() == -second.renderer().classificationMax() < 0


def test_components_have_colours_barriers_are_transparent(loaded, geotiff, tmp_path):
    values = np.ones((4, 7))
    values[:, 4] = 0.0
    values[0, 0] = NODATA
    source = geotiff(values, nodata=NODATA)
    layer = loaded("connectedcomponents", INPUT=source, OUTPUT=str(tmp_path / "parts.tif"))
    assert colour(layer, 1, 1) == colour(layer, 3, 3) != colour(layer, 1, 6)
    assert colour(layer, 1, 4) is None and colour(layer, 0, 0) is None
    labels = [label for label, _ in layer.renderer().legendSymbologyItems()]
    assert "1 (15 cells)" in labels and "2 (8 cells)" in labels


def test_legend_of_many_components_is_short(qgis_app, raster_layer):
    labels = np.arange(1, 2501, dtype=np.int32).reshape(50, 50)
    layer = raster_layer(labels)
    layer.setRenderer(component_style(labels).renderer(layer))
    entries = [label for label, _ in layer.renderer().legendSymbologyItems()]
    assert len(entries) < 15
    assert any(label.startswith("11 to 2500") for label in entries)
    assert colour(layer, 49, 49) is not None


@pytest.mark.parametrize("distance", [np.zeros((3, 3)), np.full((3, 3), np.inf), np.full((3, 3), np.nan)])
def test_constant_or_empty_maps_have_a_style(qgis_app, raster_layer, distance):
    layer = raster_layer(distance)
    for style in (distance_style, sensitivity_style, survival_style):
        assert style(distance).renderer(layer) is not None


def test_extreme_cells_are_clipped():
    values = np.append(np.linspace(0, 1, 999), 1e9)
    assert distance_style(values).high < 1.01
    assert sensitivity_style(values).high < 1.01


def test_legend_limits_are_rounded():
    assert distance_style(np.full(3, 40_953.411781)).high == 41_000
    assert distance_style(np.full(3, 0.0123456)).high == 0.0124


def test_current_legend_has_entry_per_colour_with_unit(qgis_app, raster_layer):
    values = np.geomspace(1e-3, 123.4, 400).reshape(20, 20)
    layer = raster_layer(values)
    layer.setRenderer(current_style(values, "A").renderer(layer))
    (_, *lines), bars = legend(layer)  # the name of the band comes first
    assert not bars
    assert lines[0] == "≤ 0.12 A" and lines[-1] == "≥ 120 A"
    assert len(lines) == len(CURRENT) < 8


def test_continuous_legend_has_unit(qgis_app, raster_layer):
    values = np.linspace(0, 40_000, 400).reshape(20, 20)
    layer = raster_layer(values)
    layer.setRenderer(distance_style(values, "Ω").renderer(layer))
    _, bars = legend(layer)
    assert bars == [("≥ 39,200 Ω", "0 Ω")]


def test_line_class_labels_have_no_exponents(qgis_app):
    layer = QgsVectorLayer("LineString?field=cost:double", "lines", "memory")
    labels = [each.label() for each in line_style("cost", [4082.1, 45349.7]).renderer(layer).ranges()]
    assert labels[0] == "4,082 – 12,340" and labels[-1] == "37,100 – 45,350"


def test_ratio_style_diverges_around_one(qgis_app, raster_layer):
    layer = raster_layer(np.array([[0.2, 1.0, 1.8, 9.0]]))
    layer.setRenderer(ratio_style(np.array([0.2, 9.0])).renderer(layer))
    below, even, above, far_above = (colour(layer, 0, column) for column in range(4))
    assert below.blue() > below.red() and above.red() > above.blue()
    assert even.lightness() > max(below.lightness(), above.lightness())
    assert far_above.lightness() < above.lightness()


def test_component_legend_lists_barriers_only_if_present(qgis_app, raster_layer):
    for labels, expected in (
        (np.array([[1, 1, 2]]), ["1 (2 cells)", "2 (1 cell)"]),
        (np.array([[1, 0, 1]]), ["barrier", "1 (2 cells)"]),
    ):
        layer = raster_layer(labels.astype(np.int32))
        layer.setRenderer(component_style(labels).renderer(layer))
        assert [label for label, _ in layer.renderer().legendSymbologyItems()] == expected


@pytest.mark.parametrize("meaning, dark_is_hard", [("resistance", True), ("permeability", False)])
def test_land_cover_landscape_style(loaded, geotiff, tmp_path, meaning, dark_is_hard):
    source = geotiff(np.array([[1, 2]], np.uint8))
    path = str(tmp_path / "permeability.tif")
    layer = loaded("permeabilityfromlandcover", INPUT=source, MATRIX=[1, 1.0, 2, 90.0], VALUES=meaning, OUTPUT=path)
    low, high = colour(layer, 0, 0), colour(layer, 0, 1)
    assert low.lightness() > high.lightness()
    assert (high.green() > max(high.red(), high.blue())) is not dark_is_hard


def test_log_numbers_are_readable(run, geotiff, points, feedback):
    run("leastcostdistance", INPUT=geotiff(np.full((3, 5), 0.001)), SOURCES=points((0, 0)))
    assert any(text.startswith("Distances range from 0 to 144,900, with a mean of ") for text in feedback.infos)
    assert not any("e+" in text or text.startswith("Iterations: 0") for text in feedback.infos)


def test_habitat_style_is_greener_for_more_habitat(qgis_app, raster_layer):
    values = np.array([[0.0, 5.0, 10.0, np.nan]])
    layer = raster_layer(np.where(np.isnan(values), NODATA, values), nodata=NODATA)
    layer.setRenderer(habitat_style(values).renderer(layer))
    none, some, much = (colour(layer, 0, column) for column in range(3))
    assert none.lightness() > some.lightness() > much.lightness()
    assert some.green() > max(some.red(), some.blue())
    assert colour(layer, 0, 3) is None
    for empty in (np.zeros((2, 2)), np.full((2, 2), np.nan)):
        assert habitat_style(empty).renderer(layer) is not None


def test_sample_rows_are_evenly_spaced(tmp_path):
    values = np.arange(60.0).reshape(12, 5)
    np.save(tmp_path / "map.npy", values)
    on_disk = NpyFile(tmp_path / "map.npy")
    np.testing.assert_array_equal(styles.sample_rows(on_disk), values)
    np.testing.assert_array_equal(styles.sample_rows(on_disk, max_cells=15), values[[2, 6, 10]])


def test_sensitivity_legend_contains_zero(qgis_app, raster_layer):
    values = np.array([[-6679.7, 3.0, 1234.5]])
    layer = raster_layer(values)
    layer.setRenderer(sensitivity_style(values).renderer(layer))
    assert "0" in [label for label, _ in layer.renderer().legendSymbologyItems()]


def test_costly_paths_are_darker(provider, context, engine_python, valley_file, points, tmp_path):
    path = str(tmp_path / "paths.gpkg")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:leastcostpaths")
    context.addLayerToLoadOnCompletion(
        path, QgsProcessingContext.LayerDetails("paths", QgsProject.instance(), "OUTPUT")
    )
    focal = points((0, 0), (0, 2), (8, 2))
    parameters = {"INPUT": valley_file, "VALUES": "permeability", "FOCAL": focal, "OUTPUT": path}
    _, successful = algorithm.run(parameters, context, QgsProcessingFeedback())
    layer = QgsVectorLayer(path, "paths", "ogr")
    context.layerToLoadOnCompletionDetails(path).postProcessor().postProcessLayer(
        layer, context, QgsProcessingFeedback()
    )
    renderer = layer.renderer()
    drawn = sorted(
        (row["cost"], renderer.rangeForValue(row["cost"]).symbol().color().lightness()) for row in layer.getFeatures()
    )
    assert successful and renderer.classAttribute() == "cost"
    assert drawn[0][1] > drawn[-1][1]


def test_current_style_is_logarithmic(loaded, valley_file, points, tmp_path, engine_python):
    places = {"FOCAL": points((0, 0), (8, 2)), "OUTPUT": str(tmp_path / "current.tif")}
    layer = loaded("currentflow", INPUT=valley_file, **places)
    items = layer.renderer().shader().rasterShaderFunction().colorRampItemList()
    values = np.array([item.value for item in items])
    np.testing.assert_allclose(values[1:] / values[:-1], (values[-1] / values[0]) ** (1 / (len(values) - 1)))
    assert values[-1] / values[0] <= 1010
    assert colour(layer, 7, 10) == QColor(items[0].color)  # the island, where nothing flows
    assert colour(layer, 0, 0).lightness() > colour(layer, 0, 11).lightness()
    assert colour(layer, 3, 4) is None  # no data


@pytest.mark.parametrize("sign", [1, -1])
def test_sensitivities_far_from_zero_span_the_colours_of_their_sign(qgis_app, raster_layer, sign):
    values = sign * np.linspace(5.0, 9.0, 100).reshape(10, 10)
    layer = raster_layer(values)
    layer.setRenderer(sensitivity_style(values).renderer(layer))
    weak, strong = colour(layer, 0, 0), colour(layer, 9, 9)
    assert weak.lightness() - strong.lightness() > 100
    assert (strong.red() > strong.blue()) == (sign < 0)


def test_barriers_are_white_where_transparency_is_not_drawn(qgis_app, raster_layer):
    labels = np.array([[1, 0, 1]])
    layer = raster_layer(labels.astype(np.int32))
    layer.setRenderer(component_style(labels).renderer(layer))
    barrier = dict(layer.renderer().legendSymbologyItems())["barrier"]
    assert barrier.alpha() == 0 and barrier.lightness() == 255


def test_weak_sensitivities_are_visible_where_few_cells_have_any(qgis_app, raster_layer):
    values = np.zeros((20, 20))
    values[7] = -np.geomspace(1.0, 1000.0, 20)  # along one path, the other cells have no effect
    layer = raster_layer(values)
    layer.setRenderer(sensitivity_style(values).renderer(layer))
    assert colour(layer, 0, 0).lightness() - colour(layer, 7, 10).lightness() > 20


@pytest.mark.parametrize("negative_helps", [True, False])
def test_blue_is_what_helps_in_every_sensitivity_map(qgis_app, raster_layer, negative_helps):
    values = np.array([[-5.0, 0.0, 5.0]])
    layer = raster_layer(values)
    layer.setRenderer(sensitivity_style(values, "Ω", negative_helps=negative_helps).renderer(layer))
    helps, harms = (0, 2) if negative_helps else (2, 0)
    assert colour(layer, 0, helps).blue() > colour(layer, 0, helps).red()
    assert colour(layer, 0, harms).red() > colour(layer, 0, harms).blue()
    _, [bar] = legend(layer)
    assert bar == (("5 Ω (harms)", "−5 Ω (helps)") if negative_helps else ("5 Ω (helps)", "−5 Ω (harms)"))


def test_gains_are_blue_as_sensitivities_that_help(qgis_app, raster_layer):
    values = np.geomspace(1e-3, 1.0, 400).reshape(20, 20)
    layer = raster_layer(values)
    layer.setRenderer(gain_style(values, "Ω per unit").renderer(layer))
    little, much = colour(layer, 0, 0), colour(layer, 19, 19)
    assert much.blue() > 2 * much.red() and little.lightness() > much.lightness() + 50
    assert legend(layer)[0][-1].endswith("Ω per unit")


def test_land_outside_corridors_is_transparent(qgis_app, raster_layer):
    excess = np.arange(100.0).reshape(10, 10)
    layer = raster_layer(excess)
    layer.setRenderer(corridor_style(excess, "m × resistance").renderer(layer))
    assert colour(layer, 0, 0) is not None and colour(layer, 1, 9) is not None
    assert colour(layer, 2, 5) is None and colour(layer, 9, 9) is None
    assert legend(layer)[1] == [("19.8 m × resistance (transparent beyond)", "0 m × resistance")]


def test_corridor_with_a_cutoff_is_shown_to_its_edge(qgis_app, raster_layer):
    excess = np.arange(100.0).reshape(10, 10)
    layer = raster_layer(excess)
    layer.setRenderer(corridor_style(excess, cutoff=True).renderer(layer))
    assert colour(layer, 9, 9) is not None


@pytest.mark.parametrize(("most", "labels"), [(1, ["1 path"]), (3, ["1 path", "2 paths", "3 paths"])])
def test_parts_of_more_paths_are_wider_and_darker(qgis_app, most, labels):
    layer = QgsVectorLayer("LineString?field=paths:integer", "lines", "memory")
    ranges = shared_path_style("paths", range(1, most + 1)).renderer(layer).ranges()
    assert [each.label() for each in ranges] == labels
    widths = [each.symbol().width() for each in ranges]
    assert widths == sorted(set(widths))
    lightness = [each.symbol().color().lightness() for each in ranges]
    assert lightness == sorted(lightness, reverse=True)


def test_parts_used_by_many_paths_are_in_few_classes(qgis_app):
    layer = QgsVectorLayer("LineString?field=paths:integer", "lines", "memory")
    renderer = shared_path_style("paths", [1, 7, 400]).renderer(layer)
    assert len(renderer.ranges()) <= 5
    assert all(renderer.rangeForValue(count) is not None for count in (1, 2, 7, 399, 400))
