"""Derivatives of log-determinants and selected inverses, against finite differences and dense linear algebra."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph
from permea.engine.linalg.nested_dissection import NestedDissection, log_determinant, selected_inverse
from permea.engine.linalg.stencil_matrix import StencilMatrix


def absorbing(shape, *, edge_rule="target", neighbors="queen", seed=0):
    """An absorbing random walk, I − W with row sums below one; not symmetric."""
    generator = np.random.default_rng(seed)
    permeability = np.exp(generator.standard_normal(shape))
    permeability[generator.random(shape) < 0.15] = 0
    permeability[0, 0] = 1
    grid = GridGraph(permeability, neighbors=neighbors, edge_rule=edge_rule)
    laplacian = grid.laplacian()
    return StencilMatrix(jnp.where(grid.active, laplacian.center * 1.05 + 0.01, 1.0), laplacian.edges)


def random_weights(system, seed=1):
    generator = np.random.default_rng(seed)
    return StencilMatrix(
        jnp.asarray(generator.standard_normal(system.center.shape)),
        jnp.asarray(generator.standard_normal(system.edges.shape)),
    )


def inner(one, other):
    return sum((a * b).sum() for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True))


def on_pattern(system, gradient):
    """Return a gradient with 0 outside the sparsity pattern of the matrix."""
    return jax.tree.map(lambda entry, derivative: jnp.where(entry != 0, derivative, 0.0), system, gradient)


def dense_gradient(system, function):
    cells = jnp.arange(system.center.size)
    return jax.grad(lambda s: function(s.dense(cells)))(system)


@pytest.mark.costly
@pytest.mark.parametrize("edge_rule", ["mean", "target"])
@pytest.mark.parametrize("shape", [(1, 9), (5, 6), (11, 9), (3, 40)])
def test_log_determinant_gradient_matches_dense_algebra(shape, edge_rule):
    system = absorbing(shape, edge_rule=edge_rule)
    result = jax.grad(lambda s: log_determinant(s, NestedDissection()))(system)
    expected = dense_gradient(system, lambda matrix: jnp.linalg.slogdet(matrix)[1])
    assert_close(on_pattern(system, result), on_pattern(system, expected))


@pytest.mark.costly_variants
@pytest.mark.parametrize("edge_rule", ["mean", "target"])
@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("shape", [(1, 9), (5, 6), (11, 9), (3, 40)])
def test_selected_inverse_gradient_matches_dense_algebra(shape, neighbors, edge_rule):
    system = absorbing(shape, edge_rule=edge_rule, neighbors=neighbors)
    weights = random_weights(system)
    dense_weights = weights.dense(jnp.arange(system.center.size))
    result = jax.grad(lambda s: inner(weights, selected_inverse(s, NestedDissection())))(system)
    expected = dense_gradient(system, lambda matrix: (jnp.linalg.inv(matrix) * dense_weights).sum())
    assert_close(on_pattern(system, result), on_pattern(system, expected))


@pytest.mark.costly
def test_symmetric_gradient_is_symmetric_part():
    system = absorbing((8, 7), edge_rule="mean")
    weights = random_weights(system)

    def gradient(solver):
        return jax.grad(lambda s: inner(weights, selected_inverse(s, solver)))(system)

    full, within = gradient(NestedDissection(symmetric=False)), gradient(NestedDissection(symmetric=True))
    mirrored = jax.tree.map(lambda one, other: (one + other) / 2, full, full.transpose())
    assert_close(on_pattern(system, within), on_pattern(system, mirrored))


def test_resistance_gradient_matches_finite_difference():
    permeability = jnp.asarray(np.exp(np.random.default_rng(5).standard_normal((19, 23))))

    def total(permeability):
        laplacian = GridGraph(permeability, jnp.ones((19, 23), bool), 19 * 23).laplacian()
        system = StencilMatrix(laplacian.center.at[3, 4].add(1.0), laplacian.edges)
        return selected_inverse(system, NestedDissection()).center.sum()

    direction = jnp.asarray(np.random.default_rng(6).standard_normal((19, 23)))
    step = 1e-5
    difference = (total(permeability + step * direction) - total(permeability - step * direction)) / (2 * step)
    slope = (jax.jit(jax.grad(total))(permeability) * direction).sum()
    assert float(slope) == pytest.approx(float(difference), rel=1e-6)


def assert_close(result, expected):
    scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(expected))
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        assert float(jnp.abs(one - other).max()) < 1e-10 * scale
