"""Windowed maps: equal to engine results, on the grid of the landscape, for any batch size."""

import numpy as np
import pytest
from qgis.core import QgsProcessingException

from permea.plugin.settings import CLUSTER

from .conftest import NODATA, NORTH, PIXEL, WEST, has_package

# In map units: two cells each way, and half as far to disperse.
NEAR = {"RANGE": 60.0, "ALPHA": 40.0, "COARSENING": 0.0}


def as_stored(values):
    return np.asarray(values).astype(np.float32).astype(float)


@pytest.fixture
def habitat():
    """Habitat quality of the valley: 0 in a corner, nodata in two cells."""
    values = np.random.default_rng(11).uniform(0.0, 3.0, (9, 12))
    values[:3, 9:] = 0.0
    values[7, 2:4] = NODATA
    return values


@pytest.fixture
def habitat_file(geotiff, habitat):
    return geotiff(habitat, nodata=NODATA, name="habitat")


@pytest.mark.parametrize(
    ("name", "parameters", "own"),
    [
        ("windowedsensitivity", {}, {}),
        pytest.param(
            "windowedsensitivity",
            {"DISTANCE": "rsp", "THETA": 0.02, "RESPECT_TO": "resistance", "ELASTICITY": True, "COARSENING": 1.0},
            {"distance": "rsp", "theta": 0.02, "respect_to": "resistance", "elasticity": True, "coarsening": 1.0},
            marks=pytest.mark.long,
        ),
        pytest.param(
            "windowedconnectivity", {"DISTANCE": "resistance"}, {"distance": "resistance"}, marks=pytest.mark.long
        ),
        ("windowedconnectivity", {"DISTANCE": "euclidean"}, {"distance": "euclidean"}),
    ],
)
def test_windowed_map_equals_engine_result(
    run, read, ask_engine, valley, valley_file, habitat, habitat_file, name, parameters, own
):
    result = run(name, INPUT=valley_file, QUALITY=habitat_file, **{**NEAR, **parameters})
    valid = valley != NODATA
    arrays = {
        "landscape": np.where(valid, valley, np.nan),
        "valid": valid,
        "quality": np.where(habitat == NODATA, 0.0, habitat),
    }
    plain = {
        "distance": "leastcost",
        "theta": 0.01,
        "cost": "inverse",
        "alpha": NEAR["ALPHA"],
        "range": NEAR["RANGE"],
        "coarsening": NEAR["COARSENING"],
    }
    task = name.replace("windowed", "windowed.")
    if name == "windowedsensitivity":
        plain |= {"respect_to": "permeability", "elasticity": False}
    expected, numbers = ask_engine(task, arrays, **{**plain, **own})
    made = read(result["OUTPUT"])
    np.testing.assert_array_equal(made.band, as_stored(expected[task.split(".")[1]]))
    np.testing.assert_array_equal(np.isnan(made.band), valley == NODATA)
    assert (made.geotransform, made.nodata, made.type) == ((WEST, PIXEL, 0.0, NORTH, 0.0, -PIXEL), NODATA, "Float32")
    for key in ("connectivity", "windows", "skipped_windows", "minimum", "maximum", "active_cells"):
        assert result[key.upper()] == pytest.approx(numbers[key], rel=1e-12), key
    assert result["SOLVER"] == numbers["solver"]
    if name == "windowedconnectivity":
        assert np.nansum(expected["connectivity"]) == pytest.approx(result["CONNECTIVITY"], rel=1e-9)


def test_batch_size_does_not_change_result(run, read, valley_file, habitat_file):
    choices = {"INPUT": valley_file, "QUALITY": habitat_file, **NEAR}
    few, many = (run("windowedsensitivity", BATCH=batch, **choices) for batch in (3, 0))
    np.testing.assert_allclose(read(few["OUTPUT"]).band, read(many["OUTPUT"]).band, rtol=1e-6)
    assert few["CONNECTIVITY"] == pytest.approx(many["CONNECTIVITY"], rel=1e-12)
    assert few["WINDOWS"] == many["WINDOWS"] > 3


def test_full_window_equals_whole_landscape_sensitivity(run, read, valley_file, habitat_file):
    shared = {"INPUT": valley_file, "QUALITY": habitat_file, "ALPHA": 400.0}
    windows = run("windowedsensitivity", RANGE=12 * PIXEL, COARSENING=0, **shared)
    whole = run("sensitivity", SCALAR="quality_weighted", SAMPLES=1000, **shared)
    assert windows["CONNECTIVITY"] == pytest.approx(whole["CONNECTIVITY"], rel=1e-8)
    np.testing.assert_allclose(read(windows["OUTPUT"]).band, read(whole["OUTPUT"]).band, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ["windowedconnectivity", pytest.param("windowedsensitivity", marks=pytest.mark.long)])
def test_sample_runs_with_defaults_and_log(run, read, sample, feedback, name):
    result = run(name, INPUT=sample["permeability.tif"], QUALITY=sample["quality.tif"])
    made, landscape = read(result["OUTPUT"]), read(sample["permeability.tif"])
    np.testing.assert_array_equal(np.isnan(made.band), np.isnan(landscape.band))
    assert result["ACTIVE_CELLS"] == np.isfinite(landscape.band).sum()
    assert result["WINDOWS"] > 300
    story = "\n".join(feedback.infos)
    assert "102,594 of 122,848 cells have data; 102,594 cells are passable.\n" in story
    assert "windows without habitat were skipped" in story
    assert any(text.startswith("Batch ") and text.endswith(" left") for text in feedback.texts)
    assert feedback.percents == sorted(feedback.percents)
    assert feedback.percents[-1] == pytest.approx(100)
    assert pattern_of_blocks(made.band, 5) < 0.02


def pattern_of_blocks(values, width):
    """Standard deviation of the means by position in a block, relative to the map, both cut at the 95 % quantile."""
    valid = np.isfinite(values)
    shown = np.minimum(values, np.quantile(values[valid], 0.95))
    height, across = (size - size % width for size in shown.shape)
    blocks = shown[:height, :across].reshape(height // width, width, across // width, width).swapaxes(1, 2)
    blocks = blocks[np.isfinite(blocks).all((2, 3))]
    means = (blocks - blocks.mean((1, 2), keepdims=True)).mean(0)
    return means.std() / shown[valid].std()


@pytest.mark.parametrize(
    ("parameters", "starts"),
    [
        ({}, "cells"),
        ({"COARSENING": 0.7}, "centre"),
        ({"COARSENING": 0.7, "STARTS": "cells"}, "cells"),
        ({"STARTS": "centre"}, "centre"),
        ({"DISTANCE": "euclidean", "RESPECT_TO": "quality"}, "centre"),
    ],
)
def test_paths_start_in_every_cell_by_default(run, read, ask_engine, geotiff, tmp_path, parameters, starts):
    """With blocks of 3 cells; a coarsening that is set alone gives the numbers of paths from the centres."""
    choices = {
        "distance": parameters.get("DISTANCE", "leastcost"),
        "theta": 0.01,
        "cost": "inverse",
        "alpha": 40.0,
        "range": (4 if "COARSENING" in parameters else 35) * PIXEL,
        "coarsening": parameters.get("COARSENING", 0.03),
        "respect_to": parameters.get("RESPECT_TO", "permeability"),
        "elasticity": False,
    }
    landscape = geotiff(np.random.default_rng(12).lognormal(size=(36, 36)), name="landscape")
    result = run("windowedsensitivity", INPUT=landscape, RANGE=choices["range"], ALPHA=40.0, **parameters)
    made, values = read(result["OUTPUT"]).band, read(landscape).band
    arrays = {"landscape": values, "valid": np.isfinite(values)}
    expected, _ = ask_engine("windowed.sensitivity", arrays, **choices, starts=starts)
    np.testing.assert_array_equal(made, as_stored(expected["sensitivity"]))
    if choices["distance"] == "leastcost":
        (tmp_path / "job-windowed.sensitivity").rename(tmp_path / "first")
        opposite = {"cells": "centre", "centre": "cells"}[starts]
        other, _ = ask_engine("windowed.sensitivity", arrays, **choices, starts=opposite)
        assert np.nanmax(abs(other["sensitivity"] - made)) > 0.01 * np.nanmax(made)


def test_cluster_without_dask_is_reported(run, valley_file, engine_python):
    if has_package(engine_python, "distributed"):
        pytest.skip("the engine has Dask")
    with pytest.raises(QgsProcessingException, match="a cluster needs Dask"):
        run("windowedconnectivity", INPUT=valley_file, CLUSTER="tcp://10.0.0.1:8786", **NEAR)


def test_cluster_default_comes_from_settings(provider):
    def default():
        algorithm = provider.algorithm("windowedsensitivity").create()
        return algorithm.parameterDefinition("CLUSTER").defaultValue()

    assert default() is None
    CLUSTER.store("tcp://10.0.0.1:8786")
    assert default() == "tcp://10.0.0.1:8786"
