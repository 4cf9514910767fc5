"""Multigrid against SuperLU on independently assembled matrices: accurate for any landscape, or an error."""

import jax.numpy as jnp
import numpy as np
import pytest
from reference_laplacian import independent_matrix
from scipy.sparse import diags_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import splu

from permea.engine import GridGraph
from permea.engine.graph import gallery
from permea.engine.linalg.base import require_solved
from permea.engine.linalg.multigrid import Multigrid
from permea.engine.linalg.solver_stats import record_stats
from permea.engine.linalg.stencil_matrix import StencilMatrix

SIDE = 64
TOLERANCE = 1e-8


def several_components():
    """Four quarters between two walls, in one of them an island of a single cell."""
    permeability = np.random.default_rng(31).lognormal(size=(SIDE, SIDE))
    permeability[20], permeability[:, 37] = 0, 0
    permeability[3:6, 3:6] = 0
    permeability[4, 4] = 1
    return permeability


LANDSCAPES = {
    "smooth": lambda: gallery.lognormal(SIDE, SIDE),
    "categorical": lambda: gallery.categorical(SIDE, SIDE),
    "fractal with rivers": lambda: gallery.fractal(SIDE, SIDE),
    "several components": several_components,
}
every_landscape = pytest.mark.parametrize("name", LANDSCAPES)
#: The CPU backend in both precisions, and the XLA backend.
BACKENDS = {"CPU, single": ("float32", "cpu"), "CPU, double": ("float64", "cpu"), "XLA": ("float32", "xla")}
each_backend = pytest.mark.parametrize(
    "options", [{"cycle": cycle, "backend": backend} for cycle, backend in BACKENDS.values()], ids=BACKENDS
)


def lognormal(shape, seed=32):
    return np.random.default_rng(seed).lognormal(size=shape)


def currents(shape, k=1, seed=33):
    return np.random.default_rng(seed).standard_normal((k, *shape))


def system(permeability, neighbors="queen", leak=0.0):
    """The Laplacian with a leak to the ground in every cell; barriers are identity rows."""
    grid = GridGraph(permeability, neighbors=neighbors)
    laplacian = grid.laplacian()
    return StencilMatrix(jnp.where(grid.active, laplacian.center + leak, 1.0), laplacian.edges)


def superlu(matrix, b):
    return splu(matrix.tocsc()).solve(b.reshape(len(b), -1).T).T.reshape(b.shape)


def multigrid(matrix, b, **options):
    solver = Multigrid(**options)
    return np.asarray(require_solved(solver.compute(solver.init(matrix), jnp.asarray(b))))


def largest_difference(first, second):
    return np.abs(first - second).max() / np.abs(second).max()


@pytest.mark.costly_variants
@each_backend
@every_landscape
def test_potentials_with_leakage_agree_with_superlu(name, options):
    permeability, b = LANDSCAPES[name](), currents((SIDE, SIDE), k=2)
    result = multigrid(system(permeability, leak=0.01), b, **options, tolerance=1e-12)
    assert largest_difference(result, superlu(independent_matrix(permeability, leak=0.01), b)) < 1e-9


@pytest.mark.long
@every_landscape
def test_potentials_with_four_neighbours_agree_with_superlu(name):
    permeability, b = LANDSCAPES[name](), currents((SIDE, SIDE), k=2)
    result = multigrid(system(permeability, "rook", leak=0.01), b, cycle="float32", tolerance=1e-12)
    assert largest_difference(result, superlu(independent_matrix(permeability, "rook", leak=0.01), b)) < 1e-9


def subtract_component_means(rasters, labels):
    """Subtract the mean of every component: without a ground, potentials are determined up to a constant in each."""
    flat = rasters.reshape(len(rasters), -1)
    means = np.stack([np.bincount(labels, row) for row in flat]) / np.bincount(labels)
    return (flat - means[:, labels]).reshape(rasters.shape)


@pytest.mark.costly_variants
@each_backend
@every_landscape
def test_potentials_without_ground_agree_with_superlu(name, options):
    permeability = LANDSCAPES[name]()
    matrix = independent_matrix(permeability)
    labels = connected_components(matrix)[1]
    b = subtract_component_means(currents((SIDE, SIDE), k=2), labels)
    result = multigrid(system(permeability), b, **options, tolerance=1e-12)
    grounding = np.zeros(labels.size)
    grounding[np.unique(labels, return_index=True)[1]] = 1.0
    expected = subtract_component_means(superlu(matrix + diags_array(grounding), b), labels)
    assert largest_difference(subtract_component_means(result, labels), expected) < 1e-9


@pytest.mark.costly_variants
@pytest.mark.parametrize("shape", [(1, 1), (1, 61), (61, 1), (3, 200), (37, 53)])
def test_raster_of_any_shape_agrees_with_superlu(shape):
    permeability, b = lognormal(shape), currents(shape)
    result = multigrid(system(permeability, leak=0.01), b, cycle="float32", tolerance=1e-12)
    assert largest_difference(result, superlu(independent_matrix(permeability, leak=0.01), b)) < 1e-9


def test_single_cell_without_ground_is_an_identity_row():
    assert multigrid(system(np.ones((1, 1))), np.full((1, 1, 1), 3.0), cycle="float32") == 3


@pytest.mark.parametrize("size", [1.0, 1e6])
def test_simultaneous_right_hand_sides_agree_with_single_ones(size):
    matrix, b = system(gallery.categorical(SIDE, SIDE), leak=0.01), currents((SIDE, SIDE), k=2)
    b[1] = 0
    b[1, 9, 11] = size
    together = multigrid(matrix, b, cycle="float32", tolerance=1e-12)
    single = [multigrid(matrix, each[None], cycle="float32")[0] for each in b]
    assert max(map(largest_difference, together, single)) < 1e-6


def relative_residual(matrix, x, b):
    residual = (b.ravel() - matrix @ x.ravel()) / np.sqrt(matrix.diagonal())
    return np.linalg.norm(residual) / np.linalg.norm(b.ravel() / np.sqrt(matrix.diagonal()))


@every_landscape
def test_recorded_residual_is_the_true_one(name):
    permeability, b = LANDSCAPES[name](), currents((SIDE, SIDE))
    matrix = independent_matrix(permeability, leak=0.01)
    # Cells without neighbours need no iteration, and have no part in the residual.
    b.ravel()[np.diff(matrix.tocsr().indptr) == 1] = 0
    with record_stats() as records:
        result = multigrid(system(permeability, leak=0.01), b, cycle="float32")
    true = relative_residual(matrix, result, b)
    assert records[0].residual == pytest.approx(true, rel=1e-2)
    assert true <= TOLERANCE


def test_record_has_solver_right_hand_sides_and_iterations():
    with record_stats() as records:
        b = currents((SIDE, SIDE), k=2)
        multigrid(system(lognormal((SIDE, SIDE)), leak=0.01), b, cycle="float32", tolerance=1e-12)
    assert [(record.solver, record.right_hand_sides) for record in records] == [("multigrid", 2)]
    assert 3 <= records[0].iterations <= 30


def test_too_few_iterations_raise():
    with pytest.raises(RuntimeError, match="did not converge"):
        multigrid(system(lognormal((SIDE, SIDE)), leak=0.01), currents((SIDE, SIDE)), cycle="float32", iterations=1)


def test_nonsymmetric_matrix_raises():
    grid = GridGraph(lognormal((SIDE, SIDE)), edge_rule="target")
    laplacian = grid.laplacian()
    with pytest.raises(RuntimeError, match="symmetric"):
        multigrid(StencilMatrix(laplacian.center + 0.01, laplacian.edges), currents((SIDE, SIDE)), cycle="float32")


@each_backend
@pytest.mark.parametrize("direction", [2, 1], ids=["east", "west"])
def test_single_entry_without_its_mirror_image_raises(direction, options):
    edges = jnp.zeros((4, 1, 2)).at[direction, 0, 2 - direction].set(-1.0)
    with pytest.raises(RuntimeError, match="symmetric"):
        multigrid(StencilMatrix(jnp.full((1, 2), 2.0), edges), np.ones((1, 1, 2)), **options)


@each_backend
def test_undefined_right_hand_side_raises(options):
    b = currents((SIDE, SIDE), k=2)
    b[1, 3, 5] = np.nan
    with pytest.raises(RuntimeError, match="did not converge"):
        multigrid(system(lognormal((SIDE, SIDE)), leak=0.01), b, **options)


@pytest.mark.long
@pytest.mark.parametrize(
    ("landscape", "growth"), [(gallery.lognormal, 1.25), (gallery.categorical, 2.5)], ids=["smooth", "categorical"]
)
def test_iterations_hardly_grow_with_size(landscape, growth):
    def iterations(side):
        with record_stats() as records:
            multigrid(system(landscape(side, side), leak=1e-6), currents((side, side)), cycle="float32")
        return records[0].iterations

    assert iterations(4 * SIDE) <= growth * iterations(SIDE)


def test_rasters_of_one_size_class_share_compiled_code(compiled_functions):
    for rows, columns in [(SIDE, SIDE), (SIDE - 1, SIDE - 1)]:
        compiled_functions.clear()
        multigrid(
            system(lognormal((rows, columns)), leak=0.01), currents((rows, columns)), cycle="float32", backend="xla"
        )
    assert "jit(_pad_to_size_class)" in compiled_functions
    assert {"jit(_build_hierarchy)", "jit(_solve)"}.isdisjoint(compiled_functions)


@pytest.mark.parametrize("seed", range(3))
def test_residual_holds_for_contrast_of_eight_orders(seed):
    wild = 10 ** np.random.default_rng(seed).uniform(-4, 4, (SIDE, SIDE))
    b = currents((SIDE, SIDE))
    result = multigrid(system(wild, leak=1e-4), b, cycle="float32")
    assert relative_residual(independent_matrix(wild, leak=1e-4), result, b) <= TOLERANCE * (1 + 1e-6)
