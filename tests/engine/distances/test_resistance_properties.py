"""Properties that resistances have in every landscape, on random landscapes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_dense
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from permea.engine import GridGraph, ResistanceDistance
from permea.engine.distances import grounded_laplacian
from permea.engine.graph.components import connected_components
from permea.engine.linalg.base import AbstractLinearSolver, Solution
from permea.engine.linalg.dense import dense_inverse
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.linalg.nested_dissection import NestedDissection, selected_inverse
from permea.engine.linalg.solver_stats import SolveStats, record_stats
from permea.engine.linalg.stencil_matrix import shifts

few = settings(max_examples=12, deadline=None, derandomize=True, database=None)

each_neighbourhood = st.sampled_from(["rook", "queen"])


@st.composite
def landscapes(draw):
    """A strip or a rectangle with a contrast of at most a hundred, with barriers in up to a third of the cells."""
    # Few shapes and numbers of vertices, so that few are compiled.
    shape = draw(st.sampled_from([(1, 6), (5, 4)]))
    permeability = draw(arrays(float, shape, elements=st.floats(0.1, 10.0)))
    if draw(st.booleans()):
        order = draw(st.permutations(range(permeability.size)))
        permeability.flat[order[: permeability.size // 3]] = 0
    return permeability


def resistances(permeability, neighbors="queen"):
    """Resistances between all pairs of n vertices, by n − 1 solves."""
    return np.asarray(_compiled(GridGraph(permeability, neighbors=neighbors)))


@eqx.filter_jit
def _compiled(grid):
    return ResistanceDistance()(grid, nodes=np.arange(grid.n_vertices))


@pytest.mark.costly
@few
@given(landscapes(), each_neighbourhood)
def test_resistance_is_symmetric_and_positive(permeability, neighbors):
    result = resistances(permeability, neighbors)
    np.testing.assert_allclose(result, result.T, rtol=1e-12)
    np.testing.assert_array_equal(result == 0, np.eye(len(result)))
    assert (result >= 0).all()


@few
@given(landscapes(), each_neighbourhood)
def test_resistance_satisfies_the_triangle_inequality(permeability, neighbors):
    result = resistances(permeability, neighbors)
    detours = result[:, :, None] + result[None]
    assert (result <= detours.min(1) * (1 + 1e-11)).all()


@few
@given(landscapes(), each_neighbourhood)
def test_resistances_equal_those_of_the_pseudoinverse(permeability, neighbors):
    expected = reference_dense.effective_resistances(reference_dense.conductances(permeability, neighbors))
    np.testing.assert_allclose(resistances(permeability, neighbors), expected, rtol=1e-9, atol=1e-12)


@few
@given(landscapes(), st.data(), st.floats(1.1, 100.0))
def test_rayleigh_monotonicity_in_permeability(permeability, data, factor):
    better = permeability.copy()
    better.flat[data.draw(st.sampled_from(np.flatnonzero(permeability).tolist()))] *= factor
    assert (resistances(better) <= resistances(permeability) * (1 + 1e-11)).all()


@few
@given(landscapes(), st.data())
def test_rayleigh_monotonicity_when_a_barrier_opens(permeability, data):
    barriers = np.flatnonzero(permeability == 0)
    opened = permeability.copy()
    if barriers.size:
        opened.flat[data.draw(st.sampled_from(barriers.tolist()))] = 1.0
    still = (permeability > 0)[opened > 0]
    assert (resistances(opened)[np.ix_(still, still)] <= resistances(permeability) * (1 + 1e-11)).all()


@few
@given(landscapes(), each_neighbourhood)
def test_foster_theorem_with_components(permeability, neighbors):
    # With G the inverse of the grounded Laplacian, an edge has R = G_ii + G_jj − 2 G_ij.
    grid = GridGraph(permeability, neighbors=neighbors)
    result, n_components = _foster_sum(grid)
    assert float(result) == pytest.approx(grid.n_vertices - int(n_components), rel=1e-11, abs=1e-11)


@eqx.filter_jit
def _foster_sum(grid):
    components = connected_components(grid)
    inverse = selected_inverse(grounded_laplacian(grid, components), NestedDissection())
    across = inverse.center + shifts(inverse.center, grid.directions) - 2 * inverse.edges
    return (grid.edges * across).sum() / 2, components.max()


@few
@given(landscapes(), st.floats(1e-6, 1e6))
def test_resistance_scales_inversely_with_permeability(permeability, factor):
    np.testing.assert_allclose(resistances(factor * permeability) * factor, resistances(permeability), rtol=1e-11)


@few
# Few lengths: the length is not an array, and each is compiled anew.
@pytest.mark.costly
@given(landscapes(), st.sampled_from([1e-3, 0.7, 1e3]))
def test_resistance_scales_with_pixel_length(permeability, length):
    grid = GridGraph(permeability, pixel_size=(length, length))
    result = ResistanceDistance()(grid, nodes=np.arange(grid.n_vertices))
    np.testing.assert_allclose(result, length * resistances(permeability), rtol=1e-11)


TRANSFORMED = {
    "mirrored": lambda raster: raster[::-1],
    "mirrored sideways": lambda raster: raster[:, ::-1],
    "turned by a quarter": np.rot90,
    "turned by half": lambda raster: raster[::-1, ::-1],
    "mirrored at the diagonal": np.transpose,
    "within barriers": lambda raster: np.pad(raster, ((1, 2), (3, 1))),
}


@pytest.mark.costly
@pytest.mark.parametrize(
    "name",
    # A shape that changes, and more cells; the others are left to the long tests.
    [
        pytest.param(n, marks=[pytest.mark.long] * (n not in ("turned by a quarter", "within barriers")))
        for n in TRANSFORMED
    ],
)
@settings(few, max_examples=6)
@given(landscapes())
def test_resistances_are_invariant_under_rotation_and_padding(name, permeability):
    transform = TRANSFORMED[name]
    number = np.cumsum(permeability > 0).reshape(permeability.shape)
    order = transform(np.where(permeability > 0, number, 0))
    order = order[order > 0] - 1
    expected = resistances(permeability)[np.ix_(order, order)]
    np.testing.assert_allclose(resistances(transform(permeability)), expected, rtol=1e-10)


# A hole, a wall and a lone cell; the shape of all of the landscapes below.
CLOSED = np.zeros((6, 6), bool)
CLOSED[1, 1] = CLOSED[:, 4] = CLOSED[1, 5] = CLOSED[3, 5] = True
COUNT = int((~CLOSED).sum())
NODES = np.array([0, 7, 12, 21, COUNT - 1])


class Dense(AbstractLinearSolver):
    """All columns of the inverse, by dense linear algebra that JAX differentiates."""

    backend = "xla"
    symmetric = True
    names = ("dense",)

    def init(self, operator):
        return dense_inverse(operator, jnp.arange(operator.center.size), True)

    def compute(self, state, right_hand_sides, *, transpose=False):
        flat = right_hand_sides.reshape(len(right_hand_sides), -1)
        value = (flat @ (state if transpose else state.T)).reshape(right_hand_sides.shape)
        count = len(flat)
        return Solution(value, (SolveStats("dense", jnp.zeros(count, int), jnp.zeros(count), jnp.array(0)),))


def weighted(result):
    weights = np.random.default_rng(51).uniform(0.5, 2, result.shape)
    return jnp.where(jnp.isfinite(result), weights * result, 0.0).sum()


@eqx.filter_jit
@eqx.filter_grad
def gradient_between(permeability, solver):
    grid = GridGraph(permeability, ~CLOSED, COUNT)
    return weighted(ResistanceDistance(solver)(grid, nodes=NODES))


@eqx.filter_jit
@eqx.filter_grad
def gradient_of_all_pairs(permeability):
    grid = GridGraph(permeability, ~CLOSED, COUNT)
    return weighted(ResistanceDistance()(grid)[NODES[:, None], NODES])


@pytest.mark.parametrize("solver", [Multigrid(), NestedDissection(), Dense()], ids=lambda solver: type(solver).__name__)
@few
@given(arrays(float, (6, 6), elements=st.floats(0.1, 10.0)))
def test_every_solver_has_the_dense_gradient(solver, permeability):
    expected = gradient_of_all_pairs(jnp.asarray(permeability))
    result = gradient_between(jnp.asarray(permeability), solver)
    np.testing.assert_allclose(result, expected, rtol=1e-6, atol=1e-9 * abs(expected).max())


@pytest.mark.parametrize("solver", [Multigrid(), NestedDissection()], ids=lambda solver: type(solver).__name__)
def test_resistances_between_k_nodes_take_k_minus_one_solves(solver):
    permeability = jnp.asarray(np.random.default_rng(52).lognormal(size=(6, 6)))
    with record_stats() as entries:
        jax.block_until_ready(gradient_between(permeability, solver))
    assert [entry.right_hand_sides for entry in entries] == [len(NODES) - 1]
