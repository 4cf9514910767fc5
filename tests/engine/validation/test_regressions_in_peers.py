"""Regression tests for errors measured in other programs: precision, size and compilation.

Crossed walls, unconnected pairs, NaN in one cell and exchanged rasters are tested with impassable cells and
sensitivity.
"""

import equinox as eqx
import jax
import numpy as np
import pytest

from permea.engine import GridGraph, LCPDistance, MeanPathLength, ResistanceDistance, RSPDistance
from permea.engine.connectivity import sensitivity
from permea.engine.graph import gallery


def test_single_precision_resistances_equal_closed_form():
    # The trace of the pseudo-inverse is that of the closed form's eigenvalues; Kf / N = Σ_{i<j} R_ij / N.
    size = 41
    wave = 2 - 2 * np.cos(np.pi * np.arange(size) / size)
    expected = (1 / np.add.outer(wave, wave).ravel()[1:]).sum()
    uniform = np.ones((size, size), np.float32)
    result = eqx.filter_jit(lambda grid: ResistanceDistance()(grid).sum())(GridGraph(uniform, neighbors="rook"))
    assert float(result) / 2 / size**2 == pytest.approx(expected, rel=1e-10)


@jax.jit
@jax.value_and_grad
def rsp_at_theta(permeability, theta):
    grid = GridGraph(permeability, np.ones((6, 6), bool), 36)
    return RSPDistance(theta)(grid, targets=[35])[0, 0]


@pytest.mark.costly
@pytest.mark.parametrize("theta", [1.0, 30.0, 1000.0])
def test_rsp_is_finite_at_large_theta(theta):
    permeability = np.random.default_rng(51).lognormal(size=(6, 6))
    value, slope = rsp_at_theta(permeability, theta)
    cheapest = LCPDistance()(GridGraph(permeability), [0], [35])[0, 0]
    assert float(cheapest) * (1 - 1e-12) <= float(value) < np.inf
    assert np.isfinite(slope).all() and (np.asarray(slope) != 0).any()


@pytest.fixture
def compilations(compiled_functions):
    """Return a function that counts the compilations of a call."""

    def count(call):
        compiled_functions.clear()
        call()
        return len(compiled_functions)

    return count


@eqx.filter_jit
def mean_cost(grid, distance):
    return distance(grid, [0]).mean()


def window(seed):
    return GridGraph(np.random.default_rng(seed).lognormal(size=(6, 6)))


def test_windows_of_one_size_compile_once(compilations):
    distance, windows = LCPDistance(), [window(seed) for seed in range(4)]
    mean_cost(windows[0], distance)
    assert compilations(lambda: [mean_cost(each, distance) for each in windows]) == 0


def test_sensitivity_of_another_window_compiles_nothing(compilations):
    connectivity = MeanPathLength(LCPDistance())
    sensitivity(connectivity, window(0), [0, 35])
    one, other = window(1), window(2)
    assert compilations(lambda: [sensitivity(connectivity, each, [0, 35]) for each in (one, other)]) == 0


def test_new_equal_cost_function_compiles_nothing(compilations):
    grid, same = window(0), LCPDistance(lambda w: 1 / w)
    same(grid, [0])
    once = compilations(lambda: [same(grid, [0]) for _ in range(5)])
    assert compilations(lambda: [LCPDistance(lambda w: 1 / w)(grid, [0]) for _ in range(5)]) == once


def test_new_cost_functions_of_windows_compile_once(compilations):
    windows = [window(seed) for seed in range(4)]
    mean_cost(windows[0], LCPDistance(lambda w: 1 / w))
    assert compilations(lambda: [mean_cost(each, LCPDistance(lambda w: 1 / w)) for each in windows]) == 0


@pytest.mark.long
def test_rsp_memory_is_quadratic_in_cells():
    # Another program took 4.2 GB for 20 × 20 cells. All pairs need a few dense matrices of 400².
    grid = GridGraph(gallery.lognormal(20, 20))
    compiled = eqx.filter_jit(lambda grid: RSPDistance(0.1)(grid)).lower(grid).compile()
    sizes = compiled.compiled.memory_analysis()
    assert sizes.temp_size_in_bytes < 50 * 8 * 400**2
