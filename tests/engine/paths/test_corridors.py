"""Least-cost paths and corridors between points."""

import numpy as np
import pytest

from permea.engine import GridGraph, LCPDistance
from permea.engine.graph import gallery
from permea.engine.paths.least_cost_corridors import _mosaic_minimum, corridor, corridors
from permea.engine.paths.path_search import least_cost_paths


@pytest.fixture(scope="module")
def grid():
    return GridGraph(gallery.categorical(30, 40, seed=4), edge_rule="resistance", pixel_size=(2.0, 3.0))


@pytest.fixture(scope="module")
def nodes(grid):
    inside = np.flatnonzero(np.asarray(LCPDistance()(grid, [0])[0]) < np.inf)
    return inside[[0, 120, 333, 500, -1]]


def cost_along(grid, path):
    resistance = 1 / np.asarray(grid.permeability)[path.rows, path.columns]
    steps = np.hypot(2.0 * np.diff(path.rows), 3.0 * np.diff(path.columns))
    return (steps * (resistance[1:] + resistance[:-1]) / 2).sum(), steps.sum()


def test_path_cost_is_sum_of_steps(grid, nodes):
    paths = least_cost_paths(grid, nodes)
    assert [(path.source, path.target) for path in paths] == [(i, j) for i in range(5) for j in range(i + 1, 5)]
    distance = np.asarray(LCPDistance()(grid, nodes=nodes))
    for path in paths:
        assert np.abs(np.diff(path.rows)).max() <= 1
        assert np.abs(np.diff(path.columns)).max() <= 1
        assert (path.cost, path.length) == pytest.approx(cost_along(grid, path))
        assert path.cost == pytest.approx(distance[path.source, path.target])
        ends = np.asarray(grid.active_vertex_index_to_coord(nodes[[path.source, path.target]]))
        assert ends.tolist() == [[path.rows[0], path.columns[0]], [path.rows[-1], path.columns[-1]]]


def test_paths_reverse_when_sources_and_targets_swap(grid, nodes):
    forward = least_cost_paths(grid, nodes[:1], nodes[1:])
    backward = least_cost_paths(grid, nodes[1:], nodes[:1])
    assert [path.cost for path in forward] == pytest.approx([path.cost for path in backward])
    assert all(path.rows[0] == forward[0].rows[0] for path in forward)
    assert all(path.rows[-1] == forward[0].rows[0] for path in backward)


def test_nearest_target_has_least_cost(grid, nodes):
    all_paths = least_cost_paths(grid, nodes[:2], nodes[2:])
    nearest = least_cost_paths(grid, nodes[:2], nodes[2:], which="nearest")
    for number, path in enumerate(nearest):
        paths_of_source = [other for other in all_paths if other.source == number]
        best = min(paths_of_source, key=lambda other: other.cost)
        assert (path.source, path.target, path.cost) == (number, best.target, pytest.approx(best.cost))


def test_unconnected_pair_has_no_path():
    grid = GridGraph(np.array([[1.0, 0.0, 1.0]]))
    assert least_cost_paths(grid, [0, 1]) == []
    with pytest.raises(ValueError, match="no path joins the 1 source with the 1 target"):
        corridor(grid, [0], [1])


def test_corridor_excess_is_zero_on_path(grid, nodes):
    path = least_cost_paths(grid, nodes[:1], nodes[1:2])[0]
    result = corridor(grid, nodes[:1], nodes[1:2])
    assert result.least_cost == pytest.approx(path.cost)
    assert np.nanmin(result.excess) == 0
    np.testing.assert_allclose(result.excess[path.rows, path.columns], 0, atol=1e-9 * path.cost)
    relative = corridor(grid, nodes[:1], nodes[1:2], relative=True, truncate_at=0.1).excess
    np.testing.assert_array_equal(np.isfinite(relative), result.excess <= 0.1 * path.cost)


@pytest.mark.parametrize("which", ["all", "minimum_planar_graph"])
def test_nodes_in_one_cell_have_no_relative_corridor(grid, nodes, which):
    twice = np.concatenate([nodes, nodes[:1]])
    mosaic = corridors(grid, twice, which=which, relative=True)
    np.testing.assert_array_equal(mosaic.excess, corridors(grid, nodes, which=which, relative=True).excess)
    assert (0, len(nodes)) not in map(tuple, mosaic.pairs.tolist())
    assert (mosaic.costs > 0).all()
    if which == "all":
        assert mosaic.coincident.tolist() == [[0, len(nodes)]]


def test_relative_corridor_between_coincident_nodes_raises(grid, nodes):
    with pytest.raises(ValueError, match="sources and targets share cells, so that their least cost is 0"):
        corridor(grid, nodes[:1], nodes[:1], relative=True)


def test_progress_of_the_mosaic_ends_at_one():
    cost, excess, done = np.array([[0.0, 1.0], [1.0, 0.0]]), np.full(2, np.inf), np.zeros(1)
    _mosaic_minimum(cost, np.array([[0, 1]]), np.array([1.0]), np.ones(1), excess, 0, 2, done)
    assert (excess.tolist(), done.tolist()) == ([0, 0], [1])
