"""Models: the bundled ones run, and results of one algorithm are inputs of the next."""

from pathlib import Path

import numpy as np
import processing
from qgis.core import (
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingUtils,
)

from .conftest import NODATA

MODELS = Path(__file__).resolve().parents[3] / "resources" / "models"
TEMPORARY = "TEMPORARY_OUTPUT"


def output(results, ending):
    """Return a model output, which QGIS prefixes with the name of the step."""
    [value] = [value for name, value in results.items() if name.endswith(ending)]
    return value


def destinations(algorithm):
    return {definition.name(): TEMPORARY for definition in algorithm.destinationParameterDefinitions()}


def test_bundled_models_are_in_toolbox(provider):
    files = {path.stem.replace("_", "") for path in MODELS.glob("*.model3")}
    assert (
        files
        == {a.name() for a in provider.algorithms() if a.groupId() == "examples"}
        == {
            "distancetohabitat",
            "firstlook",
            "landcovertocurrentsandbarriers",
        }
    )


def test_model_file_finds_child_algorithms(provider, engine_python):
    for path in MODELS.glob("*.model3"):
        model = QgsProcessingModelAlgorithm()
        assert model.fromFile(str(path))
        assert model.canExecute() == (True, "")
        assert model.validate()[0], path.name
        assert len(model.childAlgorithms()) >= 2


def test_model_uses_habitat_as_sources(provider, engine_python, geotiff, read, context, feedback, valley, valley_file):
    habitat = np.zeros_like(valley)
    habitat[0:2, 0:2] = habitat[7:9, 3:6] = 1.0
    algorithm = provider.algorithm("distancetohabitat")
    parameters = {"HABITAT": geotiff(habitat, name="habitat"), "LANDSCAPE": valley_file, **destinations(algorithm)}
    results = processing.run(algorithm.id(), parameters, context=context, feedback=feedback)
    blocks = read(output(results, "Habitat blocks")).band
    assert (blocks[7:9, 3:6] == 1).all() and (blocks[0:2, 0:2] == 2).all()
    distance = read(output(results, "Distance to habitat")).band
    reached = np.isfinite(distance)
    np.testing.assert_array_equal(distance[reached] == 0, (habitat > 0)[reached])
    unreachable = np.zeros(valley.shape, bool)
    unreachable[6:, 9:] = True  # the island
    np.testing.assert_array_equal(np.isnan(distance), (valley == NODATA) | unreachable)


def test_first_look_model_runs_without_inputs(provider, engine_python, read, context, feedback, sample):
    algorithm = provider.algorithm("firstlook")
    results = processing.run(algorithm.id(), destinations(algorithm), context=context, feedback=feedback)
    landscape = read(sample["permeability.tif"]).band
    for ending in ("Least-cost distance", "Sensitivity"):
        made = read(output(results, ending)).band
        assert made.shape == landscape.shape and np.isfinite(made).any()
    patches = output(results, "Habitat patches")
    layer = patches if not isinstance(patches, str) else QgsProcessingUtils.mapLayerFromString(patches, context)
    assert layer.featureCount() > 3


def test_number_outputs_feed_next_step(provider, engine_python, geotiff, context, feedback, tmp_path):
    # Three parts in a row; the number of parts becomes the seed of the next step.
    values = np.ones((3, 8))
    values[:, 2] = values[:, 5] = 0.0
    source = QgsProcessingModelChildParameterSource
    landscape = source.fromStaticValue(geotiff(values))
    model = QgsProcessingModelAlgorithm("parts", "tests")
    parts = QgsProcessingModelChildAlgorithm("permea:connectedcomponents")
    parts.setChildId("parts")
    parts.addParameterSources("INPUT", [landscape])
    parts.addParameterSources("VALUES", [source.fromStaticValue("permeability")])
    model.addChildAlgorithm(parts)
    map_of = QgsProcessingModelChildAlgorithm("permea:sensitivity")
    map_of.setChildId("sensitivity")
    map_of.addParameterSources("INPUT", [landscape])
    map_of.addParameterSources("VALUES", [source.fromStaticValue("permeability")])
    map_of.addParameterSources("SAMPLES", [source.fromChildOutput("parts", "LARGEST_COMPONENT_CELLS")])
    made = QgsProcessingModelOutput("map", "map")
    made.setChildOutputName("OUTPUT")
    map_of.setModelOutputs({"map": made})
    model.addChildAlgorithm(map_of)
    parameters = {"sensitivity:map": str(tmp_path / "map.tif")}
    _, successful = model.run(parameters, context, feedback)
    assert successful
    assert (tmp_path / "map.tif").is_file()
    # The job of the second step, which the engine reports in the log.
    assert any("Sampled 6 of" in text for text in feedback.infos)
