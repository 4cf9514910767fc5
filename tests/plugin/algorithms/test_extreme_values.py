"""Values and numbers beyond what can be computed with are refused in words, or mean the whole landscape."""

import re

import numpy as np
import pytest
from qgis.core import QgsProcessingException

LAND = np.random.default_rng(3).uniform(0.2, 1.0, (6, 7))


@pytest.fixture
def error_message(error_message, feedback):
    """Run an algorithm that fails before the engine starts; return its message."""

    def of(name, **parameters):
        message = error_message(name, **parameters)
        assert not feedback.commands  # the engine was not started
        return message

    return of


def mixed(exponent):
    values = LAND.copy()
    values[:, ::2] *= 10.0**exponent
    values[:, 1::2] *= 10.0**-exponent
    return values


@pytest.mark.parametrize("meaning", ["permeability", "resistance"])
@pytest.mark.parametrize("values", [LAND * 1e-300, LAND * 1e300, mixed(300), LAND * 1e-310])
@pytest.mark.parametrize("name", ["connectedcomponents", "windowedconnectivity"])
def test_extreme_landscape_is_refused(error_message, geotiff, name, values, meaning):
    message = error_message(name, INPUT=geotiff(values), VALUES=meaning)
    assert message.startswith(f"'landscape': {meaning} is not between 1e-50 and 1e+50 in 42 cells, the first at row 1")


@pytest.mark.parametrize(
    ("values", "meaning", "cells"),
    [
        ([1e300], "resistance", "1 cell, at row 3, column 4 (1e+300)"),
        ([1e-320], "resistance", "1 cell, at row 3, column 4 (1e-320)"),
        ([1e-320], "permeability", "1 cell, at row 3, column 4 (1e-320)"),
        ([1e300, 1e-320, 1e101], "permeability", "3 cells, the first at row 3, column 4 (1e+300)"),
    ],
)
@pytest.mark.parametrize("name", ["connectedcomponents", "movingwindowcurrent"])
def test_extreme_cells_are_refused(error_message, geotiff, name, values, meaning, cells):
    landscape = LAND.copy()
    landscape[2, 3 : 3 + len(values)] = values
    message = error_message(name, INPUT=geotiff(landscape), VALUES=meaning)
    assert message.startswith(f"'landscape': {meaning} is not between 1e-50 and 1e+50 in {cells}.")
    assert "declare it as nodata" in message and "multiply the raster by a constant" in message


FAR_CELL = re.compile(
    r"^'landscape': the values range from [0-9.e+-]+ to [0-9.e+-]+, and no accurate solution can be computed. Far "
    r"(above|below) the others: 1 cell, the first at row 3, column 4 \([0-9.e+-]+\). If this value marks missing data, "
    r"declare it as nodata .* Otherwise limit the values"
)
SOLVED = [
    ("rspdistance", {}),
    pytest.param("rspflow", {"QUALITY": True}, marks=pytest.mark.long),
    pytest.param("connectedhabitat", {"DISTANCE": "rsp", "QUALITY": True}, marks=pytest.mark.long),
    pytest.param("windowedconnectivity", {"DISTANCE": "rsp", "RANGE": 90.0, "ALPHA": 60.0}, marks=pytest.mark.long),
    ("windowedconnectivity", {"DISTANCE": "resistance", "RANGE": 90.0, "ALPHA": 60.0}),
]


@pytest.mark.costly_variants
@pytest.mark.parametrize(
    ("value", "meaning"), [(3.4028234663852886e38, "permeability"), (1e-38, "resistance"), (1e-30, "permeability")]
)
@pytest.mark.parametrize(("name", "parameters"), SOLVED)
def test_one_cell_far_outside_the_rest_is_computed_or_named(
    run, read, geotiff, points, feedback, name, parameters, value, meaning
):
    landscape = LAND.copy()
    landscape[2, 3] = value
    layers = {"SOURCES": points((0, 0))} if name == "rspdistance" else {}
    if "QUALITY" in parameters:
        layers["QUALITY"] = geotiff(np.ones(LAND.shape), name="quality")
    try:
        result = run(name, INPUT=geotiff(landscape), VALUES=meaning, **{**parameters, **layers})
    except QgsProcessingException as error:
        assert FAR_CELL.match(str(error)), str(error)
        assert not any("The job is kept" in text for text in feedback.infos)
    else:
        assert np.isfinite(read(result["OUTPUT"]).band).all()


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("connectedhabitat", "QUALITY"),
        ("windowedconnectivity", "QUALITY"),
        ("sensitivity", "QUALITY"),
        ("rspflow", "QUALITY"),
        ("movingwindowcurrent", "SOURCE_STRENGTH"),
        ("movingwindowsensitivity", "PLACES"),
    ],
)
def test_extreme_quality_is_refused(error_message, geotiff, name, parameter):
    values = np.ones((6, 7))
    values[2, 3:5] = 1e300
    more = {"SCALAR": "quality_weighted"} if name == "sensitivity" else {}
    layers = {"INPUT": geotiff(LAND), parameter: geotiff(values, name="layer")}
    message = error_message(name, **layers, **more)
    assert "'layer': the value is above 1e+50 in 2 cells, the first at row 3, column 4 (1e+300)." in message


def test_tiny_quality_is_refused(error_message, geotiff):
    layers = {"INPUT": geotiff(LAND), "QUALITY": geotiff(np.full((6, 7), 1e-300), name="quality")}
    message = error_message("connectedhabitat", **layers)
    assert "'quality': the largest value in the landscape is 1e-300, too small to compute with" in message


@pytest.mark.parametrize(
    ("name", "parameter"),
    [
        ("movingwindowcurrent", "RADIUS"),
        ("movingwindowcurrent", "BUFFER"),
        ("movingwindowsensitivity", "THRESHOLD"),
        ("windowedconnectivity", "RANGE"),
        ("windowedsensitivity", "ALPHA"),
        ("barriers", "SEARCH_RADIUS"),
        ("rspdistance", "THETA"),
        ("leastcostcorridor", "THRESHOLD"),
    ],
)
@pytest.mark.parametrize("value", [1e300, float("inf"), float("nan")])
def test_extreme_number_is_refused(error_message, geotiff, points, name, parameter, value):
    focal = {"SOURCES" if name == "rspdistance" else "FOCAL": points((0, 0), (5, 5))}
    focal = {} if "window" in name else focal
    message = error_message(name, INPUT=geotiff(LAND), **{parameter: value}, **focal)
    assert "is not allowed; enter a number between" in message or parameter in message


@pytest.mark.parametrize(("scale", "theta"), [(1e-48, 0.01), (1e-10, 1e6)])
@pytest.mark.parametrize("name", ["rspdistance", "windowedconnectivity"])
def test_theta_too_large_for_the_costs_is_refused(error_message, geotiff, points, name, scale, theta):
    places = {"SOURCES": points((0, 0))} if name == "rspdistance" else {"DISTANCE": "rsp"}
    message = error_message(name, INPUT=geotiff(LAND * scale), THETA=theta, **places)
    assert "times the cost of a step" in message and "choose a θ below" in message


@pytest.mark.parametrize("radius", [1e9, 1e60])
def test_radius_beyond_the_landscape_includes_all_of_it(run, read, geotiff, radius):
    layers = {"INPUT": geotiff(LAND), "BLOCK_SIZE": 1, "FLOW_POTENTIAL": None, "NORMALIZED_CURRENT": None}
    whole = read(run("movingwindowcurrent", RADIUS=300.0, **layers)["OUTPUT"]).band
    np.testing.assert_allclose(
        read(run("movingwindowcurrent", RADIUS=radius, BUFFER=radius, **layers)["OUTPUT"]).band, whole, rtol=1e-6
    )


def test_undeclared_nodata_among_resistances_is_named_and_result_is_written(run, read, geotiff, points, feedback):
    values = np.ones((4, 5), np.float32)
    values[0, 4] = np.finfo(np.float32).max
    rules = {"VALUES": "resistance", "EDGE_RULE": "resistance", "SOURCES": points((0, 0))}
    result = run("leastcostdistance", INPUT=geotiff(values), **rules)
    assert any("3.4028234663852886e+38 (1 cell) is far outside all other" in text for text in feedback.warnings)
    made = read(result["OUTPUT"])
    assert made.type == "Float64" and 1e39 < made.band[0, 4] < np.inf
