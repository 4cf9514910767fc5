"""Invalid circuits, focal nodes and currents raise an error that names what is wrong."""

import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import GridGraph
from permea.engine.circuits import (
    AllToOne,
    GridCircuit,
    NetworkCircuit,
    OneToAll,
    Pairwise,
    advanced,
    cumulative_current_map,
    current_map,
    potential_map,
)
from permea.engine.graph import FocalNodes
from permea.engine.linalg import Multigrid

LINE = np.ones((1, 4))


def focal_of(*regions):
    return FocalNodes(np.arange(1, len(regions) + 1), tuple(np.array(cells) for cells in regions))


@pytest.mark.parametrize(
    ("ends", "conductances", "short_circuits", "message"),
    [
        ([[-1, 0], [1, 2]], [1, 1], [], "1 of 2 edges has an end with a negative number, the first is edge 0"),
        ([[0, 1], [3, 4]], [1, 1], [], "2 of 2 edges have an end beyond the 3 nodes"),
        (
            [[0, 1], [1, 2]],
            [1, np.nan],
            [],
            "1 of 2 edges has a conductance that is negative, infinite",
        ),
        ([[0, 1], [1, 2]], [1, 1], [[0, 3]], "1 node of short circuit 0 is not in the network of 3 nodes, .* is 3"),
        ([[0, 1], [1, 2]], [1, 1], [[0], [-1, -2]], "2 nodes of short circuit 1 are not in the network"),
    ],
)
def test_invalid_networks_raise(ends, conductances, short_circuits, message):
    groups = [np.array(nodes) for nodes in short_circuits]
    with pytest.raises(ValueError, match=message):
        NetworkCircuit(*np.array(ends), np.array(conductances, float), 3, groups)


def test_region_outside_the_raster_raises():
    with pytest.raises(ValueError, match="1 cell of region 1 lies outside the raster of 1 × 4 cells, .* index 7"):
        GridCircuit(GridGraph(LINE), [np.array([0]), np.array([1, 7])])


@pytest.mark.parametrize(
    ("sources", "grounds", "message"),
    [
        (
            [np.inf, 0, 0, 0],
            [0, 0, 0, 1],
            r"sources are invalid in 1 cell, .* \(0, 0\) \(inf\); .* to 1e\+100 A",
        ),
        ([1, 0, 0, 0], [0, 0, 0, -1], r"grounds are invalid in 1 cell, .* \(-1\); they must be from 0 to 1e\+100 S"),
        ([0, 1, -1, 0], [0, 0, 0, 1], "no source in the landscape: 2 given, those at one node cancel"),
        ([0, 0, 0, 0], [0, 0, 0, 1], "no source in the landscape: 0 given, none on an active cell"),
    ],
)
def test_invalid_sources_and_grounds_raise(sources, grounds, message):
    circuit = GridCircuit(GridGraph(LINE), [np.array([1, 2])])
    with pytest.raises(ValueError, match=message):
        advanced(circuit, np.array([sources], float), np.array([grounds], float))


@pytest.mark.parametrize("mode", [OneToAll, AllToOne])
def test_map_of_an_unknown_focal_node_raises(mode):
    with pytest.raises(ValueError, match="7 is not the id of a focal node"):
        list(mode(GridCircuit(GridGraph(LINE)), focal_of([0], [3])).maps([1, 7]))


def test_sums_that_need_single_pairs_raise():
    network = NetworkCircuit(np.array([0, 1, 2]), np.array([1, 2, 3]), np.ones(3))
    some_pairs = Pairwise(network, focal_of([0], [1], [3]), [(1, 2)])
    assert not some_pairs.sums_network
    with pytest.raises(ValueError, match="only all pairs of focal points in a network"):
        some_pairs.cumulative_of_network()
    with pytest.raises(ValueError, match="only focal regions on a raster"):
        some_pairs.partial_sums()


def test_current_into_a_fixed_node_raises():
    grounded = GridCircuit(GridGraph(LINE)).grounded(np.array([0]))
    with pytest.raises(ValueError, match="1 of 2 nodes has a fixed potential"):
        grounded.transfer_resistances(np.array([0, 3]))


@pytest.mark.parametrize(
    ("injected", "options", "message"),
    [
        (np.ones(4), {}, r"injected must be a raster of 1 × 4 cells, not of shape \(4,\)"),
        ([[1, 0, 0, np.nan]], {}, "in raster 0, the injected current is not finite in 1 cell"),
        ([[1, 0, 0, -1]], {"grounds": np.ones((2, 1, 4))}, r"grounds must be a raster .* not of shape \(2, 1, 4\)"),
        ([[1, 0, 0, -1]], {"grounds": -LINE}, "4 grounds are negative, infinite or not a number"),
        ([[1, 0, 0, -1]], {"fixed": np.ones((4, 1), bool)}, r"fixed must be a raster .* not of shape \(4, 1\)"),
        ([[1, 0, 0, 0]], {}, r"sum to 1 A instead of 0 A \(1 such component in all\)"),
    ],
)
def test_invalid_currents_of_differentiable_maps_raise(injected, options, message):
    with pytest.raises(ValueError, match=message):
        potential_map(GridGraph(LINE), injected, **options)


def test_invalid_points_of_a_differentiable_sum_raise():
    with pytest.raises(ValueError, match="current flows between two or more points, not 1"):
        cumulative_current_map(GridGraph(LINE), [0])
    with pytest.raises(ValueError, match="1 of 3 points is not connected with the first point; .* the index 2"):
        cumulative_current_map(GridGraph([[1.0, 1.0, 0.0, 1.0]]), [0, 1, 2])


def test_current_outside_the_landscape_is_ignored():
    grid = GridGraph([[1.0, 1.0, 0.0]])
    current = current_map(grid, jnp.array([[1.0, -1.0, jnp.nan]]))
    np.testing.assert_allclose(current, [[1, 1, 0]], atol=1e-12)


def test_regions_made_of_short_circuits_have_resistances_by_any_solver():
    grid = GridGraph(np.ones((3, 9)))
    short_circuits = [np.array([0, 1]), np.array([18, 19]), np.array([7, 8]), np.array([25, 26])]
    focal = focal_of([0, 18], [7, 25])
    direct, iterative = (
        Pairwise(GridCircuit(grid, short_circuits, solver=solver), focal).resistances().matrix[0, 1]
        for solver in (None, Multigrid())
    )
    assert iterative == pytest.approx(direct, rel=1e-6)


def test_overlapping_regions_have_no_potential_in_other_components():
    landscape = np.array([[1.0, 1.0, 1.0, 0.0, 1.0]])
    focal = focal_of([0, 1], [1, 2])
    shared, separate = (
        next(Pairwise(GridCircuit(GridGraph(landscape)), focal, max_boundary_cells=size).maps()) for size in (100, 0)
    )
    assert shared.resistance == separate.resistance == 0.0
    np.testing.assert_array_equal(shared.potentials, [[0, 0, 0, np.nan, np.nan]])
    np.testing.assert_array_equal(separate.potentials, shared.potentials)
    np.testing.assert_array_equal(separate.currents, shared.currents)
