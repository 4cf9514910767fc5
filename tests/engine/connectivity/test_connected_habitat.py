"""Connected habitat by every distance, as a map of quality-weighted connectivity, and the effect of landmarks."""

import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense

from permea.engine import (
    GridGraph,
    LCPDistance,
    QualityWeightedConnectivity,
    ResistanceDistance,
    RSPDistance,
    connected_habitat,
)
from permea.engine.connectivity import landmarks

RNG = np.random.default_rng(12)
VALUES = RNG.lognormal(size=(5, 6))
VALUES[:, 4] = 0
SOURCE_QUALITY, TARGET_QUALITY = RNG.random((2, 5, 6))
THETA = 0.3
DISTANCES = {"least cost": LCPDistance(), "resistance": ResistanceDistance(), "randomized": RSPDistance(THETA)}


def falling(cost):
    return jnp.exp(-cost / 2.5)


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", DISTANCES)
@pytest.mark.parametrize("neighbors", [pytest.param("rook", marks=pytest.mark.long), "queen"])
def test_connected_habitat_matches_dense_distances(name, neighbors):
    result = connected_habitat(
        GridGraph(VALUES, neighbors=neighbors),
        DISTANCES[name],
        falling,
        SOURCE_QUALITY,
        target_quality=TARGET_QUALITY,
    )
    active = VALUES > 0
    expected_distances = reference_dense.distances(name, reference_dense.conductances(VALUES, neighbors), THETA)
    expected = SOURCE_QUALITY[active] * (np.exp(-expected_distances / 2.5) @ TARGET_QUALITY[active])
    np.testing.assert_allclose(result.raster[active], expected, rtol=1e-8)
    assert np.isnan(result.raster[~active]).all()
    assert (result.pairs, result.unreachable_pairs) == (20 * 19 + 5 * 4, 2 * 20 * 5)


def test_total_is_the_quality_weighted_connectivity():
    grid = GridGraph(VALUES)
    result = connected_habitat(grid, LCPDistance(), falling, SOURCE_QUALITY)
    whole = QualityWeightedConnectivity(LCPDistance(), alpha=2.5)(grid, quality=SOURCE_QUALITY)
    assert result.total == pytest.approx(float(whole), rel=1e-12)


def test_result_does_not_depend_on_batch_size():
    single, whole = (connected_habitat(GridGraph(VALUES), LCPDistance(), falling, batch=batch) for batch in (1, 100))
    np.testing.assert_allclose(single.raster, whole.raster, rtol=1e-13)


def test_landmarks_change_little_at_long_dispersal():
    grid, quality = GridGraph(np.ones((30, 30))), np.random.default_rng(1).random((30, 30))
    goals = landmarks(grid, quality, 3)
    options = {"targets": goals.vertices, "target_quality": goals.quality}

    def far(cost):
        return jnp.exp(-cost / 20)

    whole = connected_habitat(grid, LCPDistance(), far, quality)
    coarse = connected_habitat(grid, LCPDistance(), far, quality, **options)
    assert goals.vertices.size == 100
    assert coarse.total == pytest.approx(whole.total, rel=0.01)


def test_missing_or_negative_habitat_is_rejected():
    grid = GridGraph(VALUES)
    with pytest.raises(ValueError, match="no active cell has a quality above 0: there is no habitat to reach"):
        connected_habitat(grid, LCPDistance(), falling, np.zeros((5, 6)))
    with pytest.raises(ValueError, match="no target has a quality above 0: there is no habitat to reach"):
        connected_habitat(grid, LCPDistance(), falling, target_quality=np.zeros((5, 6)), targets=[3])
    with pytest.raises(ValueError, match="batch must be 1 or more targets, not -1"):
        connected_habitat(grid, LCPDistance(), falling, batch=-1)
    with pytest.raises(ValueError, match="quality is negative, missing or infinite in 25 active cells"):
        connected_habitat(grid, LCPDistance(), falling, np.full((5, 6), np.nan))


@pytest.mark.parametrize("value", [np.nan, -1.0, np.inf])
def test_landmarks_lose_no_habitat_without_an_error(value):
    quality = SOURCE_QUALITY.copy()
    quality[2, 3] = value
    with pytest.raises(ValueError, match="missing or infinite in 1 active cell, the first at row 2, column 3"):
        landmarks(GridGraph(VALUES), quality, 2)
    with pytest.raises(ValueError, match=r"quality has \(1, 6\) cells"):
        landmarks(GridGraph(VALUES), SOURCE_QUALITY[:1], 2)
