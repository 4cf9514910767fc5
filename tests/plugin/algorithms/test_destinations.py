"""Outputs that would overwrite an input or each other are refused before the run; other layers of a file stay."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterFile,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsProperty,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

from permea.plugin.algorithms import base
from permea.plugin.algorithms.base import TOOLS, PermeaAlgorithm
from permea.plugin.algorithms.destinations import _is_same_table
from permea.plugin.algorithms.help import Help
from permea.plugin.layers.outputs.folders import create_folder


class Mapper(PermeaAlgorithm):
    """An algorithm with every kind of input and output."""

    identifier, title, toolbox_group, summary = "mapper", "Mapper", TOOLS, "Maps."
    help = Help("", "", "")
    files_in_folders = {"FOLDER": ("costs.csv", "map_*.tif")}

    def parameters(self):
        return [
            QgsProcessingParameterRasterLayer("INPUT", "Landscape"),
            QgsProcessingParameterRasterLayer("QUALITY", "Quality", optional=True),
            QgsProcessingParameterFeatureSource("FOCAL", "Focal nodes", optional=True),
            QgsProcessingParameterFile("PAIRS", "Pairs", optional=True),
            QgsProcessingParameterRasterDestination("OUTPUT", "Map", optional=True),
            QgsProcessingParameterRasterDestination("SECOND", "Second map", optional=True),
            QgsProcessingParameterFeatureSink("TABLE", "Table", QgsProcessing.SourceType.TypeVector, optional=True),
            QgsProcessingParameterFeatureSink("LINES", "Lines", QgsProcessing.SourceType.TypeVectorLine, optional=True),
            QgsProcessingParameterFolderDestination("FOLDER", "Folder", optional=True),
        ]


@pytest.fixture
def check(context):
    algorithm = Mapper()
    algorithm.initAlgorithm()
    return lambda **parameters: algorithm.output_paths(parameters, context)


@pytest.fixture
def refused(check):
    def refused(**parameters):
        with pytest.raises(QgsProcessingException) as error:
            check(**parameters)
        return str(error.value)

    return refused


@pytest.fixture
def landscape(geotiff):
    return geotiff(np.ones((4, 5)))


@pytest.fixture
def sites_file(sites):
    """Write a layer of points to a file, into a GeoPackage that may exist."""

    def write(path, layer="sites"):
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.layerName = layer
        options.driverName = QgsVectorFileWriter.driverForExtension(Path(path).suffix)
        if Path(path).exists():
            options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
        writer = QgsVectorFileWriter.writeAsVectorFormatV3
        assert writer(sites([(0, 0), (8, 2)]), str(path), QgsProject.instance().transformContext(), options)[0] == 0
        return str(path)

    return write


def test_output_on_the_landscape_is_refused(refused, landscape):
    message = refused(INPUT=landscape, OUTPUT=landscape)
    assert message == (
        f"Map would overwrite the input “Landscape” ('{landscape}'). Choose another file for the output."
    )


SPELLINGS = {
    "dots": lambda path, folder: str(folder / "sub" / ".." / Path(path).name),
    "relative": lambda path, folder: os.path.relpath(path),
    "symbolic link": lambda path, folder: str(folder / "link.tif"),
    "hard link": lambda path, folder: str(folder / "hard.tif"),
    "folder link": lambda path, folder: str(folder / "elsewhere" / Path(path).name),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_other_spellings_of_the_path_are_refused(refused, landscape, tmp_path, spelling):
    (tmp_path / "sub").mkdir()
    (tmp_path / "link.tif").symlink_to(landscape)
    os.link(landscape, tmp_path / "hard.tif")
    (tmp_path / "elsewhere").symlink_to(tmp_path)
    place = SPELLINGS[spelling](landscape, tmp_path)
    assert "Map would overwrite the input “Landscape”" in refused(INPUT=landscape, OUTPUT=place)
    assert "Map would overwrite the input “Landscape”" in refused(INPUT=place, OUTPUT=landscape)


def test_inputs_of_every_form_are_recognised(refused, landscape, context):
    layer = QgsRasterLayer(landscape, "my landscape")
    project = QgsProject.instance()
    project.addMapLayer(layer, False)
    context.setProject(project)
    try:
        for form in (layer, layer.id(), "my landscape", QgsProperty.fromValue(landscape), Path(landscape)):
            assert "would overwrite the input “Landscape”" in refused(INPUT=form, OUTPUT=landscape), form
        sink = QgsProcessingOutputLayerDefinition(landscape, project)
        assert "would overwrite the input “Quality” (my landscape)" in refused(QUALITY=layer, OUTPUT=sink)
    finally:
        project.removeMapLayer(layer.id())


def test_output_on_the_source_of_a_virtual_raster_is_refused(refused, landscape, tmp_path):
    virtual = str(tmp_path / "virtual.vrt")
    gdal.BuildVRT(virtual, [landscape]).FlushCache()
    assert "would overwrite the input “Quality”" in refused(QUALITY=virtual, OUTPUT=landscape)


def test_table_on_the_focal_layer_is_refused(refused, sites_file, tmp_path):
    for name in ("sites.csv", "sites.geojson", "sites.gpkg"):
        place = sites_file(tmp_path / name)
        assert "Table would overwrite the input “Focal nodes”" in refused(FOCAL=place, TABLE=place)
        selected = QgsProcessingFeatureSourceDefinition(place, True)
        assert "would overwrite the input “Focal nodes”" in refused(FOCAL=selected, TABLE=place)


def test_output_on_a_file_of_a_shapefile_is_refused(refused, sites_file, tmp_path):
    place = sites_file(tmp_path / "sites.shp")
    assert "would overwrite the input “Focal nodes”" in refused(FOCAL=place, LINES=place)
    assert "would overwrite the input “Focal nodes”" in refused(FOCAL=str(tmp_path / "sites.dbf"), LINES=place)


def test_output_on_a_plain_file_is_refused(refused, tmp_path):
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("mode include\n1 2\n")
    assert "would overwrite the input “Pairs”" in refused(PAIRS=str(pairs), TABLE=str(pairs))


def geopackage_forms(path, layer):
    return [
        f"{path}|layername={layer}",
        f"ogr:dbname='{path}' table=\"{layer}\" (geom)",
        f"OGR:{path}|layername={layer}",
    ]


def test_only_the_input_layer_of_a_geopackage_is_refused(check, refused, sites_file, tmp_path):
    place = sites_file(tmp_path / "project.gpkg", "sites")
    sites_file(place, "others")
    for layer in ("sites", "SITES"):
        for form in geopackage_forms(place, layer):
            assert "would overwrite the input “Focal nodes”" in refused(FOCAL=f"{place}|layername=sites", TABLE=form)
            assert "would overwrite the input “Focal nodes”" in refused(FOCAL=place, TABLE=form)
    for layer in ("others", "new"):
        for form in geopackage_forms(place, layer):
            check(FOCAL=f"{place}|layername=sites", TABLE=form)
    check(FOCAL=f"{place}|layername=sites", TABLE=place)  # becomes the layer "project"


def test_table_of_a_database_that_is_an_input_is_refused(refused, check, monkeypatch):
    layer = QgsVectorLayer("Point", "sites", "memory")
    monkeypatch.setattr(layer, "providerType", lambda: "postgres", raising=False)
    monkeypatch.setattr(layer, "source", lambda: 'dbname=\'gis\' host=db port=5432 table="public"."sites" (geom)')
    place = 'postgis:dbname=\'gis\' host=db port=5432 table="public"."{}" (geom)'
    assert _is_same_table(place.format("sites"), layer.source())
    assert not _is_same_table(place.format("others"), layer.source())


def test_two_outputs_in_one_file_are_refused(check, refused, tmp_path):
    place = str(tmp_path / "map.tif")
    message = refused(OUTPUT=place, SECOND=place)
    assert message == f"Map and Second map cannot both be written to '{place}'. Choose another file for one of them."
    assert "cannot both be written" in refused(OUTPUT=place, SECOND=str(tmp_path / "MAP.tif"))
    assert "cannot both be written" in refused(
        OUTPUT=place, SECOND=str(tmp_path / "." / ".." / tmp_path.name / "map.tif")
    )
    assert "cannot both be written" in refused(TABLE=str(tmp_path / "a.geojson"), LINES=str(tmp_path / "a.geojson"))
    both = str(tmp_path / "both.gpkg")
    assert "cannot both be written" in refused(TABLE=both, LINES=f"{both}|layername=both")
    check(TABLE=f"{both}|layername=table", LINES=f"ogr:dbname='{both}' table=\"lines\" (geom)")


def test_folder_whose_files_would_overwrite_others_is_refused(check, refused, landscape, tmp_path):
    first = shutil.copy(landscape, tmp_path / "map_1_2.tif")
    assert "which would overwrite 'map_1_2.tif' (“Landscape”)" in refused(INPUT=first, FOLDER=str(tmp_path))
    pairs = tmp_path / "costs.csv"
    pairs.write_text("1 2\n")
    assert "which would overwrite 'costs.csv' (“Pairs”)" in refused(PAIRS=str(pairs), FOLDER=str(tmp_path / "."))
    assert "'costs.csv' (Table)" in refused(TABLE=str(pairs), FOLDER=str(tmp_path))
    check(INPUT=landscape, FOLDER=str(tmp_path), OUTPUT=str(tmp_path / "all.tif"))
    check(INPUT=first, FOLDER=str(tmp_path / "elsewhere"))


def test_file_that_holds_other_layers_is_refused_in_formats_that_cannot_keep_them(refused, check, tmp_path):
    place = tmp_path / "book.kml"
    folders = "".join(
        f"<Folder><name>{name}</name><Placemark><name>a</name><Point><coordinates>1,2</coordinates></Point></Placemark>"
        "</Folder>"
        for name in ("roads", "patches")
    )
    place.write_text(f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{folders}</Document></kml>')
    assert "holds 2 layers (roads, patches), which would be lost" in refused(LINES=str(place))
    check(LINES=str(tmp_path / "new.kml"))


def test_unwritable_destinations_are_refused(refused, tmp_path):
    (tmp_path / "folder.tif").mkdir()
    assert "is a folder. Choose a file name" in refused(OUTPUT=str(tmp_path / "folder.tif"))
    assert "there is no folder" in refused(OUTPUT=str(tmp_path / "nowhere" / "map.tif"))
    assert "there is no folder" in refused(TABLE=f"ogr:dbname='{tmp_path}/nowhere/a.gpkg' table=\"a\"")
    assert "is written as GeoTIFF" in refused(OUTPUT=str(tmp_path / "map.asc"))
    assert "has no supported format" in refused(TABLE=str(tmp_path / "a.xyz"))
    assert "has no supported format" in refused(LINES=str(tmp_path / "a.dbf"))
    assert "is a table without geometry" in refused(TABLE=str(tmp_path / "a.sqlite"))
    assert "is a table without geometry" in refused(TABLE=str(tmp_path / "a.shp"))
    assert "no data provider 'nosuch'" in refused(TABLE="nosuch:dbname=a")
    assert "cannot be named 'gpkg_costs'" in refused(TABLE=str(tmp_path / "gpkg_costs.gpkg"))
    (tmp_path / "text.gpkg").write_text("my notes")
    assert "is no GeoPackage" in refused(TABLE=str(tmp_path / "text.gpkg"))


def test_ordinary_destinations_pass(check, landscape, tmp_path):
    (tmp_path / "colon:name").mkdir()
    place = str(tmp_path / "colon:name" / "map.tif")
    assert check(INPUT=landscape, OUTPUT=place)["OUTPUT"] == place
    for table in ("memory:", "TEMPORARY_OUTPUT", str(tmp_path / "a.csv"), str(tmp_path / "a.gpkg"), None):
        assert set(check(INPUT=landscape, OUTPUT="TEMPORARY_OUTPUT", TABLE=table)) == {"OUTPUT"}


def layers_of(path):
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    return {
        dataset.GetLayer(i).GetName(): dataset.GetLayer(i).GetFeatureCount() for i in range(dataset.GetLayerCount())
    }


def content(path):
    return Path(path).read_bytes()


def test_current_flow_leaves_its_inputs_as_they_are(run, valley_file, sites_file, tmp_path):
    focal = sites_file(tmp_path / "focal.gpkg", "focal")
    before = content(valley_file), content(focal)
    for outputs in ({"OUTPUT": valley_file}, {"RESISTANCES": focal}, {"MAXIMUM_MAP": valley_file}):
        with pytest.raises(QgsProcessingException, match="would overwrite the input"):
            run("currentflow", INPUT=valley_file, FOCAL=focal, **{"SINGLE_MAPS": None, **outputs})
    assert (content(valley_file), content(focal)) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["focal.gpkg", "valley.tif"]


@pytest.mark.parametrize("form", [0, 1, 2])
def test_resistances_join_the_layers_of_a_geopackage(run, rows, valley_file, sites_file, tmp_path, context, form):
    place = sites_file(tmp_path / "project.gpkg", "sites")
    sites_file(place, "roads")
    form = [place, *geopackage_forms(place, "resistances")][form]
    name = "project" if form == place else "resistances"
    for _ in range(2):  # the second run replaces the table of the first
        definition = QgsProcessingOutputLayerDefinition(form, QgsProject.instance())
        result = run(
            "currentflow",
            INPUT=valley_file,
            FOCAL=f"{place}|layername=sites",
            SINGLE_MAPS=None,
            RESISTANCES=definition,
        )
        loaded = context.layersToLoadOnCompletion()
        context.setLayersToLoadOnCompletion({})
        assert layers_of(place) == {"sites": 2, "roads": 2, name: 1}
        assert result["RESISTANCES"] == f"{place}|layername={name}" and result["RESISTANCES"] in loaded
        assert rows(result["RESISTANCES"])[0]["resistance"] > 0


def test_second_map_that_fails_keeps_the_first(run, valley_file, sites_file, tmp_path, monkeypatch):
    focal, first = sites_file(tmp_path / "focal.gpkg", "focal"), tmp_path / "first.tif"
    table = tmp_path / "table.csv"
    first.write_text("an earlier map")
    table.write_text("an earlier table")
    written, write = [], base.write_raster

    def fail_at_second(path, *args, **how):
        written.append(path)
        if len(written) == 2:
            raise QgsProcessingException("the disk is full")
        return write(path, *args, **how)

    monkeypatch.setattr(base, "write_raster", fail_at_second)
    outputs = {"OUTPUT": str(first), "MAXIMUM_MAP": str(tmp_path / "second.tif"), "RESISTANCES": str(table)}
    with pytest.raises(QgsProcessingException, match="the disk is full"):
        run("currentflow", INPUT=valley_file, FOCAL=focal, **{"SINGLE_MAPS": None, **outputs})
    assert len(written) == 2
    assert (first.read_text(), table.read_text()) == ("an earlier map", "an earlier table")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["first.tif", "focal.gpkg", "table.csv", "valley.tif"]


def test_sample_joins_the_layers_of_a_geopackage(run, sites_file, tmp_path):
    place = sites_file(tmp_path / "project.gpkg", "roads")
    result = run("loadsampledata", PATCHES=place, CLASSES=f"{place}|layername=classes", LAND_COVER=None, QUALITY=None)
    assert layers_of(place) == {"roads": 2, "project": 9, "classes": 7}
    assert QgsVectorLayer(result["PATCHES"], "patches", "ogr").featureCount() == 9


def test_land_cover_is_not_overwritten(run, geotiff):
    cover = geotiff(np.ones((4, 5), "uint8"))
    before = content(cover)
    with pytest.raises(QgsProcessingException, match="Landscape would overwrite the input “Land cover”"):
        run("permeabilityfromlandcover", INPUT=cover, MATRIX=[1, 0.5], OUTPUT=cover)
    assert content(cover) == before


def test_user_table_in_the_folder_of_single_maps_is_not_overwritten(run, valley_file, sites_file, tmp_path):
    folder = tmp_path / "maps"
    folder.mkdir()
    (folder / "resistances.csv").write_text("mine")
    with pytest.raises(QgsProcessingException, match="already holds a table resistances.csv"):
        run("currentflow", INPUT=valley_file, FOCAL=sites_file(tmp_path / "focal.gpkg"), SINGLE_MAPS=str(folder))
    assert (folder / "resistances.csv").read_text() == "mine"


def test_folder_of_single_maps_names_nothing_unfinished(run, valley_file, sites_file, tmp_path):
    folder = tmp_path / "maps"
    run("currentflow", INPUT=valley_file, FOCAL=sites_file(tmp_path / "focal.gpkg"), SINGLE_MAPS=str(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["checkpoint", "current_1_2.tif", "resistances.csv"]


@pytest.mark.parametrize("name", ["y" * 245 + ".tif", "ä" * 130 + ".tif", "y" * 300 + "/map.tif"])
def test_names_that_are_too_long_are_refused(refused, landscape, tmp_path, name):
    message = refused(INPUT=landscape, OUTPUT=str(tmp_path / name))
    assert message == (
        f"Map cannot be written: the name '{name[:40]}…' has {len(name.split('/')[0].encode())} bytes, more than the "
        "possible 247. Choose a shorter one."
    )


@pytest.mark.parametrize("name", ["HABITAT", "LANDSCAPE"])
def test_step_of_a_model_does_not_overwrite_the_input_of_another(run, geotiff, name):
    habitat, landscape = geotiff(np.eye(4), name="habitat"), geotiff(np.ones((4, 4)), name="landscape")
    inputs = {"HABITAT": habitat, "LANDSCAPE": landscape}
    content = Path(inputs[name]).read_bytes()
    with pytest.raises(QgsProcessingException, match="Habitat blocks would overwrite the input"):
        run("distancetohabitat", **inputs, **{"blocks:Habitat blocks": inputs[name]})
    assert Path(inputs[name]).read_bytes() == content


def test_folder_that_is_a_file_is_refused(tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    with pytest.raises(QgsProcessingException, match="notes.txt' is a file. Choose a folder."):
        create_folder(notes)
    assert notes.read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a file system without new files, as Linux has it")
@pytest.mark.parametrize("ending", ["tif", "csv", "gpkg"])
def test_folder_in_which_no_file_can_be_created_is_refused(run, geotiff, points, feedback, ending):
    """Root has the permission to write to such a folder."""
    name, layer = ("leastcostdistance", "SOURCES") if ending == "tif" else ("distancematrix", "FOCAL")
    given = {"INPUT": geotiff(np.ones((5, 5))), layer: points((0, 0), (3, 3))}
    with pytest.raises(QgsProcessingException, match="cannot be written: no (file can be created in|permission to)"):
        run(name, OUTPUT=f"/proc/result.{ending}", **given)
    assert not any("needs about" in text for text in feedback.infos), "the engine was started"
