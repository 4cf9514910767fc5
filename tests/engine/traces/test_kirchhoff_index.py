"""The Kirchhoff index of irregular landscapes, against dense linear algebra and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, ResistanceDistance, connected_components, kirchhoff_index


def irregular(shape=(13, 17), seed=0, barriers=0.5):
    """Lognormal permeability with barriers that cut the landscape into several components."""
    generator = np.random.default_rng(seed)
    permeability = np.exp(generator.standard_normal(shape))
    permeability[generator.random(shape) < barriers] = 0
    permeability[:, shape[1] // 2] = 0
    return permeability


def dense_laplacian(grid):
    weights = np.asarray(grid.get_adjacency_matrix().todense())
    return np.diag(weights.sum(1)) - weights


def vertices_of(grid, label):
    return np.flatnonzero(np.asarray(connected_components(grid)).ravel()[np.asarray(grid.cells)] == label)


@pytest.mark.parametrize(("neighbors", "edge_rule"), [("rook", "mean"), ("queen", "resistance")])
@pytest.mark.costly_variants
def test_index_and_maps_match_pseudoinverses(neighbors, edge_rule):
    grid = GridGraph(irregular(), neighbors=neighbors, edge_rule=edge_rule, pixel_size=(2.0, 3.0))
    result = kirchhoff_index(grid)
    laplacian, means = dense_laplacian(grid), np.asarray(grid.array_to_node_values(result.cell_mean_resistance))
    assert result.value.size == int(np.asarray(result.components).max()) >= 2
    assert result.method == "exact"
    np.testing.assert_array_equal(result.standard_error, 0)
    for number, value in enumerate(np.asarray(result.value)):
        vertices = vertices_of(grid, number + 1)
        assert int(result.sizes[number]) == vertices.size
        inverse = np.linalg.pinv(laplacian[np.ix_(vertices, vertices)])
        resistance = np.diag(inverse)[:, None] + np.diag(inverse) - 2 * inverse
        assert value == pytest.approx(resistance.sum() / 2, rel=1e-10, abs=1e-12)
        if vertices.size > 1:
            np.testing.assert_allclose(means[vertices], resistance.sum(1) / (vertices.size - 1), rtol=1e-9)
        else:
            assert np.isnan(means[vertices]).all() and np.isnan(result.mean_resistance[number])


@pytest.mark.costly
@pytest.mark.parametrize(
    ("neighbors", "edge_rule"),
    [("rook", "resistance"), ("queen", "mean"), ("queen", lambda source, target: (source * target) ** 0.5)],
)
def test_sensitivity_matches_squared_pseudoinverses(neighbors, edge_rule):
    """−N bᵀ (L⁺)² b of every edge, summed into the cells by the derivative of the edge rule."""
    grid = GridGraph(irregular(seed=1), neighbors=neighbors, edge_rule=edge_rule)

    def index(permeability):
        weights = GridGraph(permeability, grid.active, grid.n_vertices, neighbors, edge_rule).get_adjacency_matrix()
        laplacian = -weights.todense()
        laplacian += jnp.diag(-laplacian.sum(1))
        total = 0.0
        for label in range(1, int(connected_components(grid).max()) + 1):
            vertices = vertices_of(grid, label)
            if vertices.size > 1:
                component = laplacian[jnp.ix_(vertices, vertices)]
                inverse = jnp.linalg.inv(component + 1 / vertices.size)
                total += vertices.size * (jnp.trace(inverse) - 1)
        return total

    result, active = np.asarray(kirchhoff_index(grid, sensitivity=True).sensitivity), np.asarray(grid.active)
    expected = np.asarray(jax.grad(index)(grid.permeability))
    assert np.isnan(result[~active]).all()
    np.testing.assert_allclose(result[active], expected[active], rtol=1e-8, atol=1e-10 * np.abs(expected).max())


@pytest.mark.costly
def test_sensitivity_matches_finite_differences():
    """Along a random direction of the logarithm of the permeability, on 255² cells."""
    permeability = np.exp(np.random.default_rng(2).standard_normal((255, 255)))
    direction = np.random.default_rng(3).standard_normal(permeability.shape)

    def index(step):
        return float(kirchhoff_index(GridGraph(permeability * np.exp(step * direction))).value[0])

    def central(step):
        return (index(step) - index(-step)) / (2 * step)

    result = kirchhoff_index(GridGraph(permeability), sensitivity=True)
    difference = (4 * central(5e-4) - central(1e-3)) / 3
    predicted = (np.asarray(result.sensitivity) * permeability * direction).sum()
    assert predicted == pytest.approx(difference, rel=1e-6)


def test_sensitivity_sums_to_the_negative_index():
    """Euler: the index is homogeneous of degree −1 in permeability, within every component."""
    grid = GridGraph(irregular((40, 61), seed=4, barriers=0.2), edge_rule="resistance")
    result = kirchhoff_index(grid, sensitivity=True)
    products = np.nan_to_num(np.asarray(grid.permeability * result.sensitivity)).ravel()
    sums = np.bincount(np.asarray(result.components).ravel(), products)[1:]
    np.testing.assert_allclose(sums, -np.asarray(result.value), rtol=1e-10, atol=1e-12)


@pytest.mark.costly
def test_gradient_of_the_value_is_the_sensitivity():
    grid = GridGraph(irregular(seed=5))

    def total(permeability):
        return kirchhoff_index(GridGraph(permeability, grid.active, grid.n_vertices)).value.sum()

    gradient, result = jax.grad(total)(grid.permeability), kirchhoff_index(grid, sensitivity=True)
    active = np.asarray(grid.active)
    assert np.isfinite(gradient).all()
    scale = np.abs(np.asarray(result.sensitivity)[active]).max()
    np.testing.assert_allclose(np.asarray(gradient)[active], result.sensitivity[active], atol=1e-10 * scale)


@pytest.mark.costly
def test_mean_of_resistance_distances():
    """The mean resistance of a cell is the mean of its resistance distances to all others."""
    grid = GridGraph(np.exp(np.random.default_rng(6).standard_normal((9, 11))))
    distances = np.asarray(ResistanceDistance()(grid))
    result = kirchhoff_index(grid)
    np.testing.assert_allclose(result.cell_mean_resistance.ravel(), distances.sum(1) / 98, rtol=1e-9)
    assert float(result.total) == pytest.approx(distances.sum() / 2, rel=1e-9)


@pytest.mark.parametrize("wall", [1e-3, 1e-6])
@pytest.mark.costly_variants
def test_ground_behind_near_insulating_wall(wall):
    """Highly conducting cells attract the ground to the short side of a wall that hardly conducts.

    In a path the edge with resistance r that separates k of N cells contributes r k (N − k) to the index, r (N − k) to
    the resistances of each of the k cells, and −r² k (N − k) is the derivative by its conductance. The wall's own
    conductance is known to 1e-16 of the largest.
    """
    permeability = np.ones((1, 40))
    permeability[0, :3] = 1e3
    permeability[0, 3] = wall
    resistances = (1 / permeability[0, 1:] + 1 / permeability[0, :-1]) / 2
    before, tolerance = np.arange(1, 40), 1e-13 / wall
    result = kirchhoff_index(GridGraph(permeability, edge_rule="resistance"), sensitivity=True)
    assert float(result.value[0]) == pytest.approx((resistances * before * (40 - before)).sum(), rel=tolerance)
    left, right = (np.cumsum(np.r_[0, x]) for x in (resistances * before, (resistances * (40 - before))[::-1]))
    np.testing.assert_allclose(result.cell_mean_resistance[0], (left + right[::-1]) / 39, rtol=tolerance)
    # A cell has half of the resistance of the edges on both sides, 1 / (2 p) each.
    by_edge = np.r_[0, before * (40 - before), 0]
    expected = -(by_edge[1:] + by_edge[:-1]) / (2 * permeability[0] ** 2)
    np.testing.assert_allclose(result.sensitivity[0], expected, rtol=tolerance)


def test_components_are_infinitely_far_apart():
    result = kirchhoff_index(GridGraph(np.array([[1.0, 1.0, 0.0, 1.0]])))
    np.testing.assert_allclose(result.value, [1.0, 0.0], atol=1e-14)
    assert np.isinf(result.total) and result.sizes.tolist() == [2, 1]


def test_invalid_arguments_are_named():
    grid = GridGraph(np.ones((2, 3)))
    with pytest.raises(ValueError, match="method must be one of automatic, exact, estimate, not 'direct'"):
        kirchhoff_index(grid, method="direct")
    with pytest.raises(ValueError, match="needs an undirected graph"):
        kirchhoff_index(GridGraph(np.ones((2, 3)), edge_rule="target"))
    with pytest.raises(ValueError, match="call kirchhoff_index outside them"):
        jax.jit(lambda p: kirchhoff_index(GridGraph(p, np.ones((2, 3), bool), 6)).value)(jnp.ones((2, 3)))
