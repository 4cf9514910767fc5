"""A run leaves nothing in the folders of its inputs, and changes none of their bytes."""

import gc
import gzip
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pytest
from osgeo import gdal, osr
from qgis.core import QgsProperty, QgsVectorFileWriter

HEADER = "ncols 5\nnrows 3\nxllcorner 290000\nyllcorner 9119910\ncellsize 30\nNODATA_value -9999\n"


def text_of(values):
    return HEADER + "\n".join(" ".join(str(value) for value in row) for row in values) + "\n"


@pytest.fixture
def inputs(tmp_path):
    folder = tmp_path / "inputs"
    folder.mkdir()
    values = np.random.default_rng(0).uniform(1, 9, (3, 5)).round(3)
    (folder / "habitat.asc").write_text(text_of(values))
    points = np.zeros((3, 5), int)
    points[0, 0], points[2, 4] = 1, 2
    (folder / "points.asc").write_text(text_of(points))
    return folder


@pytest.fixture
def unchanged(inputs, context):
    """Remember the files of the folder; return a function that checks that they have not changed."""

    def contents():
        return {path.name: path.read_bytes() for path in inputs.iterdir()}

    def remember():
        before = contents()

        def check():
            context.temporaryLayerStore().removeAllMapLayers()  # GDAL writes auxiliary files when it closes a raster
            gc.collect()
            assert sorted(contents()) == sorted(before)
            assert contents() == before

        return check

    return remember


def project(folder, packed=""):
    if packed:
        for name in ("habitat", "points"):
            (folder / f"{name}.asc.gz").write_bytes(gzip.compress((folder / f"{name}.asc").read_bytes()))
            (folder / f"{name}.asc").unlink()
    lines = ["[Options]", "scenario = pairwise", "habitat_map_is_resistances = True", "write_cur_maps = True"]
    lines += [f"habitat_file = habitat.asc{packed}", f"point_file = points.asc{packed}"]
    (folder / "small.ini").write_text("\n".join(lines))
    return str(folder / "small.ini")


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_circuitscape_project(run, inputs, unchanged, tmp_path, packed):
    path = project(inputs, packed)
    check = unchanged()
    run("circuitscapeproject", INPUT=path, OUTPUT=str(tmp_path / "results"))
    check()


def test_omniscape_project(run, inputs, unchanged, tmp_path):
    lines = ["[Required]", "resistance_file = habitat.asc", "radius = 2", "project_name = small"]
    (inputs / "small.ini").write_text("\n".join([*lines, "[Options]", "source_from_resistance = true"]))
    check = unchanged()
    run("circuitscapeproject", INPUT=str(inputs / "small.ini"), OUTPUT=str(tmp_path / "results"))
    check()


def test_grids_by_path(run, inputs, unchanged):
    check = unchanged()
    run(
        "leastcostdistance",
        INPUT=str(inputs / "habitat.asc"),
        SOURCE_RASTER=str(inputs / "points.asc"),
        OUTPUT="TEMPORARY_OUTPUT",
    )
    check()


def test_statistics_file_of_the_users_is_read(run, read, geotiff, points):
    """Where one exists, it may declare the nodata value."""
    values = np.ones((3, 5))
    values[1, 2] = 77
    path = geotiff(values)
    Path(f"{path}.aux.xml").write_text(
        '<PAMDataset><PAMRasterBand band="1"><NoDataValue>77</NoDataValue></PAMRasterBand></PAMDataset>'
    )
    result = run("leastcostdistance", INPUT=path, SOURCES=points((0, 0)))
    assert np.isnan(read(result["OUTPUT"]).band).sum() == 1


def test_other_rasters_and_shapefiles(run, inputs, unchanged, sites):
    gdal.Translate(str(inputs / "habitat.sdat"), str(inputs / "habitat.asc"), format="SAGA")
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "ESRI Shapefile"
    layer = sites([(0, 0), (2, 4)])
    transforms = layer.transformContext()
    assert QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(inputs / "sites.shp"), transforms, options)[0] == 0
    check = unchanged()
    run(
        "currentflow",
        INPUT=str(inputs / "habitat.sdat"),
        FOCAL=str(inputs / "sites.shp"),
        SINGLE_MAPS=None,
        OUTPUT="TEMPORARY_OUTPUT",
    )
    check()


AUXILIARY = '<PAMDataset><PAMRasterBand band="1"><Description>a</Description></PAMRasterBand></PAMDataset>'


@pytest.mark.parametrize("driver", ["EHdr", "AAIGrid", "GTiff", "ENVI"])
@pytest.mark.parametrize("auxiliary", [False, True], ids=["alone", "with auxiliary data"])
@pytest.mark.parametrize("value", [str, QgsProperty.fromValue], ids=["path", "property"])
def test_statistics_are_neither_stored_nor_changed(run, inputs, unchanged, driver, auxiliary, value):
    path = inputs / {"EHdr": "h.bil", "AAIGrid": "h.asc", "GTiff": "h.tif", "ENVI": "h.dat"}[driver]
    gdal.Translate(str(path), str(inputs / "habitat.asc"), format=driver, outputType=gdal.GDT_Float32)
    Path(f"{path}.aux.xml").unlink(missing_ok=True)
    if auxiliary:
        Path(f"{path}.aux.xml").write_text(AUXILIARY)
    check = unchanged()
    run("connectedcomponents", INPUT=value(str(path)))
    check()


@pytest.mark.parametrize("driver", ["GTiff", "EHdr"])
def test_auxiliary_data_with_only_the_crs_are_read_and_not_changed(run, read, inputs, unchanged, driver):
    path = inputs / {"EHdr": "h.bil", "GTiff": "h.tif"}[driver]
    gdal.Translate(str(path), str(inputs / "habitat.asc"), format=driver, outputType=gdal.GDT_Float32)
    path.with_suffix(".prj").unlink(missing_ok=True)
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(31985)
    text = escape(reference.ExportToWkt())
    Path(f"{path}.aux.xml").write_text(f"<PAMDataset>\n  <SRS>{text}</SRS>\n</PAMDataset>\n")
    check = unchanged()
    result = run("connectedcomponents", INPUT=str(path), VALUES="permeability")
    check()
    assert "UTM zone 25S" in read(result["OUTPUT"]).projection
