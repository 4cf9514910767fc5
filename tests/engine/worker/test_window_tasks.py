"""Windowed tasks, which read and write rasters on disk batch by batch."""

import os

import numpy as np
import pytest
from reference_windows import dense_current_maps
from worker_process import DONE, REFUSED, run_job
from worker_process import LANDSCAPE as LANDSCAPE_PARAMETERS

from permea.engine import LCPDistance, ResistanceDistance
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.moving_window.analysis import ConnectivityAnalysis, SensitivityAnalysis
from permea.engine.moving_window.block_interpolation import interpolate_blocks
from permea.engine.moving_window.omnidirectional_current import MovingWindowCurrent
from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS

rng = np.random.default_rng(81)
LANDSCAPE = rng.lognormal(size=(14, 17))
LANDSCAPE[:, 9] = 0
LANDSCAPE[2, 3] = np.nan
QUALITY = rng.uniform(0, 2, (14, 17))
PARAMETERS = {
    "distance": "leastcost",
    "alpha": 3.0,
    "range": 10.0,
    "coarsening": 0.5,
    "pixel_size": [2.0, 2.5],
    "respect_to": "permeability",
    "elasticity": False,
}


def job(folder, task, landscape=LANDSCAPE, quality=QUALITY, **parameters):
    return run_job(folder, task, PARAMETERS | parameters, landscape=landscape, quality=quality)


def analysis(kind, **changed):
    inputs = {
        "quality": np.where(np.isnan(LANDSCAPE), 0, QUALITY),
        "permeability": LANDSCAPE,
        "distance": LCPDistance(),
        "proximity": ExponentialKernel(3.0),
        "dependency_range": (5, 4),
        "coarsening": 0.5,
        "pixel_size": (2.0, 2.5),
    }
    return kind(**(inputs | changed))


@pytest.fixture
def reporter():
    with open(os.devnull, "w") as nowhere:
        yield Reporter(nowhere)


def test_windowed_sensitivity_matches_library(tmp_path):
    ended = job(tmp_path, "windowed.sensitivity", distance="resistance", elasticity=True, respect_to="resistance")
    assert ended.status == DONE, ended.log
    expected = analysis(SensitivityAnalysis, distance=ResistanceDistance()).run("resistance", elasticity=True)
    np.testing.assert_allclose(ended.output("sensitivity"), expected.raster, rtol=1e-9, atol=1e-11)
    assert ended.metrics["connectivity"] == pytest.approx(expected.connectivity)
    assert (ended.metrics["windows"], ended.metrics["skipped_windows"]) == (expected.windows, expected.skipped)
    assert ended.metrics["active_cells"] == (LANDSCAPE > 0).sum()
    assert (ended.metrics["minimum"], ended.metrics["maximum"]) == pytest.approx(
        (np.nanmin(expected.raster), np.nanmax(expected.raster))
    )
    assert "windows" in ended.said("message")[0]["text"] and ended.said("estimate")[0]["bytes"] > 0
    assert "Batch 1 of 1, 0 s left" in [line["text"] for line in ended.said("progress")]


def test_windowed_connectivity_accepts_resistance(tmp_path):
    with np.errstate(divide="ignore"):
        resistance = np.where(LANDSCAPE > 0, 1 / LANDSCAPE, np.nan)
    ended = job(tmp_path, "windowed.connectivity", landscape=resistance, values="resistance")
    assert ended.status == DONE, ended.log
    library = analysis(ConnectivityAnalysis)
    expected = library.run()
    interpolate_blocks(expected.raster, library.quality, library.windows)
    np.testing.assert_allclose(ended.output("connectivity"), expected.raster, rtol=1e-9)
    assert np.nansum(expected.raster) == pytest.approx(expected.connectivity)
    assert ended.metrics["connectivity"] == pytest.approx(expected.connectivity)


def test_windowed_job_resumes_from_checkpoint(tmp_path):
    checkpoint = str(tmp_path / "checkpoint")
    first, again = (
        job(tmp_path / name, "windowed.sensitivity", checkpoint=checkpoint, batch=4) for name in ("one", "two")
    )
    assert (first.status, again.status) == (DONE, DONE), again.log
    np.testing.assert_array_equal(first.output("sensitivity"), again.output("sensitivity"))
    assert not [line for line in again.said("progress") if line["text"].startswith("Batch")]
    other = job(tmp_path / "three", "windowed.sensitivity", checkpoint=checkpoint, batch=4, alpha=4.0)
    assert (other.status, "cannot be continued" in other.error["text"]) == (REFUSED, True)


def test_missing_quality_means_one_everywhere(tmp_path):
    ended = job(tmp_path, "windowed.connectivity", quality=None)
    expected = analysis(ConnectivityAnalysis, quality=np.ones(LANDSCAPE.shape)).run()
    assert ended.metrics["connectivity"] == pytest.approx(expected.connectivity)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"range": -1}, 'parameter "range" must be a positive number'),
        ({"coarsening": 2}, 'parameter "coarsening" must be a number between 0 and 1'),
        ({"distance": "crow"}, 'parameter "distance" must be one of'),
        ({"batch": True}, 'parameter "batch" must be a number of windows'),
        ({"landscape": -LANDSCAPE}, "permeability is negative in 223 cells, the first at row 1, column 1"),
        ({"landscape": np.full((14, 17), np.nan)}, "no cell of 238 can be entered"),
        ({"quality": QUALITY.T}, "must be rasters of one size"),
        ({"quality": -QUALITY}, "quality is negative, missing or infinite"),
    ],
)
def test_invalid_windowed_job_is_refused(changed, said, reporter, tmp_path):
    inputs = {"landscape": LANDSCAPE, "quality": QUALITY}
    inputs |= {name: changed[name] for name in inputs if name in changed}
    inputs["valid"] = ~np.isnan(inputs["landscape"])
    task_job = Job(LANDSCAPE_PARAMETERS | PARAMETERS | changed, inputs, reporter, tmp_path)
    with pytest.raises(ValueError, match=said):
        TASKS["windowed.sensitivity"].run(task_job)


def test_refused_job_writes_no_result(tmp_path):
    ended = job(tmp_path, "windowed.sensitivity", landscape=-LANDSCAPE)
    assert (ended.status, "permeability is negative" in ended.error["text"]) == (REFUSED, True)
    assert not (tmp_path / "result.json").exists()


def test_window_estimate_memory_of_batch_time_of_all(reporter):
    few, many = (
        TASKS["windowed.sensitivity"].estimate(
            Job(
                LANDSCAPE_PARAMETERS | PARAMETERS | {"range": 50.0},
                {"landscape": np.empty(shape)},
                reporter,
            )
        )
        for shape in ((300, 300), (3000, 3000))
    )
    assert few.bytes == many.bytes
    assert many.seconds > few.seconds + 1


MOVING = {"radius": 9.0, "block": 3, "buffer": 2.5, "pixel_size": [2.0, 2.5], "normalized_current": True}


def test_moving_window_current_matches_library(tmp_path):
    parameters = {**MOVING, "threshold": 0.5, "as_omniscape": False}
    ended = run_job(tmp_path, "windowed.current", parameters, landscape=LANDSCAPE, sources=QUALITY)
    assert ended.status == DONE
    expected = MovingWindowCurrent(
        permeability=np.nan_to_num(LANDSCAPE),
        sources=QUALITY,
        source_threshold=0.5,
        radius=9.0,
        block=3,
        buffer=2.5,
        pixel_size=(2.0, 2.5),
        as_omniscape=False,
    ).run(normalized=True)
    assert sorted(ended.result["outputs"]) == ["current", "normalized_current"]
    for name in ended.result["outputs"]:
        np.testing.assert_allclose(ended.output(name), expected.maps[name], rtol=1e-9, atol=1e-12)
    assert ended.metrics["total_current"] == pytest.approx(expected.total, rel=1e-12)


def test_conditions_restrict_moving_windows(tmp_path):
    height = np.add.outer(np.arange(14.0), np.zeros(17))
    forest = (np.indices((14, 17)).sum(0) % 5 > 1).astype(float)
    forest[0, 0] = height[3, 3] = np.nan
    conditions = [{"comparison": "within", "lower": -1.5}, {"comparison": "equal"}]
    parameters = {**MOVING, "normalized_current": False, "as_omniscape": False, "correct_artifacts": False}
    rasters = {"condition_1": height, "condition_1_future": height + 1, "condition_2": forest}
    ended = run_job(
        tmp_path,
        "windowed.current",
        {**parameters, "conditions": conditions},
        landscape=LANDSCAPE,
        sources=QUALITY,
        **rasters,
    )
    assert ended.status == DONE, ended.log

    def higher(own):
        away = height - np.nanmedian(height[own] + 1)
        return np.isnan(away) | (away >= -1.5)

    def alike(own):
        values, counts = np.unique(forest[own][~np.isnan(forest[own])], return_counts=True)
        return np.isnan(forest) | (forest == values[counts.argmax()])

    expected, _ = dense_current_maps(LANDSCAPE, QUALITY, 9.0, 3, 2.5, pixel_size=(2.0, 2.5), conditions=[higher, alike])
    np.testing.assert_allclose(ended.output("current"), expected, rtol=1e-6, atol=1e-9)


GRADIENT = {**MOVING, "as_omniscape": False, "respect_to": "permeability", "normalized_current": False}


def test_moving_current_sensitivity_matches_finite_differences(tmp_path):
    weights = np.zeros(LANDSCAPE.shape)
    weights[5:8, 10:14] = [[1.0, 2.0, 0.5, 1.0]] * 3
    inputs = {"landscape": LANDSCAPE, "sources": QUALITY}
    ended = run_job(tmp_path / "all", "windowed.current_sensitivity", GRADIENT, weights=weights, **inputs)
    assert ended.status == DONE, ended.log
    assert ended.said("estimate")[0]["bytes"] > 0

    def weighted_current(name, landscape):
        expected = run_job(tmp_path / name, "windowed.current", GRADIENT, **{**inputs, "landscape": landscape})
        return np.nansum(weights * expected.output("current"))

    assert ended.metrics["weighted_current"] == pytest.approx(weighted_current("unchanged", LANDSCAPE), rel=1e-9)
    sensitivity, step = ended.output("sensitivity"), 1e-5
    assert (ended.metrics["minimum"], ended.metrics["maximum"]) == (np.nanmin(sensitivity), np.nanmax(sensitivity))
    for number, cell in enumerate([np.unravel_index(np.nanargmax(sensitivity), sensitivity.shape), (6, 11)]):
        ends = []
        for change in (step, -step):
            changed = LANDSCAPE.copy()
            changed[cell] += change
            ends.append(weighted_current(f"{number} {change}", changed))
        assert sensitivity[cell] == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-4)
    np.testing.assert_array_equal(np.isnan(sensitivity), ~(LANDSCAPE > 0))


def test_moving_current_sensitivity_defaults_and_resumes(tmp_path):
    checkpointed = {
        "checkpoint": str(tmp_path / "checkpoint"),
        "batch": 4,
        "elasticity": True,
        "respect_to": "resistance",
    }
    once, again = (
        run_job(tmp_path / name, "windowed.current_sensitivity", {**GRADIENT, **checkpointed}, landscape=LANDSCAPE)
        for name in ("once", "again")
    )
    assert (once.status, again.status) == (DONE, DONE), again.log
    windows = MovingWindowCurrent(
        permeability=np.nan_to_num(LANDSCAPE),
        radius=9.0,
        block=3,
        buffer=2.5,
        pixel_size=(2.0, 2.5),
        as_omniscape=False,
    )
    expected = windows.gradient(np.ones(LANDSCAPE.shape), "resistance", elasticity=True)
    np.testing.assert_allclose(once.output("sensitivity"), expected.raster, rtol=1e-9, atol=1e-11)
    assert once.metrics["weighted_current"] == pytest.approx(np.nansum(windows.run().maps["current"]), rel=1e-9)
    np.testing.assert_array_equal(once.output("sensitivity"), again.output("sensitivity"))
    assert not [line for line in again.said("progress") if line["text"].startswith("Batch")]
    other = {**GRADIENT, **checkpointed, "elasticity": False}
    refused = run_job(tmp_path / "other", "windowed.current_sensitivity", other, landscape=LANDSCAPE)
    assert (refused.status, "cannot be continued" in refused.error["text"]) == (REFUSED, True)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"respect_to": "quality"}, 'parameter "respect_to" must be one of permeability, resistance, sources'),
        ({"weights": np.ones((3, 3))}, r"weights have \(3, 3\) cells"),
        ({"weights": np.zeros(LANDSCAPE.shape)}, "no current passes through the places of interest"),
    ],
)
def test_invalid_moving_current_sensitivity_is_refused(changed, said, reporter, tmp_path):
    inputs = {"landscape": LANDSCAPE, "valid": ~np.isnan(LANDSCAPE)}
    inputs |= {"weights": changed["weights"]} if "weights" in changed else {}
    task_job = Job(LANDSCAPE_PARAMETERS | GRADIENT | changed, inputs, reporter, tmp_path)
    with pytest.raises(ValueError, match=said):
        TASKS["windowed.current_sensitivity"].run(task_job)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"conditions": "warm"}, 'parameter "conditions" must be a list of conditions'),
        ({"conditions": [{}, {}]}, 'input "condition_2" is missing'),
        ({"conditions": [{"comparison": "like"}]}, "comparison must be one of within, equal, not 'like'"),
        ({"conditions": [{"lower": "1"}]}, "\"lower\" of a condition must be a number, not '1'"),
        ({"conditions": [{"lower": 2, "upper": 1}]}, r"lower \(2.0\) must not be above upper \(1.0\)"),
        ({"block": 2}, "block must be an odd number of cells"),
        ({"radius": 1.0}, "must reach beyond"),
        ({"radius": None}, 'parameter "radius" must be a positive number'),
        ({"threshold": -1.0}, 'parameter "threshold" must be a number, 0 or more'),
        ({"edge_rule": "target"}, "undirected"),
    ],
)
def test_invalid_moving_windows_are_refused(changed, said, reporter, tmp_path):
    inputs = {"landscape": LANDSCAPE, "sources": QUALITY, "condition_1": QUALITY, "valid": ~np.isnan(LANDSCAPE)}
    with pytest.raises(ValueError, match=said):
        TASKS["windowed.current"].run(Job(LANDSCAPE_PARAMETERS | MOVING | changed, inputs, reporter, tmp_path))


@pytest.mark.parametrize("task", ["windowed.current", "windowed.current_sensitivity"])
def test_moving_window_estimate_memory_of_batch_time_of_all(reporter, task):
    few, many = (
        TASKS[task].estimate(
            Job(LANDSCAPE_PARAMETERS | MOVING | {"radius": 50.0}, {"landscape": np.empty(shape)}, reporter)
        )
        for shape in ((300, 300), (3000, 3000))
    )
    assert few.bytes == many.bytes
    assert many.seconds > few.seconds + 1
