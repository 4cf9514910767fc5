"""Randomized shortest paths at tiny θ and contrasts of up to 1e12, against sixty decimal digits."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_rsp

from permea.engine import GridGraph, RSPDistance
from permea.engine.distances.cost_functions import edge_costs, inverse
from permea.engine.linalg import NestedDissection, NonsymmetricMultigrid, record_stats
from permea.engine.random_walks import condition_on_hitting
from permea.engine.worker.metrics import solver_metrics

MEASURES = ("expected_cost", "free_energy", "survival")
SOLVERS = {"nested dissection": NestedDissection(symmetric=False), "multigrid": NonsymmetricMultigrid()}
SHAPE, TARGET = (4, 5), 8


def landscape(contrast, kind="random"):
    """The highest permeability, where a step costs least, is 1."""
    if kind == "random":
        return contrast ** -np.random.default_rng(1).random(SHAPE)
    permeability = np.ones(SHAPE)
    if kind == "wall":
        permeability[:, 2] = 1 / contrast
    else:
        permeability[:3, :3], permeability[1, 1] = 1 / contrast, 1.0
    return permeability


@lru_cache
def exactly(kind, contrast, theta, neighbors):
    return reference_rsp.to_target(landscape(contrast, kind), theta, TARGET, neighbors=neighbors)


@lru_cache
def compiled(measure, solver, neighbors):
    @jax.jit
    def compute(permeability, theta):
        active = jnp.ones(SHAPE, bool)
        grid = GridGraph(permeability, active, active.size, neighbors=neighbors)
        return RSPDistance(theta, measure=measure, solver=SOLVERS[solver])(grid, targets=[TARGET])[:, 0]

    return compute


@pytest.mark.costly_variants
@pytest.mark.parametrize("neighbors", ["queen", "rook"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("measure", MEASURES)
def test_nine_digits_at_any_theta(measure, solver, neighbors):
    for kind in ("random", "wall", "pocket"):
        for contrast in (1e4, 1e8, 1e12):
            for theta in (1e-24, 1e-14, 1e-8, 1e-2):
                result = np.asarray(compiled(measure, solver, neighbors)(landscape(contrast, kind), theta))
                expected = exactly(kind, contrast, theta, neighbors)[measure]
                np.testing.assert_allclose(result, expected, rtol=1e-9, err_msg=f"{kind} {contrast:g} {theta:g}")


@pytest.mark.costly
@pytest.mark.parametrize("solver", list(reversed(SOLVERS)))
@pytest.mark.parametrize("measure", ["free_energy", "expected_cost"])
@pytest.mark.parametrize("shape", [(2, 7), (3, 3)])
def test_gradients_at_any_theta(measure, solver, shape):
    permeability = 1e8 ** -np.random.default_rng(2).random(shape)
    active, last = jnp.ones(shape, bool), permeability.size - 1

    @jax.jit
    @jax.grad
    def gradient(logs, theta):
        grid = GridGraph(jnp.exp(logs), active, active.size, neighbors="rook")
        return RSPDistance(theta, measure=measure, solver=SOLVERS[solver])(grid, [0], [last])[0, 0]

    for theta in (1e-20, 1e-9, 1e-3):
        expected = reference_rsp.log_gradients(permeability, theta, 0, last, neighbors="rook")[measure]
        result = np.asarray(gradient(np.log(permeability), theta))
        np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-9 * abs(expected).max())


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["free_energy", pytest.param("expected_cost", marks=pytest.mark.long)])
def test_tangents_by_coarse_multigrid_are_refined(measure):
    """A multigrid of six digits gives derivatives in forward mode of nine, at a contrast of 1e8 and for any tangent."""
    logs = -np.log(1e8) * np.random.default_rng(3).random((12, 13))
    direction, active = 1e-6 * np.random.default_rng(4).normal(size=logs.shape), jnp.ones(logs.shape, bool)

    def tangent(solver):
        def distances(logs, theta):
            grid = GridGraph(jnp.exp(logs), active, active.size)
            return RSPDistance(theta, measure=measure, solver=solver)(grid, targets=[70])[:, 0]

        return jax.jit(lambda theta: jax.jvp(lambda logs: distances(logs, theta), (logs,), (direction,))[1])

    coarse, direct = tangent(NonsymmetricMultigrid(tolerance=1e-6)), tangent(SOLVERS["nested dissection"])
    for theta in (1e-14, 1e-6, 1e-2):
        result, expected = np.asarray(coarse(theta)), np.asarray(direct(theta))
        assert np.abs(result - expected).max() < 1e-8 * np.abs(expected).max()


def conditioned_walk(solver, grid, theta, target):
    costs = edge_costs(grid, inverse, fill=0.0)
    return condition_on_hitting(solver, grid.edges, costs, jnp.array(theta), jnp.array(target))


@pytest.mark.long
def test_visits_by_coarse_multigrid_are_refined():
    """Visits by a multigrid of three digits have seven, or those of nested dissection."""
    grid = GridGraph(landscape(1e4))
    starts = jnp.zeros((1, *SHAPE)).at[0, 0, 0].set(1.0)

    def visits(solver):
        walk = conditioned_walk(solver, grid, 0.01, TARGET)
        return np.asarray(walk.expected_visits(starts))

    result, expected = visits(NonsymmetricMultigrid(tolerance=1e-3)), visits(SOLVERS["nested dissection"])
    assert np.abs(result - expected).max() < 1e-6 * expected.max()


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["free_energy", "expected_cost"])
def test_gradient_by_theta(measure):
    """The derivative of θ times the free energy is the expected cost, which falls with θ."""
    permeability, theta = landscape(1e8), 1e-10

    @jax.jit
    def energy(theta):
        active = jnp.ones(SHAPE, bool)
        grid = GridGraph(permeability, active, active.size)
        distance = RSPDistance(theta, measure=measure, solver=SOLVERS["nested dissection"])(grid, targets=[TARGET])
        return distance[0, 0] * (theta if measure == "free_energy" else 1.0)

    slope = float(jax.grad(energy)(theta))
    if measure == "free_energy":
        assert slope == pytest.approx(exactly("random", 1e8, theta, "queen")["expected_cost"][0], rel=1e-9)
    else:
        low, high = (exactly("random", 1e8, near, "queen")["expected_cost"][0] for near in (0.9 * theta, 1.1 * theta))
        assert slope == pytest.approx((high - low) / (0.2 * theta), rel=1e-3)


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["free_energy", "expected_cost"])
def test_distances_from_a_source_and_between_all_cells(measure):
    """Those from a source are differences of commute and return; they keep half of the digits."""
    for contrast, theta in ((1e4, 1e-12), (1e8, 1e-12)):
        grid, distance = GridGraph(landscape(contrast)), RSPDistance(theta, measure=measure)
        expected = exactly("random", contrast, theta, "queen")[measure]
        from_sources = np.asarray(distance(grid, [0, 14]))[:, TARGET]
        np.testing.assert_allclose(from_sources, expected[[0, 14]], rtol=1e-5)
        np.testing.assert_allclose(np.asarray(distance(grid))[:, TARGET], expected, rtol=1e-9)


@pytest.mark.long
def test_nearly_free_step_among_costly_cells():
    """Z itself is of moderate size here: only the weight killed between two cells is tiny."""
    permeability = np.full((1, 4), 1.0)
    permeability[0, 2:] = 0.5
    grid = GridGraph(permeability, neighbors="rook")
    distance = RSPDistance(1.0, cost=lambda w: jnp.where(w > 0.9, 1e-13, 1.0), measure="free_energy")
    energy, to_target = np.asarray(distance(grid)), np.asarray(distance(grid, targets=[1]))[:, 0]
    # From the first cell the only step leads to the second.
    np.testing.assert_allclose([energy[0, 1], to_target[0]], 1e-13, rtol=1e-12)


@pytest.mark.costly
def test_conditioned_walk_has_the_same_expected_cost():
    grid, theta = GridGraph(landscape(1e8)), 1e-14
    walk = conditioned_walk(SOLVERS["nested dissection"], grid, theta, TARGET)
    expected = exactly("random", 1e8, theta, "queen")["expected_cost"]
    np.testing.assert_allclose(np.ravel(walk.expected_cost), expected, rtol=1e-9)
    transient = np.arange(walk.reachable.size).reshape(SHAPE) != TARGET
    np.testing.assert_allclose(np.asarray(walk.transition_probabilities).sum(0)[transient], 1.0, rtol=1e-12)


@pytest.mark.long
def test_free_energy_without_any_cost_is_zero():
    grid = GridGraph(np.ones((3, 4)))
    result = np.asarray(RSPDistance(1.0, cost=lambda w: 0 * w, measure="free_energy")(grid, targets=[5]))
    assert np.abs(result).max() < 1e-30


@pytest.mark.costly
def test_conditioned_walk_by_multigrid_is_accurate_or_raises():
    grid, theta = GridGraph(1e8 ** -np.random.default_rng(2).random((2, 7)), neighbors="rook"), 1e-20
    with pytest.raises(RuntimeError, match="nonsymmetric multigrid cannot solve"):
        conditioned_walk(SOLVERS["multigrid"], grid, theta, 13)


@pytest.mark.long
def test_multigrid_solution_that_is_not_used_in_a_gradient_is_recorded():
    permeability = 10 ** (6 * np.random.default_rng(0).random((6, 6)) - 3)

    def distance(permeability):
        grid = GridGraph(permeability, jnp.ones((6, 6), bool), 36)
        rsp = RSPDistance(1e-9, measure="free_energy", solver=NonsymmetricMultigrid())
        return rsp(grid, jnp.array([0]), jnp.array([35])).sum()

    with record_stats() as stats:
        jax.block_until_ready(jax.jit(jax.grad(distance))(jnp.asarray(permeability)))
    assert solver_metrics(stats)["solver"].endswith("nested dissection, after nonsymmetric multigrid was given up")
