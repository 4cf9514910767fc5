"""Distances with closed forms: in chains, rings and uniform rectangles."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from permea.engine import EuclideanDistance, GridGraph, LCPDistance, ResistanceDistance, RSPDistance
from permea.engine.graph import gallery

SQRT2 = np.sqrt(2)


def distances(distance, permeability, **options):
    """Distances between all cells; compiled as a whole, which is faster than compiling every operation."""
    permeability = np.asarray(permeability, float)
    active = permeability > 0

    @eqx.filter_jit
    def all_pairs(permeability):
        return distance(GridGraph(permeability, active, int(active.sum()), **options))

    return np.asarray(all_pairs(permeability))


def conductances(permeability, **options):
    permeability = np.asarray(permeability, float)
    active = permeability > 0

    @eqx.filter_jit
    def matrix(permeability):
        return GridGraph(permeability, active, int(active.sum()), **options).get_adjacency_matrix().todense()

    return np.asarray(matrix(permeability))


def ends(distance, permeability, **options):
    """Distance between the first and the last cell."""
    return distances(distance, permeability, **options)[0, -1]


def resistances(permeability, **options):
    return distances(ResistanceDistance(), permeability, **options)


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance()], ids=["least_cost", "resistance"])
def test_uniform_corridor_distance_counts_steps(distance, neighbors):
    result = distances(distance, gallery.uniform(1, 7), neighbors=neighbors)
    vertex = np.arange(7)
    np.testing.assert_allclose(result, abs(vertex[:, None] - vertex), rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("corridor", [(1, 6), (6, 1)])
def test_resistances_in_series_add(corridor):
    permeability = np.array([1.0, 0.25, 4.0, 0.5, 2.0, 10.0]).reshape(corridor)
    resistance = 1 / permeability.ravel()
    expected = (resistance[:-1] + resistance[1:]).sum() / 2
    assert ends(ResistanceDistance(), permeability, edge_rule="resistance") == pytest.approx(expected, rel=1e-13)


def test_corridor_resistance_is_its_least_cost():
    permeability = np.random.default_rng(3).lognormal(size=(1, 9))
    np.testing.assert_allclose(
        distances(LCPDistance(), permeability), resistances(permeability), rtol=1e-12, atol=1e-12
    )


def test_parallel_paths_halve_the_resistance():
    ring = gallery.ring(4)
    cut = ring.copy()
    cut[0, 2] = 0
    # Of the ring's 12 cells, the first and the last are opposite corners.
    assert ends(ResistanceDistance(), ring, neighbors="rook") == pytest.approx(
        ends(ResistanceDistance(), cut, neighbors="rook") / 2, rel=1e-13
    )


def test_ring_resistance_is_that_of_parallel_arcs():
    ring = gallery.ring(4)
    steps, around = distances(LCPDistance(), ring, neighbors="rook"), 12
    result = resistances(ring, neighbors="rook")
    np.testing.assert_allclose(result, steps * (around - steps) / around, rtol=1e-12, atol=1e-13)


def test_kirchhoff_index_of_uniform_square():
    result = resistances(gallery.uniform(20, 20), neighbors="rook")
    # Kf = Σ_{i<j} R_ij = N · tr L⁺.
    assert result.sum() / 2 / 400 == pytest.approx(317.33603787, abs=5e-9)


@pytest.mark.parametrize("shape", [(5, 6), (1, 7)])
def test_laplacian_eigenvalues_of_uniform_rectangle(shape):
    adjacency = conductances(gallery.uniform(*shape), neighbors="rook")
    rows, columns = (2 - 2 * np.cos(np.pi * np.arange(length) / length) for length in shape)
    expected = np.sort(np.add.outer(rows, columns).ravel())
    result = np.linalg.eigvalsh(np.diag(adjacency.sum(1)) - adjacency)
    np.testing.assert_allclose(result, expected, atol=1e-13)


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_foster_theorem_on_connected_landscape(neighbors):
    permeability = np.random.default_rng(4).lognormal(size=(5, 6))
    currents = conductances(permeability, neighbors=neighbors) * resistances(permeability, neighbors=neighbors)
    assert currents.sum() / 2 == pytest.approx(29, rel=1e-12)


@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance()], ids=["least_cost", "resistance"])
def test_doubling_permeability_halves_distances(distance):
    permeability = np.random.default_rng(5).lognormal(size=(4, 5))
    once, twice = distances(distance, permeability), distances(distance, 2 * permeability)
    np.testing.assert_allclose(2 * twice, once, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("edge_rule", "expected"),
    [("mean", 2.5), ("resistance", 1.6), ("target", 4.0), (lambda source, target: source * target, 4.0)],
    ids=["mean", "resistance", "target", "product"],
)
def test_edge_rule_sets_conductance_of_two_cells(edge_rule, expected):
    assert conductances([[1.0, 4.0]], edge_rule=edge_rule)[0, 1] == pytest.approx(expected, rel=1e-15)


def test_target_rule_uses_permeability_of_target():
    there_and_back = distances(LCPDistance(), [[1.0, 4.0]], edge_rule="target")
    np.testing.assert_allclose(there_and_back, [[0, 0.25], [1, 0]], rtol=1e-15)


def test_custom_edge_rule_receives_source_and_target():
    adjacency = conductances([[2.0, 8.0]], edge_rule=lambda source, target: source**2 / target)
    np.testing.assert_allclose(adjacency, [[0, 0.5], [32, 0]], rtol=1e-15)


def test_diagonal_step_is_sqrt_two_longer():
    square = distances(LCPDistance(), gallery.uniform(2, 2))
    np.testing.assert_allclose(square[0], [0, 1, 1, SQRT2], rtol=1e-15)


def test_square_with_diagonals_is_resistor_bridge():
    # Corner to corner: two paths along two unit sides, and the diagonal of √2; the other diagonal carries nothing.
    assert resistances(gallery.uniform(2, 2))[0, 3] == pytest.approx(1 / (1 / 2 + 1 / 2 + 1 / SQRT2), rel=1e-13)


@pytest.mark.parametrize("distance", [LCPDistance(), ResistanceDistance()], ids=["least_cost", "resistance"])
def test_step_lengths_follow_pixel_size(distance):
    pixels = {"pixel_size": (30.0, 20.0), "neighbors": "rook"}
    assert ends(distance, gallery.uniform(1, 4), **pixels) == pytest.approx(3 * 20, rel=1e-13)
    assert ends(distance, gallery.uniform(4, 1), **pixels) == pytest.approx(3 * 30, rel=1e-13)


def test_diagonal_of_rectangular_pixel():
    assert ends(LCPDistance(), gallery.uniform(3, 3), pixel_size=(30.0, 40.0)) == pytest.approx(100, rel=1e-14)


def test_step_lengths_of_each_direction():
    grid = GridGraph(gallery.uniform(2, 2), pixel_size=(3.0, 4.0))
    np.testing.assert_allclose(grid.step_lengths, [5, 3, 5, 4, 4, 5, 3, 5], rtol=1e-15)


def test_euclidean_distance_ignores_the_landscape():
    islands = [[1.0, 0.0, 7.0], [0.0, 0.0, 0.0], [0.0, 0.0, 1e-9]]
    expected = [[0, 80, 100], [80, 0, 60], [100, 60, 0]]
    np.testing.assert_allclose(distances(EuclideanDistance(), islands, pixel_size=(30.0, 40.0)), expected, rtol=1e-15)


def test_cost_function_applies_to_every_edge():
    result = ends(LCPDistance(lambda w: -jnp.log(w)), gallery.uniform(1, 3, 0.5))
    assert result == pytest.approx(2 * np.log(2), rel=1e-14)


@pytest.mark.costly
def test_expected_cost_on_three_cells_sums_the_series():
    # A walk that starts in the first of three equal cells returns there with probability w²/2, w = exp(−θ).
    theta, corridor = 0.3, gallery.uniform(1, 3)
    w = np.exp(-theta)
    survival = (w**2 / 2) / (1 - w**2 / 2)
    assert ends(RSPDistance(theta, measure="survival"), corridor) == pytest.approx(survival, rel=1e-13)
    assert ends(RSPDistance(theta), corridor) == pytest.approx(2 + 2 * survival, rel=1e-12)


@pytest.mark.costly
def test_rsp_at_large_theta_is_least_cost():
    permeability = np.random.default_rng(6).lognormal(size=(4, 5))

    @eqx.filter_jit
    def to_one(distance, permeability):
        return distance(GridGraph(permeability, np.ones((4, 5), bool), 20), targets=[7])

    result = to_one(RSPDistance(1e4), permeability)
    np.testing.assert_allclose(result, to_one(LCPDistance(), permeability), rtol=1e-2, atol=1e-12)
