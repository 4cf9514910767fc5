"""JAXScape's opening program runs with only the imports changed, and its numbers are right."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense

from permea.engine import GridGraph, LCPDistance, ResistanceDistance, RSPDistance

THETA = 0.01


@pytest.fixture(scope="module")
def permeability():
    return jnp.asarray(np.random.default_rng(0).uniform(0.1, 1.0, (7, 9)))


@pytest.fixture(scope="module")
def activities():
    return jnp.ones((7, 9), dtype=bool).at[2:4, 5].set(False)


DISTANCES = {
    "least cost": LCPDistance(),
    "resistance": ResistanceDistance(),
    "randomized": RSPDistance(theta=THETA, cost=lambda x: 1 / x),
}


@pytest.fixture(scope="module")
def expected_distances(permeability, activities):
    """The distances between all pairs by dense linear algebra."""
    return {name: dense_distances(name, permeability, activities) for name in DISTANCES}


def dense_distances(name, permeability, activities):
    conductance = reference_dense.conductances(np.where(activities, permeability, 0.0))
    return reference_dense.distances(name, conductance, THETA)


@eqx.filter_jit
def average_path_length(permeability, activities, nb_active, distance):
    grid = GridGraph(activities=activities, vertex_weights=permeability, nb_active=nb_active)
    return distance(grid).sum() / nb_active**2


grad_connectivity = jax.grad(average_path_length)


@pytest.mark.costly
@pytest.mark.parametrize("name", DISTANCES)
def test_distance_map_equals_dense_reference(name, permeability, activities, expected_distances):
    grid = GridGraph(activities=activities, vertex_weights=permeability)
    source = grid.coord_to_active_vertex_index([0], [0])
    d = DISTANCES[name](grid, source)
    image = grid.node_values_to_array(d.ravel())
    expected = np.full(activities.shape, np.nan)
    expected[np.asarray(activities)] = expected_distances[name][0]
    assert d.shape == (1, grid.nb_active)
    np.testing.assert_allclose(image, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", DISTANCES)
def test_average_path_length_equals_dense_reference(name, permeability, activities, expected_distances):
    nb_active = int(activities.sum())
    result = average_path_length(permeability, activities, nb_active, DISTANCES[name])
    assert float(result) == pytest.approx(expected_distances[name].mean(), rel=1e-11)


@pytest.mark.parametrize("name", DISTANCES)
def test_gradient_of_average_path_length_equals_difference(name, permeability, activities):
    nb_active = int(activities.sum())
    gradient = np.asarray(grad_connectivity(permeability, activities, nb_active, DISTANCES[name]))
    values, active, step = np.asarray(permeability), np.asarray(activities), 1e-5
    for cell in [(0, 0), (3, 4), (6, 8), (2, 6)]:
        nudge = np.zeros(values.shape)
        nudge[cell] = step
        up, down = (dense_distances(name, values + sign * nudge, active).mean() for sign in (1, -1))
        assert gradient[cell] == pytest.approx((up - down) / (2 * step), rel=1e-5)
    assert (gradient[~active] == 0).all()


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", DISTANCES)
def test_all_call_forms_return_parts_of_one_matrix(name, permeability, activities, expected_distances):
    grid = GridGraph(activities=activities, vertex_weights=permeability)
    few, more = jnp.array([3, 40]), jnp.array([0, 11, 60])
    distance, expected = DISTANCES[name], expected_distances[name]
    for result, part in [
        (distance(grid), expected),
        (distance(grid, few), expected[few]),
        (distance(grid, sources=few), expected[few]),
        (distance(grid, targets=few), expected[:, few]),
        (distance(grid, few, more), expected[np.ix_(few, more)]),
        (distance(grid, sources=more, targets=few), expected[np.ix_(more, few)]),
        (distance(grid, nodes=more), expected[np.ix_(more, more)]),
    ]:
        np.testing.assert_allclose(result, part, rtol=1e-10, atol=1e-11)


@pytest.mark.costly
def test_randomized_paths_are_not_symmetric(permeability, activities, expected_distances):
    matrix = np.asarray(DISTANCES["randomized"](GridGraph(activities=activities, vertex_weights=permeability)))
    assert np.abs(matrix - matrix.T).max() > 0.1
    np.testing.assert_allclose(matrix, expected_distances["randomized"], rtol=1e-10, atol=1e-11)
