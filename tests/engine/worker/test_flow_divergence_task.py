"""The task of sources and sinks: both kinds of flow, cells that are left out, and bad jobs."""

import numpy as np
import pytest

from permea.engine import GridGraph
from permea.engine.circuits import potential_map
from permea.engine.traces import field_divergence, potential_divergence
from permea.engine.worker.protocol import Reporter
from permea.engine.worker.task import Job
from permea.engine.worker.tasks import TASKS

LANDSCAPE = np.random.default_rng(5).lognormal(size=(6, 8))
LANDSCAPE[1:4, 3] = 0
INJECTED = np.zeros(LANDSCAPE.shape)
INJECTED[0, 0], INJECTED[5, 7] = 2.0, -2.0
GRID = GridGraph(LANDSCAPE, pixel_size=(2.0, 3.0))
VOLTAGE = np.where(LANDSCAPE > 0, potential_map(GRID, INJECTED), np.nan)
RASTER = {"values": "permeability", "neighbors": "queen", "edge_rule": "mean", "pixel_size": [2.0, 3.0]}


class Recorder(Reporter):
    """A reporter that remembers the warnings."""

    def __init__(self):
        self.warnings = []

    def _write(self, type_, **content):
        if type_ == "warning":
            self.warnings.append(content["text"])


def run(parameters, **inputs):
    recorder = Recorder()
    if parameters["kind"] == "potential":
        inputs = {"landscape": LANDSCAPE, "valid": LANDSCAPE >= 0, **inputs}
    job = Job({**RASTER, **parameters}, inputs, recorder)
    task = TASKS["flow.divergence"]
    assert task.estimate(job).bytes > 0
    return task.run(job), recorder.warnings


def test_voltage_shows_the_injected_current():
    result, warnings = run({"kind": "potential"}, potential=VOLTAGE)
    np.testing.assert_allclose(np.nan_to_num(result.outputs["divergence"]), INJECTED, atol=1e-9)
    numbers = result.metrics
    assert (numbers["sources"], numbers["sinks"]) == pytest.approx((2.0, -2.0), abs=1e-9)
    assert numbers["conservation_error"] < 1e-15 and numbers["boundary_flow"] == 0
    assert (numbers["active_cells"], numbers["components"]) == (45, 1)
    assert warnings == []


def test_rounding_of_single_precision_is_counted():
    rounded = VOLTAGE.astype(np.float32).astype(float)
    numbers = run({"kind": "potential", "input_roundoff": 2.0**-24}, potential=rounded)[0].metrics
    assert (numbers["source_cells"], numbers["sink_cells"], numbers["rounding_cells"]) == (1, 1, 43)
    assert numbers["exceeding_sources"] == pytest.approx(2.0, abs=1e-5)
    assert 0 < numbers["sources"] - numbers["exceeding_sources"] < 1e-4
    assert 1e-8 < numbers["largest_rounding"] < 1e-4


def test_per_area():
    total, density = (
        run({"kind": "potential", "per_area": each}, potential=VOLTAGE)[0].outputs["divergence"]
        for each in (False, True)
    )
    np.testing.assert_allclose(density, total / 6.0, rtol=1e-15)


def test_one_cell_next_to_unknown_voltages_is_named_in_the_singular():
    parameters = {"kind": "potential", "pixel_size": [1.0, 1.0]}
    land = np.ones((1, 3))
    _, [warning] = run(parameters, landscape=land, valid=land > 0, potential=np.array([[2.0, 1.0, np.nan]]))
    assert warning.startswith("1 cell with a voltage borders on passable cells without one")


def test_cells_that_are_left_out_are_named():
    voltage = np.where(LANDSCAPE > 0, VOLTAGE, 1.0)
    voltage[5, 0] = np.nan
    result, warnings = run({"kind": "potential"}, potential=voltage)
    assert warnings[0].startswith("3 cells have a voltage, but cannot be entered in the landscape")
    assert warnings[1].startswith("3 cells with a voltage border on passable cells without one")
    expected = potential_divergence(GRID, np.where(np.isnan(voltage), np.nan, VOLTAGE)).divergence
    np.testing.assert_allclose(result.outputs["divergence"], expected, atol=1e-12)


@pytest.mark.parametrize("boundary", ["open", "closed"])
def test_components(boundary):
    east, north = np.random.default_rng(6).normal(size=(2, 4, 5))
    east[1, 2] = np.nan
    result, warnings = run({"kind": "components", "boundary": boundary}, east=east, north=north)
    expected = field_divergence(east, north, pixel_size=(2.0, 3.0), boundary=boundary)
    np.testing.assert_allclose(result.outputs["divergence"], expected.divergence, rtol=1e-12)
    assert result.metrics["boundary_flow"] == pytest.approx(float(expected.boundary_flow))
    assert result.metrics["active_cells"] == 19 and result.metrics["components"] is None
    assert warnings == ["1 cell has only one of the two components and is left out"]


@pytest.mark.parametrize(
    ("parameters", "inputs", "message"),
    [
        ({"kind": "wind"}, {}, 'parameter "kind" must be one of potential, components'),
        ({"kind": "potential"}, {}, 'input "potential" is missing'),
        ({"kind": "potential"}, {"potential": np.ones((2, 2))}, "must be of one size"),
        ({"kind": "potential"}, {"potential": np.full((6, 8), np.nan)}, "no passable cell of the landscape has a volt"),
        ({"kind": "potential", "input_roundoff": -1}, {"potential": VOLTAGE}, '"input_roundoff" must be a number'),
        ({"kind": "components", "boundary": "open"}, {"east": np.ones((2, 2))}, 'input "north" is missing'),
        (
            {"kind": "components", "boundary": "ajar"},
            {"east": np.ones((2, 2)), "north": np.ones((2, 2))},
            '"boundary" must be one of open, closed',
        ),
        (
            {"kind": "components", "boundary": "open"},
            {"east": np.full((1, 2), np.nan), "north": np.ones((1, 2))},
            "no cell has both components",
        ),
    ],
)
def test_bad_jobs_are_refused(parameters, inputs, message):
    with pytest.raises(ValueError, match=message):
        run(parameters, **inputs)
