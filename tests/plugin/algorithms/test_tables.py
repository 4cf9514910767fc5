"""Table and line outputs: complete with types, or no file at all."""

from pathlib import Path

import numpy as np
import pytest
from qgis.core import (
    NULL,
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorLayer,
    QgsWkbTypes,
)

from permea.plugin.algorithms.base import TOOLS, PermeaAlgorithm
from permea.plugin.algorithms.destinations import require_valid_destinations
from permea.plugin.algorithms.help import Help
from permea.plugin.algorithms.results import ResultPresenter
from permea.plugin.algorithms.tables import Column, Table, write_tables
from permea.plugin.layers import StagedFiles

COLUMNS = (Column("from_id", "text"), Column("number", "integer"), Column("cost"))
ROWS = [("A", 1, 2.5), ("B", 2, np.inf), ("C", 1 << 40, None)]
LINES = [np.array([[0.0, 0.0], [30.0, 30.0]])] * 3
UTM = QgsCoordinateReferenceSystem("EPSG:31985")


class Writer(PermeaAlgorithm):
    """An algorithm with a single sink."""

    identifier, title, toolbox_group, summary = "writer", "Writer", TOOLS, "Writes."
    help = Help("", "", "")

    def parameters(self):
        return [QgsProcessingParameterFeatureSink("TABLE", "Table", optional=True)]


@pytest.fixture
def write(context):
    algorithm = Writer()
    algorithm.initAlgorithm()

    def write(destination, rows=ROWS, lines=None, during=lambda: None):
        parameters = {"TABLE": destination}
        require_valid_destinations(algorithm, parameters, context)
        algorithm.presenter = ResultPresenter(algorithm, parameters, context)
        table = Table("TABLE", COLUMNS, rows, lines)
        with StagedFiles() as staged, write_tables(algorithm, [table], parameters, context, UTM, staged) as places:
            during()
        return places

    return write


def rows_of(layer):
    names = [column.name for column in COLUMNS]
    return [tuple(None if row[name] == NULL else row[name] for name in names) for row in layer.getFeatures()]


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".csv"])
def test_unreachable_values_are_null(write, tmp_path, ending):
    path = write(str(tmp_path / f"costs{ending}"))["TABLE"]
    costs = [row["cost"] for row in QgsVectorLayer(path, "costs", "ogr").getFeatures()]
    assert [float(cost) if cost not in (NULL, "") else None for cost in costs] == [2.5, None, None]


def test_columns_keep_their_types(write, tmp_path):
    layer = QgsVectorLayer(write(str(tmp_path / "costs.gpkg"))["TABLE"], "costs", "ogr")
    assert rows_of(layer) == [("A", 1, 2.5), ("B", 2, None), ("C", 1 << 40, None)]
    assert layer.wkbType() == QgsWkbTypes.Type.NoGeometry


def test_lines_have_crs_of_landscape(write, tmp_path):
    layer = QgsVectorLayer(write(str(tmp_path / "ways.gpkg"), lines=LINES)["TABLE"], "ways", "ogr")
    assert (layer.crs().authid(), layer.wkbType()) == ("EPSG:31985", QgsWkbTypes.Type.LineString)
    assert next(layer.getFeatures()).geometry().asWkt() == "LineString (0 0, 30 30)"


def test_shapefile_is_renamed_with_sidecar_files(write, tmp_path):
    layer = QgsVectorLayer(write(str(tmp_path / "ways.shp"), lines=LINES)["TABLE"], "ways", "ogr")
    assert layer.featureCount() == 3
    assert {"ways.shp", "ways.dbf", "ways.shx", "ways.prj"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.parametrize("destination", ["memory:", "TEMPORARY_OUTPUT"])
def test_temporary_table_has_same_rows(write, context, destination):
    layer = QgsProcessingUtils.mapLayerFromString(write(destination)["TABLE"], context)
    assert rows_of(layer) == [("A", 1, 2.5), ("B", 2, None), ("C", 1 << 40, None)]


def test_other_geopackage_tables_are_unchanged(write, tmp_path):
    first = write(str(tmp_path / "all.gpkg"))["TABLE"]
    write(f"ogr:dbname='{first}' table=\"second\"", rows=ROWS[:1])
    assert QgsVectorLayer(f"{first}|layername=all", "", "ogr").featureCount() == 3
    assert QgsVectorLayer(f"{first}|layername=second", "", "ogr").featureCount() == 1


def test_unrequested_table_is_not_written(write):
    assert write(None) == {}


def test_table_without_rows_is_written(write, tmp_path):
    layer = QgsVectorLayer(write(str(tmp_path / "none.gpkg"), rows=[])["TABLE"], "none", "ogr")
    assert layer.isValid() and layer.featureCount() == 0


def broken():
    raise QgsProcessingException("the map could not be written")


def test_failed_run_keeps_earlier_table(write, tmp_path):
    path = Path(write(str(tmp_path / "costs.gpkg"))["TABLE"])
    before = path.read_bytes()
    with pytest.raises(QgsProcessingException, match="the map could not"):
        write(str(path), rows=ROWS[:1], during=broken)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["costs.gpkg"]


def test_failed_table_leaves_no_file(write, tmp_path):
    with pytest.raises(ValueError, match="invalid literal"):
        write(str(tmp_path / "costs.gpkg"), rows=[*ROWS, ("D", "not a number", 1.0)])
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def full_disk():
    """Limit file sizes to some kilobytes; Python ignores the signal."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("ending", [".gpkg", ".geojson", ".csv"])
def test_full_disk_is_reported_without_file(write, tmp_path, full_disk, ending):
    with pytest.raises(QgsProcessingException, match=f"'costs{ending}' cannot be written to .*the disk is full"):
        write(str(tmp_path / f"costs{ending}"), rows=[("a place with a long name", 1, 2.5)] * 20_000)
    assert list(tmp_path.iterdir()) == []


def test_second_run_replaces_table(write, tmp_path):
    write(str(tmp_path / "costs.gpkg"))
    layer = QgsVectorLayer(write(str(tmp_path / "costs.gpkg"), rows=ROWS[:1])["TABLE"], "costs", "ogr")
    assert rows_of(layer) == [("A", 1, 2.5)]


@pytest.mark.parametrize(
    ("name", "said"),
    [("nowhere/costs.gpkg", "there is no folder"), ("costs.blob", "'costs.blob' has no supported format")],
)
def test_unwritable_destination_is_rejected_before_run(write, tmp_path, name, said):
    with pytest.raises(QgsProcessingException, match=said):
        write(str(tmp_path / name))


def test_table_is_loaded_with_output_name(write, context, tmp_path):
    destination = QgsProcessingOutputLayerDefinition(str(tmp_path / "costs.gpkg"), QgsProject.instance())
    path = write(destination)["TABLE"]
    assert context.layersToLoadOnCompletion()[path].outputName == "TABLE"
    context.setLayersToLoadOnCompletion({})
