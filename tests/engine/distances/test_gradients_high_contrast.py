"""Gradients in difficult landscapes: permeability over eight orders of magnitude, strips, isolated cells, ties."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
import reference_resistance
import reference_rsp

from permea.engine import GridGraph, LCPDistance, ResistanceDistance, RSPDistance

THETA = 0.3
MEASURES = ("expected_cost", "free_energy", "survival")
EVERY = {
    "least cost": LCPDistance(),
    "resistance": ResistanceDistance(),
    **{measure: RSPDistance(THETA, measure=measure) for measure in MEASURES},
}
every_distance = pytest.mark.parametrize("name", EVERY)
each_kind = pytest.mark.parametrize("name", ["least cost", "resistance", "expected_cost"])


def gradient(distance, permeability, sources, targets, **options):
    """Gradient of the sum of the finite distances with respect to the permeability."""
    active = permeability > 0

    def total(permeability):
        result = distance(GridGraph(permeability, active, int(active.sum()), **options), sources, targets)
        return jnp.where(jnp.isfinite(result), result, 0.0).sum()

    return np.asarray(jax.jit(jax.grad(total))(jnp.asarray(permeability)))


def over_eight_orders_of_magnitude():
    permeability = 10 ** np.random.default_rng(21).uniform(-4, 4, (3, 3))
    permeability[0, 1], permeability[1, 1] = 1e-4, 1e4
    return permeability


EXACT_LOG_GRADIENTS = {
    "resistance": lambda permeability: reference_resistance.log_gradient(permeability, (0, 0), (2, 2)),
    "expected_cost": lambda permeability: reference_rsp.log_gradients(permeability, THETA, 0, 8, neighbors="rook")[
        "expected_cost"
    ],
}


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", EXACT_LOG_GRADIENTS)
def test_gradients_over_eight_orders_of_magnitude(name):
    permeability = over_eight_orders_of_magnitude()
    result = permeability * gradient(EVERY[name], permeability, [0], [8], neighbors="rook")
    expected = EXACT_LOG_GRADIENTS[name](permeability)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-9 * abs(expected).max())


def test_least_cost_gradient_over_eight_orders_of_magnitude():
    permeability = over_eight_orders_of_magnitude()
    expected = reference_dense.gradient(
        lambda values: reference_dense.least_costs(reference_dense.conductances(values, "rook"))[0, 8], permeability
    )
    result = gradient(EVERY["least cost"], permeability, [0], [8], neighbors="rook")
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-9 * abs(expected).max())


def independently(name, values):
    return reference_dense.distances(name, reference_dense.conductances(values), THETA)


@pytest.mark.costly_variants
@every_distance
def test_gradients_along_a_strip(name):
    strip = np.random.default_rng(22).lognormal(size=(1, 5))
    expected = reference_dense.gradient(lambda values: independently(name, values)[0, 3], strip)
    np.testing.assert_allclose(gradient(EVERY[name], strip, [0], [3]), expected, rtol=1e-5, atol=1e-9)


@each_kind
def test_isolated_cell_has_zero_gradient(name):
    lone = np.array([[0.0, 0.0, 0.0, 2.0, 0.0]])
    assert (gradient(EVERY[name], lone, None, [0]) == 0).all()


@pytest.mark.costly_variants
@each_kind
def test_unconnected_pairs_have_zero_gradient(name):
    parted = np.array([[1.0, 2.0, 0.0, 4.0, 5.0]])
    assert (gradient(EVERY[name], parted, [0], [3]) == 0).all()


@every_distance
def test_gradient_is_zero_outside_the_targets_component(name):
    parted = np.array([[1.0, 2.0, 0.0, 4.0, 5.0]])
    result = gradient(EVERY[name], parted, None, [3])
    np.testing.assert_array_equal(result != 0, [[False, False, False, True, True]])


@each_kind
def test_nodata_cells_have_zero_gradient(name):
    active = np.array([[True, True, False, True, True]])

    def total(permeability):
        return EVERY[name](GridGraph(permeability, active, 4), [0], [1]).sum()

    result = np.asarray(jax.jit(jax.grad(total))(jnp.array([[1.0, 2.0, jnp.nan, 4.0, 5.0]])))
    assert result[0, 2] == 0
    assert np.isfinite(result).all()


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_tied_paths_share_the_gradient_evenly(neighbors):
    result = gradient(LCPDistance(), np.ones((3, 3)), [0], [8], neighbors=neighbors)
    np.testing.assert_allclose(result, result.T, rtol=1e-14)
    np.testing.assert_allclose(result, result[::-1, ::-1].T, rtol=1e-14)


def test_two_tied_paths_have_half_the_gradient_each():
    # Either path has two steps of conductance (p + q) / 2, d = Σ 2 / (p + q): ∂d/∂p = −1/2 for each step at p.
    square = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(gradient(LCPDistance(), square, [0], [3], neighbors="rook"), -square / 2, rtol=1e-14)


@pytest.mark.parametrize("name", ["least cost", "resistance"])
def test_gradient_agrees_with_scaling_of_the_landscape(name):
    # Euler: both are homogeneous of degree −1.
    permeability = np.random.default_rng(23).lognormal(size=(3, 3))
    result = (permeability * gradient(EVERY[name], permeability, [0], [8])).sum()
    assert result == pytest.approx(-independently(name, permeability)[0, 8], rel=1e-11)
