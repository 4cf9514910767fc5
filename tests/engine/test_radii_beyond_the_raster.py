"""A radius, range or block far larger than the raster costs no more than one of its size, and gives the same map."""

import numpy as np
import pytest
from reference_restoration import focal, grid_of, walled
from worker_process import DONE, run_job

from permea.engine import GridGraph
from permea.engine.connectivity import landmarks
from permea.engine.moving_window import MovingWindowCurrent
from permea.engine.restoration import LeastCostRestoration, disc_restoration, improvement_score

NODES = (0, 13, 55)
#: A radius in map units from any cell of a raster to every other, and radii far beyond it.
ALL = 60.0
BEYOND = (ALL, 5e4, 1e300)


def costs():
    return LeastCostRestoration(grid_of(walled()), focal(*NODES))


@pytest.mark.costly
def test_search_windows_give_the_same_score():
    first, *others = (improvement_score(costs(), radius, 1e-310).maximum for radius in BEYOND)
    for other in others:
        np.testing.assert_allclose(other, first, rtol=1e-12)


@pytest.mark.parametrize(("radius", "side"), [(1.0, 1.0), (2.5, 1.0), (4.0, 1.7), (9.0, 0.5)])
def test_search_windows_are_discs(radius, side):
    rng = np.random.default_rng(5)
    landscape = rng.lognormal(size=(9, 11))
    grid = GridGraph(landscape, pixel_size=(1.0, side), edge_rule="resistance")
    least = LeastCostRestoration(grid, focal(0, 98))
    down, right = np.indices(grid.shape)
    expected = np.zeros(grid.shape)
    for cell in np.ndindex(*grid.shape):
        disc = np.hypot(down - cell[0], (right - cell[1]) * side) <= radius
        cost = least.costs_from[0][disc].min() + least.costs_from[1][disc].min() + 2 * radius * 0.01
        expected[cell] = max(least.between(0, 1) - cost, 0.0)
    np.testing.assert_allclose(improvement_score(least, radius, 0.01).maximum, expected, rtol=1e-12)


@pytest.mark.costly
def test_restored_discs_give_the_same_gain():
    first, *others = (disc_restoration(costs(), radius, 2.0) for radius in BEYOND)
    for other in others:
        np.testing.assert_array_equal(other.gain, first.gain)


@pytest.mark.parametrize("as_omniscape", [False, True])
@pytest.mark.parametrize("block", [1, 3])
def test_moving_windows_give_the_same_maps(block, as_omniscape):
    permeability, sources = np.random.default_rng(6).lognormal(size=(2, 6, 9))
    common = {"permeability": permeability, "sources": sources, "block": block, "as_omniscape": as_omniscape}
    maps = [
        MovingWindowCurrent(**common, radius=radius).run(flow_potential=True).maps for radius in (*BEYOND[1:], 23.0)
    ]
    # The correction of blocks is that of a landscape without an edge: from twice the diagonal on it hardly changes.
    for name in maps[0]:
        np.testing.assert_allclose(maps[0][name], maps[1][name], rtol=1e-12)
        np.testing.assert_allclose(maps[0][name], maps[2][name], rtol=1e-9 if block == 1 else 1e-2)


@pytest.mark.parametrize("buffer", [50.0, 1e300])
def test_buffers_of_moving_windows_give_the_same_map(buffer):
    permeability = np.random.default_rng(6).lognormal(size=(6, 9))
    maps = [
        MovingWindowCurrent(permeability=permeability, radius=3, buffer=width).run().maps for width in (12.0, buffer)
    ]
    np.testing.assert_allclose(maps[0]["current"], maps[1]["current"], rtol=1e-9)


def test_blocks_of_landmarks_are_the_same():
    grid, quality = GridGraph(np.ones((3, 5))), np.arange(15.0).reshape(3, 5)
    first, *others = (landmarks(grid, quality, width) for width in (10, 10_001, 10**30))
    for other in others:
        np.testing.assert_array_equal(other.vertices, first.vertices)
        np.testing.assert_array_equal(other.quality, first.quality)


BARRIERS = {
    "distance": "leastcost",
    "cost": "inverse",
    "theta": 0.1,
    "restored_resistance": 1.0,
    "restored_permeability": 2.0,
    "pixel_size": [30.0, 30.0],
}
WINDOWS = {"distance": "leastcost", "cost": "inverse", "theta": 0.1, "alpha": 10.0}
POINTS = {"focal_ids": np.array([1, 2]), "focal_cells": np.array([[0, 0], [11, 14]])}
RASTER = np.random.default_rng(7).lognormal(size=(12, 15))


@pytest.mark.costly
@pytest.mark.parametrize("radius", [1e300, pytest.param(5e4, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("task", "parameters", "inputs"),
    [
        ("flow.barriers", lambda radius: {**BARRIERS, "search_radius": radius, "restored_radius": radius}, POINTS),
        ("windowed.current", lambda radius: {"radius": radius, "block": 3, "buffer": radius}, {}),
        ("windowed.connectivity", lambda radius: {**WINDOWS, "range": radius, "coarsening": 0.2}, {}),
        (
            "windowed.sensitivity",
            lambda radius: {**WINDOWS, "range": radius, "coarsening": 1.0, "respect_to": "permeability"},
            {},
        ),
    ],
    ids=["barriers", "moving windows", "windowed connectivity", "windowed sensitivity"],
)
def test_tasks_need_little_memory(tmp_path, task, parameters, inputs, radius):
    ended = run_job(tmp_path, task, parameters(radius), landscape=RASTER, **inputs)
    assert ended.status == DONE, ended.log + str(ended.lines[-1])
    assert ended.said("estimate")[0]["bytes"] < 1 << 30
