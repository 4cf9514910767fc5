"""Multigrid of walks, for randomized shortest paths on large rasters, beside nested dissection."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from permea.engine import GridGraph, RSPDistance
from permea.engine.distances.cost_functions import inverse
from permea.engine.distances.rsp import _walk
from permea.engine.graph import gallery
from permea.engine.linalg import nonsymmetric_multigrid
from permea.engine.linalg.base import solve
from permea.engine.linalg.nested_dissection import NestedDissection
from permea.engine.linalg.nonsymmetric_multigrid import NonsymmetricMultigrid
from permea.engine.linalg.nonsymmetric_multigrid import solver as module
from permea.engine.linalg.nonsymmetric_multigrid.coarsening_kernels import UNORDERED
from permea.engine.linalg.nonsymmetric_multigrid.hierarchy import VCycle, transposed
from permea.engine.linalg.solver_stats import record_stats
from permea.engine.linalg.stencil_matrix import StencilMatrix
from permea.engine.random_walks import hitting, newton_scaling
from permea.engine.random_walks.newton_scaling import MEMORY, newton_log_scaling
from permea.engine.random_walks.transition_data import TransitionData

EXACT = NestedDissection(symmetric=False)

LANDSCAPES = {
    "smooth": lambda: gallery.smooth(97, 120, seed=3),
    "patches with holes": lambda: gallery.categorical(90, 101, contrast=1e4, holes=0.1, seed=4),
    "rivers": lambda: gallery.fractal(121, 96, seed=5),
    "uniform": lambda: gallery.uniform(64, 75),
    "a corridor": lambda: gallery.uniform(1, 300),
}


def both(grid, theta, targets, **options):
    return [
        np.asarray(RSPDistance(theta, solver=how, **options)(grid, targets=targets))
        for how in (NonsymmetricMultigrid(), EXACT)
    ]


def largest_difference(found, right):
    """Of every cell beside its own value; infinite where only one of the two is."""
    assert np.array_equal(np.isfinite(found), np.isfinite(right))
    some = np.isfinite(right) & (right != 0)
    assert np.array_equal(found[right == 0], right[right == 0])
    return np.abs(found[some] / right[some] - 1).max(initial=0)


@pytest.mark.parametrize("landscape", LANDSCAPES)
@pytest.mark.parametrize("theta", [1e-3, 1e-2, 0.3, 10.0, 1e3])
def test_every_cell_is_as_near_as_by_nested_dissection(landscape, theta):
    grid = GridGraph(jnp.asarray(LANDSCAPES[landscape]()))
    with record_stats() as entries:
        found, right = both(grid, theta, jnp.array([grid.nv // 3]))
    assert entries[0].solver == "multigrid of walks"
    assert [entry.solver for entry in entries].count("multigrid of walks") == 2
    assert largest_difference(found, right) < 1e-9


@pytest.mark.parametrize("measure", ["free_energy", "survival"])
def test_the_other_measures_are_the_same_too(measure):
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    found, right = both(grid, 0.02, jnp.array([1234]), measure=measure)
    assert largest_difference(found, right) < 1e-9


@pytest.mark.parametrize("theta", [0.01, 3.0])
@pytest.mark.parametrize("neighbors", ["queen", "rook"])
def test_edges_may_depend_on_the_way(neighbors, theta):
    landscape = jnp.asarray(LANDSCAPES["patches with holes"]())
    grid = GridGraph(landscape, neighbors=neighbors, edge_rule="target")
    found, right = both(grid, theta, jnp.array([4000]))
    assert largest_difference(found, right) < 1e-9


def test_edges_may_lead_one_way_only():
    grid = GridGraph(
        jnp.asarray(LANDSCAPES["smooth"]()), edge_rule=lambda here, there: jnp.where(here > there, there, 0.0)
    )
    found, right = both(grid, 0.1, jnp.array([int(np.argmin(LANDSCAPES["smooth"]()))]))
    assert np.isfinite(right).sum() > 100
    assert largest_difference(found, right) < 1e-9


def test_several_targets_are_solved_one_after_the_other():
    grid = GridGraph(jnp.asarray(LANDSCAPES["rivers"]()))
    found, right = both(grid, 0.05, jnp.array([17, 2000, 9000]))
    assert largest_difference(found, right) < 1e-9


def test_what_is_cut_off_is_infinitely_far_away():
    landscape = np.ones((40, 60))
    landscape[:, 30] = 0
    landscape[3, 40:43] = landscape[5, 40:43] = landscape[4, 40] = landscape[4, 42] = 0
    grid = GridGraph(jnp.asarray(landscape))
    number = np.asarray(grid.vertex_numbers)
    alone, beside = int(number[4, 41]), int(number[20, 10])
    found, right = both(grid, 0.5, jnp.array([alone, beside]))
    assert largest_difference(found, right) < 1e-9
    assert np.isfinite(found[:, 0]).sum() == 1
    assert np.isfinite(found[:, 1]).sum() == 40 * 30


@pytest.mark.parametrize("theta", [0.01, 2.0])
@pytest.mark.parametrize("edge_rule", ["mean", "target"])
def test_the_gradient_is_that_of_nested_dissection(theta, edge_rule):
    landscape = jnp.asarray(gallery.categorical(50, 61, contrast=50.0, seed=1))
    weights = jnp.asarray(np.random.default_rng(0).normal(size=int((landscape > 0).sum())))

    def total(landscape, how):
        grid = GridGraph(landscape, edge_rule=edge_rule)
        distances = RSPDistance(theta, solver=how)(grid, targets=jnp.array([700, 1500, 90]))
        return (weights[:, None] * jnp.where(jnp.isfinite(distances), distances, 0.0)).sum()

    with record_stats() as entries:
        found = np.asarray(jax.grad(total)(landscape, NonsymmetricMultigrid()))
    assert {entry.solver for entry in entries} == {"multigrid of walks"}
    right = np.asarray(jax.grad(total)(landscape, EXACT))
    assert np.abs(found - right).max() < 1e-9 * np.abs(right).max()


def test_it_can_be_differentiated_forwards():
    landscape = jnp.asarray(LANDSCAPES["smooth"]())

    def distances(how):
        return lambda landscape: RSPDistance(0.03, solver=how)(GridGraph(landscape), targets=jnp.array([99]))

    found, right = (
        jax.jvp(distances(how), (landscape,), (landscape**2,))[1] for how in (NonsymmetricMultigrid(), EXACT)
    )
    assert np.abs(found - right).max() < 1e-9 * np.abs(right).max()


def walk_of(landscape, theta, target):
    """Weights in settled potentials, and what settling found."""
    grid = GridGraph(jnp.asarray(landscape))
    log_transitions, costs = _walk(grid, inverse)
    terrain = TransitionData.of(np.asarray(grid.edges), np.asarray(costs), undirected=False)
    found = newton_log_scaling(terrain, theta, target, np.empty((MEMORY, terrain.cells)))
    found = found._replace(potential=terrain.frame.inside(found.potential))
    return hitting._scaled_weights(log_transitions, theta * costs, jnp.asarray(found.potential), target), found


@pytest.mark.parametrize("theta", [0.01, 5.0])
@pytest.mark.parametrize("is_transposed", [False, True])
def test_any_right_hand_side_is_solved_for(theta, is_transposed):
    weights, found = walk_of(LANDSCAPES["rivers"](), theta, 5000)
    system = StencilMatrix(jnp.ones(weights.shape[1:]), -weights)
    right_hand_sides = jnp.asarray(np.random.default_rng(1).normal(size=(2, *system.shape)))
    solutions = []
    for how in (NonsymmetricMultigrid(), EXACT):
        with record_stats() as entries:
            prepared = how.prepare(system)
            if how != EXACT:
                prepared = prepared._replace(rank=jnp.asarray(found.rank))
            solutions.append(np.asarray(how.solve_prepared(prepared, right_hand_sides, is_transposed)))
        assert len(entries) == 1
    assert np.abs(solutions[0] - solutions[1]).max() < 1e-9 * np.abs(solutions[1]).max()


def test_the_whole_of_the_cycle_is_transposed():
    *_, found = walk_of(gallery.fractal(23, 18, rivers=1, seed=2), 0.5, 100)
    frame = found.hierarchy.levels[0].frame
    matrices = []
    for cycle in (VCycle(found.hierarchy), VCycle(transposed(found.hierarchy), backwards=True)):
        columns = []
        for unit in np.eye(frame.rows * frame.columns):
            frame.inside(cycle.b[0][0])[:] = unit.reshape(frame.rows, frame.columns)
            cycle.run()
            columns.append(frame.inside(cycle.x[0][0]).ravel().copy())
        matrices.append(np.array(columns))
    assert len(found.hierarchy.levels) > 2
    assert np.allclose(matrices[0], matrices[1].T, rtol=1e-3, atol=1e-5 * np.abs(matrices[0]).max())


@pytest.mark.parametrize("theta", [0.01, 1.0, 100.0])
def test_coarser_walks_are_walks(theta):
    *_, found = walk_of(LANDSCAPES["patches with holes"](), theta, 4000)
    for level in found.hierarchy.levels:
        sent = np.stack([level.frame.inside(k) for k in level.k]).astype(float)
        ends, inverse = (level.frame.inside(each).astype(float) for each in (level.ground, level.inverse))
        assert (sent >= 0).all()
        assert (ends >= 0).all()
        some = inverse > 0
        assert np.allclose((sent.sum(0) + ends)[some] * inverse[some], 1, atol=1e-5)


@pytest.mark.parametrize("theta", [1e-3, 0.1, 30.0])
@pytest.mark.parametrize("landscape", LANDSCAPES)
def test_in_settled_potentials_rows_add_up_to_about_one(landscape, theta):
    raster = LANDSCAPES[landscape]()
    target = int(np.flatnonzero(raster)[50])
    weights, found = walk_of(raster, theta, target)
    ranked = found.rank < UNORDERED
    assert found.hierarchy is not None
    assert np.array_equal(ranked.ravel(), np.isfinite(found.potential).ravel() & (np.arange(raster.size) != target))
    assert np.array_equal(np.sort(found.rank[ranked]), np.arange(ranked.sum()))
    assert np.abs(np.log(np.asarray(weights).sum(0)[ranked])).max() < 0.5


def test_what_does_not_converge_is_factored_and_the_journal_says_so():
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    target = jnp.array([2000])
    with record_stats() as entries:
        found = RSPDistance(0.01, solver=NonsymmetricMultigrid(iterations=2))(grid, targets=target)
    assert entries[0].solver == "multigrid of walks"
    assert entries[0].residual > 1e-12
    assert {entry.solver for entry in entries[1:]} == {"nested dissection"}
    right = RSPDistance(0.01, solver=EXACT)(grid, targets=target)
    assert largest_difference(np.asarray(found), np.asarray(right)) < 1e-9


def test_a_gradient_that_does_not_converge_is_factored_too():
    landscape = jnp.asarray(LANDSCAPES["smooth"]())

    def total(landscape, how):
        return RSPDistance(0.01, solver=how)(GridGraph(landscape), targets=jnp.array([2000])).sum()

    with record_stats() as entries:
        found = np.asarray(jax.grad(total)(landscape, NonsymmetricMultigrid(iterations=2)))
    assert [entry.solver for entry in entries] == ["multigrid of walks", "nested dissection"] * 4
    right = np.asarray(jax.grad(total)(landscape, EXACT))
    assert np.abs(found - right).max() < 1e-9 * np.abs(right).max()


def test_what_does_not_settle_is_scaled_by_factoring(monkeypatch):
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    target = jnp.array([2000])
    monkeypatch.setattr(newton_scaling, "STEPS", 0)
    with record_stats() as entries:
        found = RSPDistance(0.01, solver=NonsymmetricMultigrid())(grid, targets=target)
    assert entries[0].solver == "nested dissection"
    right = RSPDistance(0.01, solver=EXACT)(grid, targets=target)
    assert largest_difference(np.asarray(found), np.asarray(right)) < 1e-9


def test_costs_over_many_orders_of_magnitude_come_out_right_or_not_at_all():
    landscape = 10.0 ** np.random.default_rng(0).uniform(-8, 0, (60, 60))
    grid = GridGraph(jnp.asarray(landscape))
    found, right = both(grid, 1e-3, jnp.array([1800]))
    assert largest_difference(found, right) < 1e-7


def test_a_negative_cost_is_refused():
    grid = GridGraph(jnp.asarray(LANDSCAPES["smooth"]()))
    distance = RSPDistance(0.01, cost=lambda w: 0.1 - w, solver=NonsymmetricMultigrid())
    with pytest.raises(Exception, match="the cost is negative or undefined on"):
        jax.jit(lambda grid: distance(grid, targets=jnp.array([5])))(grid)


def test_hierarchies_are_forgotten_in_the_end():
    grid = GridGraph(jnp.asarray(LANDSCAPES["uniform"]()))
    RSPDistance(0.1, solver=NonsymmetricMultigrid())(grid, targets=jnp.arange(7))
    assert len(module._hierarchies) <= module.REMEMBERED


def test_a_matrix_of_its_own_is_solved_and_differentiated():
    weights, found = walk_of(LANDSCAPES["uniform"](), 0.1, 2000)
    b = jnp.asarray(np.random.default_rng(1).normal(size=(1, *weights.shape[1:])))

    def total(factor, how):
        return (solve(how, StencilMatrix(jnp.ones(weights.shape[1:]), -factor * weights), b) ** 2).sum()

    found, right = (jax.value_and_grad(total)(0.999, how) for how in (nonsymmetric_multigrid.WalkMultigrid(), EXACT))
    assert np.allclose(found, right, rtol=1e-9)


def test_from_beyond_the_raster_nothing_is_reached():
    found = hitting.solve_hitting(
        NonsymmetricMultigrid(),
        jnp.ones((8, 20, 30)),
        jnp.ones((8, 20, 30)),
        jnp.array(0.1),
        jnp.array(600),
        undirected=False,
        spent=True,
    )
    assert (np.asarray(found.scaled) == 0).all()
    assert np.isinf(np.asarray(found.potential)).all()


def test_large_directed_landscapes_are_not_factored():
    grid = GridGraph(jnp.asarray(gallery.smooth(400, 401, seed=9)))
    with record_stats() as entries:
        found = np.asarray(RSPDistance(0.02)(grid, targets=jnp.array([70_000])))
    assert [entry.solver for entry in entries] == ["multigrid of walks"] * 2
    right = np.asarray(RSPDistance(0.02, solver=EXACT)(grid, targets=jnp.array([70_000])))
    assert largest_difference(found, right) < 1e-9
