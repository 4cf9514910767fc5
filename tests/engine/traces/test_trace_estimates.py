"""Traces of operators whose trace is known, by every method, with standard errors that hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from permea.engine.linalg import StencilMatrix
from permea.engine.traces import trace

METHODS = ("xtrace", "xnystrace", "hutch++", "hutchinson")


def positive_definite(size=120, decay=0.8, seed=0):
    """A symmetric matrix with the eigenvalues decay^i in random directions."""
    directions = np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]
    return jnp.asarray((directions * decay ** np.arange(size)) @ directions.T)


@pytest.mark.parametrize("method", METHODS)
def test_estimate_lies_within_its_error(method):
    matrix = positive_definite()
    estimate = trace(matrix, method=method, key=jax.random.key(3), products=30)
    assert abs(estimate.value - jnp.trace(matrix)) < 3 * estimate.standard_error
    assert estimate.products == 30


@pytest.mark.parametrize("method", ["xtrace", "hutch++"])
def test_low_rank_is_exact(method):
    left, right = np.random.default_rng(1).normal(size=(2, 80, 5))
    estimate = trace(jnp.asarray(left @ right.T), method=method, key=jax.random.key(0), products=24)
    np.testing.assert_allclose(estimate.value, (left * right).sum(), rtol=1e-11)


@pytest.mark.costly
def test_every_kind_of_operator_has_the_same_estimate():
    lineax = pytest.importorskip("lineax")
    rng = np.random.default_rng(2)
    stencil = StencilMatrix(jnp.asarray(rng.random((9, 8))), jnp.asarray(rng.random((4, 9, 8))))
    matrix = stencil.dense(jnp.arange(72))
    expected = trace(matrix, key=jax.random.key(1), products=20).value
    like = jax.ShapeDtypeStruct((9, 8), float)
    for operator, options in (
        (stencil, {}),
        (scipy.sparse.csr_array(np.asarray(matrix)), {}),
        (np.asarray(matrix), {}),
        (lineax.MatrixLinearOperator(matrix), {}),
        (lineax.FunctionLinearOperator(stencil.apply, like), {}),
        (lambda vector: matrix @ vector, {"shape": 72}),
        (stencil.apply, {"shape": (9, 8)}),
        (stencil.apply, {"shape": like, "batched": True}),
    ):
        value = trace(operator, key=jax.random.key(1), products=20, **options).value
        np.testing.assert_allclose(value, expected, rtol=1e-12)


def grid_pseudoinverse(side):
    """The function that applies L⁺ of a grid with four neighbours and unit conductances, and its trace."""
    chain = 2 * np.eye(side) - np.eye(side, k=1) - np.eye(side, k=-1)
    chain[0, 0] = chain[-1, -1] = 1
    _, modes = np.linalg.eigh(chain)
    frequencies = 2 - 2 * np.cos(np.pi * np.arange(side) / side)
    eigenvalues = np.add.outer(frequencies, frequencies)
    inverse = np.zeros_like(eigenvalues)
    inverse[eigenvalues > 1e-9] = 1 / eigenvalues[eigenvalues > 1e-9]
    modes, weights = jnp.asarray(modes), jnp.asarray(inverse)
    return lambda raster: modes @ (weights * (modes.T @ raster @ modes)) @ modes.T, inverse.sum()


@pytest.mark.parametrize(("side", "expected"), [(20, 317.33603787), (50, 2361.93818809), (100, 10569.03659219)])
@pytest.mark.costly_variants
def test_published_traces_of_grids(side, expected):
    apply, exact = grid_pseudoinverse(side)
    np.testing.assert_allclose(exact, expected, rtol=1e-10)
    if side == 20:
        np.testing.assert_allclose(trace(apply, method="exact", shape=(20, 20)).value, expected, rtol=1e-10)
    estimate = trace(apply, key=jax.random.key(0), relative_error=0.02, shape=(side, side))
    assert estimate.converged
    assert estimate.relative_error <= 0.02
    assert abs(estimate.value - expected) < 3 * estimate.standard_error


@pytest.mark.costly
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("xtrace", {"products": 30}),
        ("xtrace", {"relative_error": 0.02}),
        ("xnystrace", {"products": 30}),
        ("hutch++", {"products": 60}),
    ],
)
def test_intervals_contain_the_trace_as_often_as_they_say(method, options):
    """Of 200 intervals of 95 %, 93 to 97 % contain the trace of the pseudoinverse of a 50 × 50 grid."""
    apply, exact = grid_pseudoinverse(50)
    estimate = jax.jit(lambda key: trace(apply, method=method, key=key, shape=(50, 50), **options).interval())
    intervals = np.array([estimate(key) for key in jax.random.split(jax.random.key(7), 200)])
    contain = ((intervals[:, 0] < exact) & (exact < intervals[:, 1])).mean()
    assert 0.93 <= contain <= 0.97


@pytest.mark.parametrize("method", ["xtrace", "xnystrace", "hutch++"])
@pytest.mark.costly_variants
def test_squared_error_is_the_squared_standard_error_on_average(method):
    """The plain scatter of leave-one-out estimates is a fifth too small here: they depend on each other."""
    apply, exact = grid_pseudoinverse(12)
    keys = jax.random.split(jax.random.key(11), 600)
    estimates = jax.jit(jax.vmap(lambda key: trace(apply, method=method, key=key, products=18, shape=(12, 12))))(keys)
    squared = (estimates.value - exact) ** 2
    sampling_error = squared.std(ddof=1) / np.sqrt(600)
    assert abs(squared.mean() - (estimates.standard_error**2).mean()) < 3 * sampling_error


def test_decaying_spectrum_of_a_published_example():
    """Eigenvalues 0.7^i, 25 products: the published errors are 0.02 with XTrace and 0.002 with XNysTrace."""
    rotation = np.linalg.qr(np.random.default_rng(0).normal(size=(200, 200)))[0]
    matrix = jnp.asarray((rotation * 0.7 ** np.arange(200)) @ rotation.T)
    for method, error in (("xtrace", 0.05), ("xnystrace", 0.005)):
        assert abs(trace(matrix, method=method, key=jax.random.key(0), products=25).value - 10 / 3) < error


@pytest.mark.costly
def test_vmap_stops_each_operator_by_itself():
    matrices = jnp.stack([positive_definite(decay=0.5), positive_definite(decay=0.97)])
    keys = jax.random.split(jax.random.key(0), 2)

    def estimate(matrix, key):
        return trace(matrix, key=key, relative_error=0.01)

    together = jax.jit(jax.vmap(estimate))(matrices, keys)
    separate = [estimate(matrix, key) for matrix, key in zip(matrices, keys, strict=True)]
    np.testing.assert_allclose(together.value, [each.value for each in separate], rtol=1e-9)
    assert together.products.tolist() == [int(each.products) for each in separate]
    assert together.products[0] < together.products[1]


def test_what_is_not_reached_is_said():
    estimate = trace(positive_definite(decay=0.99), key=jax.random.key(0), relative_error=1e-6, max_products=40)
    assert not estimate.converged
    assert estimate.products == 40


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.costly_variants
def test_zero_operator_and_one_probe(method):
    estimate = trace(jnp.zeros((90, 90)), method=method, key=jax.random.key(0), products=12)
    np.testing.assert_allclose([estimate.value, estimate.standard_error], 0, atol=1e-12)
    gradient = jax.grad(lambda a: trace(a, method=method, key=jax.random.key(0), products=12).value)(
        jnp.zeros((90, 90))
    )
    assert jnp.isfinite(gradient).all()


def test_small_operators_are_exact():
    matrix = np.random.default_rng(3).normal(size=(20, 20))
    for options in ({"relative_error": 0.1}, {"products": 20}, {"method": "exact"}):
        estimate = trace(matrix, key=jax.random.key(0), **options)
        np.testing.assert_allclose(estimate.value, np.trace(matrix), rtol=1e-12)
        assert estimate.standard_error == 0
        assert estimate.products == 20


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((np.ones((3, 4)),), {}, ValueError, r"square matrix, not one of shape \(3, 4\)"),
        ((np.ones((3, 3), complex),), {}, TypeError, "of real numbers, not of complex128"),
        (("matrix",), {}, TypeError, "not str"),
        ((lambda x: x,), {}, ValueError, "a function as operator needs shape"),
        ((lambda x: x[1:],), {"shape": 70}, ValueError, r"returns what it takes: float64\[70\], not float64\[69\]"),
        ((np.eye(70),), {}, ValueError, "method='xtrace' needs a random key"),
        ((np.eye(70),), {"products": 1}, ValueError, "products must be at least 2 with method='xtrace', not 1"),
        ((np.eye(70),), {"products": 9, "relative_error": 0.1}, ValueError, "products or relative_error, not both"),
        ((np.eye(70),), {"relative_error": -0.1}, ValueError, "positive and finite, not -0.1"),
    ],
)
def test_bad_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        trace(*arguments, **options)


def test_indefinite_operator_is_no_case_for_nystrom():
    matrix = jnp.diag(jnp.where(jnp.arange(90) % 2, 1.0, -1.0))
    with pytest.raises(RuntimeError, match="not symmetric and positive semidefinite"):
        trace(matrix, method="xnystrace", key=jax.random.key(0), products=20)


def test_values_that_are_not_finite_are_an_error():
    with pytest.raises(RuntimeError, match="the trace is not finite"):
        trace(jnp.full((90, 90), jnp.inf), method="hutchinson", key=jax.random.key(0), products=5)
