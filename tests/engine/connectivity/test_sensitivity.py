"""Sensitivity maps and gradients of connectivity are the derivatives of connectivity computed independently.

Habitat quality and permeability are two different rasters everywhere, so that they cannot be mistaken for each other.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
from reference_dense import assert_is_gradient

from permea.engine import (
    EuclideanDistance,
    GridGraph,
    LCPDistance,
    MeanPathLength,
    QualityWeightedConnectivity,
    ResistanceDistance,
    RSPDistance,
)
from permea.engine.connectivity import sensitivity

THETA, ALPHA = 0.3, 1.7
DISTANCES = {"least cost": LCPDistance(), "resistance": ResistanceDistance(), "randomized": RSPDistance(THETA)}
each_distance = pytest.mark.parametrize("name", DISTANCES)


def landscape():
    """A hole, a wall, and a second component beyond the wall."""
    permeability = np.random.default_rng(31).lognormal(size=(4, 5))
    permeability[:, 3] = 0
    permeability[1, 1] = 0
    return permeability


ACTIVE = landscape() > 0
COUNT = int(ACTIVE.sum())
QUALITY = np.random.default_rng(32).uniform(0.2, 3, (4, 5))
VERTICES = [0, 5, 10, 14]


@pytest.fixture(scope="module")
def grid():
    return GridGraph(landscape())


def distances(name, permeability):
    return reference_dense.distances(name, reference_dense.conductances(permeability), THETA)


def habitat(name, permeability, quality, sources=VERTICES, targets=VERTICES):
    """Σ q_i exp(−d_ij / α) q_j."""
    part = distances(name, permeability)[np.ix_(sources, targets)]
    values = quality[ACTIVE]
    return values[sources] @ np.exp(-part / ALPHA) @ values[targets]


def mean_path(name, permeability, sources=VERTICES, targets=VERTICES):
    part = distances(name, permeability)[np.ix_(sources, targets)]
    return part[np.isfinite(part) & (np.array(sources)[:, None] != targets)].mean()


def as_map(values):
    return np.where(ACTIVE, values, np.nan)


@pytest.mark.costly_variants
@each_distance
def test_quality_weighted_sensitivity_to_permeability(name, grid):
    result = sensitivity(QualityWeightedConnectivity(DISTANCES[name], ALPHA), grid, VERTICES, quality=QUALITY)
    assert result.connectivity == pytest.approx(habitat(name, landscape(), QUALITY), rel=1e-11)
    assert_is_gradient(
        result.raster, as_map(reference_dense.gradient(lambda p: habitat(name, p, QUALITY), landscape()))
    )


@pytest.mark.parametrize("name", ["least cost", "resistance"])
def test_mean_path_length_gradient_by_permeability(name):
    def total(permeability):
        return MeanPathLength(DISTANCES[name])(GridGraph(permeability, ACTIVE, COUNT), VERTICES)

    value, result = jax.jit(jax.value_and_grad(total))(jnp.asarray(landscape()))
    assert float(value) == pytest.approx(mean_path(name, landscape()), rel=1e-11)
    assert_is_gradient(
        result, reference_dense.gradient(lambda permeability: mean_path(name, permeability), landscape())
    )


@pytest.mark.costly
def test_quality_weighted_gradient_by_quality(grid):
    connectivity = QualityWeightedConnectivity(LCPDistance(), ALPHA)
    result = jax.grad(lambda quality: connectivity(grid, VERTICES, quality=quality))(jnp.asarray(QUALITY))
    expected = reference_dense.gradient(lambda quality: habitat("least cost", landscape(), quality), QUALITY)
    assert_is_gradient(result, expected)


def test_quality_weighted_gradient_by_alpha(grid):
    def total(alpha):
        return QualityWeightedConnectivity(LCPDistance(), alpha)(grid, VERTICES, quality=QUALITY)

    assert float(jax.grad(total)(ALPHA)) == pytest.approx(
        float(total(ALPHA + 1e-5) - total(ALPHA - 1e-5)) / 2e-5, rel=1e-7
    )


@pytest.mark.parametrize("elasticity", [False, True], ids=["absolute", "elasticity"])
@pytest.mark.parametrize("wrt", ["permeability", "resistance", "quality"])
def test_sensitivity_with_respect_to_each_variable(wrt, elasticity, grid):
    result = sensitivity(
        QualityWeightedConnectivity(LCPDistance(), ALPHA),
        grid,
        VERTICES,
        quality=QUALITY,
        wrt=wrt,
        elasticity=elasticity,
    )
    values, function = {
        "permeability": (landscape(), lambda p: habitat("least cost", p, QUALITY)),
        "resistance": (
            1 / np.where(ACTIVE, landscape(), -1),
            lambda r: habitat("least cost", np.maximum(1 / r, 0), QUALITY),
        ),
        "quality": (QUALITY * ACTIVE, lambda quality: habitat("least cost", landscape(), quality)),
    }[wrt]
    assert_is_gradient(
        result.raster, as_map(reference_dense.gradient(function, values) * (values if elasticity else 1))
    )


@pytest.mark.parametrize("wrt", ["permeability", "resistance"])
def test_mean_path_length_sensitivity_between_two_groups(wrt, grid):
    sources, targets = [0, 5], [10, 2, 13]
    result = sensitivity(MeanPathLength(LCPDistance()), grid, sources, targets, wrt=wrt)
    gradient = reference_dense.gradient(lambda p: mean_path("least cost", p, sources, targets), landscape())
    expected = gradient if wrt == "permeability" else -(landscape() ** 2) * gradient
    assert_is_gradient(result.raster, as_map(expected))


def test_sources_and_targets_have_their_own_quality(grid):
    sources, targets = [0, 5, 12], [8, 2, 13]
    result = sensitivity(QualityWeightedConnectivity(LCPDistance(), ALPHA), grid, sources, targets, quality=QUALITY)
    expected = habitat("least cost", landscape(), QUALITY, sources, targets)
    assert result.connectivity == pytest.approx(expected, rel=1e-12)


def test_connected_and_unconnected_pairs_are_counted(grid):
    result = sensitivity(MeanPathLength(LCPDistance()), grid, VERTICES)
    apart = ~np.isfinite(distances("least cost", landscape())[np.ix_(VERTICES, VERTICES)])
    assert (result.pairs, result.unreachable_pairs) == (12 - apart.sum(), apart.sum())
    assert apart.any()


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_sensitivity_does_not_depend_on_batch_size(batch, grid):
    connectivity, reported = MeanPathLength(LCPDistance()), []
    whole = sensitivity(connectivity, grid, VERTICES)
    result = sensitivity(
        connectivity, grid, VERTICES, batch=batch, progress=lambda done, of: reported.append((done, of))
    )
    np.testing.assert_allclose(result.raster, whole.raster, rtol=1e-12, atol=1e-15)
    assert result.connectivity == pytest.approx(whole.connectivity, rel=1e-13)
    assert reported[-1] == (4, 4) and len(reported) == -(-4 // min(batch, 4))


def test_default_sources_are_all_vertices(grid):
    result = sensitivity(QualityWeightedConnectivity(LCPDistance(), ALPHA), grid, quality=QUALITY)
    everywhere = np.arange(COUNT)
    assert result.connectivity == pytest.approx(
        habitat("least cost", landscape(), QUALITY, everywhere, everywhere), rel=1e-12
    )


def test_quality_and_permeability_are_not_interchangeable(grid):
    connectivity = QualityWeightedConnectivity(LCPDistance(), ALPHA)
    swapped = GridGraph(np.where(ACTIVE, QUALITY, 0))
    result = sensitivity(connectivity, grid, VERTICES, quality=QUALITY).raster
    other = sensitivity(connectivity, swapped, VERTICES, quality=landscape()).raster
    assert np.nanmax(abs(result - other)) > 0.1 * np.nanmax(abs(result))


def test_euclidean_sensitivity_is_to_quality_only(grid):
    connectivity = QualityWeightedConnectivity(EuclideanDistance(), ALPHA)
    by_permeability, by_quality = (
        sensitivity(connectivity, grid, VERTICES, quality=QUALITY, wrt=what).raster
        for what in ("permeability", "quality")
    )
    np.testing.assert_array_equal(by_permeability, as_map(0.0))
    assert (by_quality[ACTIVE][VERTICES] > 0).all()


def test_unconnected_pairs_have_infinite_mean_and_zero_gradient():
    result = sensitivity(MeanPathLength(LCPDistance()), GridGraph([[1.0, 0.0, 1.0]]), [0], [1])
    assert (result.connectivity, result.pairs, result.unreachable_pairs) == (np.inf, 0, 1)
    np.testing.assert_array_equal(result.raster, [[0, np.nan, 0]])


def test_nonlinear_measure_is_differentiated_by_the_chain_rule(grid):
    class EquivalentHabitat(QualityWeightedConnectivity):
        """√C: the quality of one cell with the same connectivity."""

        def aggregate(self, total, pairs):
            return jnp.sqrt(total)

    result = sensitivity(EquivalentHabitat(LCPDistance(), ALPHA), grid, VERTICES, quality=QUALITY)
    expected = reference_dense.gradient(lambda p: np.sqrt(habitat("least cost", p, QUALITY)), landscape())
    assert result.connectivity == pytest.approx(np.sqrt(habitat("least cost", landscape(), QUALITY)), rel=1e-11)
    assert_is_gradient(result.raster, as_map(expected))


@pytest.mark.parametrize("batch", [0, -1])
def test_batch_without_targets_is_rejected(batch, grid):
    with pytest.raises(ValueError, match=f"batch must be 1 or more targets, not {batch}"):
        sensitivity(MeanPathLength(LCPDistance()), grid, VERTICES, batch=batch)
    with pytest.raises(ValueError, match="targets is empty: give at least one vertex"):
        sensitivity(MeanPathLength(LCPDistance()), grid, VERTICES, np.empty(0, int))


@pytest.mark.parametrize("alpha", [0.0, -1.0, np.nan, np.ones(2)])
def test_invalid_alpha_is_rejected(alpha):
    with pytest.raises(ValueError, match="alpha must be one positive number"):
        QualityWeightedConnectivity(LCPDistance(), alpha)


def test_unknown_wrt_is_rejected(grid):
    with pytest.raises(ValueError, match="wrt must be one of permeability, resistance, quality, not 'cost'"):
        sensitivity(MeanPathLength(LCPDistance()), grid, wrt="cost")


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_invalid_quality_is_rejected_with_its_position(value, grid):
    wrong = QUALITY.copy()
    wrong[2, 1] = wrong[1, 1] = value  # the second is a hole, where anything may be
    with pytest.raises(ValueError, match="missing or infinite in 1 active cell, the first at row 2, column 1"):
        sensitivity(MeanPathLength(LCPDistance()), grid, quality=wrong)


def test_quality_of_another_shape_is_rejected(grid):
    with pytest.raises(ValueError, match=r"quality has \(5, 4\) cells"):
        sensitivity(MeanPathLength(LCPDistance()), grid, quality=QUALITY.T)
