"""What raising a cell would gain, against landscapes in which it was raised and everything solved anew."""

from itertools import combinations

import numpy as np
import pytest
import reference_dense
from permea.engine import GridGraph, LCPDistance, MeanPathLength, ResistanceDistance, RSPDistance
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.connectivity import pinch_points, sensitivity
from permea.engine.paths.least_cost_corridors import corridor
from permea.engine.paths.path_search import least_cost_paths
from permea.engine.restoration import (
    LeastCostRestoration,
    PointResistanceRestoration,
    RegionResistanceRestoration,
    barrier_map,
    improvement_score,
)
from reference_restoration import (
    EVERYWHERE,
    GRAPHS,
    LANDSCAPES,
    POINTS,
    REGION,
    RESTORED,
    focal,
    grid_of,
    pairwise,
    rough,
    walled,
)

KINDS = (RegionResistanceRestoration, PointResistanceRestoration)


def by_brute_force(landscape, quantity, nodes, **graph):
    """Raise one cell after the other, solve anew: mean gain of the connected pairs, and how many pairs are joined."""
    off = ~np.eye(len(nodes), dtype=bool)
    before = pairwise(landscape, quantity, nodes, **graph)
    connected = np.isfinite(before) & off
    gain, n_newly_connected = np.zeros(landscape.shape), np.zeros(landscape.shape, int)
    for cell in np.ndindex(*landscape.shape):
        changed = landscape.copy()
        changed[cell] = max(changed[cell], RESTORED)
        after = pairwise(changed, quantity, nodes, **graph)
        gain[cell] = (before - after)[connected].mean() if connected.any() else 0.0
        n_newly_connected[cell] = (np.isinf(before) & np.isfinite(after)).sum() // 2
    return np.where(n_newly_connected > 0, np.inf, gain), n_newly_connected


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), [*GRAPHS, ("queen", "target")])
def test_what_least_costs_gain_by_a_raised_cell_is_what_searching_anew_finds(name, neighbors, edge_rule):
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    nodes = (0, REGION, 13, 55)
    found = LeastCostRestoration(grid_of(landscape, **graph), focal(*nodes)).evaluate(RESTORED, EVERYWHERE)
    gain, n_newly_connected = by_brute_force(landscape, reference_dense.least_costs, nodes, **graph)
    np.testing.assert_allclose(found.gain, gain, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(found.n_newly_connected, n_newly_connected)
    assert (gain[np.isfinite(gain)] > 0).any()


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), GRAPHS)
def test_what_resistances_gain_by_a_raised_cell_is_what_solving_anew_finds(name, neighbors, edge_rule):
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    found = PointResistanceRestoration(grid_of(landscape, **graph), focal(*POINTS)).evaluate(RESTORED, EVERYWHERE)
    gain, n_newly_connected = by_brute_force(landscape, reference_dense.effective_resistances, POINTS, **graph)
    np.testing.assert_allclose(found.gain, gain, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(found.n_newly_connected, n_newly_connected)


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), GRAPHS)
def test_no_cell_gains_more_than_its_bound_and_the_bound_is_close(name, neighbors, edge_rule):
    gains = PointResistanceRestoration(grid_of(LANDSCAPES[name](), neighbors, edge_rule), focal(*POINTS))
    bound, gain = gains.bound(RESTORED, EVERYWHERE), gains.evaluate(RESTORED, EVERYWHERE).gain
    np.testing.assert_array_equal(np.isinf(bound), np.isinf(gain))
    there = np.isfinite(gain)
    assert (gain[there] <= bound[there] + 1e-10).all()
    assert bound[there].sum() < 3 * gain[there].sum()


def merged_resistances(landscape, nodes, neighbors="queen", edge_rule="mean"):
    """Resistances of pairs of which each region is one node, by textbook formulas on the merged graph of each pair."""
    matrix = reference_dense.conductances(landscape, neighbors, edge_rule, (2.0, 3.0))
    number = np.cumsum(landscape.ravel() > 0) - 1
    found = np.zeros((len(nodes),) * 2)
    for i, j in combinations(range(len(nodes)), 2):
        owner = np.arange(len(matrix))
        for node in (nodes[i], nodes[j]):
            owner[number[node]] = number[node[0]]
        kept, owner = np.unique(owner, return_inverse=True)
        merged = np.zeros((len(kept),) * 2)
        np.add.at(merged, (owner[:, None], owner[None]), matrix)
        np.fill_diagonal(merged, 0.0)
        one, other = (owner[number[node[0]]] for node in (nodes[i], nodes[j]))
        found[i, j] = found[j, i] = reference_dense.effective_resistances(merged)[one, other]
    return found


#: Regions of which one spans the wall, one has an inside, one is a point, and two lie side by side.
REGIONS = (np.array([0, 1, 8]), np.array([30, 31, 22, 23]), np.array([55]), np.array([40, 41, 42, 48, 49, 50]))
ACROSS = (np.array([0, 1]), np.array([26, 29]), np.array([55, 54]))


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), GRAPHS)
@pytest.mark.parametrize("regions", [REGIONS, ACROSS])
def test_what_resistances_between_regions_gain_by_a_raised_cell_is_what_solving_anew_finds(
    name, neighbors, edge_rule, regions
):
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    regions = tuple(node[landscape.ravel()[node] > 0] for node in regions)
    found = RegionResistanceRestoration(grid_of(landscape, **graph), focal(*regions)).evaluate(
        RESTORED, EVERYWHERE
    )
    before = merged_resistances(landscape, regions, **graph)
    connected = np.isfinite(before) & ~np.eye(len(regions), dtype=bool)
    for cell in np.ndindex(*landscape.shape):
        changed = landscape.copy()
        changed[cell] = max(changed[cell], RESTORED)
        after = merged_resistances(changed, regions, **graph)
        n_newly_connected = (np.isinf(before) & np.isfinite(after)).sum() // 2
        assert found.n_newly_connected[cell] == n_newly_connected
        expected = np.inf if n_newly_connected else (before[connected] - after[connected]).mean()
        assert found.gain[cell] == pytest.approx(expected, rel=1e-7, abs=1e-10), cell
    assert (found.gain > 1e-3).any() and found.pairs == connected.sum() // 2


def test_between_points_the_gain_is_the_same_as_between_regions_of_one_cell():
    grid = grid_of(walled())
    regions, points = (kind(grid, focal(*POINTS)).evaluate(RESTORED, EVERYWHERE) for kind in KINDS)
    np.testing.assert_allclose(regions.gain, points.gain, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(regions.n_newly_connected, points.n_newly_connected)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_the_barrier_map_between_regions_is_the_slope_of_their_resistance(name):
    landscape = LANDSCAPES[name]()
    regions = tuple(node[landscape.ravel()[node] > 0] for node in REGIONS)
    found = barrier_map(grid_of(landscape), focal(*regions), ResistanceDistance())
    connected = np.isfinite(merged_resistances(landscape, regions)) & ~np.eye(len(regions), dtype=bool)

    def mean(permeability):
        return merged_resistances(permeability, regions)[connected].mean()

    expected = -reference_dense.slopes(mean, landscape)
    there = landscape > 0
    np.testing.assert_allclose(found.gain[there], expected[there], atol=1e-6 * expected.max())
    assert found.distance == pytest.approx(mean(landscape))
    assert (found.pairs, found.unreachable_pairs) == (connected.sum(), (~connected).sum() - len(regions))


def test_gains_do_not_depend_on_the_block_size():
    grid, points = grid_of(rough()), focal(*POINTS)
    whole = PointResistanceRestoration(grid, points).evaluate(RESTORED).gain
    blocks = PointResistanceRestoration(grid, points, cells_per_block=60).evaluate(RESTORED).gain
    np.testing.assert_allclose(blocks, whole, rtol=1e-9, atol=1e-12)


def test_only_cells_that_are_asked_for_are_told():
    asked = np.zeros((7, 8), bool)
    asked[3, 3:6] = True
    gains = PointResistanceRestoration(grid_of(rough()), focal(*POINTS))
    every, some = (gains.evaluate(RESTORED, where).gain for where in (EVERYWHERE, asked))
    np.testing.assert_allclose(some[asked], every[asked], rtol=1e-9)
    assert np.isnan(some[~asked]).all()


def test_a_cell_that_is_good_already_gains_nothing():
    gains = PointResistanceRestoration(grid_of(rough()), focal(*POINTS)).evaluate(1e-9).gain
    assert np.nanmax(gains) == 0


DISTANCES = {
    "least cost": LCPDistance(),
    "resistance": ResistanceDistance(),
    "randomized shortest paths": RSPDistance(theta=0.2),
}


@pytest.mark.parametrize(
    "distance", [pytest.param(name, marks=[pytest.mark.long] * name.startswith("random")) for name in DISTANCES]
)
def test_the_barrier_map_is_the_slope_of_the_mean_distance(distance):
    landscape, measure = rough(), DISTANCES[distance]

    def mean(permeability):
        grid = grid_of(permeability)
        vertices = np.asarray(grid.vertex_numbers).ravel()[list(POINTS)]
        return float(MeanPathLength(measure)(grid, vertices))

    found = barrier_map(grid_of(landscape), focal(*POINTS), measure)
    expected = -reference_dense.slopes(mean, landscape)
    there = landscape > 0
    np.testing.assert_allclose(found.gain[there], expected[there], atol=1e-6 * expected.max())
    assert np.isnan(found.gain[~there]).all()
    assert found.distance == pytest.approx(mean(landscape))
    assert (found.pairs, found.unreachable_pairs) == (12, 0)


def test_the_barrier_map_between_regions_is_the_slope_of_the_distance_of_their_nearest_cells():
    landscape, nodes = rough(), (0, REGION, 55)
    found = barrier_map(grid_of(landscape), focal(*nodes))

    def mean(permeability):
        return pairwise(permeability, reference_dense.least_costs, nodes)[~np.eye(3, dtype=bool)].mean()

    expected = -reference_dense.slopes(mean, landscape)
    np.testing.assert_allclose(found.gain[landscape > 0], expected[landscape > 0], atol=1e-6 * expected.max())


def test_a_small_restoration_gains_what_the_gradient_promises():
    landscape, nudge = rough(), 1e-6
    slope = barrier_map(grid_of(landscape), focal(*POINTS), ResistanceDistance()).gain
    gain = PointResistanceRestoration(grid_of(landscape), focal(*POINTS)).evaluate(
        np.where(landscape > 0, landscape, 1) + nudge
    )
    np.testing.assert_allclose(gain.gain / nudge, slope, rtol=1e-3, atol=1e-6 * np.nanmax(slope))


def test_pairs_without_a_way_are_counted_and_left_out_of_the_map():
    grid = grid_of(walled())
    found = barrier_map(grid, focal(*POINTS), ResistanceDistance())
    vertices = np.asarray(grid.vertex_numbers).ravel()[list(POINTS)]
    whole = sensitivity(MeanPathLength(ResistanceDistance()), grid, vertices)
    assert (found.pairs, found.unreachable_pairs) == (whole.pairs, whole.unreachable_pairs) == (4, 8)
    np.testing.assert_allclose(found.gain, -whole.raster, atol=1e-12)


def test_the_improvement_score_is_what_its_definition_says():
    landscape, radius, restored = rough(), 6.0, 0.3
    places = (0, 55)
    gains = LeastCostRestoration(grid_of(landscape), focal(*places))
    found = improvement_score(gains, radius, restored, EVERYWHERE)
    every = reference_dense.least_costs(reference_dense.conductances(landscape, pixel_size=(2.0, 3.0)))
    number = np.where(landscape > 0, np.cumsum(landscape > 0).reshape(landscape.shape) - 1, -1)
    start, end = (every[number.ravel()[place]] for place in places)
    for row, column in np.ndindex(*landscape.shape):
        down, right = np.indices(landscape.shape)
        near = np.hypot(2 * (down - row), 3 * (right - column)) <= radius
        window = number[near & (landscape > 0)]
        score = start[number.ravel()[places[1]]] - (start[window].min() + end[window].min() + 2 * radius * restored)
        assert found.largest[row, column] == pytest.approx(max(score, 0.0), abs=1e-12)
    np.testing.assert_array_equal(found.total, found.largest)


def test_a_window_that_joins_what_no_way_joins_is_infinite():
    landscape = np.ones((5, 9))
    landscape[:, 4] = 0.0
    gains = LeastCostRestoration(GridGraph(landscape), focal(0, 8))
    found = improvement_score(gains, 1.0, 1.0, np.ones((5, 9), bool)).largest
    assert np.isinf(found[:, 4]).all() and (found[:, [0, 1, 7, 8]] == 0).all()


def test_pinch_points_are_the_current_through_the_cells_of_the_corridor():
    grid, places = grid_of(rough()), (0, 55)
    vertices = np.asarray(grid.vertex_numbers).ravel()[list(places)]
    inside = np.isfinite(corridor(grid, vertices[:1], vertices[1:], truncate_at=4.0).excess)
    cut = np.where(inside, np.asarray(grid.permeability), 0.0)
    (expected,) = Pairwise(GridCircuit(grid_of(cut)), focal(*places)).maps()
    found = pinch_points(grid, focal(*places), 4.0)
    np.testing.assert_allclose(found.total, np.where(rough() > 0, np.nan_to_num(expected.currents), np.nan), atol=1e-12)
    assert found.residual < 1e-9


def test_a_wide_cutoff_lets_current_go_everywhere_and_none_only_through_cells_of_the_cheapest_path():
    grid, places = grid_of(rough()), focal(0, REGION, 55)
    everywhere = Pairwise(GridCircuit(grid), places).cumulative()
    np.testing.assert_allclose(pinch_points(grid, places, 1e9).total, everywhere.total, atol=1e-9)
    vertices = np.asarray(grid.vertex_numbers).ravel()[[0, 55]]
    (path,) = least_cost_paths(grid, vertices)
    strict = pinch_points(grid, focal(0, 55), 0.0).total
    assert set(np.flatnonzero(strict > 0)) <= set(path.rows * 8 + path.columns)
    np.testing.assert_allclose([strict[0, 0], strict[6, 7]], 1.0, rtol=1e-9)


def test_pinch_points_of_pairs_add_up_and_those_without_a_way_are_counted():
    found = pinch_points(grid_of(walled()), focal(*POINTS), 5.0)
    assert (found.pairs, found.unreachable_pairs) == (2, 4)
    assert np.nanmax(found.largest) <= 1 + 1e-9 and np.nanmax(found.total) <= 2 + 1e-9


REFUSED = {
    "one node": (lambda grid: barrier_map(grid, focal(0)), "between two or more focal nodes; there is 1"),
    "on a barrier": (
        lambda grid: barrier_map(grid, focal(0, 19)),
        "1 of 2 focal nodes have no cell that can be entered, the first is 2",
    ),
    "regions": (
        lambda grid: PointResistanceRestoration(grid, focal(0, REGION)),
        "1 of 2 focal nodes are regions of several cells, the first is 2",
    ),
    "the same cell": (
        lambda grid: PointResistanceRestoration(grid, focal(0, 0)),
        "focal nodes 1 and 2 lie in the same cell",
    ),
    "nothing restored": (
        lambda grid: LeastCostRestoration(grid, focal(0, 55)).evaluate(0.0),
        "must be a positive number, not 0",
    ),
    "another raster": (
        lambda grid: LeastCostRestoration(grid, focal(0, 55)).evaluate(np.ones((2, 2))),
        r"restored permeability has \(2, 2\) cells, the landscape \(7, 8\)",
    ),
    "no window": (
        lambda grid: improvement_score(LeastCostRestoration(grid, focal(0, 55)), 0.0),
        "the radius of a search window must be a positive number, not 0",
    ),
    "negative cutoff": (lambda grid: pinch_points(grid, focal(0, 55), -1.0), "must be 0 or more, not -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused(case):
    attempt, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        attempt(grid_of(rough()))


def test_nodes_that_no_way_joins_have_no_gradient_and_no_corridor():
    grid = GridGraph(np.array([[1.0, 0.0, 1.0]]))
    for attempt in (barrier_map, lambda *given: pinch_points(*given, 1.0)):
        with pytest.raises(ValueError, match="none of the . pairs of focal nodes can reach each other"):
            attempt(grid, focal(0, 2))
    assert np.isinf(LeastCostRestoration(grid, focal(0, 2)).evaluate(1.0, np.ones((1, 3), bool)).gain[0, 1])
