"""Dijkstra's algorithm on stencils of costs: distances equal to SciPy's, exact gradients, allocation, backlinks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra

from permea.engine.graph.edge_list import edge_list
from permea.engine.linalg.stencil_matrix import neighbour_offsets
from permea.engine.shortest_paths.differentiable import least_costs, nearest_source
from permea.engine.shortest_paths.dijkstra import dijkstra_search, stencil_offsets, validate_costs
from permea.engine.shortest_paths.sweeping import fast_sweeping, initial_costs

#: Few shapes, so that little is compiled; the values make the rare cases.
SHAPES = [(6, 1), (2, 5), (6, 7)]
VALUES = {
    "lognormal": lambda rng, shape: rng.lognormal(sigma=3, size=shape),
    "few values, with ties": lambda rng, shape: rng.integers(1, 4, shape).astype(float),
    "some zero": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "uniform": lambda rng, shape: np.ones(shape),
}
landscapes = st.tuples(
    st.sampled_from(SHAPES),
    st.sampled_from([4, 8]),
    st.sampled_from(list(VALUES)),
    st.sampled_from([0.0, 0.2, 0.6]),
    st.integers(0, 2**32 - 1),
)
reverse_or_not = st.booleans()
fifty_examples = settings(max_examples=50, deadline=None)


def stencil(shape, directions, values, missing=0.0, seed=0):
    """Costs of directed edges, a fraction of which is missing."""
    rng = np.random.default_rng(seed)
    costs = VALUES[values](rng, (directions, *shape))
    costs[rng.random(costs.shape) < missing] = np.inf
    return jnp.asarray(np.where(within(shape, directions), costs, np.inf))


def within(shape, directions):
    row, column = np.indices(shape)
    neighbours = [(row + down, column + right) for down, right in neighbour_offsets(directions)]
    return np.array([(r >= 0) & (r < shape[0]) & (c >= 0) & (c < shape[1]) for r, c in neighbours])


def sparse_graph(costs):
    tails, heads, values = edge_list(np.asarray(costs), np.isfinite(costs))
    return csr_matrix((values, (tails, heads)), shape=(costs[0].size,) * 2)


def random_cells(costs, count=3):
    return np.random.default_rng(7).integers(0, costs[0].size, count)


def symmetric(costs):
    """Return the first half of the directions, and all directions of the undirected graph with these costs."""
    half = costs[: len(costs) // 2]
    full, rows, columns = [*half], *costs.shape[1:]
    for direction in range(len(half), len(costs)):
        down, right = neighbour_offsets(len(costs))[direction]
        opposite = jnp.pad(half[len(costs) - 1 - direction], 1, constant_values=np.inf)
        full.append(opposite[1 + down : 1 + down + rows, 1 + right : 1 + right + columns])
    return half, jnp.stack(full)


def one_raster_per_source(costs, sources, reverse):
    return least_costs(costs, jnp.asarray(sources), reverse, False).reshape(len(sources), -1)


def to_nearest_source(costs, sources, reverse):
    return least_costs(costs, jnp.asarray(sources), reverse, True).ravel()


@fifty_examples
@given(landscapes, reverse_or_not)
def test_distances_equal_scipy(landscape, reverse):
    costs = stencil(*landscape)
    sources, graph = random_cells(costs), sparse_graph(costs)
    expected = dijkstra(graph.T if reverse else graph, indices=sources)
    np.testing.assert_array_equal(one_raster_per_source(costs, sources, reverse), expected)
    np.testing.assert_array_equal(to_nearest_source(costs, sources, reverse), expected.min(0))


@fifty_examples
@given(landscapes, reverse_or_not)
def test_undirected_edges_stored_once(landscape, reverse):
    """Half of the directions give the distances of all, and the sum of the gradients of both directions of an edge."""
    costs = stencil(*landscape)
    half, full = symmetric(costs)
    sources = jnp.asarray(random_cells(costs))
    result, vjp_half = jax.vjp(lambda costs: least_costs(costs, sources, reverse, False, True), half)
    expected, vjp_full = jax.vjp(lambda costs: least_costs(costs, sources, reverse, False), full)
    np.testing.assert_array_equal(result, expected)
    weights = jnp.asarray(np.random.default_rng(8).uniform(1, 2, result.shape))
    (gradient,), (directed,) = vjp_half(weights), vjp_full(weights)
    cell = np.arange(directed[0].size).reshape(directed.shape[1:])
    backward = np.zeros(gradient.shape)
    for direction, (down, right) in enumerate(neighbour_offsets(len(full))[len(half) :], start=len(half)):
        used = np.asarray(directed[direction]) != 0
        neighbour = cell[used] + down * directed.shape[2] + right
        np.add.at(backward[len(full) - 1 - direction].ravel(), neighbour, directed[direction][used])
    if not (half == 0).any():
        np.testing.assert_allclose(gradient, directed[: len(half)] + backward, rtol=1e-12, atol=1e-12)


@fifty_examples
@given(landscapes, reverse_or_not)
def test_backlinks_lead_to_allocated_source(landscape, reverse):
    """The costs of the steps along the backlinks add up to the distance of the cell."""
    costs = stencil(*landscape)
    sources = random_cells(costs)
    cost, allocation, backlink = (
        np.asarray(raster).ravel() for raster in nearest_source(costs, jnp.asarray(sources), reverse)
    )
    dense = np.full((cost.size,) * 2, np.inf)
    tails, heads, values = edge_list(np.asarray(costs), np.isfinite(costs))
    np.minimum.at(dense, (heads, tails) if reverse else (tails, heads), values)
    for cell in range(cost.size):
        if np.isinf(cost[cell]):
            assert allocation[cell] == backlink[cell] == -1
            continue
        accumulated, here, steps = 0.0, cell, 0
        while backlink[here] >= 0:
            accumulated, here, steps = accumulated + dense[backlink[here], here], backlink[here], steps + 1
            assert steps <= cost.size, "the backlinks form a cycle"
        assert here == sources[allocation[cell]]
        assert accumulated == pytest.approx(cost[cell], rel=1e-12)


@fifty_examples
@given(landscapes, reverse_or_not)
def test_gradient_is_a_flow_to_the_sources(landscape, reverse):
    """Euler's theorem for functions of degree one, and conservation: cotangents flow to the sources edge by edge."""
    costs = stencil(*landscape)
    sources = random_cells(costs)
    weights = np.random.default_rng(9).uniform(1, 2, costs.shape[1:])
    distance, vjp = jax.vjp(lambda costs: least_costs(costs, jnp.asarray(sources), reverse, True)[0], costs)
    (gradient,) = vjp(jnp.asarray(weights))
    reached = np.isfinite(distance)
    assert (np.asarray(gradient) >= 0).all()
    assert not np.asarray(gradient)[np.isinf(costs)].any()
    total = (weights * np.where(reached, distance, 0)).sum()
    assert (np.where(np.isinf(costs), 0, costs) * gradient).sum() == pytest.approx(total, rel=1e-12)
    tails, heads, flow = edge_list(np.asarray(gradient), np.isfinite(costs))
    size = distance.size
    net_inflow = np.bincount(heads, flow, size) - np.bincount(tails, flow, size)
    net_inflow = -net_inflow if reverse else net_inflow
    expected = np.where(reached.ravel(), weights.ravel(), 0)
    np.testing.assert_allclose(np.delete(net_inflow, sources), np.delete(expected, sources), rtol=1e-12, atol=1e-12)


@pytest.mark.costly
@pytest.mark.parametrize("values", [name for name in VALUES if "zero" not in name])
@pytest.mark.parametrize("reverse", [False, True])
def test_ties_share_gradient_as_in_fast_sweeping(values, reverse):
    shape, sources = (11, 13), jnp.array([5, 80])
    costs, weights = stencil(shape, 8, values, 0.3), jnp.asarray(np.random.default_rng(1).uniform(1, 2, shape))

    def gradient(distance):
        return jax.vjp(distance, costs)[1](weights)[0]

    result = gradient(lambda costs: least_costs(costs, sources, reverse, True)[0])
    expected = gradient(lambda costs: fast_sweeping(costs, initial_costs(sources, shape), reverse))
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12)


def test_gradient_equals_finite_differences():
    costs, sources = stencil((4, 5), 8, "lognormal", 0.1, 3), jnp.array([7, 11])

    @partial(jax.jit, static_argnums=1)
    def total(costs, reverse):
        distance = least_costs(costs, sources, reverse, False)
        return jnp.where(jnp.isfinite(distance), distance, 0.0).sum()

    for reverse in (False, True):
        _, vjp = jax.vjp(lambda costs, reverse=reverse: least_costs(costs, sources, reverse, False), costs)
        (gradient,) = vjp(jnp.ones((2, 4, 5)))
        for edge in map(tuple, np.argwhere(np.isfinite(costs))):
            change = np.zeros(costs.shape)
            change[edge] = 1e-6 * costs[edge]
            difference = (total(costs + change, reverse) - total(costs - change, reverse)) / (2 * change[edge])
            assert float(gradient[edge]) == pytest.approx(float(difference), abs=1e-4)


@fifty_examples
@given(landscapes, reverse_or_not)
def test_initial_costs_of_sources_are_fixed(landscape, reverse):
    """As in a graph in which no edge leads to a source."""
    costs = stencil(*landscape)
    costs, rng = np.asarray(costs), np.random.default_rng(5)
    cells = rng.permutation(costs[0].size)[:3]
    values = rng.integers(-5, 6, cells.size).astype(float)
    offsets = stencil_offsets(costs.shape, reverse=reverse, undirected=False)
    result = dijkstra_search(validate_costs(costs), offsets, costs[0].size, [(cells, values)]).distance[0]
    graph = (sparse_graph(costs).T if reverse else sparse_graph(costs)).tocoo()
    retained = ~np.isin(graph.col, cells)
    graph = csr_matrix((graph.data[retained], (graph.row[retained], graph.col[retained])), shape=graph.shape)
    expected = (dijkstra(graph, indices=cells) + values[:, None]).min(0)
    np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-12)


def test_repeated_and_invalid_sources_are_ignored():
    costs = stencil((6, 7), 8, "lognormal")
    sources = jnp.array([42, 9, -1, 9, 30, 1000])
    distances = least_costs(costs, sources, False, False).reshape(6, -1)
    assert np.isinf(distances[jnp.array([0, 2, 5])]).all()
    np.testing.assert_array_equal(distances[1], distances[3])
    cost, allocation, _ = nearest_source(costs, sources, False)
    np.testing.assert_array_equal(cost.ravel(), distances.min(0))
    assert set(np.unique(allocation)) == {1, 4}


def test_without_sources_nothing_is_reached():
    costs, none = stencil((6, 7), 4, "uniform"), jnp.array([], int)
    assert least_costs(costs, none, False, False).shape == (0, 6, 7)
    assert np.isinf(least_costs(costs, none, False, True)).all()
    gradient = jax.grad(lambda costs: jnp.nan_to_num(least_costs(costs, none, False, True), posinf=0).sum())(costs)
    assert not np.asarray(gradient).any()


def test_heap_grows_with_many_sources():
    costs = stencil((90, 90), 8, "uniform")
    sources = np.arange(0, 8100, 2)
    expected = dijkstra(sparse_graph(costs), indices=sources, min_only=True)
    np.testing.assert_array_equal(to_nearest_source(costs, sources, False), expected)


@pytest.mark.parametrize("cost", [-1.0, np.nan])
def test_invalid_cost_raises(cost):
    costs = np.array(stencil((6, 7), 8, "uniform"))
    costs[3, 2, 2] = costs[4, 3, 3] = cost
    with pytest.raises(ValueError, match="2 edges have a negative or undefined cost"):
        validate_costs(costs)
