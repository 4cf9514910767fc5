"""Formats of tables: one that QGIS cannot write and read completely is refused before the engine starts."""

import pytest
from qgis.core import QgsProcessing, QgsProcessingException, QgsVectorFileWriter, QgsVectorLayer

from permea.plugin.algorithms.table_formats import is_usable_format, usual_formats

TYPES = QgsProcessing.SourceType


@pytest.fixture
def refused(run, plain, points, monkeypatch):
    """Run a matrix of distances with some outputs; the engine must not start. Return the message."""

    def no_engine(*_):
        raise AssertionError("the engine was started")

    def refused(**outputs):
        monkeypatch.setattr("permea.plugin.algorithms.distances.distancematrix.open_job", no_engine)
        with pytest.raises(QgsProcessingException) as error:
            run("distancematrix", INPUT=plain, FOCAL=points((0, 0), (3, 4)), **outputs)
        return str(error.value)

    return refused


@pytest.mark.parametrize("ending", ["txt", "fgb", "json", "dxf", "gpx", "sql", "ili", "geojsonl", "shp"])
def test_table_in_an_impossible_format_is_refused(refused, tmp_path, ending):
    if ending == "geojsonl" and is_usable_format(".geojsonl", TYPES.TypeVector):
        pytest.skip("QGIS 3.40 and newer write tables of this format")
    message = refused(OUTPUT=str(tmp_path / f"a.{ending}"))
    assert "Choose a" in message and ".gpkg, .csv, .geojson" in message
    assert list(tmp_path.glob("a*")) == []


@pytest.mark.parametrize("ending", ["csv", "xlsx", "ods", "dgn", "txt"])
def test_lines_in_a_format_without_them_are_refused(refused, tmp_path, ending):
    if ending == "txt" and is_usable_format(".txt", TYPES.TypeVectorLine):
        pytest.skip("QGIS 3.44 takes this ending for a format of GDAL that holds lines")
    message = refused(LINES=str(tmp_path / f"a.{ending}"))
    assert (
        f"a layer of lines, which QGIS cannot save completely as 'a.{ending}'" in message or "no supported" in message
    )
    assert ".gpkg" in message and ".csv" not in message.replace("a.csv", "")


@pytest.mark.parametrize("ending", ["gml", "ods", "xlsx", "csv", "kml", "geojsonl"])
def test_table_in_a_less_usual_format_is_written(run, plain, points, tmp_path, ending):
    if not is_usable_format(f".{ending}", TYPES.TypeVector):
        pytest.skip(f"this GDAL does not write .{ending}")
    path = run("distancematrix", INPUT=plain, FOCAL=points((0, 0), (3, 4)), OUTPUT=str(tmp_path / f"a.{ending}"))[
        "OUTPUT"
    ]
    [row] = QgsVectorLayer(path, "a", "ogr").getFeatures()
    assert float(row["distance"]) > 0


def test_every_usual_format_is_one_of_qgis(qgis_app):
    known = {f".{ending}" for ending in QgsVectorFileWriter.supportedFormatExtensions()}
    for kind in (TYPES.TypeVector, TYPES.TypeVectorPoint, TYPES.TypeVectorLine):
        named = usual_formats(kind).replace(" or ", ", ").split(", ")
        assert ".gpkg" in named and set(named) <= known
