"""Gains of restoring discs against new searches in restored landscapes."""

import numpy as np
import pytest
import reference_dense
from reference_restoration import (
    EVERYWHERE,
    GRAPHS,
    LANDSCAPES,
    REGION,
    RESTORED,
    focal,
    grid_of,
    pairwise,
    restoration_gains,
)

from permea.engine.restoration import LeastCostRestoration, disc_restoration


def discs_by_brute_force(landscape, restorable, radius, nodes, permeability, **graph):
    """Restore one disc after the other, with new searches for each."""
    rows, columns = np.indices(landscape.shape)

    def with_disc_restored(cell):
        disc = np.hypot((rows - cell[0]) * 2.0, (columns - cell[1]) * 3.0) <= radius
        return np.where(disc & restorable, np.maximum(landscape, permeability), landscape)

    gain, n_newly_connected = restoration_gains(
        landscape, lambda changed: pairwise(changed, reference_dense.least_costs, nodes, **graph), with_disc_restored
    )
    return np.where(restorable, gain, np.nan), np.where(restorable, n_newly_connected, 0)


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", LANDSCAPES)
@pytest.mark.parametrize(("neighbors", "edge_rule"), [*GRAPHS, ("queen", "target")])
@pytest.mark.parametrize(("radius", "restored"), [(0.5, RESTORED), (3.0, RESTORED), (7.0, 0.4)])
def test_disc_gain_matches_new_search(name, neighbors, edge_rule, radius, restored):
    """Paths leave and reenter a disc of low permeability where more permeable land lies next to it."""
    landscape, graph = LANDSCAPES[name](), {"neighbors": neighbors, "edge_rule": edge_rule}
    nodes = (0, REGION, 13, 55)
    restorable = EVERYWHERE.copy()
    restorable[2:4, 3] = restorable[6, 6] = False
    costs = LeastCostRestoration(grid_of(landscape, **graph), focal(*nodes))
    result = disc_restoration(costs, radius, restored, restorable)
    gain, n_newly_connected = discs_by_brute_force(landscape, restorable, radius, nodes, restored, **graph)
    np.testing.assert_allclose(result.gain, gain, rtol=1e-11, atol=1e-12)
    np.testing.assert_array_equal(result.n_newly_connected, n_newly_connected)
    assert (gain > 0).any() or restored < 1
    if radius < 2:
        single = costs.evaluate(restored, restorable)
        np.testing.assert_allclose(result.gain, single.gain, rtol=1e-11, atol=1e-12)


@pytest.mark.costly
def test_path_that_leaves_and_reenters_the_disc():
    """A highly permeable strip next to the disc connects two of its lobes."""
    landscape = np.full((5, 9), 0.01)
    landscape[0], landscape[4, [0, 8]] = 0.0, 0.01
    landscape[1, 2:7] = 50.0
    landscape[2:, 4] = 0.001
    nodes = (27, 35)
    costs = LeastCostRestoration(grid_of(landscape), focal(*nodes))
    restorable = np.ones(landscape.shape, bool)
    restorable[1, 3:6] = restorable[2:, 4] = False
    result = disc_restoration(costs, 9.0, 0.5, restorable)
    expected, _ = discs_by_brute_force(landscape, restorable, 9.0, nodes, 0.5)
    np.testing.assert_allclose(result.gain, expected, rtol=1e-11, atol=1e-9)


def test_nonpositive_disc_radius_is_rejected():
    costs = LeastCostRestoration(grid_of(LANDSCAPES["rough"]()), focal(0, 55))
    with pytest.raises(ValueError, match="radius of a restored disc must be a positive number, not 0"):
        disc_restoration(costs, 0.0, RESTORED)
