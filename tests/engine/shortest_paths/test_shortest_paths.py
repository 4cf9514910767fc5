"""The search for cheapest paths finds what SciPy's Dijkstra finds, in any stencil of costs, and its exact slope."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from permea.engine.graph.edge_list import edge_list
from permea.engine.linalg.stencil_matrix import neighbour_offsets
from permea.engine.shortest_paths.differentiable import least_costs, nearest_seed
from permea.engine.shortest_paths.dijkstra import dijkstra_search, stencil_offsets, validate_costs
from permea.engine.shortest_paths.sweeping import fast_sweeping, initial_costs
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

#: The seldom cases are in the values; few shapes, so that little is compiled.
SHAPES = [(6, 1), (2, 5), (6, 7)]
VALUES = {
    "any": lambda rng, shape: rng.lognormal(sigma=3, size=shape),
    "few, so that there are ties": lambda rng, shape: rng.integers(1, 4, shape).astype(float),
    "some of them zero": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "alike": lambda rng, shape: np.ones(shape),
}
landscapes = st.tuples(
    st.sampled_from(SHAPES),
    st.sampled_from([4, 8]),
    st.sampled_from(list(VALUES)),
    st.sampled_from([0.0, 0.2, 0.6]),
    st.integers(0, 2**32 - 1),
)
either_way = st.booleans()
quickly = settings(max_examples=50, deadline=None)


def stencil(shape, directions, values, missing=0.0, seed=0):
    """Costs of one-way edges, a part of them missing."""
    rng = np.random.default_rng(seed)
    costs = VALUES[values](rng, (directions, *shape))
    costs[rng.random(costs.shape) < missing] = np.inf
    return jnp.asarray(np.where(within(shape, directions), costs, np.inf))


def within(shape, directions):
    row, column = np.indices(shape)
    there = [(row + down, column + right) for down, right in neighbour_offsets(directions)]
    return np.array([(r >= 0) & (r < shape[0]) & (c >= 0) & (c < shape[1]) for r, c in there])


def graph(costs):
    sources, targets, prices = edge_list(np.asarray(costs), np.isfinite(costs))
    return csr_matrix((prices, (sources, targets)), shape=(costs[0].size,) * 2)


def some_cells(costs, count=3):
    return np.random.default_rng(7).integers(0, costs[0].size, count)


def symmetric(costs):
    """The first half of the steps, and all of them when each costs the same backwards."""
    half = costs[: len(costs) // 2]
    full, rows, columns = [*half], *costs.shape[1:]
    for number in range(len(half), len(costs)):
        down, right = neighbour_offsets(len(costs))[number]
        there = jnp.pad(half[len(costs) - 1 - number], 1, constant_values=np.inf)
        full.append(there[1 + down : 1 + down + rows, 1 + right : 1 + right + columns])
    return half, jnp.stack(full)


@quickly
@given(landscapes, either_way)
def test_every_cell_costs_what_scipy_says(landscape, reverse):
    costs = stencil(*landscape)
    seeds, network = some_cells(costs), graph(costs)
    expected = dijkstra(network.T if reverse else network, indices=seeds)
    np.testing.assert_array_equal(_each(costs, seeds, reverse), expected)
    np.testing.assert_array_equal(_together(costs, seeds, reverse), expected.min(0))


def _each(costs, seeds, reverse):
    return least_costs(costs, jnp.asarray(seeds), reverse, False).reshape(len(seeds), -1)


def _together(costs, seeds, reverse):
    return least_costs(costs, jnp.asarray(seeds), reverse, True).ravel()


@quickly
@given(landscapes, either_way)
def test_half_of_the_steps_are_enough_where_both_ways_cost_the_same(landscape, reverse):
    costs = stencil(*landscape)
    half, full = symmetric(costs)
    seeds = jnp.asarray(some_cells(costs))
    found, pull_back = jax.vjp(lambda costs: least_costs(costs, seeds, reverse, False, True), half)
    expected, pull_back_all = jax.vjp(lambda costs: least_costs(costs, seeds, reverse, False), full)
    np.testing.assert_array_equal(found, expected)
    weights = jnp.asarray(np.random.default_rng(8).uniform(1, 2, found.shape))
    (slope,), (slopes,) = pull_back(weights), pull_back_all(weights)
    # Walked either way, an edge is the same edge.
    there = np.arange(slopes[0].size).reshape(slopes.shape[1:])
    back = np.zeros(slope.shape)
    for number, (down, right) in enumerate(neighbour_offsets(len(full))[len(half) :], start=len(half)):
        used = np.asarray(slopes[number]) != 0
        np.add.at(
            back[len(full) - 1 - number].ravel(), there[used] + down * slopes.shape[2] + right, slopes[number][used]
        )
    if not (half == 0).any():
        np.testing.assert_allclose(slope, slopes[: len(half)] + back, rtol=1e-12, atol=1e-12)


@quickly
@given(landscapes, either_way)
def test_backlinks_lead_to_the_seed_that_a_cell_belongs_to_at_the_cost_of_the_cell(landscape, reverse):
    costs = stencil(*landscape)
    seeds = some_cells(costs)
    cost, allocation, backlink = (np.asarray(x).ravel() for x in nearest_seed(costs, jnp.asarray(seeds), reverse))
    dense = np.full((cost.size,) * 2, np.inf)
    sources, targets, prices = edge_list(np.asarray(costs), np.isfinite(costs))
    np.minimum.at(dense, (targets, sources) if reverse else (sources, targets), prices)
    for cell in range(cost.size):
        if np.isinf(cost[cell]):
            assert allocation[cell] == backlink[cell] == -1
            continue
        spent, here, steps = 0.0, cell, 0
        while backlink[here] >= 0:
            spent, here, steps = spent + dense[backlink[here], here], backlink[here], steps + 1
            assert steps <= cost.size, "the backlinks run in a circle"
        assert here == seeds[allocation[cell]]
        assert spent == pytest.approx(cost[cell], rel=1e-12)


@quickly
@given(landscapes, either_way)
def test_the_gradient_carries_every_cells_weight_to_its_seed_at_its_cost(landscape, reverse):
    costs = stencil(*landscape)
    # Euler: costs are homogeneous of degree one; and what a cell pulls must arrive at a seed, step by step.
    seeds = some_cells(costs)
    weights = np.random.default_rng(9).uniform(1, 2, costs.shape[1:])
    distance, pull_back = jax.vjp(lambda costs: least_costs(costs, jnp.asarray(seeds), reverse, True)[0], costs)
    (gradient,) = pull_back(jnp.asarray(weights))
    reached = np.isfinite(distance)
    assert (np.asarray(gradient) >= 0).all()
    assert not np.asarray(gradient)[np.isinf(costs)].any()
    total = (weights * np.where(reached, distance, 0)).sum()
    assert (np.where(np.isinf(costs), 0, costs) * gradient).sum() == pytest.approx(total, rel=1e-12)
    sources, targets, flow = edge_list(np.asarray(gradient), np.isfinite(costs))
    size = distance.size
    balance = np.bincount(targets, flow, size) - np.bincount(sources, flow, size)
    balance = -balance if reverse else balance
    expected = np.where(reached.ravel(), weights.ravel(), 0)
    np.testing.assert_allclose(np.delete(balance, seeds), np.delete(expected, seeds), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("values", [name for name in VALUES if "zero" not in name])
@pytest.mark.parametrize("reverse", [False, True])
def test_ties_share_as_they_do_in_sweeps(values, reverse):
    shape, seeds = (11, 13), jnp.array([5, 80])
    costs, weights = stencil(shape, 8, values, 0.3), jnp.asarray(np.random.default_rng(1).uniform(1, 2, shape))

    def gradient(search):
        return jax.vjp(search, costs)[1](weights)[0]

    found = gradient(lambda costs: least_costs(costs, seeds, reverse, True)[0])
    expected = gradient(lambda costs: fast_sweeping(costs, initial_costs(seeds, shape), reverse))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_the_gradient_is_the_slope_that_a_small_change_of_each_cost_finds():
    costs, seeds = stencil((4, 5), 8, "any", 0.1, 3), jnp.array([7, 11])

    @partial(jax.jit, static_argnums=1)
    def total(costs, reverse):
        distance = least_costs(costs, seeds, reverse, False)
        return jnp.where(jnp.isfinite(distance), distance, 0.0).sum()

    for reverse in (False, True):
        _, pull_back = jax.vjp(lambda costs, reverse=reverse: least_costs(costs, seeds, reverse, False), costs)
        (gradient,) = pull_back(jnp.ones((2, 4, 5)))
        for place in np.argwhere(np.isfinite(costs)):
            change = np.zeros(costs.shape)
            change[tuple(place)] = 1e-6 * costs[tuple(place)]
            slope = (total(costs + change, reverse) - total(costs - change, reverse)) / (2 * change[tuple(place)])
            assert float(gradient[tuple(place)]) == pytest.approx(float(slope), abs=1e-4)


@quickly
@given(landscapes, either_way)
def test_starts_keep_what_they_are_said_to_cost(landscape, reverse):
    costs = stencil(*landscape)
    costs, rng = np.asarray(costs), np.random.default_rng(5)
    cells = rng.permutation(costs[0].size)[:3]
    values = rng.integers(-5, 6, cells.size).astype(float)
    steps = stencil_offsets(costs.shape, reverse=reverse, undirected=False)
    found = dijkstra_search(validate_costs(costs), steps, costs[0].size, [(cells, values)]).distance[0]
    # The same as where nothing leads to a start.
    network = (graph(costs).T if reverse else graph(costs)).tocoo()
    kept = ~np.isin(network.col, cells)
    network = csr_matrix((network.data[kept], (network.row[kept], network.col[kept])), shape=network.shape)
    expected = (dijkstra(network, indices=cells) + values[:, None]).min(0)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


def test_a_seed_given_twice_or_beyond_the_raster_adds_nothing():
    costs = stencil((6, 7), 8, "any")
    seeds = jnp.array([42, 9, -1, 9, 30, 1000])
    each = least_costs(costs, seeds, False, False).reshape(6, -1)
    assert np.isinf(each[jnp.array([0, 2, 5])]).all()
    np.testing.assert_array_equal(each[1], each[3])
    cost, allocation, _ = nearest_seed(costs, seeds, False)
    np.testing.assert_array_equal(cost.ravel(), each.min(0))
    assert set(np.unique(allocation)) == {1, 4}


def test_without_seeds_nothing_is_reached():
    costs, none = stencil((6, 7), 4, "alike"), jnp.array([], int)
    assert least_costs(costs, none, False, False).shape == (0, 6, 7)
    assert np.isinf(least_costs(costs, none, False, True)).all()
    gradient = jax.grad(lambda costs: jnp.nan_to_num(least_costs(costs, none, False, True), posinf=0).sum())(costs)
    assert not np.asarray(gradient).any()


def test_a_raster_of_which_all_cells_are_equally_far_fits_into_the_queue():
    costs = stencil((90, 90), 8, "alike")
    seeds = np.arange(0, 8100, 2)
    expected = dijkstra(graph(costs), indices=seeds, min_only=True)
    np.testing.assert_array_equal(_together(costs, seeds, False), expected)


@pytest.mark.parametrize("cost", [-1.0, np.nan])
def test_a_cost_that_is_none_is_refused(cost):
    costs = np.array(stencil((6, 7), 8, "alike"))
    costs[3, 2, 2] = costs[4, 3, 3] = cost
    with pytest.raises(ValueError, match="2 edges have a negative or undefined cost"):
        validate_costs(costs)
