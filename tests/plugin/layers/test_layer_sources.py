"""The files of a layer, with those that it refers to."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterDataProvider, QgsRectangle, QgsVectorLayer

from permea.plugin.layers import source_files


def paths(provider, source):
    return {file.path.name for file in source_files(provider, str(source))}


def test_raster_and_the_files_beside_it(geotiff):
    path = geotiff(np.ones((3, 3)))
    Path(path + ".aux.xml").write_text("<PAMDataset/>")
    assert {"landscape.tif", "landscape.tif.aux.xml"} <= paths("gdal", path)


def test_options_are_no_part_of_the_path(geotiff):
    assert paths("gdal", geotiff(np.ones((3, 3))) + "|option:NUM_THREADS=2") == {"landscape.tif"}


def test_virtual_raster_of_a_virtual_raster(geotiff, tmp_path):
    inner, outer = str(tmp_path / "inner.vrt"), str(tmp_path / "outer.vrt")
    gdal.BuildVRT(inner, [geotiff(np.ones((3, 3)))]).FlushCache()
    gdal.BuildVRT(outer, [inner]).FlushCache()
    assert {"landscape.tif", "inner.vrt", "outer.vrt"} <= paths("gdal", outer)


def test_raster_of_the_raster_calculator(geotiff):
    uri = QgsRasterDataProvider.VirtualRasterParameters()
    layer = QgsRasterDataProvider.VirtualRasterInputLayers()
    layer.name, layer.uri, layer.provider = "landscape", geotiff(np.ones((3, 3))), "gdal"
    uri.rInputLayers, uri.formula = [layer], '"landscape@1" * 2'
    uri.width, uri.height, uri.extent = 3, 3, QgsRectangle(0, 0, 90, 90)
    uri.crs = QgsCoordinateReferenceSystem("EPSG:31985")
    source = QgsRasterDataProvider.encodeVirtualRasterProviderUri(uri)
    assert paths("virtualraster", source) == {"landscape.tif"}


@pytest.fixture
def shapefile(tmp_path):
    path = tmp_path / "sites.shp"
    dataset = ogr.GetDriverByName("ESRI Shapefile").CreateDataSource(str(path))
    layer = dataset.CreateLayer("sites", geom_type=ogr.wkbPoint)
    layer.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    layer = dataset = None
    return path


def test_shapefile_with_all_its_files(shapefile):
    assert {"sites.shp", "sites.dbf", "sites.shx"} <= paths("ogr", shapefile)
    assert {"sites.shp", "sites.dbf"} <= paths("ogr", f"{shapefile}|subset=\"name\" = 'a'")


def test_virtual_layer(qgis_app, shapefile):
    assert "sites.dbf" in paths("virtual", f"?layer=ogr:{shapefile}:sites:UTF-8")


def test_text_file(qgis_app, tmp_path):
    path = tmp_path / "sites.csv"
    path.write_text("x;y\n1;2\n")
    layer = QgsVectorLayer(f"file://{path}?delimiter=;&xField=x&yField=y", "sites", "delimitedtext")
    assert paths("delimitedtext", layer.source()) == {"sites.csv"}


def test_layer_in_memory_has_no_files(qgis_app):
    layer = QgsVectorLayer("Point?crs=EPSG:31985", "sites", "memory")
    assert source_files("memory", layer.source()) == set()


def test_parts_of_files_and_files_in_archives(geotiff, tmp_path):
    path = geotiff(np.ones((3, 3)))
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.write(path, "inner/landscape.tif")
    size = Path(path).stat().st_size
    assert paths("gdal", f"/vsisubfile/0_{size},{path}") == {"landscape.tif"}
    assert paths("gdal", f"/vsizip/{tmp_path}/archive.zip/inner/landscape.tif") == {"archive.zip"}
    assert paths("gdal", f"/vsizip/{{{tmp_path}/archive.zip}}/inner/landscape.tif") == {"archive.zip"}
    assert paths("gdal", f"/vsisubfile/0_{size},/vsizip/{tmp_path}/archive.zip/inner/landscape.tif") == {"archive.zip"}
    assert paths("gdal", f"/vsizip/{tmp_path}/missing.zip/landscape.tif") == set()


def test_virtual_raster_as_text(geotiff, tmp_path):
    virtual = tmp_path / "virtual.vrt"
    path = geotiff(np.ones((3, 3)))
    gdal.BuildVRT(str(virtual), [path]).FlushCache()
    text = virtual.read_text().replace('relativeToVRT="1">landscape.tif', f'relativeToVRT="0">{path}')
    virtual.unlink()
    assert paths("gdal", text) == {"landscape.tif"}
