"""Sensitivity maps and gradients of connectivity are the slopes of connectivity computed independently.

Habitat quality and permeability are two different rasters everywhere, so that they cannot be mistaken for each other.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
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
PLACES = [0, 5, 10, 14]


@pytest.fixture(scope="module")
def grid():
    return GridGraph(landscape())


def distances(name, permeability):
    conductance = reference_dense.conductances(permeability)
    if name == "least cost":
        return reference_dense.least_costs(conductance)
    if name == "resistance":
        return reference_dense.effective_resistances(conductance)
    return reference_dense.by_component(
        lambda part: reference_dense.randomized_paths(part, THETA)["expected_cost"], conductance
    )


def habitat(name, permeability, quality, sources=PLACES, targets=PLACES):
    """Σ q_i exp(−d_ij / α) q_j."""
    part = distances(name, permeability)[np.ix_(sources, targets)]
    values = quality[ACTIVE]
    return values[sources] @ np.exp(-part / ALPHA) @ values[targets]


def mean_path(name, permeability, sources=PLACES, targets=PLACES):
    part = distances(name, permeability)[np.ix_(sources, targets)]
    return part[np.isfinite(part) & (np.array(sources)[:, None] != targets)].mean()


def as_map(values):
    return np.where(ACTIVE, values, np.nan)


def assert_is_slope(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8 * np.nanmax(abs(expected)))


@each_distance
def test_the_map_of_quality_weighted_connectivity_is_its_slope_by_permeability(name, grid):
    found = sensitivity(QualityWeightedConnectivity(DISTANCES[name], ALPHA), grid, PLACES, quality=QUALITY)
    assert found.connectivity == pytest.approx(habitat(name, landscape(), QUALITY), rel=1e-11)
    assert_is_slope(found.raster, as_map(reference_dense.slopes(lambda p: habitat(name, p, QUALITY), landscape())))


@pytest.mark.parametrize("name", ["least cost", "resistance"])
def test_the_gradient_of_the_mean_path_length_is_its_slope_by_permeability(name):
    def total(permeability):
        return MeanPathLength(DISTANCES[name])(GridGraph(permeability, ACTIVE, COUNT), PLACES)

    value, found = jax.jit(jax.value_and_grad(total))(jnp.asarray(landscape()))
    assert float(value) == pytest.approx(mean_path(name, landscape()), rel=1e-11)
    assert_is_slope(found, reference_dense.slopes(lambda permeability: mean_path(name, permeability), landscape()))


def test_the_gradient_by_quality_is_the_slope_of_quality_weighted_connectivity(grid):
    connectivity = QualityWeightedConnectivity(LCPDistance(), ALPHA)
    found = jax.grad(lambda quality: connectivity(grid, PLACES, quality=quality))(jnp.asarray(QUALITY))
    expected = reference_dense.slopes(lambda quality: habitat("least cost", landscape(), quality), QUALITY)
    assert_is_slope(found, expected)


def test_the_gradient_by_alpha_is_the_slope_of_quality_weighted_connectivity(grid):
    def total(alpha):
        return QualityWeightedConnectivity(LCPDistance(), alpha)(grid, PLACES, quality=QUALITY)

    assert float(jax.grad(total)(ALPHA)) == pytest.approx(
        float(total(ALPHA + 1e-5) - total(ALPHA - 1e-5)) / 2e-5, rel=1e-7
    )


@pytest.mark.parametrize("elasticity", [False, True], ids=["absolute", "elasticity"])
@pytest.mark.parametrize("wrt", ["permeability", "resistance", "quality"])
def test_the_map_is_the_slope_by_what_one_asks_for(wrt, elasticity, grid):
    found = sensitivity(
        QualityWeightedConnectivity(LCPDistance(), ALPHA),
        grid,
        PLACES,
        quality=QUALITY,
        wrt=wrt,
        elasticity=elasticity,
    )
    own, by = {
        "permeability": (landscape(), lambda p: habitat("least cost", p, QUALITY)),
        "resistance": (
            1 / np.where(ACTIVE, landscape(), -1),
            lambda r: habitat("least cost", np.maximum(1 / r, 0), QUALITY),
        ),
        "quality": (QUALITY * ACTIVE, lambda quality: habitat("least cost", landscape(), quality)),
    }[wrt]
    assert_is_slope(found.raster, as_map(reference_dense.slopes(by, own) * (own if elasticity else 1)))


@pytest.mark.parametrize("wrt", ["permeability", "resistance"])
def test_the_map_of_the_mean_path_length_between_two_groups_is_its_slope(wrt, grid):
    sources, targets = [0, 5], [10, 2, 13]
    found = sensitivity(MeanPathLength(LCPDistance()), grid, sources, targets, wrt=wrt)
    slope = reference_dense.slopes(lambda p: mean_path("least cost", p, sources, targets), landscape())
    expected = slope if wrt == "permeability" else -(landscape() ** 2) * slope
    assert_is_slope(found.raster, as_map(expected))


def test_each_group_of_places_brings_its_own_quality(grid):
    sources, targets = [0, 5, 12], [8, 2, 13]
    found = sensitivity(QualityWeightedConnectivity(LCPDistance(), ALPHA), grid, sources, targets, quality=QUALITY)
    expected = habitat("least cost", landscape(), QUALITY, sources, targets)
    assert found.connectivity == pytest.approx(expected, rel=1e-12)


def test_pairs_are_counted_as_reachable_or_not(grid):
    found = sensitivity(MeanPathLength(LCPDistance()), grid, PLACES)
    apart = ~np.isfinite(distances("least cost", landscape())[np.ix_(PLACES, PLACES)])
    assert (found.pairs, found.unreachable_pairs) == (12 - apart.sum(), apart.sum())
    assert apart.any()


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_batches_of_targets_add_up_to_the_same_map(batch, grid):
    connectivity, said = MeanPathLength(LCPDistance()), []
    whole = sensitivity(connectivity, grid, PLACES)
    found = sensitivity(connectivity, grid, PLACES, batch=batch, progress=lambda done, of: said.append((done, of)))
    np.testing.assert_allclose(found.raster, whole.raster, rtol=1e-12, atol=1e-15)
    assert found.connectivity == pytest.approx(whole.connectivity, rel=1e-13)
    assert said[-1] == (4, 4) and len(said) == -(-4 // min(batch, 4))


def test_sources_left_out_are_all_places(grid):
    found = sensitivity(QualityWeightedConnectivity(LCPDistance(), ALPHA), grid, quality=QUALITY)
    everywhere = np.arange(COUNT)
    assert found.connectivity == pytest.approx(
        habitat("least cost", landscape(), QUALITY, everywhere, everywhere), rel=1e-12
    )


def test_swapping_quality_and_permeability_gives_another_map(grid):
    connectivity = QualityWeightedConnectivity(LCPDistance(), ALPHA)
    swapped = GridGraph(np.where(ACTIVE, QUALITY, 0))
    found = sensitivity(connectivity, grid, PLACES, quality=QUALITY).raster
    other = sensitivity(connectivity, swapped, PLACES, quality=landscape()).raster
    assert np.nanmax(abs(found - other)) > 0.1 * np.nanmax(abs(found))


def test_straight_lines_are_insensitive_to_permeability_but_not_to_quality(grid):
    connectivity = QualityWeightedConnectivity(EuclideanDistance(), ALPHA)
    by_permeability, by_quality = (
        sensitivity(connectivity, grid, PLACES, quality=QUALITY, wrt=what).raster
        for what in ("permeability", "quality")
    )
    np.testing.assert_array_equal(by_permeability, as_map(0.0))
    assert (by_quality[ACTIVE][PLACES] > 0).all()


def test_places_that_cannot_reach_each_other_have_an_infinite_mean_and_no_slope():
    found = sensitivity(MeanPathLength(LCPDistance()), GridGraph([[1.0, 0.0, 1.0]]), [0], [1])
    assert (found.connectivity, found.pairs, found.unreachable_pairs) == (np.inf, 0, 1)
    np.testing.assert_array_equal(found.raster, [[0, np.nan, 0]])


def test_an_unknown_respect_is_refused(grid):
    with pytest.raises(ValueError, match="wrt must be one of permeability, resistance, quality, not 'cost'"):
        sensitivity(MeanPathLength(LCPDistance()), grid, wrt="cost")


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf])
def test_quality_that_is_none_is_refused_with_its_place(value, grid):
    wrong = QUALITY.copy()
    wrong[2, 1] = wrong[1, 1] = value  # the second is a hole, where anything may be
    with pytest.raises(ValueError, match="missing or infinite in 1 active cells, the first at row 2, column 1"):
        sensitivity(MeanPathLength(LCPDistance()), grid, quality=wrong)


def test_quality_of_another_size_is_refused(grid):
    with pytest.raises(ValueError, match=r"quality has \(5, 4\) cells"):
        sensitivity(MeanPathLength(LCPDistance()), grid, quality=QUALITY.T)
