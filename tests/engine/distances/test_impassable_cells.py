"""Barriers, nodata and unconnected components."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import (
    EuclideanDistance,
    GridGraph,
    LCPDistance,
    MeanPathLength,
    QualityWeightedConnectivity,
    ResistanceDistance,
    RSPDistance,
)
from permea.engine.distances.base import require_matrix_memory

DISTANCES = {"least cost": LCPDistance(), "resistance": ResistanceDistance(), "randomized": RSPDistance(0.5)}
each_distance = pytest.mark.parametrize("name", DISTANCES)


def walled(hole=np.nan):
    """Five by five random cells, divided by a wall one cell thick, with a cell of `hole` on the left."""
    permeability = np.random.default_rng(8).lognormal(size=(5, 5))
    permeability[:, 3] = 0
    permeability[2, 1] = hole
    return permeability


ACTIVE = np.nan_to_num(walled()) > 0
LEFT = np.nonzero(ACTIVE)[1] < 3
TOGETHER = LEFT[:, None] == LEFT


@eqx.filter_jit
def distances(distance, permeability):
    return distance(GridGraph(permeability, jnp.asarray(ACTIVE), int(ACTIVE.sum())))


@each_distance
def test_distance_is_infinite_exactly_across_a_wall(name):
    np.testing.assert_array_equal(np.isfinite(distances(DISTANCES[name], walled())), TOGETHER)


@each_distance
def test_nodata_is_equivalent_to_zero_permeability(name):
    np.testing.assert_array_equal(distances(DISTANCES[name], walled(np.nan)), distances(DISTANCES[name], walled(0.0)))


@each_distance
def test_landscape_beyond_a_wall_has_no_effect(name):
    other = walled()
    other[:, 4] *= 1e3
    here = np.ix_(LEFT, LEFT)
    np.testing.assert_allclose(
        np.asarray(distances(DISTANCES[name], other))[here],
        np.asarray(distances(DISTANCES[name], walled()))[here],
        rtol=1e-10,
        atol=1e-12,
    )


@each_distance
def test_distance_of_a_cell_to_itself_is_zero(name):
    np.testing.assert_array_equal(np.diag(distances(DISTANCES[name], walled())), 0)


def test_survival_is_zero_across_a_wall():
    survival = np.asarray(distances(RSPDistance(0.5, measure="survival"), walled()))
    np.testing.assert_array_equal(survival > 0, TOGETHER)


def test_path_leads_through_the_gap_in_a_wall():
    permeability = np.ones((3, 5))
    permeability[:2, 2] = 0
    # From corner to corner along the top: two rows down, four columns over, two rows up.
    assert float(LCPDistance()(GridGraph(permeability, neighbors="rook"), [0], [3])[0, 0]) == pytest.approx(8)


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_diagonal_wall_blocks_rook_but_not_queen_moves(neighbors):
    permeability = 1 - np.eye(4)
    reached = np.isfinite(LCPDistance()(GridGraph(permeability, neighbors=neighbors), [0])).sum()
    assert reached == {"rook": 6, "queen": 12}[neighbors]


@pytest.mark.costly_variants
@pytest.mark.parametrize("requested", [{"sources": [0]}, {"targets": [0]}, {"nodes": [0, 1]}])
@each_distance
def test_isolated_cells_are_infinitely_far_in_every_call(name, requested):
    result = np.asarray(DISTANCES[name](GridGraph([[1.0, 0.0, 1.0]]), **requested))
    assert np.sort(result.ravel()).tolist() in ([0, np.inf], [0, 0, np.inf, np.inf])


def test_resistance_of_pairs_across_a_wall_is_infinite():
    resistance = ResistanceDistance().pairs(GridGraph([[1.0, 1.0, 0.0, 1.0]]), [0, 0], [1, 2])
    np.testing.assert_allclose(resistance, [1, np.inf])


def test_mean_path_length_excludes_unconnected_pairs():
    connectivity = MeanPathLength(LCPDistance())
    assert float(connectivity(GridGraph([[1.0, 1.0, 0.0, 1.0]]))) == pytest.approx(1)
    assert float(connectivity(GridGraph([[1.0, 0.0, 0.0, 1.0]]))) == np.inf


def test_habitat_beyond_a_wall_contributes_only_its_diagonal():
    connectivity = QualityWeightedConnectivity(LCPDistance(), alpha=2.0)
    result = connectivity(GridGraph([[1.0, 1.0, 0.0, 1.0]]), quality=[[2.0, 3.0, 7.0, 5.0]])
    assert float(result) == pytest.approx(4 + 9 + 25 + 2 * 6 * np.exp(-1 / 2), rel=1e-14)


@pytest.mark.costly_variants
@each_distance
def test_nearest_target_is_a_reachable_one(name):
    result = eqx.filter_jit(DISTANCES[name].nearest)(GridGraph([[1.0, 1.0, 0.0, 1.0]]), np.array([1, 2]))
    np.testing.assert_allclose(result, [1, 0, 0], atol=1e-14)


def test_resistance_rejects_directed_graphs():
    with pytest.raises(ValueError, match="effective resistance needs an undirected graph"):
        ResistanceDistance()(GridGraph([[1.0, 2.0]], edge_rule="target"))


@pytest.mark.parametrize("call", [{"sources": [3]}, {"targets": [-1]}, {"nodes": [0, 9]}])
def test_invalid_vertex_numbers_are_rejected(call):
    with pytest.raises(ValueError, match=r"1 of . (sources|targets|nodes) is not a vertex .* from 0 to 2"):
        LCPDistance()(GridGraph([[1.0, 1.0, 0.0, 1.0]]), **call)


def test_nodes_together_with_sources_are_rejected():
    with pytest.raises(ValueError, match="either nodes, or sources and targets"):
        LCPDistance()(GridGraph([[1.0, 1.0]]), [0], nodes=[1])


def test_negative_cost_is_rejected_with_the_reason():
    with pytest.raises(ValueError, match=r"negative or undefined on 2 of 4 edges, .*no conductance may exceed 1"):
        LCPDistance(lambda w: -jnp.log(w))(GridGraph([[1.0, 0.5, 5.0]]), [0])


@pytest.mark.parametrize("theta", [0.0, -1.0, np.inf, np.nan])
def test_nonpositive_theta_is_rejected(theta):
    with pytest.raises(ValueError, match="theta must be one positive number"):
        RSPDistance(theta)


def test_undefined_costs_are_counted_among_the_edges():
    with pytest.raises(ValueError, match="negative or undefined on 2 of 4 edges, "):
        LCPDistance(lambda w: jnp.where(w > 1, jnp.nan, 1 / w))(GridGraph([[1.0, 1.0, 5.0]]), [0])


def test_negative_cost_is_rejected_in_compiled_sweeps():
    """The costs of a compiled program are known only when it runs; sweeps around a negative cycle would never end."""
    with pytest.raises(Exception, match="the cost is negative or undefined on an edge"):
        distances(LCPDistance(lambda w: -jnp.log(w), solver="sweeps"), walled())


def test_nearest_target_has_the_largest_survival():
    grid, distance = GridGraph([[1.0, 1.0, 1.0, 0.0, 1.0]]), RSPDistance(0.5, measure="survival")
    survival = np.asarray(distance(grid, targets=[0, 1, 3]))
    np.testing.assert_allclose(distance.nearest(grid, [0, 1, 3]), survival.max(1), rtol=1e-12)


@pytest.mark.parametrize("distance", [*DISTANCES.values(), EuclideanDistance()], ids=lambda each: type(each).__name__)
def test_padding_is_infinitely_far_from_everything(distance):
    """In compiled code, a vertex number beyond the last one stands for a vertex that does not exist."""
    between = eqx.filter_jit(lambda grid, nodes: distance(grid, nodes, nodes))
    result = np.asarray(between(GridGraph([[1.0, 1.0, 1.0]]), jnp.array([0, 2, 3])))
    assert np.isfinite(result).tolist() == [[True, True, False], [True, True, False], [False, False, False]]


@pytest.mark.costly
def test_padding_has_survival_zero_in_both_directions():
    distance = RSPDistance(0.5, measure="survival")
    between = eqx.filter_jit(lambda grid, sources, targets: distance(grid, sources, targets))
    grid, few, many = GridGraph(np.ones((1, 9))), jnp.array([0]), jnp.array([*range(8), 9])
    assert float(between(grid, few, many)[0, -1]) == float(between(grid, many, few)[-1, 0]) == 0


def test_pairs_need_as_many_sources_as_targets():
    with pytest.raises(ValueError, match="every pair needs a source and a target, but there are 1 and 2"):
        ResistanceDistance().pairs(GridGraph([[1.0, 1.0, 1.0]]), [0], [1, 2])


def test_distances_between_all_pairs_must_fit_into_memory():
    with pytest.raises(
        MemoryError, match=r"1,000,000 active cells need about 22,\d\d\d\.\d GB .* between selected cells"
    ):
        require_matrix_memory(1_000_000, free_bytes=1 << 40)


def test_no_pairs_are_refused():
    with pytest.raises(ValueError, match="sources is empty"):
        ResistanceDistance().pairs(GridGraph([[1.0, 1.0]]), np.empty(0, int), np.empty(0, int))
