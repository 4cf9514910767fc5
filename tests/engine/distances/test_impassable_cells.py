"""What cannot be crossed is not crossed: barriers, nodata, and components that no path joins."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from permea.engine import (
    GridGraph,
    LCPDistance,
    MeanPathLength,
    QualityWeightedConnectivity,
    ResistanceDistance,
    RSPDistance,
)

DISTANCES = {"least cost": LCPDistance(), "resistance": ResistanceDistance(), "randomized": RSPDistance(0.5)}
each_distance = pytest.mark.parametrize("name", DISTANCES)


def walled(hole=np.nan):
    """Five by five cells of all kinds, cut in two by a wall one cell thick, with a cell of `hole` on the left."""
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
def test_places_on_two_sides_of_a_wall_are_infinitely_far_apart_and_all_others_are_not(name):
    np.testing.assert_array_equal(np.isfinite(distances(DISTANCES[name], walled())), TOGETHER)


@each_distance
def test_one_cell_without_data_spoils_nothing_else(name):
    np.testing.assert_array_equal(distances(DISTANCES[name], walled(np.nan)), distances(DISTANCES[name], walled(0.0)))


@each_distance
def test_what_is_beyond_a_wall_does_not_matter(name):
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
def test_a_place_is_at_no_distance_from_itself(name):
    np.testing.assert_array_equal(np.diag(distances(DISTANCES[name], walled())), 0)


def test_nothing_survives_the_way_through_a_wall():
    survival = np.asarray(distances(RSPDistance(0.5, measure="survival"), walled()))
    np.testing.assert_array_equal(survival > 0, TOGETHER)


def test_a_wall_with_a_gap_in_it_is_walked_around():
    permeability = np.ones((3, 5))
    permeability[:2, 2] = 0
    # From corner to corner along the top: two rows down, four columns over, two rows up.
    assert float(LCPDistance()(GridGraph(permeability, neighbors="rook"), [0], [3])[0, 0]) == pytest.approx(8)


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_a_diagonal_wall_stops_those_who_move_along_rows_and_columns(neighbors):
    permeability = 1 - np.eye(4)
    reached = np.isfinite(LCPDistance()(GridGraph(permeability, neighbors=neighbors), [0])).sum()
    assert reached == {"rook": 6, "queen": 12}[neighbors]


@pytest.mark.parametrize("asked", [{"sources": [0]}, {"targets": [0]}, {"nodes": [0, 1]}])
@each_distance
def test_two_lone_cells_are_infinitely_far_apart_however_one_asks(name, asked):
    found = np.asarray(DISTANCES[name](GridGraph([[1.0, 0.0, 1.0]]), **asked))
    assert np.sort(found.ravel()).tolist() in ([0, np.inf], [0, 0, np.inf, np.inf])


def test_pairs_across_a_wall_have_infinite_resistance():
    resistance = ResistanceDistance().pairs(GridGraph([[1.0, 1.0, 0.0, 1.0]]), [0, 0], [1, 2])
    np.testing.assert_allclose(resistance, [1, np.inf])


def test_means_leave_out_the_pairs_that_cannot_reach_each_other():
    connectivity = MeanPathLength(LCPDistance())
    assert float(connectivity(GridGraph([[1.0, 1.0, 0.0, 1.0]]))) == pytest.approx(1)
    assert float(connectivity(GridGraph([[1.0, 0.0, 0.0, 1.0]]))) == np.inf


def test_habitat_beyond_a_wall_adds_only_itself():
    connectivity = QualityWeightedConnectivity(LCPDistance(), alpha=2.0)
    found = connectivity(GridGraph([[1.0, 1.0, 0.0, 1.0]]), quality=[[2.0, 3.0, 7.0, 5.0]])
    assert float(found) == pytest.approx(4 + 9 + 25 + 2 * 6 * np.exp(-1 / 2), rel=1e-14)


@each_distance
def test_the_nearest_of_several_places_is_one_that_can_be_reached(name):
    found = eqx.filter_jit(DISTANCES[name].nearest)(GridGraph([[1.0, 1.0, 0.0, 1.0]]), np.array([1, 2]))
    np.testing.assert_allclose(found, [1, 0, 0], atol=1e-14)


def test_a_directed_graph_has_no_resistance_and_is_refused():
    with pytest.raises(ValueError, match="effective resistance needs an undirected graph"):
        ResistanceDistance()(GridGraph([[1.0, 2.0]], edge_rule="target"))


@pytest.mark.parametrize("call", [{"sources": [3]}, {"targets": [-1]}, {"nodes": [0, 9]}])
def test_vertices_that_do_not_exist_are_refused_by_number(call):
    with pytest.raises(ValueError, match=r"1 of . (sources|targets|nodes) are not vertices .* from 0 to 2"):
        LCPDistance()(GridGraph([[1.0, 1.0, 0.0, 1.0]]), **call)


def test_nodes_and_sources_at_once_are_refused():
    with pytest.raises(ValueError, match="either nodes, or sources and targets"):
        LCPDistance()(GridGraph([[1.0, 1.0]]), [0], nodes=[1])


def test_a_negative_cost_is_refused_in_words_that_say_why():
    with pytest.raises(ValueError, match=r"negative or undefined on 2 of 4 edges, .*no conductance may exceed 1"):
        LCPDistance(lambda w: -jnp.log(w))(GridGraph([[1.0, 0.5, 5.0]]), [0])


@pytest.mark.parametrize("theta", [0.0, -1.0, np.inf, np.nan])
def test_theta_that_is_not_a_positive_number_is_refused(theta):
    with pytest.raises(ValueError, match="theta must be one positive number"):
        RSPDistance(theta)
