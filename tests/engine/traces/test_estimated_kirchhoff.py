"""Estimates of the Kirchhoff index and its maps lie within their standard errors of the exact values."""

import jax
import numpy as np
import pytest

from permea.engine import GridGraph, kirchhoff_index


def two_components(seed=0):
    """Two large components, one of 4 × 2 cells and one of a single cell."""
    permeability = np.exp(np.random.default_rng(seed).standard_normal((28, 42)))
    permeability[:, 21] = permeability[22, :] = 0
    permeability[23:, :] = 0
    permeability[24:, 0:2] = 2.0
    permeability[27, 41] = 1.0
    return permeability


@pytest.mark.costly
def test_estimates_agree_with_exact_maps():
    grid = GridGraph(two_components())
    exact = kirchhoff_index(grid, method="exact", sensitivity=True)
    estimate = kirchhoff_index(grid, method="estimate", sensitivity=True, key=jax.random.key(1), probes=200)
    assert estimate.method == "estimate" and estimate.sizes.tolist() == [462, 440, 8, 1]
    # Components of few cells are exact.
    np.testing.assert_allclose(estimate.value[2:], exact.value[2:], rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(estimate.standard_error[2:], 0)
    errors = np.asarray(estimate.value - exact.value)[:2] / np.asarray(estimate.standard_error)[:2]
    assert (np.abs(errors) < 4).all()
    assert (np.asarray(estimate.standard_error / estimate.value)[:2] < 0.01).all()
    for name, error in (
        ("cell_mean_resistance", "cell_standard_error"),
        ("sensitivity", "sensitivity_standard_error"),
    ):
        value, true, deviation = (
            np.asarray(raster) for raster in (getattr(estimate, name), getattr(exact, name), getattr(estimate, error))
        )
        large = np.isin(np.asarray(estimate.components), (1, 2))
        small = np.asarray(estimate.components) == 3
        np.testing.assert_allclose(value[small], true[small], rtol=1e-8)
        np.testing.assert_array_equal(deviation[small], 0)
        np.testing.assert_array_equal(np.isnan(value), np.isnan(true))
        scores = (value - true)[large] / deviation[large]
        # Student's t with 19 degrees of freedom, correlated between neighbours.
        assert 0.7 < np.sqrt((scores**2).mean()) < 1.6
        assert np.abs(value / true - 1)[large].mean() < 0.15


@pytest.mark.costly
def test_standard_errors_cover_the_value():
    """The 95 % interval, mean ± 2.1 standard errors, holds the value in most of 20 runs."""
    grid = GridGraph(two_components(3)[:22, :21])
    exact = float(kirchhoff_index(grid).value[0])
    runs = [kirchhoff_index(grid, method="estimate", key=jax.random.key(seed), probes=20) for seed in range(20)]
    scores = [abs(float(run.value[0]) - exact) / float(run.standard_error[0]) for run in runs]
    assert sum(score < 2.1 for score in scores) >= 16


def test_small_landscapes_are_exact_even_if_estimated():
    grid = GridGraph(np.ones((4, 5)), neighbors="rook")
    estimate, exact = (kirchhoff_index(grid, method=method, sensitivity=True) for method in ("estimate", "exact"))
    np.testing.assert_allclose(estimate.value, exact.value, rtol=1e-10)
    np.testing.assert_allclose(estimate.sensitivity, exact.sensitivity, rtol=1e-8)
    np.testing.assert_allclose(estimate.cell_mean_resistance, exact.cell_mean_resistance, rtol=1e-8)


def test_memory_decides_between_exact_and_estimate():
    grid = GridGraph(np.ones((4, 5)))
    assert kirchhoff_index(grid).method == "exact"
    result = kirchhoff_index(grid, free_bytes=1)
    assert result.method == "estimate" and result.reason.startswith("estimated: the factor would take 0.0 of 0.0 GB")
    with pytest.raises(MemoryError, match="The Kirchhoff index of a raster of 4 × 5 needs about"):
        kirchhoff_index(grid, method="exact", free_bytes=1)


def test_invalid_options_are_named():
    grid = GridGraph(np.ones((2, 3)))
    with pytest.raises(ValueError, match="relative_error must be positive and finite, not 0.0"):
        kirchhoff_index(grid, relative_error=0.0)
    with pytest.raises(ValueError, match="probes must be a whole number of at least 20, not 3"):
        kirchhoff_index(grid, probes=3)
