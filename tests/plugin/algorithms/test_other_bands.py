"""Rasters with several bands, of which only the first is used."""

import numpy as np
import pytest


@pytest.fixture
def several(geotiff):
    """Write a raster of several bands on the cells of the plain."""

    def write(first, bands=3, name="several"):
        return geotiff(np.stack([first, *[np.full((7, 9), 5.0)] * (bands - 1)]), name=name)

    return write


def band_warnings(feedback):
    return [text for text in feedback.warnings if "bands, of which only the first is used" in text]


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("currentflow", "FOCAL_RASTER"),
        ("distancematrix", "FOCAL_RASTER"),
        ("leastcostdistance", "SOURCE_RASTER"),
        ("currentflow", "MASK"),
        ("connectedhabitat", "QUALITY"),
        ("windowedconnectivity", "QUALITY"),
    ],
)
def test_bands_that_are_not_used_are_named(run, plain, several, points, feedback, name, parameter):
    marks = np.ones((7, 9))
    marks[3:] = 2 if parameter == "FOCAL_RASTER" else 1
    if parameter == "FOCAL_RASTER":
        marks[2] = -9999
    parameters = {"INPUT": plain, parameter: several(marks)}
    if parameter == "MASK":
        parameters["FOCAL"] = points((0, 0), (6, 8))
    if name == "windowedconnectivity":
        parameters["RANGE"] = 60
    run(name, **parameters)
    [warning] = band_warnings(feedback)
    assert warning.startswith("'several' has 3 bands")


def test_single_band_and_chosen_band_are_not_named(run, several, feedback):
    landscape = several(np.ones((7, 9)), name="landscape")
    sources = several(np.eye(7, 9), bands=1, name="sources")
    run("leastcostdistance", INPUT=landscape, BAND=2, SOURCE_RASTER=sources)
    assert band_warnings(feedback) == []
