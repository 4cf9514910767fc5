"""Resistance to regions: sets of cells that are one node, without resistance inside."""

import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense

from permea.engine import GridGraph, ResistanceDistance

RNG = np.random.default_rng(5)
LANDSCAPE = RNG.lognormal(size=(5, 7))
LANDSCAPE[:, 4] = 0
LANDSCAPE[2, 1] = 0


def dense_resistance_to(region):
    """Resistances from all vertices to a region, from the inverse of the Laplacian grounded in the region."""
    conductance = reference_dense.conductances(LANDSCAPE)
    laplacian = np.diag(conductance.sum(1)) - conductance
    outside = np.flatnonzero(~region[LANDSCAPE > 0])
    resistance = np.zeros(len(laplacian))
    resistance[outside] = np.diagonal(np.linalg.inv(laplacian[np.ix_(outside, outside)]))
    return resistance


def region_of(*cells):
    region = np.zeros(LANDSCAPE.shape, bool)
    region[tuple(np.transpose(cells))] = True
    return region


@pytest.mark.costly_variants
def test_region_is_one_node():
    # In both components, so that no vertex is without a path.
    region = region_of((0, 0), (1, 1), (4, 3), (0, 6), (3, 5))
    grid = GridGraph(LANDSCAPE)
    result = ResistanceDistance().to_region(grid, jnp.asarray(region))
    np.testing.assert_allclose(result, dense_resistance_to(region), rtol=1e-9)


def test_region_of_one_cell_is_that_cell():
    grid = GridGraph(LANDSCAPE)
    vertex = np.flatnonzero(np.asarray(grid.cells) == 0)
    np.testing.assert_allclose(
        ResistanceDistance().to_region(grid, jnp.asarray(region_of((0, 0)))),
        ResistanceDistance().from_sources(grid, jnp.asarray(vertex))[0],
        rtol=1e-9,
    )


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_cells_without_a_path_to_the_region_are_infinitely_far(neighbors):
    grid = GridGraph(LANDSCAPE, neighbors=neighbors)
    resistance = np.asarray(ResistanceDistance().to_region(grid, jnp.asarray(region_of((0, 5), (1, 5)))))
    column = np.asarray(grid.cells) % grid.width
    np.testing.assert_array_equal(np.isinf(resistance), column < 4)
    np.testing.assert_array_equal(resistance[np.isin(np.asarray(grid.cells), [5, 12])], 0)


def test_larger_region_is_never_farther():
    grid = GridGraph(LANDSCAPE)
    small = np.asarray(ResistanceDistance().to_region(grid, jnp.asarray(region_of((0, 0)))))
    large = np.asarray(ResistanceDistance().to_region(grid, jnp.asarray(region_of((0, 0), (4, 0), (3, 3)))))
    assert (large <= small * (1 + 1e-9)).all()


def test_isolated_cells_and_barriers_in_the_region_do_no_harm():
    landscape = np.ones((1, 5))
    landscape[0, [1, 3]] = 0
    grid = GridGraph(landscape)
    resistance = ResistanceDistance().to_region(grid, jnp.asarray([[True, True, False, False, False]]))
    np.testing.assert_array_equal(resistance, [0, np.inf, np.inf])
