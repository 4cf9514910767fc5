"""Accumulated cost, commute distance and randomized paths against gdistance, accumulated cost also against r.cost.

gdistance works with the mean of the two cells' permeabilities or, here, 1 / mean resistance, divided by the length of
the step (geocorrection), which is `edge_rule="resistance"`.
"""

import numpy as np
import pytest
from reference_dense import conductances

from permea.engine import GridGraph, LCPDistance, ResistanceDistance, RSPDistance
from permea.engine.connectivity.rsp_movement import rsp_flow

CASES = [("toy9x8", "dir4", "rook"), ("toy9x8", "dir8", "queen"), ("rand30x40", "dir8", "queen")]


def landscape_with_points(name, table, neighbors="queen"):
    """Return a landscape of gdistance, and its points as vertices."""
    grid = GridGraph(1 / table(f"gdistance/{name}_resistance.csv"), neighbors=neighbors, edge_rule="resistance")
    x, y = table(f"gdistance/{name}_points_xy.csv").T
    return grid, grid.coord_to_active_vertex_index((grid.height - y).astype(int), x.astype(int))


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "_".join(case[:2]))
def case(request, table):
    """Return a landscape of gdistance, its points as vertices, and a function that reads its results."""
    name, directions, neighbors = request.param
    grid, points = landscape_with_points(name, table, neighbors)

    def stored(what):
        return table(f"gdistance/{name}_{directions}_{what}.csv")

    return grid, points, stored


def test_least_costs_equal_cost_distance(case):
    grid, points, stored = case
    np.testing.assert_allclose(LCPDistance()(grid, nodes=points), stored("costDistance_geoC"), rtol=1e-12)


@pytest.mark.costly
def test_resistance_times_volume_equals_commute_distance(case):
    grid, points, stored = case
    commute = ResistanceDistance()(grid, nodes=points) * grid.edges.sum()
    np.testing.assert_allclose(commute, stored("commuteDistance_geoC"), rtol=1e-8)


@pytest.mark.parametrize("name", ["toy9x8", "rand30x40"])
def test_least_cost_equals_accumulated_cost(name, table):
    grid = GridGraph(1 / table(f"gdistance/{name}_resistance.csv"), edge_rule="resistance")
    result = grid.node_values_to_array(LCPDistance()(grid, [0])[0])
    expected = table(f"gdistance/{name}_dir8_accCost_from_pt1.csv")
    np.testing.assert_allclose(result, np.where(np.isinf(expected), np.nan, expected), rtol=1e-12, atol=1e-12)


def test_least_cost_equals_grass(table, esri_grid):
    grid = GridGraph(1 / table("gdistance/rand30x40_resistance.csv"), edge_rule="resistance")
    result = grid.node_values_to_array(LCPDistance()(grid, [0])[0])
    np.testing.assert_allclose(result, esri_grid("grass/rand30x40_rcost.asc"), rtol=1e-5)  # r.cost rounds its input


@pytest.mark.costly
@pytest.mark.parametrize("theta", [0.01, 0.5, 1])
@pytest.mark.parametrize("name", ["toy9x8", "rand30x40"])
def test_rsp_equals_gdistance_total_movements(name, theta, table):
    # rSPDistance(totalNet="total", method=1): mean cost of the paths that end when they first reach the target.
    grid, points = landscape_with_points(name, table)
    expected = table(f"gdistance/{name}_dir8_rSP_theta{theta}_total_method1.csv")
    np.testing.assert_allclose(RSPDistance(theta)(grid, nodes=points), expected, rtol=1e-9)


def dense_currents(resistance, source, target):
    """Return the currents through all vertices for 1 A between two of them, by the pseudo-inverse."""
    conductance = conductances(1 / resistance, edge_rule="resistance")
    injected = np.zeros(len(conductance))
    injected[source], injected[target] = 1.0, -1.0
    potential = np.linalg.pinv(np.diag(conductance.sum(1)) - conductance, hermitian=True) @ injected
    flow = conductance * (potential[:, None] - potential[None])
    return np.maximum(np.maximum(flow, 0).sum(1), np.maximum(-flow, 0).sum(1))


@pytest.mark.costly_variants
@pytest.mark.parametrize("name", ["toy9x8", "rand30x40"])
@pytest.mark.parametrize(("theta", "stored"), [(0.1, "theta0.1"), (1e-11, "randomwalk")])
def test_net_passages_equal_gdistance(name, theta, stored, table):
    # passage(totalNet="net"); without a theta it is that of the random walk, whose net passages are currents.
    grid, points = landscape_with_points(name, table)
    result = rsp_flow(grid, RSPDistance(theta), points[:1], points[1:2], kind="net").passage
    expected = table(f"gdistance/{name}_dir8_passage_{stored}_net_1to2.csv")
    compared = np.array(grid.active)
    if stored == "randomwalk":
        # gdistance differs in the last cell and its neighbours; everywhere, the result equals a dense solve.
        currents = dense_currents(table(f"gdistance/{name}_resistance.csv"), *np.asarray(points[:2]))
        np.testing.assert_allclose(result[compared], currents, rtol=1e-7, atol=1e-7)
        compared[-2:, -2:] = False
    np.testing.assert_allclose(result[compared], expected[compared], rtol=1e-7, atol=1e-7)
