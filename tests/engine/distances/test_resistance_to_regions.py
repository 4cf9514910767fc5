"""Resistance to regions: sets of cells that are one node, without resistance inside."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph, ResistanceDistance

RNG = np.random.default_rng(5)
LANDSCAPE = RNG.lognormal(size=(5, 7))
LANDSCAPE[:, 4] = 0
LANDSCAPE[2, 1] = 0


def merged(grid, region):
    """Resistances to a region, from the pseudoinverse of the graph in which its vertices are one."""
    laplacian = np.zeros((grid.n_vertices,) * 2)
    system = grid.laplacian()
    cells = np.asarray(grid.cells)
    width = grid.width
    number = {cell: vertex for vertex, cell in enumerate(cells.tolist())}
    offsets = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    for cell, vertex in number.items():
        laplacian[vertex, vertex] = system.center.ravel()[cell]
        for (down, right), edge in zip(offsets, np.asarray(system.edges), strict=True):
            row, column = cell // width + down, cell % width + right
            other = number.get(row * width + column) if 0 <= column < width else None
            if other is not None:
                laplacian[vertex, other] = edge.ravel()[cell]
    inside = region.ravel()[cells]
    outside = np.flatnonzero(~inside)
    reduced = laplacian[np.ix_(outside, outside)]
    resistance = np.zeros(grid.n_vertices)
    resistance[outside] = np.diagonal(np.linalg.inv(reduced))
    return resistance


def cells(*places):
    region = np.zeros(LANDSCAPE.shape, bool)
    region[tuple(np.transpose(places))] = True
    return region


def test_region_is_one_node():
    # In both components, so that no vertex is without a path.
    region = cells((0, 0), (1, 1), (4, 3), (0, 6), (3, 5))
    grid = GridGraph(LANDSCAPE)
    np.testing.assert_allclose(
        ResistanceDistance().to_region(grid, jnp.asarray(region)), merged(grid, region), rtol=1e-9
    )


def test_region_of_one_cell_is_that_cell():
    grid = GridGraph(LANDSCAPE)
    vertex = np.flatnonzero(np.asarray(grid.cells) == 0)
    np.testing.assert_allclose(
        ResistanceDistance().to_region(grid, jnp.asarray(cells((0, 0)))),
        ResistanceDistance().from_sources(grid, jnp.asarray(vertex))[0],
        rtol=1e-9,
    )


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_cells_without_a_path_to_the_region_are_infinitely_far(neighbors):
    grid = GridGraph(LANDSCAPE, neighbors=neighbors)
    resistance = np.asarray(ResistanceDistance().to_region(grid, jnp.asarray(cells((0, 5), (1, 5)))))
    column = np.asarray(grid.cells) % grid.width
    assert (np.isinf(resistance) == (column < 4)).all() and (
        resistance[np.isin(np.asarray(grid.cells), [5, 12])] == 0
    ).all()


def test_larger_region_is_never_farther():
    grid = GridGraph(LANDSCAPE)
    small = np.asarray(ResistanceDistance().to_region(grid, jnp.asarray(cells((0, 0)))))
    large = np.asarray(ResistanceDistance().to_region(grid, jnp.asarray(cells((0, 0), (4, 0), (3, 3)))))
    assert (large <= small * (1 + 1e-9)).all()


def test_isolated_cells_and_barriers_in_the_region_do_no_harm():
    landscape = np.ones((1, 5))
    landscape[0, [1, 3]] = 0
    grid = GridGraph(landscape)
    resistance = ResistanceDistance().to_region(grid, jnp.asarray([[True, True, False, False, False]]))
    np.testing.assert_array_equal(resistance, [0, np.inf, np.inf])
