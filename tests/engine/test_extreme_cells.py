"""Values beyond 1e±100 are refused wherever a raster or a list enters, with their number and the first cell."""

import re

import numpy as np
import pytest

from permea.engine import GridGraph, LCPDistance
from permea.engine.circuits import GridCircuit, NetworkCircuit, advanced
from permea.engine.connectivity.dispersal_kernel import ExponentialKernel
from permea.engine.connectivity.habitat_quality import validate_quality
from permea.engine.moving_window import MovingWindowCurrent
from permea.engine.moving_window.analysis import ConnectivityAnalysis
from permea.engine.restoration.base import restored_permeability
from permea.engine.worker.inputs import invalid_values

ONES = np.ones((4, 5))
FIRST_CELL = (1, 3)

#: Values in one or two cells; how a message calls the first kind of them, and how many there are.
BEYOND = [
    pytest.param((1e300,), "above 1e+100", 1, id="huge"),
    pytest.param((1.1e100, 1e101), "above 1e+100", 2, id="just-above"),
    pytest.param((1e-320,), "below 1e-100", 1, id="denormal"),
    pytest.param((9e-101,), "below 1e-100", 1, id="just-below"),
    pytest.param((5e-324, 1e300), "below 1e-100", 1, id="mixed"),
]


def replaced(values):
    raster = ONES.copy()
    row, column = FIRST_CELL
    raster[row, column : column + len(values)] = values
    return raster


def windows(permeability, quality=ONES):
    return ConnectivityAnalysis(
        quality=quality, permeability=permeability, distance=LCPDistance(), proximity=ExponentialKernel(1.7),
        dependency_range=2, coarsening=0.0, batch=4,
    )  # fmt: skip


@pytest.mark.parametrize(
    "enter",
    [
        GridGraph,
        lambda permeability: GridGraph(permeability, permeability > 0),
        lambda permeability: windows(permeability).run(),
        lambda permeability: MovingWindowCurrent(permeability=permeability, radius=2.0).run(),
    ],
    ids=["graph", "graph-with-mask", "windows", "moving-window-current"],
)
@pytest.mark.parametrize(("values", "called", "count"), BEYOND)
def test_permeability_beyond_the_range_is_refused(enter, values, called, count):
    with pytest.raises(ValueError, match=rf"permeability is {re.escape(called)} in {count} .*row 1, column 3"):
        enter(replaced(values))


@pytest.mark.parametrize("kind", ["permeability", "resistance"])
@pytest.mark.parametrize(("values", "called", "count"), BEYOND)
def test_cells_of_a_job_beyond_the_range_are_counted(kind, values, called, count):
    counts = {name: int(cells.sum()) for name, cells in invalid_values(replaced(values), kind).items()}
    assert counts[called] == count
    assert sum(counts.values()) == len(values)


@pytest.mark.parametrize(("values", "called", "count"), BEYOND)
def test_conductances_of_a_network_beyond_the_range_are_refused(values, called, count):
    conductances = np.array([1.0, *values])
    ends = np.arange(conductances.size)
    with pytest.raises(ValueError, match=rf"{count} of .* conductance that is {re.escape(called)}, the first is edge"):
        NetworkCircuit(ends, ends + 1, conductances)


@pytest.mark.parametrize(
    "enter",
    [
        lambda raster: validate_quality(GridGraph(ONES), raster),
        lambda raster: windows(ONES, raster).run(),
        lambda raster: MovingWindowCurrent(permeability=ONES, sources=raster, radius=2.0).run(),
        lambda raster: advanced(GridCircuit(GridGraph(ONES)), raster, ONES),
        lambda raster: advanced(GridCircuit(GridGraph(ONES)), ONES, raster),
    ],
    ids=["quality", "windows", "source-strength", "sources", "grounds"],
)
@pytest.mark.parametrize("value", [1e300, 1.1e100])
def test_weights_beyond_the_range_are_refused(enter, value):
    with pytest.raises(ValueError, match=r"above 1e\+100.* in 1 (active )?cell,|in 1 cell,.* to 1e\+100 "):
        enter(replaced((value,)))


@pytest.mark.parametrize("value", [1e300, 1e-320, 1.1e100])
def test_restored_permeability_beyond_the_range_is_refused(value):
    with pytest.raises(ValueError, match=r"restored cell must lie between 1e-100 and 1e\+100, not .* as in 1 cell"):
        restored_permeability(GridGraph(ONES), replaced((value,)), None)
