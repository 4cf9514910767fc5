"""The sample: consistent files, and styled layers."""

import csv
import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from osgeo import gdal, ogr
from qgis.core import QgsProcessingContext, QgsProcessingException, QgsProject, QgsRasterLayer, QgsVectorLayer

from permea.plugin.algorithms.tools import loadsampledata

from .conftest import REFERENCE_DATA, ROOT

WATER = 1


@pytest.fixture
def classes(sample):
    with open(sample["land_cover_classes.csv"], encoding="utf-8", newline="") as file:
        return {int(row["class"]): (row["name"], float(row["permeability"])) for row in csv.DictReader(file)}


@pytest.fixture
def make_sample(monkeypatch):
    spec = importlib.util.spec_from_file_location("make_sample", ROOT / "resources" / "scripts" / "make_sample.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "make_sample", module)
    spec.loader.exec_module(module)
    return module


def test_sample_land_cover_has_classes_of_table(sample, read, classes):
    cover, landscape = read(sample["land_cover.tif"]), read(sample["permeability.tif"])
    assert cover.type == "Byte" and cover.nodata == 0
    assert (cover.geotransform, cover.projection) == (landscape.geotransform, landscape.projection)
    assert set(np.unique(cover.band)) == set(classes)
    assert Path(sample["land_cover.tif"]).stat().st_size < 50_000


def test_sample_water_is_nodata_of_permeability(sample, read, classes):
    water = read(sample["land_cover.tif"]).band == WATER
    np.testing.assert_array_equal(water, np.isnan(read(sample["permeability.tif"]).band))
    assert classes[WATER] == ("Water", 0.0)


def test_sample_class_patches_have_five_cells(sample, read):
    """Counted by flood fill with eight neighbours, independently of the sieve that made it."""
    cover = read(sample["land_cover.tif"]).band
    for number in np.unique(cover[cover != WATER]):
        unseen = set(map(tuple, np.argwhere(cover == number)))
        while unseen:
            patch, queue = 0, [unseen.pop()]
            while queue:
                row, col = queue.pop()
                patch += 1
                around = {(row + i, col + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & unseen
                unseen -= around
                queue += around
            assert patch >= 5, number


def test_sample_permeability_follows_vegetation(sample, read, classes):
    """The permeability raster comes from the vegetation index of each cell, not from classes."""
    cover, landscape = read(sample["land_cover.tif"]).band, read(sample["permeability.tif"]).band
    from_image = {each: np.exp(np.log(landscape[cover == each]).mean()) for each in classes if each != WATER}
    green = [each for each in from_image if not classes[each][0].startswith("Bare")]
    assert sorted(green, key=from_image.get) == sorted(green, key=lambda each: classes[each][1])
    for each in green:
        assert 0.5 < classes[each][1] / from_image[each] < 2


def test_sample_patches_lie_in_forest_or_mangrove(sample, read, classes):
    cover = read(sample["land_cover.tif"])
    left, width, _, top, _, height = cover.geotransform
    dataset = ogr.Open(sample["patches.gpkg"])
    seen = set()
    for feature in dataset.GetLayer(0):
        place = feature.GetGeometryRef()
        name = classes[int(cover.band[int((place.GetY() - top) / height), int((place.GetX() - left) / width)])][0]
        assert ("mangrove" in feature["name"]) == name.startswith("Mangrove"), feature["name"]
        seen.add(name)
    assert len(seen) == 2


def test_sample_table_and_style_have_same_classes(sample, classes):
    style = Path(sample["land_cover.tif"]).with_suffix(".qml").read_text(encoding="utf-8")
    entries = [dict(re.findall(r'(\w+)="([^"]*)"', entry)) for entry in re.findall("<paletteEntry ([^>]*)/>", style)]
    assert {int(entry["value"]): entry["label"] for entry in entries} == {k: name for k, (name, _) in classes.items()}
    dataset = gdal.Open(sample["land_cover.tif"])
    colours = dataset.GetRasterBand(1).GetColorTable()
    for entry in entries:
        colour = colours.GetColorEntry(int(entry["value"]))
        assert "#{:02x}{:02x}{:02x}".format(*colour[:3]) == entry["color"]


def test_sample_script_reproduces_land_cover(sample, read, make_sample, monkeypatch):
    if not (REFERENCE_DATA / "olinda" / "L7_ETMs.tif").is_file():
        pytest.skip("no scene: set PERMEA_REFERENCE_DATA to the folder that holds olinda/L7_ETMs.tif")
    monkeypatch.setenv("PERMEA_REFERENCE_DATA", str(REFERENCE_DATA))
    bands, _ = make_sample.scene()
    ndvi = (bands[3] - bands[2]) / (bands[3] + bands[2])
    cover = make_sample.land_cover_of(bands, ndvi, make_sample.water_of(bands, ndvi))
    np.testing.assert_array_equal(cover, read(sample["land_cover.tif"]).band)
    bands[:, :3, :4] = 0
    ndvi[:3, :4] = 0
    assert (make_sample.land_cover_of(bands, ndvi, make_sample.water_of(bands, ndvi))[:3, :4] == 0).all()


def test_sample_includes_land_cover_and_classes(run, read, sample, classes, tmp_path):
    targets = {"LAND_COVER": str(tmp_path / "cover.tif"), "CLASSES": str(tmp_path / "classes.csv")}
    result = run("loadsampledata", **targets)
    assert {name: result[name] for name in targets} == targets
    np.testing.assert_array_equal(read(targets["LAND_COVER"]).band, read(sample["land_cover.tif"]).band)
    assert Path(targets["CLASSES"]).read_text().replace('"', "").split() == (
        Path(sample["land_cover_classes.csv"]).read_text().replace('"', "").split()
    )
    table = run("loadsampledata")["CLASSES"]
    assert [field.isNumeric() for field in table.fields()] == [True, False, True]
    assert {row["class"]: (row["name"], row["permeability"]) for row in table.getFeatures()} == classes


def test_unrequested_sample_outputs_are_not_written(run):
    result = run("loadsampledata", QUALITY=None, LAND_COVER=None, CLASSES=None)
    assert set(result) == {"PERMEABILITY", "PATCHES"}


def test_sample_layers_are_styled(run, context, classes, tmp_path):
    targets = {
        "PERMEABILITY": tmp_path / "p.tif",
        "QUALITY": tmp_path / "q.tif",
        "LAND_COVER": tmp_path / "c.tif",
        "PATCHES": tmp_path / "patches.gpkg",
    }
    for name, path in targets.items():
        context.addLayerToLoadOnCompletion(
            str(path), QgsProcessingContext.LayerDetails("map", QgsProject.instance(), name)
        )
    result = run("loadsampledata", **{name: str(path) for name, path in targets.items()})

    def loaded(name, kind):
        layer = kind(result[name], name)
        details = context.layerToLoadOnCompletionDetails(result[name])
        details.postProcessor().postProcessLayer(layer, context, None)
        return layer

    cover = loaded("LAND_COVER", QgsRasterLayer)
    assert [label for label, _ in cover.renderer().legendSymbologyItems()] == [name for name, _ in classes.values()]
    for name in ("PERMEABILITY", "QUALITY"):
        assert loaded(name, QgsRasterLayer).renderer().type() == "singlebandpseudocolor"
    assert loaded("PATCHES", QgsVectorLayer).labelsEnabled()


@pytest.mark.parametrize("name", ["land_cover_classes.csv", "patches.gpkg"])
def test_incomplete_sample_is_reported(run, monkeypatch, tmp_path, name):
    for path in loadsampledata.SAMPLE.iterdir():
        if path.name != name:
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.setattr(loadsampledata, "SAMPLE", tmp_path)
    with pytest.raises(QgsProcessingException, match=f"The sample is incomplete: {name} is missing"):
        run("loadsampledata")
