"""Randomized shortest paths against ConScape: numbers that its tests assert, and maps derived from its definitions.

ConScape numbers nodes column by column from 1; the rasters here are read with rows first.
"""

import json

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, QualityWeightedConnectivity, RSPDistance, largest_component
from permea.engine.connectivity import betweenness

THETA = 0.1
MEASURES = {
    "expected_cost": "expected_cost",
    "free_energy": "free_energy_distance",
    "survival": "survival_probability",
}


def minus_log(weight):
    return -jnp.log(weight)


@pytest.fixture(scope="module")
def asserted(reference_data):
    return json.loads((reference_data / "conscape/expected_values.json").read_text())


def test_four_cells_equal_asserted_distances(asserted):
    square = GridGraph(np.ones((2, 2)), neighbors="rook")
    precise = asserted["distances_2x2"]["full_precision_rederived"]
    for measure, name in MEASURES.items():
        result = RSPDistance(2.0, measure=measure)(square)
        np.testing.assert_allclose(
            result, asserted["distances_2x2"][name], rtol=1e-5
        )  # the digits that ConScape's tests give
        assert float(result[0, 1]) == pytest.approx(precise[f"{measure}_01"], abs=5e-9)


class Reindeer:
    """A Norwegian reindeer landscape: affinities, habitat quality, and distances between all 1393 cells."""

    def __init__(self, esri_grid):
        affinity = esri_grid("conscape/affinities_sno_2000.asc")
        quality = esri_grid("conscape/qualities_sno_2000.asc")
        whole = GridGraph(np.nan_to_num(affinity), edge_rule="target")
        active = np.asarray(largest_component(whole))
        self.quality = np.where(active, np.where(np.isnan(quality), 1e-20, quality), 0.0)
        self.grid = GridGraph(np.nan_to_num(affinity), active, edge_rule="target")
        self.of_vertices = self.quality[active]
        self.by_columns = np.lexsort(np.argwhere(active).T)

    def distances(self, measure):
        return np.asarray(RSPDistance(THETA, minus_log, measure)(self.grid))


@pytest.fixture(scope="module")
def reindeer(esri_grid):
    return Reindeer(esri_grid)


@pytest.fixture(scope="module")
def expected_cost(reindeer):
    return reindeer.distances("expected_cost")


@pytest.fixture(scope="module")
def free_energy(reindeer):
    return reindeer.distances("free_energy")


def last_three(matrix, order):
    """Return the last three stored entries of a sparse matrix in column order."""
    columns = np.asarray(matrix)[np.ix_(order, order)].T
    return columns[columns > 0][-3:]


@pytest.mark.costly
def test_reference_random_walk_equals_asserted_probabilities(reindeer, asserted):
    conductance = np.asarray(reindeer.grid.get_adjacency_matrix().todense())
    steps = conductance / conductance.sum(1, keepdims=True)
    costs = -np.log(np.where(conductance > 0, conductance, 1.0))
    expected = asserted["sno_2000"]
    np.testing.assert_allclose(last_three(costs, reindeer.by_columns), expected["costmatrix_last3_nz"], rtol=1e-12)
    np.testing.assert_allclose(last_three(steps, reindeer.by_columns), expected["Pref_last3_nz"], rtol=1e-12)


@pytest.mark.costly
def test_survival_proportional_to_asserted_matrix(free_energy, reindeer, asserted):
    # Z itself is not a distance, but within a column Z is proportional to survival.
    order = reindeer.by_columns
    survival = np.exp(-THETA * free_energy)[np.ix_(order, order)][99:102, 110:113]
    expected = np.array(asserted["sno_2000"]["Z[100:102,111:113]"])
    np.testing.assert_allclose(survival / survival[0], expected / expected[0], rtol=1e-9)


@pytest.mark.costly
def test_mean_kl_divergence_equals_asserted(expected_cost, free_energy, reindeer, asserted):
    quality = reindeer.of_vertices
    result = THETA * quality @ (free_energy - expected_cost) @ quality
    assert result == pytest.approx(asserted["sno_2000"]["mean_kl_divergence"], rel=1e-8)


def test_connected_habitat_equals_derived_map(expected_cost, reindeer, table):
    habitat = reindeer.of_vertices * (np.exp(-expected_cost) @ reindeer.of_vertices)
    stored = table("conscape/derived_sno2000_theta0.1_connected_habitat.csv")[np.asarray(reindeer.grid.active)]
    np.testing.assert_allclose(habitat, stored, rtol=1e-8)


@pytest.mark.long
def test_connectivity_is_sum_of_derived_map(reindeer, table):
    @eqx.filter_jit
    def connectivity(grid, quality):
        return QualityWeightedConnectivity(RSPDistance(THETA, minus_log), alpha=1.0)(grid, quality=quality)

    stored = np.nansum(table("conscape/derived_sno2000_theta0.1_connected_habitat.csv"))
    assert float(connectivity(reindeer.grid, reindeer.quality)) == pytest.approx(stored, rel=1e-9)


def falling(cost):
    return jnp.exp(-cost)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_quality_weighted_betweenness_equals_conscape(reindeer, asserted, table):
    result = betweenness(reindeer.grid, RSPDistance(THETA, minus_log), reindeer.quality)
    stored = table("conscape/derived_sno2000_theta0.1_betweenness_q.csv")
    np.testing.assert_allclose(result.passage, stored, rtol=1e-8)
    np.testing.assert_allclose(
        result.passage[20:23, 20:23], asserted["sno_2000"]["betweenness_qweighted[21:23,21:23]"], rtol=1e-8
    )
    assert result.imbalance < 1e-11
    # ConScape: the sums of edge betweenness over what leaves a node are its betweenness.
    active = np.asarray(reindeer.grid.active)
    np.testing.assert_allclose(result.edges.sum(0)[active], result.passage[active], rtol=1e-9)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_proximity_weighted_betweenness_equals_conscape(reindeer, asserted, table):
    by_proximity = betweenness(reindeer.grid, RSPDistance(THETA, minus_log), reindeer.quality, proximity=falling)
    np.testing.assert_allclose(
        by_proximity.passage[20:23, 30:33],
        asserted["sno_2000"]["betweenness_kweighted(diagvalue=1)[21:23,31:33]"],
        rtol=1e-8,
    )
    stored = table("conscape/derived_sno2000_theta0.1_connected_habitat.csv")
    np.testing.assert_allclose(by_proximity.habitat, stored, rtol=1e-8)
