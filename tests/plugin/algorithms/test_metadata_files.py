"""How a table or line layer was made, in a file beside it that QGIS reads with the layer."""

import pytest
from qgis.core import (
    QgsLayerMetadata,
    QgsProcessingException,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterRasterDestination,
    QgsVectorLayer,
)

from permea.plugin.algorithms.base import TOOLS, PermeaAlgorithm
from permea.plugin.algorithms.help import Help
from permea.plugin.algorithms.results import ResultPresenter
from permea.plugin.algorithms.tables import Column, Table, write_tables
from permea.plugin.layers import StagedFiles

from .test_tables import COLUMNS, LINES, ROWS, UTM


class Writer(PermeaAlgorithm):
    """An algorithm with a map, a table and lines."""

    identifier, title, toolbox_group, summary = "writer", "Writer", TOOLS, "Writes."
    help = Help("", "", "")

    def parameters(self):
        return [
            QgsProcessingParameterRasterDestination("MAP", "Map", optional=True),
            QgsProcessingParameterFeatureSink("TABLE", "Table", optional=True),
            QgsProcessingParameterFeatureSink("LINES", "Lines", optional=True),
        ]


@pytest.fixture
def write(context, feedback):
    """Write a table, and lines if asked for; `during` is what happens before the files replace their targets."""
    algorithm = Writer()
    algorithm.initAlgorithm()

    def write(during=lambda: None, rows=ROWS, **destinations):
        parameters = {name: str(path) for name, path in destinations.items()}
        algorithm.presenter = ResultPresenter(algorithm, parameters, context)
        tables = [Table("TABLE", COLUMNS, rows), Table("LINES", (Column("cost"),), [(2.5,)], LINES[:1])]
        with StagedFiles() as staged, write_tables(algorithm, tables, parameters, context, UTM, staged, feedback):
            during()

    return write


def shown(path):
    """Return the metadata of a layer as the window of QGIS loads it with a file."""
    layer = QgsVectorLayer(str(path), "layer", "ogr")
    layer.loadDefaultMetadata()
    return layer.metadata()


@pytest.mark.parametrize("ending", [".csv", ".geojson", ".xlsx", ".gpkg"])
def test_table_opened_again_shows_how_it_was_made(write, tmp_path, ending):
    path = tmp_path / f"costs{ending}"
    write(TABLE=path)
    metadata = shown(path)
    assert metadata.title() == "Table" and metadata.abstract() == "Writes."
    assert "permea:writer" in metadata.history()[0] and "qgis_process run permea:writer" in metadata.history()[2]
    assert (tmp_path / "costs.qmd").exists() == (ending != ".gpkg")


def test_lines_opened_again_show_how_they_were_made(write, tmp_path):
    write(LINES=tmp_path / "paths.shp")
    assert "permea:writer" in shown(tmp_path / "paths.shp").history()[0]


def test_second_run_replaces_what_the_first_has_written(write, tmp_path):
    path = tmp_path / "costs.csv"
    write(TABLE=path)
    before = (tmp_path / "costs.qmd").read_text(encoding="utf-8")
    write(TABLE=path, LINES=tmp_path / "paths.shp")
    after = (tmp_path / "costs.qmd").read_text(encoding="utf-8")
    assert before != after and "paths.shp" in after


@pytest.mark.parametrize("existing", [False, True])
def test_failed_run_leaves_neither_table_nor_metadata(write, tmp_path, existing):
    path = tmp_path / "costs.csv"
    if existing:
        write(TABLE=path)
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}

    def fail():
        raise QgsProcessingException("the disk is full")

    with pytest.raises(QgsProcessingException, match="the disk is full"):
        write(fail, ROWS[:1], TABLE=path, LINES=tmp_path / "paths.shp")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("content", ["not XML", "edited", "another file"])
def test_other_metadata_stay_unchanged_with_a_warning(write, tmp_path, feedback, content):
    path, beside = tmp_path / "costs.csv", tmp_path / "costs.qmd"
    if content == "edited":
        write(TABLE=path)
        layer = QgsVectorLayer(str(path), "layer", "ogr")
        layer.loadDefaultMetadata()
        metadata = QgsLayerMetadata(layer.metadata())
        metadata.setRights(["CC BY 4.0"])
        layer.setMetadata(metadata)
        layer.saveNamedMetadata(str(beside))
    elif content == "another file":
        write(TABLE=tmp_path / "costs.xlsx")
        (tmp_path / "costs.xlsx").unlink()
    else:
        beside.write_text(content, encoding="utf-8")
    before = beside.read_bytes()
    write(TABLE=path)
    assert path.exists() and beside.read_bytes() == before
    assert ["'costs.qmd' holds other metadata" in text for text in feedback.warnings] == [True]


def test_no_metadata_are_written_that_another_file_would_show(write, tmp_path, feedback):
    (tmp_path / "costs.geojson").write_text('{"type": "FeatureCollection", "features": []}', encoding="utf-8")
    write(TABLE=tmp_path / "costs.csv")
    assert not (tmp_path / "costs.qmd").exists()
    assert "would show it for 'costs.geojson' too" in feedback.warnings[0]


def test_outputs_of_a_run_with_one_name_share_their_metadata(write, tmp_path, feedback):
    write(TABLE=tmp_path / "costs.csv", LINES=tmp_path / "costs.shp", MAP=tmp_path / "costs.tif")
    for _ in range(2):
        for name in ("costs.csv", "costs.shp"):
            assert "permea:writer" in shown(tmp_path / name).history()[0] and shown(tmp_path / name).title() == "Writer"
        write(TABLE=tmp_path / "costs.csv", LINES=tmp_path / "costs.shp", MAP=tmp_path / "costs.tif")
    assert not feedback.warnings
