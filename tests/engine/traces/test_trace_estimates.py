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
