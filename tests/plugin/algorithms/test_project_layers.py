"""The maps and tables of a Circuitscape project in the project of QGIS."""

from pathlib import Path

import pytest
from qgis.core import QgsApplication, QgsProcessingFeedback, QgsProject, QgsRasterLayer

from permea.plugin.algorithms.flows.project_layers import result_files


@pytest.fixture
def loaded(provider, engine_python, context, show_results):
    """Run a project as its dialog does and return the tree of layers that QGIS then shows."""
    context.setProject(QgsProject.instance())

    def run(path, folder, **parameters):
        algorithm = QgsApplication.processingRegistry().createAlgorithmById("permea:circuitscapeproject")
        feedback = QgsProcessingFeedback(False)
        results, _ = algorithm.run({"INPUT": str(path), "OUTPUT": str(folder), **parameters}, context, feedback)
        assert show_results(algorithm, context, feedback, results), feedback.textLog()
        return [
            (group.name(), [node.layer() for node in group.findLayers()])
            for group in QgsProject.instance().layerTreeRoot().children()
        ]

    yield run
    QgsProject.instance().clear()


def test_maps_and_tables_of_a_project_are_loaded(loaded, project, tmp_path):
    [(group, layers)] = loaded(project(), tmp_path / "results")
    assert group.startswith("Run a Circuitscape project, strip (")
    names = [layer.name() for layer in layers]
    assert names[0] in ("Cumulative current, strip", "strip_cum_curmap") and len(names) == 5
    table = layers[-1]
    assert [table.attributeAlias(number) for number in range(3)] == ["from_id", "to_id", "resistance"]
    assert [list(row.attributes()) for row in table.getFeatures()][0] == [1, 2, 2.0]
    assert all(layer.renderer().type() == "singlebandpseudocolor" for layer in layers[:-1])
    assert "permea:circuitscapeproject" in layers[0].metadata().history()[0]


def test_results_of_a_project_are_not_loaded_on_request(loaded, project, tmp_path):
    assert loaded(project(), tmp_path / "results", LOAD=False) == []


def test_maps_of_an_omniscape_project_are_loaded(loaded, omniscape, tmp_path):
    [(_, layers)] = loaded(omniscape(), tmp_path / "results")
    assert [type(layer) for layer in layers] == [QgsRasterLayer]


def test_of_a_project_with_many_maps_only_the_sums_are_loaded(provider):
    names = [f"land_curmap_{n}_{n + 1}.asc" for n in range(30)] + ["land_cum_curmap.asc", "land_resistances.out"]
    files = result_files(names, Path("results"), "land")
    assert [file.content for file in files if file.run in ("", "cum")] == ["cum_curmap", "resistances"]
    assert len(files) == 32
