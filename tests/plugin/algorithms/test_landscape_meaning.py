"""Landscapes of permeability that are said to be resistance, the reverse, and maps of classes."""

import numpy as np
import pytest
from osgeo import gdal
from qgis.core import QgsPalettedRasterRenderer, QgsProject, QgsRasterLayer
from qgis.PyQt.QtGui import QColor

SHARES, MULTIPLES = np.array([[0.1, 0.5, 1.0]]), np.array([[1.0, 20.0, 100.0]])


@pytest.fixture
def warnings(run, points, feedback):
    """Run an algorithm on a landscape and return the warnings."""

    def warned(landscape, name="leastcostdistance", **parameters):
        places = {"SOURCES": points((0, 0))} if name == "leastcostdistance" else {}
        run(name, INPUT=landscape, **places, **parameters)
        return [text for text in feedback.warnings if "said to hold" in text or "looks like" in text]

    return warned


@pytest.mark.parametrize("name", ["leastcostdistance", "connectedcomponents", "windowedconnectivity"])
@pytest.mark.parametrize(
    ("values", "meaning", "words"),
    [
        (MULTIPLES, "permeability", "'land' is said to hold permeability, but has values up to 100, as resistances do"),
        (SHARES, "resistance", "all its values lie between 0 and 1 (0.1 to 1), as permeabilities do"),
        (MULTIPLES, "resistance", ""),
        (SHARES, "permeability", ""),
        (np.ones((1, 3)), "resistance", ""),
        (np.array([[2.0, 0.0, 5.0]]), "permeability", ""),
    ],
)
def test_range_of_the_other_quantity_is_named(warnings, geotiff, name, values, meaning, words):
    extra = {"RANGE": 90, "ALPHA": 30} if name.startswith("windowed") else {}
    texts = warnings(geotiff(values, name="land"), name, VALUES=meaning, **extra)
    assert [words in text for text in texts] == [True] * bool(words), texts


def test_table_of_the_other_quantity_is_named(run, geotiff, feedback):
    cover = geotiff(np.array([[1, 2]], np.uint8), name="cover")
    run("permeabilityfromlandcover", INPUT=cover, VALUES="permeability", MATRIX=[1, 1.0, 2, 50.0])
    assert any("said to hold permeability, but has values up to 50" in text for text in feedback.warnings)


@pytest.mark.parametrize(
    ("name", "band", "meaning", "words"),
    [
        ("cost_surface", "", "permeability", "it is called “cost_surface”, as rasters of resistance are"),
        ("habitat suitability", "", "resistance", "it is called “habitat suitability”, as rasters of permeability are"),
        ("land", "Resistance", "permeability", "it is called “Resistance”, as rasters of resistance are"),
        ("resistance of old", "permeability", "permeability", ""),
        ("Costa Rica", "", "permeability", ""),
        ("land", "", "permeability", ""),
    ],
)
def test_name_of_the_other_quantity_is_named(warnings, geotiff, name, band, meaning, words):
    path = geotiff(np.full((1, 3), 1.5), name=name)
    dataset = gdal.Open(path, gdal.GA_Update)
    dataset.GetRasterBand(1).SetDescription(band)
    dataset = None
    texts = warnings(path, VALUES=meaning)
    assert [words in text for text in texts] == [True] * bool(words), texts


def test_colour_table_is_named(warnings, geotiff):
    path = geotiff(np.array([[1, 2, 3]], np.uint8), name="cover")
    dataset = gdal.Open(path, gdal.GA_Update)
    table = gdal.ColorTable()
    for number in range(1, 4):
        table.SetColorEntry(number, (80 * number, 100, 0, 255))
    dataset.GetRasterBand(1).SetRasterColorTable(table)
    dataset = None
    [text] = warnings(path, VALUES="resistance")
    assert "'cover' looks like a map of land-cover classes" in text and "Permeability from land cover" in text


def test_names_of_classes_are_named(warnings, geotiff):
    layer = QgsRasterLayer(geotiff(np.array([[1.0, 2.0, 3.0]]), name="cover"), "cover")
    classes = [QgsPalettedRasterRenderer.Class(n, QColor("red"), name) for n, name in ((1, "forest"), (2, "water"))]
    layer.setRenderer(QgsPalettedRasterRenderer(layer.dataProvider(), 1, classes))
    QgsProject.instance().addMapLayer(layer)
    [text] = warnings(layer.id(), VALUES="permeability")
    assert "names of classes (1 “forest”, 2 “water”)" in text
    QgsProject.instance().removeAllMapLayers()


def test_sample_is_not_doubted(warnings, sample):
    assert warnings(sample["permeability.tif"], "connectedcomponents", VALUES="permeability") == []
