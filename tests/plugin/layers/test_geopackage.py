"""Layers written into an existing GeoPackage: all its other contents stay as they are."""

import sqlite3
from contextlib import closing

import pytest
from osgeo import gdal, ogr
from qgis.core import QgsProcessingException, QgsVectorLayer

from permea.plugin.layers import GeoPackageUpdate, delete_layer, layer_names, require_layer_replaceable


def make_layer(path, name, rows, *, geometry=ogr.wkbPoint):
    driver = ogr.GetDriverByName("GPKG")
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR | gdal.OF_UPDATE) if path.exists() else None
    dataset = dataset or driver.CreateDataSource(str(path))
    dataset.StartTransaction()
    layer = dataset.CreateLayer(name, geom_type=geometry, options=["OVERWRITE=YES"])
    layer.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    for row in rows:
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["name"] = row
        if geometry != ogr.wkbNone:
            feature.SetGeometry(ogr.CreateGeometryFromWkt("POINT (1 2)"))
        layer.CreateFeature(feature)
    dataset.CommitTransaction()
    feature = layer = dataset = None


def rows_of(path, name):
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return [feature["name"] for feature in dataset.GetLayerByName(name)]


@pytest.fixture
def project(tmp_path):
    """A GeoPackage with two layers, a table, a raster and a style."""
    path = tmp_path / "project.gpkg"
    make_layer(path, "roads", ["A1", "A2"])
    make_layer(path, "Patches", ["wood"])
    make_layer(path, "notes", ["a note"], geometry=ogr.wkbNone)
    raster = gdal.GetDriverByName("MEM").Create("", 4, 4, 1)
    raster.SetGeoTransform((0, 1, 0, 4, 0, -1))
    gdal.GetDriverByName("GPKG").CreateCopy(str(path), raster, options=["APPEND_SUBDATASET=YES", "RASTER_TABLE=relief"])
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE layer_styles (name TEXT)")
        database.execute("INSERT INTO layer_styles VALUES ('mine')")
    database.close()
    return path


def contents(path):
    """Return all rows of all tables but the statistics of SQLite."""
    with sqlite3.connect(path) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {name: list(database.execute(f'SELECT * FROM "{name}"')) for name in tables if "rtree" not in name}
    database.close()
    return found


@pytest.fixture
def update(project, tmp_path):
    """Prepare an update of the project with layers of some rows."""

    def update(rows=("first", "second"), names=("costs",), **limits):
        def write_layers(path):
            for name in names:
                delete_layer(path, name)
                make_layer(path, name, rows)

        return GeoPackageUpdate(project, tmp_path / "copy.gpkg", write_layers, **limits)

    return update


def test_layer_is_added(project, update):
    before = contents(project)
    prepared = update()
    assert contents(project) == before  # not visible yet
    prepared.replace()
    prepared.discard()
    after = contents(project)
    assert rows_of(project, "costs") == ["first", "second"]
    for name in ("roads", "Patches", "notes", "relief", "layer_styles"):
        assert after[name] == before[name], name


def test_layer_of_that_name_is_replaced_in_any_case(project, update):
    update(names=["patches"]).replace()
    assert rows_of(project, "patches") == ["first", "second"]
    assert sorted(layer_names(project)) == ["notes", "patches", "roads"]
    assert rows_of(project, "roads") == ["A1", "A2"]


def test_discarded_update_changes_nothing(project, update):
    before = contents(project)
    update(names=["roads", "costs"]).discard()
    assert contents(project) == before


def test_failed_layer_changes_nothing(project, tmp_path):
    def write_layers(path):
        delete_layer(path, "roads")
        raise QgsProcessingException("the layer is damaged")

    before = contents(project)
    with pytest.raises(QgsProcessingException, match="damaged"):
        GeoPackageUpdate(project, tmp_path / "copy.gpkg", write_layers)
    assert contents(project) == before


@pytest.mark.parametrize("limit", [300_000, 450_000, 700_000])
def test_full_disk_changes_nothing(project, update, limit):
    """Wherever the disk is full: in the copy, in the journal, or in the file itself."""
    resource = pytest.importorskip("resource")
    before = contents(project)
    prepared = update(["a place with a long name"] * 20_000, ["roads"])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limits[1]))
    try:
        with pytest.raises(QgsProcessingException, match="the disk is full"):
            prepared.replace()
    finally:
        prepared.discard()
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert contents(project) == before


def test_changes_of_other_programs_meanwhile_are_not_lost(project, update):
    prepared = update()
    make_layer(project, "rivers", ["Capibaribe"])
    prepared.replace()
    assert rows_of(project, "rivers") == ["Capibaribe"] and rows_of(project, "costs") == ["first", "second"]


def test_locked_file_is_reported(project, update):
    prepared = update(seconds_locked=0.2)
    with closing(sqlite3.connect(project, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(QgsProcessingException, match="locked"):
            prepared.replace()
        other.execute("ROLLBACK")
    prepared.replace()
    assert rows_of(project, "costs") == ["first", "second"]


def test_layers_that_qgis_has_open_stay_readable(qgis_app, project, update):
    """The file is not replaced under a layer that is loaded, whose changes SQLite may still hold beside it."""
    layer = QgsVectorLayer(f"{project}|layername=roads", "roads", "ogr")
    features = layer.getFeatures()
    assert next(features)["name"] == "A1"  # and an iterator is open
    update().replace()
    assert [feature["name"] for feature in layer.getFeatures()] == ["A1", "A2"]
    assert QgsVectorLayer(f"{project}|layername=costs", "costs", "ogr").featureCount() == 2


@pytest.mark.parametrize("name", ["relief", "RELIEF", "gpkg_contents", "layer_styles"])
def test_other_tables_cannot_be_replaced(project, name):
    if name == "layer_styles" and name in layer_names(project):
        pytest.skip("this GDAL lists tables that are not registered as layers")
    with pytest.raises(QgsProcessingException, match=f"has a table '{name}' that is no vector layer"):
        require_layer_replaceable(project, name)


def test_new_and_existing_layers_can_be_written(project):
    before = contents(project)
    for name in ("roads", "new", "it's new"):
        require_layer_replaceable(project, name)
    assert contents(project) == before


def test_other_files_are_no_geopackage(tmp_path):
    path = tmp_path / "text.gpkg"
    path.write_text("my notes")
    with pytest.raises(QgsProcessingException, match="is no GeoPackage that can be written to"):
        require_layer_replaceable(path, "rows")
    assert path.read_text() == "my notes"


def test_nothing_is_left_beside_the_geopackage(project, update, tmp_path):
    prepared = update()
    prepared.replace()
    prepared.discard()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.gpkg", "project.gpkg"]
