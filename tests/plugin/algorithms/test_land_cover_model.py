"""The model from land cover to currents and barriers: equal to its steps, and errors of its steps."""

import numpy as np
import processing
import pytest
from qgis.core import (
    QgsFeature,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsRasterLayer,
    QgsVectorLayer,
)

from permea.plugin.algorithms.color_ramps import CURRENT, DIVERGING, HABITAT

from .conftest import ROOT

MODEL = "landcovertocurrentsandbarriers"
FILE = ROOT / "resources" / "models" / "land_cover_to_currents_and_barriers.model3"
OUTPUTS = {
    "LANDSCAPE": "landscape:Landscape",
    "CURRENT": "currents:Cumulative current",
    "RESISTANCES": "currents:Resistances",
    "GAIN": "barriers:Barriers",
    "IMPROVEMENT": "barriers:Improvement score",
}
EASE = {1: 0.0, 2: 0.3, 3: 1.0}
PLACES = ((0, 0), (7, 1), (2, 11))


@pytest.fixture
def cover(geotiff):
    """Random classes 1 to 3 with a nodata corner; no place lies in class 1."""
    classes = np.random.default_rng(11).choice([1, 2, 3], (9, 12), p=[0.1, 0.4, 0.5]).astype(np.uint8)
    classes[7:, 9:] = 0
    for place in PLACES:
        classes[place] = 3
    return geotiff(classes, nodata=0, name="cover")


@pytest.fixture
def class_table(tmp_path):
    """Make a CSV file of classes and values; by default with the columns of the sample."""

    def write(values, header="class,permeability"):
        path = tmp_path / "classes.csv"
        path.write_text("\n".join([header, *(f"{each},{value:g}" for each, value in values.items())]) + "\n")
        return str(path)

    return write


@pytest.fixture
def model(provider, engine_python, context, feedback):
    """Run the model; return its outputs by short names, and the inputs of its steps."""

    def run(requested=("LANDSCAPE", "CURRENT", "RESISTANCES", "GAIN"), **parameters):
        outputs = {OUTPUTS[name]: "TEMPORARY_OUTPUT" for name in requested}
        meaning = {"VALUES": "permeability"}
        results = processing.run(
            f"permea:{MODEL}", {**meaning, **outputs, **parameters}, feedback=feedback, context=context
        )
        return {"steps": results["CHILD_INPUTS"], **{name: results[OUTPUTS[name]] for name in requested}}

    return run


def rows_of(table, context):
    layer = table if isinstance(table, QgsVectorLayer) else context.getMapLayer(table) or QgsVectorLayer(table, "t")
    return sorted(
        tuple(feature.attribute(n) for n in ("from_id", "to_id", "resistance")) for feature in layer.getFeatures()
    )


def test_model_equals_its_steps(model, run, read, context, cover, class_table, points):
    table, places = class_table(EASE), points(*PLACES)
    graph = {"NEIGHBORS": "rook", "EDGE_RULE": "resistance"}
    restoring = {"SEARCH_RADIUS": 50.0, "RESTORED": 2.0}
    made = model(
        OUTPUTS,
        LAND_COVER=cover,
        CLASS_TABLE=table,
        CLASS_FIELD="class",
        VALUE_FIELD="permeability",
        FOCAL=places,
        ID_FIELD="name",
        **graph,
        **restoring,
    )
    classes = {"TABLE": table, "CLASS_FIELD": "class", "VALUE_FIELD": "permeability"}
    landscape = run("permeabilityfromlandcover", INPUT=cover, **classes)["OUTPUT"]
    between = {"INPUT": landscape, "FOCAL": places, "ID_FIELD": "name", **graph}
    currents = run("currentflow", **between, MAXIMUM_MAP=None, SINGLE_MAPS=None)
    barriers = run("barriers", **between, **restoring, DISTANCE="resistance", PINCH_POINTS=None)
    steps = {
        "LANDSCAPE": landscape,
        "CURRENT": currents["OUTPUT"],
        "GAIN": barriers["OUTPUT"],
        "IMPROVEMENT": barriers["IMPROVEMENT"],
    }
    for name, step in steps.items():
        np.testing.assert_array_equal(read(made[name]).band, read(step).band, err_msg=name)
        assert np.nanmax(read(step).band) > 0
    assert rows_of(made["RESISTANCES"], context) == rows_of(currents["RESISTANCES"], context)
    assert len(rows_of(made["RESISTANCES"], context)) == 3


def test_omitted_inputs_take_defaults(model, cover, class_table, points):
    """QGIS itself applies defaults in its dialog only."""
    made = model(OUTPUTS, LAND_COVER=cover, CLASS_TABLE=class_table(EASE), FOCAL=points(*PLACES))
    taken = made["steps"]
    expected = {
        "landscape": {"CLASS_FIELD": "class", "VALUE_FIELD": "permeability", "MISSING": "error"},
        "currents": {"NEIGHBORS": "queen", "EDGE_RULE": "mean"},
        "barriers": {"NEIGHBORS": "queen", "EDGE_RULE": "mean", "DISTANCE": "resistance"},
    }
    expected["barriers"] |= {"SEARCH_RADIUS": 60.0, "RESTORED": 1.0}
    for step, values in expected.items():
        values["VALUES"] = "permeability"
        assert {name: taken[step][name] for name in values} == values


def test_model_outputs_are_styled(provider, engine_python, context, feedback, cover, class_table, points, tmp_path):
    paths = {OUTPUTS[name]: str(tmp_path / f"{name}.tif") for name in ("LANDSCAPE", "CURRENT", "GAIN", "IMPROVEMENT")}
    for name, path in paths.items():
        context.addLayerToLoadOnCompletion(path, QgsProcessingContext.LayerDetails(name, context.project(), name))
    given = {"LAND_COVER": cover, "CLASS_TABLE": class_table(EASE), "FOCAL": points(*PLACES), "VALUES": "permeability"}
    processing.run(f"permea:{MODEL}", {**given, **paths}, feedback=feedback, context=context)
    first_colours = {}
    for name, path in paths.items():
        layer = QgsRasterLayer(path, name)
        context.layerToLoadOnCompletionDetails(path).postProcessor().postProcessLayer(layer, context, feedback)
        ramp = layer.renderer().shader().rasterShaderFunction()
        first_colours[name] = ramp.colorRampItemList()[0].color.name()
    no_effect = DIVERGING[len(DIVERGING) // 2]
    assert list(first_colours.values()) == [HABITAT[0], CURRENT[0], no_effect, no_effect]


def test_model_reports_class_without_value(model, read, cover, class_table, points):
    table = class_table({1: 0.0, 3: 1.0})
    lacking = int((read(cover).band == 2).sum())
    with pytest.raises(
        QgsProcessingException,
        match=rf"Permeability from land cover.*'cover': 1 class has no permeability: 2 \({lacking} cells\)",
    ):
        model(LAND_COVER=cover, CLASS_TABLE=table, FOCAL=points(*PLACES))


def test_model_sets_missing_class_to_nodata(model, read, cover, class_table, points):
    table = class_table({2: 4.0, 3: 1.0}, header="code,cost")
    made = model(
        LAND_COVER=cover,
        CLASS_TABLE=table,
        CLASS_FIELD="code",
        VALUE_FIELD="cost",
        VALUES="resistance",
        MISSING="nodata",
        FOCAL=points(*PLACES),
    )
    classes, landscape = read(cover).band, read(made["LANDSCAPE"]).band
    np.testing.assert_array_equal(np.isnan(landscape), ~np.isin(classes, [2, 3]))
    assert (landscape[classes == 2] == 4).all()
    assert (np.isnan(read(made["GAIN"]).band) == np.isnan(landscape)).all()


def test_model_reports_missing_fields(model, cover, class_table, points):
    table = class_table(EASE, header="code,cost")
    with pytest.raises(QgsProcessingException, match="'classes' has no field 'class'. Its fields are: code, cost"):
        model(LAND_COVER=cover, CLASS_TABLE=table, FOCAL=points(*PLACES))


def test_step_with_missing_inputs_reports_error(provider, engine_python, context, feedback, cover):
    model = QgsProcessingModelAlgorithm("without fields", "tests")
    step = QgsProcessingModelChildAlgorithm("permea:permeabilityfromlandcover")
    step.setChildId("step")
    step.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromStaticValue(cover)])
    model.addChildAlgorithm(step)
    heard = []
    feedback.reportError = lambda text, fatal=False: heard.append(text)
    with pytest.raises(QgsProcessingException) as error:
        model.run({}, context, feedback, catchExceptions=False)
    heard.append(str(error.value))  # where QGIS 3.40 puts the reason
    assert any("VALUES has no default: it must be permeability or resistance" in text for text in heard)
    model.childAlgorithm("step").addParameterSources(
        "VALUES", [QgsProcessingModelChildParameterSource.fromStaticValue("resistance")]
    )
    with pytest.raises(QgsProcessingException) as error:
        model.run({}, context, feedback, catchExceptions=False)
    heard.append(str(error.value))
    assert any("No values: choose a class table" in text for text in heard)


@pytest.mark.parametrize("distance", ["resistance", "leastcost"])
def test_model_accepts_polygons(model, read, cover, class_table, distance):
    polygons = QgsVectorLayer("Polygon?crs=EPSG:31985&field=name:string", "woods", "memory")
    left, top = read(cover).geotransform[0], read(cover).geotransform[3]
    for row, column in ((0, 0), (0, 9)):
        west, north = left + 30 * column, top - 30 * row
        wood = QgsFeature(polygons.fields())
        ring = f"{west} {north}, {west + 60} {north}, {west + 60} {north - 60}, {west} {north - 60}, {west} {north}"
        wood.setGeometry(QgsGeometry.fromWkt(f"POLYGON(({ring}))"))
        wood.setAttributes([f"wood {column}"])
        polygons.dataProvider().addFeature(wood)
    given = {"LAND_COVER": cover, "CLASS_TABLE": class_table(EASE), "FOCAL": polygons}
    made = model(**given, BARRIER_DISTANCE=distance)
    assert made["steps"]["barriers"]["DISTANCE"] == distance
    assert np.nanmax(read(made["GAIN"]).band) > 0


def test_model_names_failed_step(model, cover, class_table):
    polygons = QgsVectorLayer("Polygon?crs=EPSG:31985&field=name:string", "woods", "memory")
    with pytest.raises(QgsProcessingException, match="Currents|Barriers"):
        model(LAND_COVER=cover, CLASS_TABLE=class_table(EASE), FOCAL=polygons)


def test_model_designer_layout_has_comments(provider, engine_python):
    model = QgsProcessingModelAlgorithm()
    assert model.fromFile(str(FILE))
    boxes = [*model.parameterComponents().values()]
    for child in model.childAlgorithms().values():
        assert child.comment().description()
        boxes += [child, child.comment(), *child.modelOutputs().values()]
    places = [
        (box.position().x(), box.position().y(), box.size().width(), box.size().height())
        for box in boxes
        if box.size().width()
    ]
    assert len(places) == 13 + 3 * 2 + 5
    for number, (x, y, width, height) in enumerate(places):
        for other in places[:number]:
            apart = abs(x - other[0]) >= (width + other[2]) / 2 or abs(y - other[1]) >= (height + other[3]) / 2
            assert apart, (places[number], other)
    assert {group.description()[0] for group in model.groupBoxes()} == {"1", "2", "3"}
    assert all(definition.help() for definition in model.parameterDefinitions() if not definition.isDestination())
