"""Results that can be told apart: names, groups, and how they were made, in layers and in files."""

import json
import shlex
from types import SimpleNamespace

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsVectorLayer,
)

from permea.plugin.algorithms.plain_values import PlainValues
from permea.plugin.algorithms.results import Presentation, plain_values, show_when_loaded
from permea.plugin.algorithms.sensitivity.sensitivity import _title


@pytest.fixture
def project():
    """The project of the session, emptied at the end."""
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def load(provider, engine_python, context, project, show_results):
    """Run an algorithm and load its results, as its dialog does; return the layers by the name of the output."""

    def load(name, **parameters):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById(f"permea:{name}")
        outputs = {
            definition.name(): QgsProcessingOutputLayerDefinition(value, project)
            for definition in algorithm.destinationParameterDefinitions()
            for value in [parameters.get(definition.name())]
            if value is not None
        }
        feedback = QgsProcessingFeedback(False)
        results, successful = algorithm.run({"VALUES": "permeability", **parameters, **outputs}, context, feedback)
        assert successful, feedback.textLog()
        before = set(project.mapLayers())
        assert show_results(algorithm, context, feedback, results)
        context.layersToLoadOnCompletion().clear()
        added = [layer for key, layer in project.mapLayers().items() if key not in before]
        return {out: layer for out in outputs for layer in added if results[out] in (layer.id(), layer.source())}

    return load


def tree(project):
    """Return the layer tree as names: a layer, or a group with its contents."""

    def names(group):
        return [(each.name(), names(each)) if hasattr(each, "addLayer") else each.name() for each in group.children()]

    return names(project.layerTreeRoot())


def temporary(*outputs):
    return dict.fromkeys(outputs, "TEMPORARY_OUTPUT")


@pytest.mark.parametrize(
    ("choices", "title"),
    [
        ({}, "Sensitivity of mean least cost"),
        ({"DISTANCE": "resistance", "ELASTICITY": True}, "Elasticity of mean resistance"),
        (
            {"SCALAR": "quality_weighted", "RESPECT_TO": "quality"},
            "Sensitivity of connectivity to habitat quality by least cost",
        ),
        ({"DISTANCE": "rsp", "THETA": 0.02}, "Sensitivity of mean expected cost (θ = 0.02)"),
    ],
)
def test_title_names_distance_and_variable(provider, context, feedback, choices, title):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:sensitivity")
    assert _title(PlainValues(algorithm, choices, context, feedback)) == title


def test_temporary_layer_is_named_after_result_and_sources(load, valley_file, points):
    sources = points((0, 0), (8, 2), name="habitat")
    layer = load("leastcostdistance", INPUT=valley_file, SOURCES=sources, **temporary("OUTPUT"))["OUTPUT"]
    assert layer.name() == "Least-cost distance, habitat"


def test_run_without_sources_is_named_after_the_landscape(load, valley_file):
    layer = load("connectedcomponents", INPUT=valley_file, **temporary("OUTPUT"))["OUTPUT"]
    assert layer.name() == "Connected components, valley"


def test_results_of_a_run_are_in_a_group_with_lines_above_rasters(load, project, valley_file, points):
    places = points((0, 0), (8, 2), name="habitat")
    for _ in range(2):
        load(
            "leastcostcorridor",
            INPUT=valley_file,
            FOCAL=places,
            **temporary("OUTPUT", "PATHS", "ALLOCATION"),
        )
    names = ["Least-cost paths, habitat", "Least-cost corridor, habitat", "Cost-weighted allocation, habitat"]
    groups = tree(project)
    assert all(name.startswith("Least-cost corridor, habitat (") for name, _ in groups)
    # Two runs within a minute share their group; QGIS 3.40 puts the newer run on top, other versions merge both.
    merged = [name for name in names for _ in range(2)]
    assert [layers for _, layers in groups] in ([names, names], [names + names], [merged])


def test_table_is_below_the_map(load, project, valley_file, points):
    places = points((0, 0), (8, 2), name="habitat")
    load("currentflow", INPUT=valley_file, FOCAL=places, **temporary("OUTPUT", "RESISTANCES"))
    [(_, layers)] = tree(project)
    assert layers == ["Cumulative current, habitat", "Resistances, habitat"]


def test_group_lies_in_the_group_that_the_user_wants_for_results(load, project, valley_file):
    from processing.core.ProcessingConfig import ProcessingConfig

    ProcessingConfig.setSettingValue(ProcessingConfig.RESULTS_GROUP_NAME, "All results")
    try:
        load("connectedcomponents", INPUT=valley_file, **temporary("OUTPUT"))
    finally:
        ProcessingConfig.setSettingValue(ProcessingConfig.RESULTS_GROUP_NAME, "")
    [(outer, [(inner, layers)])] = tree(project)
    assert (outer, layers) == ("All results", ["Connected components, valley"])
    assert inner.startswith("Connected components, valley (")


def test_file_names_a_layer_if_the_user_prefers_it(provider, context, project, valley_file, tmp_path):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:connectedcomponents")
    wanted = QgsProcessingOutputLayerDefinition(str(tmp_path / "mine.tif"), project)
    _, successful = algorithm.run(
        {"INPUT": valley_file, "VALUES": "permeability", "OUTPUT": wanted}, context, QgsProcessingFeedback()
    )
    [details] = context.layersToLoadOnCompletion().values()
    # Not forced: QGIS takes the name of a file outside its temporary folder if its setting says so.
    assert (successful, details.name, details.forceName) == (True, "Connected components, valley", False)


def test_name_chosen_by_a_model_has_precedence(provider, context, project, valley_file):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:connectedcomponents")
    wanted = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
    wanted.destinationName = "Parts of my model"
    _, successful = algorithm.run(
        {"INPUT": valley_file, "VALUES": "permeability", "OUTPUT": wanted}, context, QgsProcessingFeedback()
    )
    [details] = context.layersToLoadOnCompletion().values()
    assert successful and details.name == "Parts of my model"


def test_geotiff_holds_provenance(run, valley_file, points, tmp_path):
    path, places = tmp_path / "cost of the way.tif", points((0, 0), name="habitat")
    run("leastcostdistance", INPUT=valley_file, SOURCES=places, NEIGHBORS="rook", OUTPUT=str(path))
    tags = gdal.Open(str(path)).GetMetadata()
    assert tags["PERMEA_ALGORITHM"] == "permea:leastcostdistance" and tags["TIFFTAG_SOFTWARE"].startswith("Permea 0.")
    assert tags["TIFFTAG_IMAGEDESCRIPTION"] == "Least-cost distance, habitat"
    parameters = json.loads(tags["PERMEA_PARAMETERS"])
    assert (parameters["INPUT"], parameters["NEIGHBORS"], parameters["VALUES"]) == (valley_file, "rook", "permeability")
    assert parameters["SOURCES"] == "habitat"
    program, command, algorithm, *given = shlex.split(tags["PERMEA_COMMAND"])
    assert (program, command, algorithm) == ("qgis_process", "run", "permea:leastcostdistance")
    assert f"--INPUT={valley_file}" in given and f"--OUTPUT={path}" in given and "--NEIGHBORS=rook" in given
    assert tags["PERMEA_DATE"][:10].replace("-", ":") == tags["TIFFTAG_DATETIME"][:10]
    assert not list(tmp_path.glob("*.aux.xml"))


def test_loaded_raster_has_metadata(load, valley_file, tmp_path):
    layer = load("connectedcomponents", INPUT=valley_file, OUTPUT=str(tmp_path / "parts.tif"))["OUTPUT"]
    metadata = layer.metadata()
    assert metadata.title() == "Connected components, valley"
    assert metadata.abstract().startswith("Parts of the landscape")
    assert "permea:connectedcomponents" in metadata.history()[0] and "qgis_process run" in metadata.history()[-1]
    assert [path.name for path in tmp_path.glob("parts*")] == ["parts.tif"]


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_table_in_a_file_holds_provenance(run, valley_file, points, tmp_path, ending):
    path = tmp_path / f"paths.{ending}"
    run("leastcostpaths", INPUT=valley_file, FOCAL=points((0, 0), (8, 2)), OUTPUT=str(path))
    assert b"permea:leastcostpaths" in path.read_bytes()
    if ending == "gpkg":
        metadata = QgsVectorLayer(str(path), "paths", "ogr").metadata()
        assert metadata.title() == "Least-cost paths, patches"
        assert "qgis_process run permea:leastcostpaths" in metadata.history()[-1]


def test_second_layer_of_a_geopackage_has_its_own_metadata(run, valley_file, points, tmp_path):
    path, places = tmp_path / "all.gpkg", points((0, 0), (8, 2))
    run("leastcostpaths", INPUT=valley_file, FOCAL=places, OUTPUT=f"ogr:dbname='{path}' table=\"paths\"")
    table = f"ogr:dbname='{path}' table=\"costs\""
    run("distancematrix", INPUT=valley_file, FOCAL=places, OUTPUT=table)
    titles = [QgsVectorLayer(f"{path}|layername={name}", name, "ogr").metadata().title() for name in ("paths", "costs")]
    assert titles == ["Least-cost paths, patches", "Distances by least cost, patches"]


def test_memory_layer_has_metadata(load, valley_file, points):
    layers = load("leastcostpaths", INPUT=valley_file, FOCAL=points((0, 0), (8, 2)), **temporary("OUTPUT"))
    assert layers["OUTPUT"].metadata().title() == "Least-cost paths, patches"


def test_passwords_do_not_get_into_files(qgis_app, context, provider):
    secret = "dbname='land' host=example user='anna' password='s3cret' table=\"patches\" (geom)"
    layer = QgsVectorLayer(secret, "patches", "postgres")
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:leastcostpaths")
    values = plain_values(algorithm, {"FOCAL": layer}, context)
    assert "s3cret" not in json.dumps(values) and "patches" in values["FOCAL"]


def test_a_cancelled_run_leaves_no_group(provider, context, project, valley_file):
    feedback = QgsProcessingFeedback(False)
    feedback.cancel()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:connectedcomponents")
    wanted = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
    results, _ = algorithm.run({"INPUT": valley_file, "VALUES": "permeability", "OUTPUT": wanted}, context, feedback)
    assert results == {} and tree(project) == []
    assert "Cancelled." in feedback.textLog()


def test_results_of_a_bundled_model_are_in_one_group(
    provider, engine_python, context, project, geotiff, valley, show_results
):
    habitat = np.zeros_like(valley)
    habitat[0:2, 0:2] = 1.0
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:distancetohabitat")
    values = {"HABITAT": geotiff(habitat, name="habitat"), "LANDSCAPE": geotiff(valley, nodata=-1.0, name="land")}
    for output in algorithm.destinationParameterDefinitions():
        values[output.name()] = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project)
        values[output.name()].destinationName = output.description()
    feedback = QgsProcessingFeedback(False)
    results, successful = algorithm.run(values, context, feedback)
    assert successful and show_results(algorithm, context, feedback, results), feedback.textLog()
    [(group, layers)] = tree(project)
    assert group.startswith(f"{algorithm.displayName()} (")
    assert sorted(layers) == ["Distance to habitat", "Habitat blocks"]


def test_layers_of_a_batch_are_named_after_their_rows(provider, engine_python, context, project, geotiff, show_results):
    from processing.tools import dataobjects

    for name in ("north", "south"):
        # What the batch dialog does for each row.
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:connectedcomponents")
        feedback = QgsProcessingFeedback(False)
        context = dataobjects.createContext(feedback)
        output = QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", context.project())
        row = {"INPUT": geotiff(np.ones((2, 3)), name=name), "VALUES": "permeability", "OUTPUT": output}
        _, successful = algorithm.run(row, context, feedback)
        assert successful and show_results(algorithm, context, feedback, row)
    assert sorted(layer.name() for layer in project.mapLayers().values()) == [
        "Connected components, north",
        "Connected components, south",
    ]


class NewerContext:
    """A context of QGIS 3.32 or later, which groups and sorts layers itself."""

    def __init__(self):
        self.details = SimpleNamespace(name="Barriers", groupName="", layerSortKey=0, setPostProcessor=lambda _: None)

    def willLoadLayerOnCompletion(self, path):  # noqa: N802
        return True

    def layerToLoadOnCompletionDetails(self, path):  # noqa: N802
        return self.details


def test_newer_qgis_groups_the_layers_itself(provider):
    context = NewerContext()
    presentation = Presentation("Barriers, patches", "Barriers", group="Barriers (12:00:00)", position=3)
    show_when_loaded("barriers.tif", presentation, context)
    details = context.details
    assert (details.name, details.groupName) == ("Barriers, patches", "Barriers (12:00:00)")
    assert details.layerSortKey == -3  # QGIS shows larger keys above smaller ones
