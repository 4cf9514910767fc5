"""Gains of restoring cells against new solves in restored landscapes; barrier maps, scores and pinch points."""

from functools import partial
from itertools import combinations

import numpy as np
import pytest
import reference_dense
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
    restoration_gains,
    rough,
    walled,
)

from permea.engine import GridGraph, LCPDistance, MeanPathLength, ResistanceDistance, RSPDistance
from permea.engine.circuits.grid_circuit import GridCircuit
from permea.engine.circuits.pairwise import Pairwise
from permea.engine.connectivity import pinch_points, sensitivity
from permea.engine.graph import FocalNodes
from permea.engine.paths.least_cost_corridors import corridor
from permea.engine.paths.path_search import least_cost_paths
from permea.engine.restoration import (
    LeastCostRestoration,
    PointResistanceRestoration,
    RegionResistanceRestoration,
    barrier_map,
    improvement_score,
)
from permea.engine.restoration.search_window import disc_mask

KINDS = (RegionResistanceRestoration, PointResistanceRestoration)


def with_cell_restored(landscape, cell):
    changed = landscape.copy()
    changed[cell] = max(changed[cell], RESTORED)
    return changed


def by_brute_force(landscape, quantity, nodes, **graph):
    """Restore one cell after the other, with new solves for each: mean gain, and number of newly connected pairs."""
    return restoration_gains(
        landscape, lambda changed: pairwise(changed, quantity, nodes, **graph), partial(with_cell_restored, landscape)
    )


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), [*GRAPHS, ("queen", "target")])
def test_least_cost_gain_matches_new_search(name, neighbors, edge_rule):
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    nodes = (0, REGION, 13, 55)
    result = LeastCostRestoration(grid_of(landscape, **graph), focal(*nodes)).evaluate(RESTORED, EVERYWHERE)
    gain, n_newly_connected = by_brute_force(landscape, reference_dense.least_costs, nodes, **graph)
    np.testing.assert_allclose(result.gain, gain, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(result.n_newly_connected, n_newly_connected)
    assert (gain[np.isfinite(gain)] > 0).any()


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), GRAPHS)
def test_point_resistance_gain_matches_new_solve(name, neighbors, edge_rule):
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    result = PointResistanceRestoration(grid_of(landscape, **graph), focal(*POINTS)).evaluate(RESTORED, EVERYWHERE)
    gain, n_newly_connected = by_brute_force(landscape, reference_dense.effective_resistances, POINTS, **graph)
    np.testing.assert_allclose(result.gain, gain, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(result.n_newly_connected, n_newly_connected)


@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), GRAPHS)
def test_gain_bound_holds_and_is_tight(name, neighbors, edge_rule):
    gains = PointResistanceRestoration(grid_of(LANDSCAPES[name](), neighbors, edge_rule), focal(*POINTS))
    bound, gain = gains.bound(RESTORED, EVERYWHERE), gains.evaluate(RESTORED, EVERYWHERE).gain
    np.testing.assert_array_equal(np.isinf(bound), np.isinf(gain))
    finite = np.isfinite(gain)
    assert (gain[finite] <= bound[finite] + 1e-10).all()
    assert bound[finite].sum() < 3 * gain[finite].sum()


def merged_resistances(landscape, nodes, neighbors="queen", edge_rule="mean"):
    """Resistances between pairs of merged regions, by dense formulas on the merged graph of each pair."""
    matrix = reference_dense.conductances(landscape, neighbors, edge_rule, (2.0, 3.0))
    number = np.cumsum(landscape.ravel() > 0) - 1
    result = np.zeros((len(nodes),) * 2)
    for i, j in combinations(range(len(nodes)), 2):
        merged, node_of = reference_dense.merge_vertices(matrix, [number[nodes[i]], number[nodes[j]]])
        ends = node_of[number[[nodes[i][0], nodes[j][0]]]]
        result[i, j] = result[j, i] = reference_dense.effective_resistances(merged)[tuple(ends)]
    return result


#: Regions of which one spans the wall, one has an inside, one is a point, and two lie side by side.
REGIONS = (np.array([0, 1, 8]), np.array([30, 31, 22, 23]), np.array([55]), np.array([40, 41, 42, 48, 49, 50]))
ACROSS = (np.array([0, 1]), np.array([26, 29]), np.array([55, 54]))


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), GRAPHS)
@pytest.mark.parametrize("regions", [REGIONS, ACROSS])
def test_region_resistance_gain_matches_new_solve(name, neighbors, edge_rule, regions):
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    regions = tuple(node[landscape.ravel()[node] > 0] for node in regions)
    result = RegionResistanceRestoration(grid_of(landscape, **graph), focal(*regions)).evaluate(RESTORED, EVERYWHERE)
    gain, n_newly_connected = restoration_gains(
        landscape,
        lambda changed: merged_resistances(changed, regions, **graph),
        partial(with_cell_restored, landscape),
    )
    np.testing.assert_allclose(result.gain, gain, rtol=1e-7, atol=1e-10)
    np.testing.assert_array_equal(result.n_newly_connected, n_newly_connected)
    assert (result.gain > 1e-3).any()
    connected = np.isfinite(merged_resistances(landscape, regions, **graph))
    assert result.pairs == (connected.sum() - len(regions)) // 2


def test_gain_between_points_equals_single_cell_regions():
    grid = grid_of(walled())
    regions, points = (kind(grid, focal(*POINTS)).evaluate(RESTORED, EVERYWHERE) for kind in KINDS)
    np.testing.assert_allclose(regions.gain, points.gain, rtol=1e-8, atol=1e-10)
    np.testing.assert_array_equal(regions.n_newly_connected, points.n_newly_connected)


@pytest.mark.parametrize("name", LANDSCAPES)
def test_barrier_map_is_region_resistance_gradient(name):
    landscape = LANDSCAPES[name]()
    regions = tuple(node[landscape.ravel()[node] > 0] for node in REGIONS)
    result = barrier_map(grid_of(landscape), focal(*regions), ResistanceDistance())
    connected = np.isfinite(merged_resistances(landscape, regions)) & ~np.eye(len(regions), dtype=bool)

    def mean(permeability):
        return merged_resistances(permeability, regions)[connected].mean()

    expected = -reference_dense.gradient(mean, landscape)
    active = landscape > 0
    np.testing.assert_allclose(result.gain[active], expected[active], atol=1e-6 * expected.max())
    assert result.distance == pytest.approx(mean(landscape))
    assert (result.pairs, result.unreachable_pairs) == (connected.sum(), (~connected).sum() - len(regions))


def test_gains_do_not_depend_on_the_block_size():
    grid, points = grid_of(rough()), focal(*POINTS)
    whole = PointResistanceRestoration(grid, points).evaluate(RESTORED).gain
    for cells_per_block in (60, 5):
        blocks = PointResistanceRestoration(grid, points, cells_per_block=cells_per_block).evaluate(RESTORED).gain
        np.testing.assert_allclose(blocks, whole, rtol=1e-9, atol=1e-12)


def test_gain_is_reported_for_restorable_cells_only():
    requested = np.zeros((7, 8), bool)
    requested[3, 3:6] = True
    gains = PointResistanceRestoration(grid_of(rough()), focal(*POINTS))
    every, some = (gains.evaluate(RESTORED, where).gain for where in (EVERYWHERE, requested))
    np.testing.assert_allclose(some[requested], every[requested], rtol=1e-9)
    assert np.isnan(some[~requested]).all()


def test_highly_permeable_cell_has_zero_gain():
    gains = PointResistanceRestoration(grid_of(rough()), focal(*POINTS)).evaluate(1e-9).gain
    assert np.nanmax(gains) == 0


DISTANCES = {
    "least cost": LCPDistance(),
    "resistance": ResistanceDistance(),
    "randomized shortest paths": RSPDistance(theta=0.2),
}


@pytest.mark.costly
@pytest.mark.parametrize(
    "distance", [pytest.param(name, marks=[pytest.mark.long] * name.startswith("random")) for name in DISTANCES]
)
def test_barrier_map_is_gradient_of_mean_distance(distance):
    landscape, measure = rough(), DISTANCES[distance]

    def mean(permeability):
        grid = grid_of(permeability)
        vertices = np.asarray(grid.vertex_numbers).ravel()[list(POINTS)]
        return float(MeanPathLength(measure)(grid, vertices))

    result = barrier_map(grid_of(landscape), focal(*POINTS), measure)
    expected = -reference_dense.gradient(mean, landscape)
    active = landscape > 0
    np.testing.assert_allclose(result.gain[active], expected[active], atol=1e-6 * expected.max())
    assert np.isnan(result.gain[~active]).all()
    assert result.distance == pytest.approx(mean(landscape))
    assert (result.pairs, result.unreachable_pairs) == (12, 0)


def test_barrier_map_is_region_least_cost_gradient():
    landscape, nodes = rough(), (0, REGION, 55)
    result = barrier_map(grid_of(landscape), focal(*nodes))

    def mean(permeability):
        return pairwise(permeability, reference_dense.least_costs, nodes)[~np.eye(3, dtype=bool)].mean()

    expected = -reference_dense.gradient(mean, landscape)
    np.testing.assert_allclose(result.gain[landscape > 0], expected[landscape > 0], atol=1e-6 * expected.max())


def test_small_restoration_gains_what_the_gradient_predicts():
    landscape, nudge = rough(), 1e-6
    gradient = barrier_map(grid_of(landscape), focal(*POINTS), ResistanceDistance()).gain
    gain = PointResistanceRestoration(grid_of(landscape), focal(*POINTS)).evaluate(
        np.where(landscape > 0, landscape, 1) + nudge
    )
    np.testing.assert_allclose(gain.gain / nudge, gradient, rtol=1e-3, atol=1e-6 * np.nanmax(gradient))


def test_barrier_map_counts_and_excludes_unconnected_pairs():
    grid = grid_of(walled())
    result = barrier_map(grid, focal(*POINTS), ResistanceDistance())
    vertices = np.asarray(grid.vertex_numbers).ravel()[list(POINTS)]
    whole = sensitivity(MeanPathLength(ResistanceDistance()), grid, vertices)
    assert (result.pairs, result.unreachable_pairs) == (whole.pairs, whole.unreachable_pairs) == (4, 8)
    np.testing.assert_allclose(result.gain, -whole.raster, atol=1e-12)


def test_improvement_score_matches_its_definition():
    landscape, radius, restored = rough(), 6.0, 0.3
    nodes = (0, 55)
    gains = LeastCostRestoration(grid_of(landscape), focal(*nodes))
    result = improvement_score(gains, radius, restored, EVERYWHERE)
    every = reference_dense.least_costs(reference_dense.conductances(landscape, pixel_size=(2.0, 3.0)))
    number = np.where(landscape > 0, np.cumsum(landscape > 0).reshape(landscape.shape) - 1, -1)
    start, end = (every[number.ravel()[node]] for node in nodes)
    for row, column in np.ndindex(*landscape.shape):
        down, right = np.indices(landscape.shape)
        near = np.hypot(2 * (down - row), 3 * (right - column)) <= radius
        window = number[near & (landscape > 0)]
        score = start[number.ravel()[nodes[1]]] - (start[window].min() + end[window].min() + 2 * radius * restored)
        assert result.maximum[row, column] == pytest.approx(max(score, 0.0), abs=1e-12)
    np.testing.assert_array_equal(result.total, result.maximum)


@pytest.mark.costly
def test_improvement_score_is_infinite_where_window_connects():
    landscape = np.ones((5, 9))
    landscape[:, 4] = 0.0
    gains = LeastCostRestoration(GridGraph(landscape), focal(0, 8))
    result = improvement_score(gains, 1.0, 1.0, np.ones((5, 9), bool)).maximum
    assert np.isinf(result[:, 4]).all() and (result[:, [0, 1, 7, 8]] == 0).all()


def test_pinch_points_are_currents_within_the_corridor():
    grid, nodes = grid_of(rough()), (0, 55)
    vertices = np.asarray(grid.vertex_numbers).ravel()[list(nodes)]
    inside = np.isfinite(corridor(grid, vertices[:1], vertices[1:], truncate_at=4.0).excess)
    cut = np.where(inside, np.asarray(grid.permeability), 0.0)
    (expected,) = Pairwise(GridCircuit(grid_of(cut)), focal(*nodes)).maps()
    result = pinch_points(grid, focal(*nodes), 4.0)
    np.testing.assert_allclose(
        result.total, np.where(rough() > 0, np.nan_to_num(expected.currents), np.nan), atol=1e-12
    )
    assert result.residual < 1e-9


def test_pinch_points_at_wide_and_zero_cutoff():
    grid, nodes = grid_of(rough()), focal(0, REGION, 55)
    everywhere = Pairwise(GridCircuit(grid), nodes).cumulative()
    np.testing.assert_allclose(pinch_points(grid, nodes, 1e9).total, everywhere.total, atol=1e-9)
    vertices = np.asarray(grid.vertex_numbers).ravel()[[0, 55]]
    (path,) = least_cost_paths(grid, vertices)
    strict = pinch_points(grid, focal(0, 55), 0.0).total
    assert set(np.flatnonzero(strict > 0)) <= set(path.rows * 8 + path.columns)
    np.testing.assert_allclose([strict[0, 0], strict[6, 7]], 1.0, rtol=1e-9)


def test_pinch_points_sum_pairs_and_count_unconnected():
    result = pinch_points(grid_of(walled()), focal(*POINTS), 5.0)
    assert (result.pairs, result.unreachable_pairs) == (2, 4)
    assert np.nanmax(result.maximum) <= 1 + 1e-9 and np.nanmax(result.total) <= 2 + 1e-9


REFUSED = {
    "one node": (lambda grid: barrier_map(grid, focal(0)), "between two or more focal nodes; there is 1"),
    "on a barrier": (
        lambda grid: barrier_map(grid, focal(0, 19)),
        "1 of 2 focal nodes has no cell that can be entered, the first is 2",
    ),
    "regions": (
        lambda grid: PointResistanceRestoration(grid, focal(0, REGION)),
        "1 of 2 focal nodes is a region of several cells, the first is 2",
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
        r"restored permeability has the shape \(2, 2\), the landscape \(7, 8\)",
    ),
    "no window": (
        lambda grid: improvement_score(LeastCostRestoration(grid, focal(0, 55)), 0.0),
        "the radius of a search window must be a positive number, not 0",
    ),
    "negative cutoff": (lambda grid: pinch_points(grid, focal(0, 55), -1.0), "must be 0 or more, not -1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_arguments_are_rejected(case):
    attempt, message = REFUSED[case]
    with pytest.raises(ValueError, match=message):
        attempt(grid_of(rough()))


@pytest.mark.costly
def test_unconnected_nodes_are_rejected():
    grid = GridGraph(np.array([[1.0, 0.0, 1.0]]))
    for attempt in (barrier_map, lambda *arguments: pinch_points(*arguments, 1.0)):
        with pytest.raises(ValueError, match="no focal node can reach another: all 2 lie in different"):
            attempt(grid, focal(0, 2))
    assert np.isinf(LeastCostRestoration(grid, focal(0, 2)).evaluate(1.0, np.ones((1, 3), bool)).gain[0, 1])


def test_disc_beyond_the_raster_covers_all_of_it():
    grid = GridGraph(np.ones((4, 5)), pixel_size=(30.0, 30.0))
    for radius in (1e3, 5e4, 1e100):
        window = disc_mask(grid, radius)
        assert window.shape == (7, 9) and window.all()


@pytest.mark.parametrize("scale", [1e-48, 1e-10, 1.0])
def test_corridor_narrower_than_rounding_holds_the_path(scale):
    permeability = np.random.default_rng(3).uniform(0.2, 1.0, (6, 7)) * scale
    ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([40])))
    assert pinch_points(GridGraph(permeability), ends, 0.0).total.max() == pytest.approx(1.0)
