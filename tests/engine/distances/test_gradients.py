"""Gradients of distances against finite differences of independent dense implementations, in every cell."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
from reference_dense import assert_is_gradient

from permea.engine import EuclideanDistance, GridGraph, LCPDistance, ResistanceDistance, RSPDistance

THETA = 0.3
RULES = {
    "mean": "mean",
    "resistance": "resistance",
    "target": "target",
    "geometric mean": lambda source, target: (source * target) ** 0.5,
    "uphill is harder": lambda source, target: source**2 / (source + target),
}
FEW, MORE = [2, 9], [0, 4, 13]

each_neighbourhood = pytest.mark.parametrize("neighbors", ["rook", "queen"])


def landscape():
    """A nodata hole, a wall, and a second component beyond the wall."""
    permeability = np.random.default_rng(11).lognormal(size=(4, 5))
    permeability[:, 3] = 0
    permeability[1, 1] = 0
    return permeability


ACTIVE = landscape() > 0
COUNT = int(ACTIVE.sum())
#: Every pair has a weight of its own, so that no error can hide behind a symmetry.
WEIGHTS = np.random.default_rng(12).uniform(0.5, 2, (COUNT, COUNT))
BOTH_REACHED = np.isfinite(reference_dense.least_costs(reference_dense.conductances(landscape())))


def with_nodata(permeability):
    return jnp.where(ACTIVE, permeability, jnp.nan)


def weighted(distances, rows=None, columns=None):
    """A weighted sum of the distances that are not infinite."""
    rows = np.arange(COUNT) if rows is None else np.asarray(rows)
    columns = np.arange(COUNT) if columns is None else np.asarray(columns)
    reached = BOTH_REACHED[np.ix_(rows, columns)]
    xp = jnp if isinstance(distances, jax.Array) else np
    return (WEIGHTS[np.ix_(rows, columns)] * xp.where(reached, distances, 0.0)).sum()


def gradient(of_distances, **options):
    """The gradient of a function of the grid with respect to the permeability."""

    def total(permeability):
        return of_distances(GridGraph(permeability, ACTIVE, COUNT, **options))

    return np.asarray(jax.jit(jax.grad(total))(with_nodata(landscape())))


def randomized(measure):
    return partial(reference_dense.rsp_distances, theta=THETA, measure=measure)


def finite_differences(independent_distances, rows=None, columns=None, neighbors="queen", edge_rule="mean"):
    """The gradient of the weighted sum of distances computed independently with respect to the permeability."""

    def total(permeability):
        conductance = reference_dense.conductances(permeability, neighbors, edge_rule)
        return weighted(independent_distances(conductance)[_part(rows, columns)], rows, columns)

    return reference_dense.gradient(total, landscape())


def finite_difference(function, at, step=1e-5):
    return (function(at + step) - function(at - step)) / (2 * step)


def _part(rows, columns):
    return np.ix_(np.arange(COUNT) if rows is None else rows, np.arange(COUNT) if columns is None else columns)


@pytest.mark.costly_variants
@each_neighbourhood
@pytest.mark.parametrize("rule", RULES)
def test_least_cost_gradient(rule, neighbors):
    options = {"neighbors": neighbors, "edge_rule": RULES[rule]}
    result = gradient(lambda grid: weighted(LCPDistance()(grid)), **options)
    assert_is_gradient(result, finite_differences(reference_dense.least_costs, **options))


@pytest.mark.costly_variants
@each_neighbourhood
@pytest.mark.parametrize("rule", ["mean", "resistance", "geometric mean"])
def test_resistance_gradient(rule, neighbors):
    options = {"neighbors": neighbors, "edge_rule": RULES[rule]}
    result = gradient(lambda grid: weighted(ResistanceDistance()(grid)), **options)
    assert_is_gradient(result, finite_differences(reference_dense.effective_resistances, **options))


@pytest.mark.costly_variants
@each_neighbourhood
@pytest.mark.parametrize("rule", ["mean", "resistance", "target", "uphill is harder"])
def test_expected_cost_gradient(rule, neighbors):
    options = {"neighbors": neighbors, "edge_rule": RULES[rule]}
    result = gradient(lambda grid: weighted(RSPDistance(THETA)(grid, targets=FEW), columns=FEW), **options)
    assert_is_gradient(result, finite_differences(randomized("expected_cost"), columns=FEW, **options))


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["expected_cost", "free_energy", "survival"])
def test_rsp_all_pairs_gradients_by_permeability_and_theta(measure):
    def total(permeability, theta):
        return weighted(RSPDistance(theta, measure=measure)(GridGraph(permeability, ACTIVE, COUNT)))

    by_permeability, by_theta = jax.jit(jax.grad(total, argnums=(0, 1)))(with_nodata(landscape()), THETA)
    conductance = reference_dense.conductances(landscape())
    assert_is_gradient(by_permeability, finite_differences(randomized(measure)))
    expected = finite_difference(
        lambda theta: weighted(reference_dense.rsp_distances(conductance, theta, measure)), THETA
    )
    assert float(by_theta) == pytest.approx(expected, rel=1e-6)


@pytest.mark.costly
@pytest.mark.parametrize("measure", ["free_energy", "survival"])
def test_rsp_gradient_to_targets(measure):
    distance = RSPDistance(THETA, measure=measure)
    result = gradient(lambda grid: weighted(distance(grid, targets=FEW), columns=FEW), edge_rule="target")
    assert_is_gradient(result, finite_differences(randomized(measure), columns=FEW, edge_rule="target"))


def test_euclidean_gradient_is_zero():
    np.testing.assert_array_equal(gradient(lambda grid: EuclideanDistance()(grid).sum()), 0)


CALLS = {
    "sources": ((FEW, None), lambda distance, grid: distance(grid, FEW)),
    "targets": ((None, FEW), lambda distance, grid: distance(grid, targets=FEW)),
    "few to more": ((FEW, MORE), lambda distance, grid: distance(grid, FEW, MORE)),
    "more to few": ((MORE, FEW), lambda distance, grid: distance(grid, MORE, FEW)),
    "nodes": ((MORE, MORE), lambda distance, grid: distance(grid, nodes=MORE)),
}


@pytest.mark.parametrize("call", CALLS)
def test_least_cost_gradient_of_every_call(call):
    (rows, columns), ask = CALLS[call]
    result = gradient(lambda grid: weighted(ask(LCPDistance(), grid), rows, columns), edge_rule="target")
    assert_is_gradient(result, finite_differences(reference_dense.least_costs, rows, columns, edge_rule="target"))


@pytest.mark.costly_variants
@pytest.mark.parametrize("call", CALLS)
def test_resistance_gradient_of_every_call(call):
    (rows, columns), ask = CALLS[call]
    result = gradient(lambda grid: weighted(ask(ResistanceDistance(), grid), rows, columns))
    assert_is_gradient(result, finite_differences(reference_dense.effective_resistances, rows, columns))


@pytest.mark.costly
@pytest.mark.parametrize("call", ["sources", "more to few"])
def test_rsp_gradient_of_every_call(call):
    (rows, columns), ask = CALLS[call]
    result = gradient(lambda grid: weighted(ask(RSPDistance(THETA), grid), rows, columns))
    assert_is_gradient(result, finite_differences(randomized("expected_cost"), rows, columns))


def test_resistance_gradient_of_pairs():
    one, other = [0, 2, 5], [9, 12, 1]
    result = gradient(lambda grid: ResistanceDistance().pairs(grid, one, other).sum())

    def total(permeability):
        return reference_dense.effective_resistances(reference_dense.conductances(permeability))[one, other].sum()

    assert_is_gradient(result, reference_dense.gradient(total, landscape()))


def test_gradient_of_cost_to_nearest_target():
    reached = BOTH_REACHED[:, FEW].any(1)
    result = gradient(lambda grid: jnp.where(reached, LCPDistance().nearest(grid, FEW), 0.0).sum())

    def total(permeability):
        return reference_dense.least_costs(reference_dense.conductances(permeability))[:, FEW].min(1)[reached].sum()

    assert_is_gradient(result, reference_dense.gradient(total, landscape()))


@pytest.mark.parametrize("call", ["sources", "targets"])
def test_least_cost_gradient_by_cost_parameter(call):
    (rows, columns), ask = CALLS[call]
    grid = GridGraph(with_nodata(landscape()), ACTIVE, COUNT)
    conductance = reference_dense.conductances(landscape())
    result = jax.grad(lambda power: weighted(ask(LCPDistance(lambda w: w**-power), grid), rows, columns))(1.5)

    def total(power):
        return weighted(
            reference_dense.least_costs(conductance, lambda w: w**-power)[_part(rows, columns)], rows, columns
        )

    assert float(result) == pytest.approx(finite_difference(total, 1.5), rel=1e-6)


@pytest.mark.costly
def test_expected_cost_gradient_by_cost_parameter_and_theta():
    grid = GridGraph(with_nodata(landscape()), ACTIVE, COUNT)
    conductance = reference_dense.conductances(landscape())

    def total(power, theta):
        distance = RSPDistance(theta, lambda w: w**-power)
        return weighted(distance(grid, targets=FEW), columns=FEW)

    def independent_total(power, theta):
        all_pairs = reference_dense.rsp_distances(conductance, theta, cost=lambda w: w**-power)
        return weighted(all_pairs[:, FEW], columns=FEW)

    by_power, by_theta = jax.grad(total, argnums=(0, 1))(1.5, THETA)
    assert float(by_power) == pytest.approx(
        finite_difference(lambda power: independent_total(power, THETA), 1.5), rel=1e-6
    )
    assert float(by_theta) == pytest.approx(
        finite_difference(lambda theta: independent_total(1.5, theta), THETA), rel=1e-6
    )
