"""Randomized shortest paths by nonsymmetric multigrid, compared with nested dissection."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, RSPDistance
from permea.engine.distances.cost_functions import edge_costs, inverse
from permea.engine.graph import gallery
from permea.engine.linalg.base import require_solved, solve
from permea.engine.linalg.nested_dissection import NestedDissection
from permea.engine.linalg.nonsymmetric_multigrid import NonsymmetricMultigrid
from permea.engine.linalg.nonsymmetric_multigrid.coarsening_kernels import UNORDERED
from permea.engine.linalg.nonsymmetric_multigrid.hierarchy import VCycle, transposed
from permea.engine.linalg.nonsymmetric_multigrid.hierarchy_cache import CACHE_SIZE, HIERARCHY_CACHE, HierarchyCache
from permea.engine.linalg.solver_stats import record_stats
from permea.engine.random_walks import hitting_system, solve_hitting
from permea.engine.random_walks.newton_scaling import WORKSPACE_ROWS, newton_log_scaling
from permea.engine.random_walks.transition_data import TransitionData
from permea.engine.random_walks.transitions import log_transition_probabilities, transition_system


def long(*values):
    """Parameters of a case that only the long tests run."""
    return pytest.param(*values, marks=pytest.mark.long)


DIRECT = NestedDissection(symmetric=False)
#: The solver's name in the statistics.
NAME = "nonsymmetric multigrid"

LANDSCAPES = {
    "smooth": lambda: gallery.lognormal(97, 120, seed=3),
    "patches with holes": lambda: gallery.categorical(90, 101, contrast=1e4, barriers=0.1, seed=4),
    "rivers": lambda: gallery.fractal(121, 96, seed=5),
    "uniform": lambda: gallery.uniform(64, 75),
    "corridor": lambda: gallery.uniform(1, 300),
}


def both_solvers(grid, theta, targets, **options):
    return [
        np.asarray(RSPDistance(theta, solver=solver, **options)(grid, targets=targets))
        for solver in (NonsymmetricMultigrid(), DIRECT)
    ]


def largest_relative_difference(result, expected):
    """Relative to each expected value; infinite and zero entries must agree exactly."""
    assert np.array_equal(np.isfinite(result), np.isfinite(expected))
    assert np.array_equal(result[expected == 0], expected[expected == 0])
    nonzero = np.isfinite(expected) & (expected != 0)
    return np.abs(result[nonzero] / expected[nonzero] - 1).max(initial=0)


@pytest.mark.costly_variants
@pytest.mark.parametrize("landscape", LANDSCAPES)
@pytest.mark.parametrize("theta", [1e-3, long(1e-2), 0.3, long(10.0), 1e3])
def test_expected_cost_matches_nested_dissection(landscape, theta):
    grid = GridGraph(jnp.asarray(LANDSCAPES[landscape]()))
    with record_stats() as solves:
        result, expected = both_solvers(grid, theta, jnp.array([grid.nv // 3]))
    assert solves[0].solver == NAME
    assert [each.solver for each in solves].count(NAME) == 2
    assert largest_relative_difference(result, expected) < 1e-9


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["free_energy", "survival"])
def test_other_measures_match_nested_dissection(measure):
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    result, expected = both_solvers(grid, 0.02, jnp.array([1234]), measure=measure)
    assert largest_relative_difference(result, expected) < 1e-9


@pytest.mark.costly
@pytest.mark.parametrize("theta", [0.01, 3.0])
@pytest.mark.parametrize("neighbors", ["queen", "rook"])
def test_directed_edges_match_nested_dissection(neighbors, theta):
    landscape = jnp.asarray(LANDSCAPES["patches with holes"]())
    grid = GridGraph(landscape, neighbors=neighbors, edge_rule="target")
    result, expected = both_solvers(grid, theta, jnp.array([4000]))
    assert largest_relative_difference(result, expected) < 1e-9


@pytest.mark.costly
def test_one_way_edges_match_nested_dissection():
    landscape = LANDSCAPES["smooth"]()
    grid = GridGraph(jnp.asarray(landscape), edge_rule=lambda source, target: jnp.where(source > target, target, 0.0))
    result, expected = both_solvers(grid, 0.1, jnp.array([int(np.argmin(landscape))]))
    assert np.isfinite(expected).sum() > 100
    assert largest_relative_difference(result, expected) < 1e-9


@pytest.mark.long
def test_several_targets_match_nested_dissection():
    grid = GridGraph(jnp.asarray(LANDSCAPES["rivers"]()))
    result, expected = both_solvers(grid, 0.05, jnp.array([17, 2000, 9000]))
    assert largest_relative_difference(result, expected) < 1e-9


@pytest.mark.costly
def test_other_components_are_infinitely_far():
    landscape = np.ones((40, 60))
    landscape[:, 30] = 0
    landscape[3, 40:43] = landscape[5, 40:43] = landscape[4, 40] = landscape[4, 42] = 0
    grid = GridGraph(jnp.asarray(landscape))
    vertex = np.asarray(grid.vertex_numbers)
    isolated, western = int(vertex[4, 41]), int(vertex[20, 10])
    result, expected = both_solvers(grid, 0.5, jnp.array([isolated, western]))
    assert largest_relative_difference(result, expected) < 1e-9
    assert np.isfinite(result[:, 0]).sum() == 1
    assert np.isfinite(result[:, 1]).sum() == 40 * 30


@pytest.mark.costly
@pytest.mark.parametrize(
    ("edge_rule", "theta"),
    [("mean", 0.01), ("target", 2.0), long("mean", 2.0), long("target", 0.01)],
)
def test_gradient_matches_nested_dissection(edge_rule, theta):
    landscape = jnp.asarray(gallery.categorical(50, 61, contrast=50.0, seed=1))
    weights = jnp.asarray(np.random.default_rng(0).normal(size=int((landscape > 0).sum())))

    def total(landscape, solver):
        grid = GridGraph(landscape, edge_rule=edge_rule)
        distances = RSPDistance(theta, solver=solver)(grid, targets=jnp.array([700, 1500, 90]))
        return (weights[:, None] * jnp.where(jnp.isfinite(distances), distances, 0.0)).sum()

    with record_stats() as solves:
        gradient = np.asarray(jax.grad(total)(landscape, NonsymmetricMultigrid()))
    assert {each.solver for each in solves} == {NAME}
    expected = np.asarray(jax.grad(total)(landscape, DIRECT))
    assert np.abs(gradient - expected).max() < 1e-9 * np.abs(expected).max()


@pytest.mark.long
def test_forward_derivative_matches_nested_dissection():
    landscape = jnp.asarray(LANDSCAPES["smooth"]())

    def tangent(solver):
        def distances(landscape):
            return RSPDistance(0.03, solver=solver)(GridGraph(landscape), targets=jnp.array([99]))

        return jax.jvp(distances, (landscape,), (landscape**2,))[1]

    result, expected = tangent(NonsymmetricMultigrid()), tangent(DIRECT)
    assert np.abs(result - expected).max() < 1e-9 * np.abs(expected).max()


def log_scaled_weights(landscape, theta, target):
    """Return the scaled weights W̃ of a walk, and the result of Newton's method with its log scale as a raster."""
    grid = GridGraph(jnp.asarray(landscape))
    log_probabilities, costs = log_transition_probabilities(grid.edges), edge_costs(grid, inverse, fill=0.0)
    transitions = TransitionData.from_arrays(np.asarray(grid.edges), np.asarray(costs), undirected=False)
    scaling = newton_log_scaling(transitions, theta, target, np.empty((WORKSPACE_ROWS, transitions.n_cells)))
    scaling = scaling._replace(log_scale=transitions.shape.inside(scaling.log_scale))
    weights = hitting_system._scaled_weights(log_probabilities, theta * costs, jnp.asarray(scaling.log_scale), target)
    return weights, scaling


@pytest.mark.costly_variants
@pytest.mark.parametrize("theta", [0.01, 5.0])
@pytest.mark.parametrize("is_transposed", [False, True])
def test_solve_random_right_hand_sides(theta, is_transposed):
    weights, scaling = log_scaled_weights(LANDSCAPES["rivers"](), theta, 5000)
    system = transition_system(weights)
    right_hand_sides = jnp.asarray(np.random.default_rng(1).normal(size=(2, *system.shape)))
    solutions = []
    for solver in (NonsymmetricMultigrid(), DIRECT):
        with record_stats() as solves:
            state = solver.init(system)
            if solver != DIRECT:
                state = state._replace(position=jnp.asarray(scaling.position))
            solutions.append(
                np.asarray(require_solved(solver.compute(state, right_hand_sides, transpose=is_transposed)))
            )
        assert len(solves) == 1
    result, expected = solutions
    assert np.abs(result - expected).max() < 1e-9 * np.abs(expected).max()


def test_transposed_v_cycle_is_transpose():
    _, scaling = log_scaled_weights(gallery.fractal(23, 18, rivers=1, seed=2), 0.5, 100)
    hierarchy = scaling.hierarchy
    shape = hierarchy.levels[0].shape
    matrices = []
    for cycle in (VCycle(hierarchy), VCycle(transposed(hierarchy), transpose=True)):
        columns = []
        for unit in np.eye(shape.rows * shape.columns):
            shape.inside(cycle.right_hand_side)[:] = unit.reshape(shape.rows, shape.columns)
            cycle.run()
            columns.append(shape.inside(cycle.solution).ravel().copy())
        matrices.append(np.array(columns))
    assert len(hierarchy.levels) > 2
    assert np.allclose(matrices[0], matrices[1].T, rtol=1e-3, atol=1e-5 * np.abs(matrices[0]).max())


@pytest.mark.parametrize("theta", [0.01, 1.0, 100.0])
def test_coarse_operators_are_m_matrices(theta):
    """On every level off-diagonals are nonpositive, row sums nonnegative, and the diagonal is consistent with both."""
    _, scaling = log_scaled_weights(LANDSCAPES["patches with holes"](), theta, 4000)
    for level in scaling.hierarchy.levels:
        weights = np.stack([level.shape.inside(each) for each in level.off_diagonals]).astype(float)
        row_sums, inverse_diagonal = (
            level.shape.inside(each).astype(float) for each in (level.row_sums, level.inverse_diagonal)
        )
        assert (weights >= 0).all()
        assert (row_sums >= 0).all()
        coupled = inverse_diagonal > 0
        assert np.allclose((weights.sum(0) + row_sums)[coupled] * inverse_diagonal[coupled], 1, atol=1e-5)


@pytest.mark.parametrize("theta", [1e-3, 0.1, 30.0])
@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_rows_sum_to_about_one_in_log_scale(landscape, theta):
    raster = LANDSCAPES[landscape]()
    target = int(np.flatnonzero(raster)[50])
    weights, scaling = log_scaled_weights(raster, theta, target)
    ordered = scaling.position < UNORDERED
    reached = np.isfinite(scaling.log_scale).ravel()
    assert scaling.hierarchy is not None
    assert np.array_equal(ordered.ravel(), reached & (np.arange(raster.size) != target))
    assert np.array_equal(np.sort(scaling.position[ordered]), np.arange(ordered.sum()))
    assert np.abs(np.log(np.asarray(weights).sum(0)[ordered])).max() < 0.5


def test_iteration_limit_triggers_nested_dissection():
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    target = jnp.array([2000])
    with record_stats() as solves:
        result = RSPDistance(0.01, solver=NonsymmetricMultigrid(iterations=2))(grid, targets=target)
    assert solves[0].solver == NAME
    assert solves[0].residual > 1e-12
    assert {each.solver for each in solves[1:]} == {"nested dissection"}
    expected = RSPDistance(0.01, solver=DIRECT)(grid, targets=target)
    assert largest_relative_difference(np.asarray(result), np.asarray(expected)) < 1e-9


@pytest.mark.long
def test_iteration_limit_triggers_nested_dissection_in_gradient():
    landscape = jnp.asarray(LANDSCAPES["smooth"]())

    def total(landscape, solver):
        return RSPDistance(0.01, solver=solver)(GridGraph(landscape), targets=jnp.array([2000])).sum()

    with record_stats() as solves:
        gradient = np.asarray(jax.grad(total)(landscape, NonsymmetricMultigrid(iterations=2)))
    assert [each.solver for each in solves] == [NAME, "nested dissection"] * 4
    expected = np.asarray(jax.grad(total)(landscape, DIRECT))
    assert np.abs(gradient - expected).max() < 1e-9 * np.abs(expected).max()


@pytest.mark.costly
def test_failed_newton_scaling_triggers_nested_dissection():
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    args = (grid.edges, edge_costs(grid, inverse, fill=0.0), jnp.array(0.01), jnp.array(2000))
    options = {"undirected": False, "expected_cost": True}

    def expected_cost(solver, **newton):
        solution = solve_hitting(solver, *args, **options, **newton)
        return np.asarray(solution.expected_cost)

    with record_stats() as solves:
        result = expected_cost(NonsymmetricMultigrid(), newton_steps=0)
    assert solves[0].solver == "nested dissection"
    assert largest_relative_difference(result, expected_cost(DIRECT)) < 1e-9


@pytest.mark.costly
def test_high_contrast_matches_nested_dissection():
    """Costs span eight orders of magnitude."""
    landscape = 10.0 ** np.random.default_rng(0).uniform(-8, 0, (60, 60))
    grid = GridGraph(jnp.asarray(landscape))
    result, expected = both_solvers(grid, 1e-3, jnp.array([1800]))
    assert largest_relative_difference(result, expected) < 1e-7


def test_negative_cost_raises():
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    distance = RSPDistance(0.01, cost=lambda w: 0.1 - w, solver=NonsymmetricMultigrid())
    with pytest.raises(Exception, match="the cost is negative or undefined on"):
        jax.jit(lambda grid: distance(grid, targets=jnp.array([5])))(grid)


def test_hierarchy_cache_drops_oldest_entry():
    cache = HierarchyCache(size=2)
    keys = [cache.new_key() for _ in range(3)]
    for key in keys:
        cache.store(key, None)
    assert [key in cache for key in keys] == [False, True, True]
    grid = GridGraph(jnp.asarray(LANDSCAPES["uniform"]()))
    RSPDistance(0.1, solver=NonsymmetricMultigrid())(grid, targets=jnp.arange(7))
    assert len(HIERARCHY_CACHE) <= CACHE_SIZE


@pytest.mark.costly
def test_any_transition_system_is_solved_and_differentiated():
    weights, _ = log_scaled_weights(LANDSCAPES["uniform"](), 0.1, 2000)
    b = jnp.asarray(np.random.default_rng(1).normal(size=(1, *weights.shape[1:])))

    def total(factor, solver):
        return (solve(solver, transition_system(factor * weights), b) ** 2).sum()

    result, expected = (jax.value_and_grad(total)(0.999, solver) for solver in (NonsymmetricMultigrid(), DIRECT))
    assert np.allclose(result, expected, rtol=1e-9)


def test_target_beyond_raster_is_unreachable():
    solution = solve_hitting(
        NonsymmetricMultigrid(),
        jnp.ones((8, 20, 30)),
        jnp.ones((8, 20, 30)),
        jnp.array(0.1),
        jnp.array(600),
        undirected=False,
        expected_cost=True,
    )
    assert not np.asarray(solution.reachable).any()
    assert (np.asarray(solution.expected_cost) == 0).all()


@pytest.mark.long
def test_large_directed_landscape_uses_multigrid():
    grid = GridGraph(jnp.asarray(gallery.lognormal(400, 401, seed=9)))
    with record_stats() as solves:
        result = np.asarray(RSPDistance(0.02)(grid, targets=jnp.array([70_000])))
    assert [each.solver for each in solves] == [NAME] * 2
    expected = np.asarray(RSPDistance(0.02, solver=DIRECT)(grid, targets=jnp.array([70_000])))
    assert largest_relative_difference(result, expected) < 1e-9
