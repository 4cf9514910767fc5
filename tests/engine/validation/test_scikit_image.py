"""Least costs against scikit-image's MCP_Geometric, from stored and from new runs."""

import numpy as np
import pytest
from skimage.graph import MCP_Geometric

from permea.engine import GridGraph, LCPDistance


def permeability(cost):
    """Return the permeability for costs of scikit-image, where negative ones mark barriers."""
    return np.where(cost > 0, 1 / cost, 0.0)


def costs_from_corner(cost, neighbors="queen", pixel_size=(1.0, 1.0)):
    grid = GridGraph(permeability(cost), neighbors=neighbors, edge_rule="resistance", pixel_size=pixel_size)
    return np.asarray(grid.node_values_to_array(LCPDistance()(grid, [0])[0], fill=np.inf))


@pytest.mark.parametrize(
    ("stored", "neighbors", "pixel_size"),
    [
        ("mcp_geometric_4n_from_0_0", "rook", (1.0, 1.0)),
        ("mcp_geometric_8n_from_0_0", "queen", (1.0, 1.0)),
        ("mcp_geometric_8n_sampling2x1", "queen", (2.0, 1.0)),
    ],
)
def test_costs_equal_stored_runs(stored, neighbors, pixel_size, table):
    result = costs_from_corner(table("skimage/cost.csv"), neighbors, pixel_size)
    np.testing.assert_allclose(result, table(f"skimage/{stored}.csv"), rtol=1e-13, atol=1e-12)


@pytest.mark.parametrize(("neighbors", "stored"), [("rook", "4n"), ("queen", "8n")])
def test_backlinks_give_stored_route(neighbors, stored, table):
    grid = GridGraph(permeability(table("skimage/cost.csv")), neighbors=neighbors, edge_rule="resistance")
    _, _, backlink = LCPDistance().allocation(grid, [0])
    vertex = int(grid.coord_to_active_vertex_index(24, 32)[0])
    route = []
    while vertex >= 0:
        route.append(grid.active_vertex_index_to_coord(vertex)[0])
        vertex = int(backlink[vertex])
    np.testing.assert_array_equal(route[::-1], table(f"skimage/mcp_geometric_{stored}_path_to_24_32.csv"))


@pytest.mark.parametrize("pixel_size", [(1.0, 1.0), (1.0, 3.0), (30.0, 20.0)])
def test_costs_equal_scikit_image_for_any_pixel_shape(pixel_size):
    cost = np.random.default_rng(1).lognormal(size=(25, 33))
    expected, _ = MCP_Geometric(cost, sampling=pixel_size).find_costs([(0, 0)])
    np.testing.assert_allclose(costs_from_corner(cost, pixel_size=pixel_size), expected, rtol=1e-12)


def test_costs_around_barriers_equal_scikit_image():
    cost = np.random.default_rng(2).lognormal(size=(25, 33))
    cost[5:25, 10] = cost[0:20, 20] = -1
    expected, _ = MCP_Geometric(cost).find_costs([(0, 0)])
    np.testing.assert_allclose(costs_from_corner(cost), expected, rtol=1e-12)
