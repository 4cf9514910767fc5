"""Expected cost on JAXScape's habitat raster against ConScape, as in JAXScape's own tests."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, RSPDistance, largest_component

TARGET = (18, 5)


def minus_log(weight):
    return -jnp.log(weight)


@pytest.fixture(scope="module")
def stored(table):
    return table("jaxscape/conscape_rsp_distance_to_i=19_j=6.csv")


@pytest.fixture(scope="module")
def habitat(table):
    suitability = table("jaxscape/habitat_suitability.csv")
    options = {"neighbors": "rook", "edge_rule": "target"}
    inside = np.asarray(largest_component(GridGraph(suitability, **options)))
    return GridGraph(suitability, inside, **options)


def test_largest_component_has_distances(habitat, stored):
    np.testing.assert_array_equal(habitat.active, np.isfinite(stored))


@pytest.mark.costly
def test_expected_cost_equals_conscape(habitat, stored):
    target = habitat.coord_to_active_vertex_index(*TARGET)
    distance = RSPDistance(0.01, minus_log)
    result = habitat.node_values_to_array(distance(habitat, targets=target)[:, 0])
    np.testing.assert_allclose(result, stored, rtol=1e-8, atol=1e-9)


def test_expected_cost_ignores_other_components(habitat, stored):
    whole = GridGraph(habitat.permeability, neighbors="rook", edge_rule="target")
    target = whole.coord_to_active_vertex_index(*TARGET)
    result = np.asarray(whole.node_values_to_array(RSPDistance(0.01, minus_log)(whole, targets=target)[:, 0]))
    inside = np.isfinite(stored)
    np.testing.assert_allclose(result[inside], stored[inside], rtol=1e-8, atol=1e-9)
    assert not np.isfinite(result[~inside]).any()
