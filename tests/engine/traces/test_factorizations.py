"""Batches of factorizations are loops: calls of LAPACK for whole batches can wait for each other for ever."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine.traces import diagonal, trace

MATRIX = jnp.asarray(np.diag(0.9 ** np.arange(40.0)))
LAPACK_CALL = re.compile(r"custom_call @(?:lapack|blas)\w+\(.*")
BATCH = re.compile(r"tensor<(?:\d+x){3,}[fi]")


def lapack_calls(function):
    """The lines of a program that call LAPACK, of a function of a key that is applied to five keys."""
    keys = jax.random.split(jax.random.key(0), 5)
    return LAPACK_CALL.findall(jax.jit(jax.vmap(function)).lower(keys).as_text())


@pytest.mark.parametrize("method", ["xnystrace", "xtrace", "hutch++"])
@pytest.mark.costly_variants
def test_a_batch_of_traces_calls_lapack_for_one_matrix_at_a_time(method):
    def gradient(key):
        return jax.grad(lambda scale: trace(scale * MATRIX, method=method, key=key, products=12).value)(1.0)

    calls = lapack_calls(gradient)
    assert calls
    assert not [call for call in calls if BATCH.search(call)]


def test_a_batch_of_diagonals_calls_lapack_for_one_matrix_at_a_time():
    calls = lapack_calls(lambda key: diagonal(MATRIX, key=key, products=12).value)
    assert calls
    assert not [call for call in calls if BATCH.search(call)]


def test_the_expression_recognizes_batches():
    calls = lapack_calls(lambda key: jnp.linalg.qr(jax.random.normal(key, (4, 4)))[1])
    assert [call for call in calls if BATCH.search(call)]
