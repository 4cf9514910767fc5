"""The stencil's sums, by XLA and in loops."""

import jax.numpy as jnp
import numpy as np
import pytest
from permea.engine.linalg import stencil_matrix


@pytest.mark.parametrize("directions", [4, 8])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (70, 130)])
def test_entries_of_outer_products_are_the_same_in_loops(monkeypatch, directions, shape):
    left, right = jnp.asarray(np.random.default_rng(50).normal(size=(2, 3, *shape)))
    by_xla = stencil_matrix.outer_product(left, right, directions)
    monkeypatch.setattr(stencil_matrix, "MANY", 0)
    in_loops = stencil_matrix.outer_product(left, right, directions)
    np.testing.assert_allclose(in_loops.center, by_xla.center, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(in_loops.edges, by_xla.edges, rtol=1e-13, atol=1e-14)
