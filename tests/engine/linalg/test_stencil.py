"""Sums over many rasters that a stencil needs: XLA and CPU kernels agree."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine.linalg.stencil_matrix import outer_product


@pytest.mark.parametrize("directions", [4, 8])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (70, 130)])
def test_outer_product_is_equal_on_both_backends(directions, shape):
    left, right = jnp.asarray(np.random.default_rng(50).normal(size=(2, 3, *shape)))
    by_xla = outer_product(left, right, directions)
    by_kernels = outer_product(left, right, directions, cpu_min_values=0)
    np.testing.assert_allclose(by_kernels.center, by_xla.center, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(by_kernels.edges, by_xla.edges, rtol=1e-13, atol=1e-14)
