"""Passages of randomized shortest paths against dense formulas at any theta, and conservation of flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference_dense import conductances, effective_resistances

from permea.engine import GridGraph, RSPDistance
from permea.engine.connectivity import betweenness, landmarks
from permea.engine.connectivity.rsp_movement import rsp_flow
from permea.engine.linalg.nonsymmetric_multigrid import NonsymmetricMultigrid
from permea.engine.linalg.stencil_matrix import StencilMatrix
from permea.engine.paths.path_search import least_cost_paths

NEIGHBORS = ("rook", "queen")
HILLS = np.random.default_rng(3).lognormal(size=(6, 7))
HOLES = np.where(np.random.default_rng(4).random((6, 7)) < 0.2, 0.0, HILLS)
HOLES[0, 0] = HOLES[5, 6] = 1.0
DIVIDED = np.where(np.arange(7)[None] == 3, 0.0, HILLS)


def fundamental(conductance, theta):
    """Z = (I − W)⁻¹, W = P ∘ exp(−θ / conductance), and W, dense."""
    exists = conductance > 0
    costs = np.where(exists, 1 / np.where(exists, conductance, 1.0), 0.0)
    walk = conductance / conductance.sum(1, keepdims=True) * np.exp(-theta * costs)
    return np.linalg.inv(np.eye(len(walk)) - walk), walk


def passages(conductance, theta, source, target):
    """Visits of each vertex before the target is hit, and passages of edges, from Z alone."""
    z, walk = fundamental(conductance, theta)
    before = z[source] - z[source, target] * z[target] / z[target, target]
    edges = before[:, None] * walk * z[:, target][None] / z[source, target]
    edges[target] = 0.0
    return edges.sum(1), edges


def flow(values, theta, ends, kind="total", neighbors="queen", edge_rule="mean", solver=None, **options):
    grid = GridGraph(values, neighbors=neighbors, edge_rule=edge_rule)
    sources, targets = ends
    return grid, rsp_flow(grid, RSPDistance(theta, solver=solver), sources, targets, kind=kind, **options)


@pytest.mark.costly_variants
@pytest.mark.parametrize("edge_rule", ["mean", "target"])
@pytest.mark.parametrize("neighbors", NEIGHBORS)
@pytest.mark.parametrize("theta", [1e-3, 0.1, 1.0, 30.0])
def test_passages_match_the_dense_fundamental_matrix(theta, neighbors, edge_rule):
    conductance = conductances(HILLS, neighbors, edge_rule)
    visits, edges = passages(conductance, theta, 2, 38)
    _, total = flow(HILLS, theta, ([2], [38]), "total", neighbors, edge_rule)
    _, net = flow(HILLS, theta, ([2], [38]), "net", neighbors, edge_rule)
    forward = np.maximum(edges - edges.T, 0)
    np.testing.assert_allclose(total.passage.ravel(), np.maximum(visits, edges.sum(0)), rtol=1e-8, atol=1e-9)
    expected = np.maximum(forward.sum(0), forward.sum(1))
    np.testing.assert_allclose(net.passage.ravel(), expected, rtol=1e-8, atol=1e-8)
    assert total.edges.sum() == pytest.approx(edges.sum(), rel=1e-9)


@pytest.mark.costly
def test_pairs_are_summed_with_weights():
    weights = np.array([[1.0, 0.5], [2.0, 0.0]])
    for kind in ("total", "net"):
        _, together = flow(HOLES, 0.3, ([0, 5], [20, 11]), kind, weights=weights)
        single = [
            weights[s, t] * flow(HOLES, 0.3, ([source], [target]), kind)[1].passage
            for s, source in enumerate((0, 5))
            for t, target in enumerate((20, 11))
        ]
        np.testing.assert_allclose(together.passage, sum(single), rtol=1e-11, atol=1e-12)


@pytest.mark.costly
def test_default_targets_are_all_other_sources():
    _, among = flow(HILLS, 0.3, ([0, 12, 33], None))
    single = [flow(HILLS, 0.3, ([s], [t]))[1].passage for s in (0, 12, 33) for t in (0, 12, 33) if s != t]
    np.testing.assert_allclose(among.passage, sum(single), rtol=1e-11)


@pytest.mark.costly_variants
@pytest.mark.parametrize("kind", ["total", "net"])
@pytest.mark.parametrize("theta", [1e-3, 1.0, 100.0])
def test_flow_is_conserved(theta, kind):
    grid, result = flow(HOLES, theta, ([0, 7], [30]), kind)
    edges = jnp.asarray(result.edges)
    inflow = StencilMatrix(jnp.zeros(grid.shape), edges).transpose().edges.sum(0)
    expected = np.zeros(grid.n_vertices)
    expected[[0, 7]], expected[30] = 1, -2
    np.testing.assert_allclose(grid.array_to_node_values(edges.sum(0) - inflow), expected, atol=1e-8)
    assert result.imbalance < 1e-9


@pytest.mark.parametrize("theta", [1e3, 1e6])
def test_flow_at_large_theta_follows_the_cheapest_path(theta):
    grid, result = flow(HILLS, theta, ([0], [41]))
    path = least_cost_paths(grid, [0], [41])[0]
    expected = np.zeros(grid.shape)
    expected[path.rows, path.columns] = 1
    np.testing.assert_allclose(result.passage, expected, atol=1e-6)
    assert result.expected_cost[0, 0] == pytest.approx(path.cost, rel=1e-6)


@pytest.mark.costly_variants
@pytest.mark.parametrize("neighbors", NEIGHBORS)
def test_net_passages_at_small_theta_are_currents(neighbors):
    grid, result = flow(HILLS, 1e-9, ([0], [41]), "net", neighbors)
    conductance = conductances(HILLS, neighbors)
    resistance = effective_resistances(conductance)
    potential = (resistance[0, 41] + resistance[41] - resistance[0]) / 2
    currents = conductance * np.maximum(potential[:, None] - potential[None], 0)
    expected = np.maximum(currents.sum(0), currents.sum(1))
    np.testing.assert_allclose(result.passage.ravel(), expected, rtol=1e-6, atol=1e-7)


def test_unreachable_target_has_no_flow():
    _, result = flow(DIVIDED, 0.2, ([0, 3], [2]))
    np.testing.assert_array_equal(result.reached, [[True], [False]])
    assert np.isinf(result.expected_cost[1, 0])
    assert (result.passage[:, 4:] == 0).all() and np.isnan(result.passage[:, 3]).all()


def test_source_at_its_target_has_no_flow():
    _, result = flow(HILLS, 0.2, ([5], [5]))
    assert (result.passage == 0).all() and result.expected_cost[0, 0] == 0 and np.isnan(result.steps)


def test_expected_costs_equal_the_distances():
    grid, result = flow(HOLES, 0.4, ([0, 9], [3, 20]))
    np.testing.assert_allclose(result.expected_cost, RSPDistance(0.4)(grid, [0, 9], [3, 20]), rtol=1e-11)


@pytest.mark.costly
def test_mean_steps_along_a_corridor():
    assert flow(np.ones((1, 9)), 100.0, ([0], [8]))[1].steps == pytest.approx(8)


@pytest.mark.costly
@pytest.mark.parametrize("kind", ["total", "net"])
@pytest.mark.parametrize("theta", [0.01, 2.0])
def test_nonsymmetric_multigrid_passages_match_direct_solver(theta, kind):
    values = np.random.default_rng(5).lognormal(size=(40, 50))
    values[10:30, 20] = 0
    exact = flow(values, theta, ([0, 40], [1900, 7]), kind)[1].passage
    result = flow(values, theta, ([0, 40], [1900, 7]), kind, solver=NonsymmetricMultigrid())[1].passage
    np.testing.assert_allclose(result, exact, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("width", [2, 3, 5])
def test_landmarks_conserve_habitat_at_active_cells(width):
    quality = np.random.default_rng(6).random(HOLES.shape)
    grid = GridGraph(HOLES)
    result = landmarks(grid, quality, width)
    active = np.asarray(grid.active)
    assert result.quality.sum() == pytest.approx(quality[active].sum())
    assert set(np.flatnonzero(result.quality[active])) == set(result.vertices)
    assert result.vertices.size <= np.ceil(6 / width) * np.ceil(7 / width)


def test_landmarks_of_width_one_are_the_habitat():
    grid = GridGraph(HOLES)
    result = landmarks(grid, np.ones(HOLES.shape), 1)
    np.testing.assert_array_equal(result.vertices, np.arange(grid.n_vertices))
    np.testing.assert_array_equal(result.quality, np.asarray(grid.active))


@pytest.mark.costly_variants
@pytest.mark.parametrize("proximity", [None, lambda cost: np.exp(-cost / 3)])
@pytest.mark.parametrize("neighbors", NEIGHBORS)
@pytest.mark.parametrize("theta", [1e-3, 0.3, 10.0])
def test_betweenness_matches_the_conscape_formula(theta, neighbors, proximity):
    rng = np.random.default_rng(8)
    source_quality, target_quality = rng.random(HILLS.shape), rng.random(HILLS.shape)
    grid = GridGraph(HILLS, neighbors=neighbors, edge_rule="target")
    z, walk = fundamental(conductances(HILLS, neighbors, "target"), theta)
    costs = np.where(walk > 0, 1 / np.where(walk > 0, conductances(HILLS, neighbors, "target"), 1.0), 0.0)
    mean = (z @ (costs * walk) @ z) / z
    nearness = 1.0 if proximity is None else proximity(mean - np.diag(mean)[None])
    moved = source_quality.ravel()[:, None] * nearness * target_quality.ravel()[None]
    inner = moved / z - np.diag(moved.sum(0) / np.diag(z))
    expected = (z * (z.T @ inner)).sum(1)
    # The nearness under jit is JAX's.
    traced = None if proximity is None else (lambda cost: jnp.exp(-cost / 3))
    result = betweenness(grid, RSPDistance(theta), source_quality, target_quality=target_quality, proximity=traced)
    np.testing.assert_allclose(result.passage.ravel(), expected, rtol=1e-7)
    assert result.imbalance < 1e-9 and (result.pairs, result.unreachable_pairs) == (42 * 41, 0)
    if proximity is not None:
        np.testing.assert_allclose(result.habitat.ravel(), moved.sum(1), rtol=1e-8)


@pytest.mark.costly
def test_betweenness_counts_unconnected_pairs():
    result = betweenness(GridGraph(DIVIDED), RSPDistance(0.1))
    assert (result.pairs, result.unreachable_pairs) == (2 * 18 * 17, 2 * 18 * 18)


@pytest.mark.costly
def test_net_betweenness_does_not_exceed_visits():
    grid = GridGraph(HOLES)
    total, net = (betweenness(grid, RSPDistance(0.05), kind=kind, targets=[3]).edges for kind in ("total", "net"))
    assert (net <= total + 1e-12).all() and net.sum() < total.sum() / 2


@pytest.mark.long
def test_passage_gradient_matches_finite_differences():
    from permea.engine.connectivity.passage import conditioned_walk, expected_passage
    from permea.engine.distances.cost_functions import edge_costs

    def visits(values, kind):
        grid = GridGraph(values, np.ones((4, 4), bool), 16)
        distance = RSPDistance(0.4)
        target, starts = jnp.array(15), jnp.zeros((4, 4)).at[0, 0].set(1.0)
        walk = conditioned_walk(
            distance, distance.solver_for(grid), grid.edges, edge_costs(grid, distance.cost, fill=0.0), target
        )
        return (expected_passage(walk, starts, target, kind).cells * jnp.arange(16.0).reshape(4, 4)).sum()

    values = np.random.default_rng(1).lognormal(size=(4, 4))
    for kind in ("total", "net"):
        gradient = jax.grad(visits)(jnp.asarray(values), kind)
        for cell in ((0, 0), (1, 2), (3, 3)):
            nudge = np.zeros((4, 4))
            nudge[cell] = 1e-5
            expected = (visits(values + nudge, kind) - visits(values - nudge, kind)) / 2e-5
            assert float(gradient[cell]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "gross"}, "must be one of total, net, not 'gross'"),
        ({"weights": [[-1.0]]}, "1 weight is negative or not finite, the first from source 0 to target 0"),
        ({"weights": [1.0, 2.0]}, r"weights must have the shape \(1, 1\) of sources × targets, not \(2,\)"),
    ],
)
def test_invalid_flow_arguments_are_rejected(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        flow(HILLS, 1.0, ([0], [1]), **options)


def test_invalid_habitat_is_rejected():
    grid = GridGraph(HILLS)
    with pytest.raises(ValueError, match="there is no habitat to reach"):
        betweenness(grid, RSPDistance(1.0), np.zeros(HILLS.shape))
    with pytest.raises(ValueError, match="quality is negative, missing or infinite in 1 active cell"):
        betweenness(grid, RSPDistance(1.0), np.where(np.arange(7) == 2, -1.0, 1.0) * (np.arange(6) == 1)[:, None])
