"""Leave-one-out and leave-two-out estimates, against the same by explicit projections, and their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine.traces import diagonal, trace
from permea.engine.traces.linear_operator import as_operator
from permea.engine.traces.nystrom import XNysTrace
from permea.engine.traces.xtrace import XTrace

SIZE, PROBES = 30, 6


@pytest.fixture(scope="module")
def matrix():
    return np.random.default_rng(0).normal(size=(SIZE, SIZE))


def projected_estimate(A, probes, i, others):
    """tr(PA), P on the images of the other probes, and the remainder along probe i."""
    basis = np.linalg.qr(A @ probes[others].T)[0]
    remainder = probes[i] - basis @ (basis.T @ probes[i])
    scale = (SIZE - len(others)) / (remainder @ remainder)
    return np.trace(basis.T @ A @ basis) + scale * remainder @ A @ remainder


def nystrom_estimate(A, probes, i, others):
    columns = A @ probes[others].T
    remainder = A - columns @ np.linalg.solve(probes[others] @ columns, columns.T)
    basis = np.linalg.qr(probes[others].T)[0]
    outside = probes[i] - basis @ (basis.T @ probes[i])
    return np.trace(A - remainder) + (SIZE - len(others)) / (outside @ outside) * probes[i] @ remainder @ probes[i]


@pytest.mark.parametrize(("method", "estimate"), [(XTrace(), projected_estimate), (XNysTrace(), nystrom_estimate)])
@pytest.mark.parametrize("blocks", [1, 2])
@pytest.mark.costly_variants
def test_estimates_are_those_of_explicit_projections(matrix, method, estimate, blocks):
    A = matrix if estimate is projected_estimate else matrix @ matrix.T
    operator = as_operator(A)
    state, _ = method.first(operator, jax.random.key(0), PROBES // blocks, PROBES)
    if blocks == 2:
        state = method.append(state, operator, jax.random.key(1), PROBES // 2)
    probes = np.asarray(state.probes)
    without = [[k for k in range(PROBES) if k != i] for i in range(PROBES)]
    one = [estimate(A, probes, i, without[i]) for i in range(PROBES)]
    np.testing.assert_allclose(method.samples(state)[0], one, rtol=1e-8)
    changes = np.zeros((PROBES, PROBES))
    for i in range(PROBES):
        for j in without[i]:
            changes[i, j] = one[i] - estimate(A, probes, i, [k for k in without[i] if k != j])
    covariance = (changes * changes.T).sum() / (PROBES * (PROBES - 1))
    np.testing.assert_allclose(method.covariance(state), covariance, rtol=1e-8)


def test_diagonal_is_that_of_explicit_projections(matrix):
    key, count = jax.random.key(0), 5
    value = np.asarray(diagonal(matrix, key=key, products=2 * count).value)
    probes = np.asarray(XTrace("rademacher").draw(key, count, as_operator(matrix)))
    expected = []
    for i in range(count):
        basis = np.linalg.qr(matrix @ np.delete(probes, i, 0).T)[0]
        projection = basis @ basis.T
        outside = (np.eye(SIZE) - projection) @ matrix @ probes[i]
        expected.append(np.diag(projection @ matrix) + probes[i] * outside)
    np.testing.assert_allclose(value, np.mean(expected, 0), rtol=1e-9)


def test_diagonal_errors_hold(matrix):
    """The squared error of every entry is, on average over keys, the squared standard error."""
    A = jnp.asarray(matrix @ matrix.T)
    keys = jax.random.split(jax.random.key(3), 500)
    estimates = jax.jit(jax.vmap(lambda key: diagonal(A, key=key, products=12, symmetric=True)))(keys)
    errors = ((estimates.value - jnp.diagonal(A)) ** 2).mean()
    np.testing.assert_allclose((estimates.standard_error**2).mean(), errors, rtol=0.1)
    assert abs((estimates.value - jnp.diagonal(A)).mean()) < 4 * jnp.sqrt(errors / 500)


METHODS = ("xtrace", "xnystrace", "hutch++", "hutchinson")


def scaled(matrix, weights):
    return jnp.exp(weights)[:, None] * (matrix @ matrix.T) * jnp.exp(weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", [{"products": 12}, {"relative_error": 1e-9, "max_products": 28}], ids=str)
@pytest.mark.costly_variants
def test_gradient_is_that_of_the_trace_on_average(matrix, method, options):
    """Over many keys, the mean gradient differs from the exact one by no more than its standard error explains."""
    big = jnp.asarray(np.random.default_rng(1).normal(size=(80, 80)))

    def estimate(weights, key):
        return trace(scaled(big, weights), method=method, key=key, **options).value

    weights = jnp.linspace(-1, 1, 80)
    keys = jax.random.split(jax.random.key(5), 100)
    gradients = jax.jit(jax.vmap(jax.grad(estimate), (None, 0)))(weights, keys)
    exact = jax.grad(lambda weights: jnp.trace(scaled(big, weights)))(weights)
    error = gradients.std(0, ddof=1) / 10
    assert jnp.sqrt((((gradients.mean(0) - exact) / error) ** 2).mean()) < 1.3


def test_gradient_of_the_diagonal(matrix):
    weights, key = jnp.linspace(-1, 1, SIZE), jax.random.key(2)
    keys = jax.random.split(key, 200)

    def total(weights, key):
        return (diagonal(scaled(matrix, weights), key=key, products=12).value * jnp.arange(SIZE)).sum()

    gradients = jax.jit(jax.vmap(jax.grad(total), (None, 0)))(weights, keys)
    exact = jax.grad(lambda w: (jnp.diagonal(scaled(matrix, w)) * jnp.arange(SIZE)).sum())(weights)
    error = gradients.std(0, ddof=1) / jnp.sqrt(200)
    assert jnp.sqrt((((gradients.mean(0) - exact) / error) ** 2).mean()) < 1.4
