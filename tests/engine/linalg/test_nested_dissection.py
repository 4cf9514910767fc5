"""Nested dissection against dense linear algebra, SuperLU and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.sparse import csc_array, diags_array
from scipy.sparse.linalg import splu

from permea.engine import GridGraph
from permea.engine.graph.edge_list import sparse_adjacency
from permea.engine.linalg.base import require_solved, solve
from permea.engine.linalg.nested_dissection import (
    NestedDissection,
    log_determinant,
    predicted_factor_bytes,
    selected_inverse,
    selected_inverse_derivative,
)
from permea.engine.linalg.nested_dissection.cpu.factorization import factor
from permea.engine.linalg.nested_dissection.cpu.selected_inversion import invert_selected
from permea.engine.linalg.nested_dissection.cpu.streamed_solve import solve_streamed
from permea.engine.linalg.nested_dissection.cpu.substitution import substitute
from permea.engine.linalg.nested_dissection.symbolic import analyze
from permea.engine.linalg.solver_stats import record_stats
from permea.engine.linalg.stencil_matrix import StencilMatrix, shifts

ODD_SHAPES = [(1, 1), (1, 2), (2, 2), (1, 7), (7, 1), (6, 6), (7, 7), (1, 61), (3, 100), (13, 17), (31, 31), (40, 9)]


def landscape(shape, *, neighbors="queen", edge_rule="mean", holes=0.2, seed=0):
    generator = np.random.default_rng(seed)
    permeability = np.exp(generator.standard_normal(shape))
    permeability[generator.random(shape) < holes] = 0
    permeability[0, 0] = 1
    return GridGraph(permeability, neighbors=neighbors, edge_rule=edge_rule)


def leaky(grid, leak=0.01):
    """Laplacian with a leak in every cell, which makes it nonsingular; barriers are identity rows."""
    laplacian = grid.laplacian()
    return StencilMatrix(jnp.where(grid.active, laplacian.center + leak, 1.0), laplacian.edges)


def dense(system):
    return np.asarray(system.dense(jnp.arange(system.center.size)))


def superlu_solutions(system, b, transposed):
    """Solve by SciPy's SuperLU; cells without edges are decoupled rows."""
    center, edges = np.asarray(system.center), np.asarray(system.edges)
    joined, cells = sparse_adjacency(edges, edges != 0)
    matrix = csc_array(joined + diags_array(center.ravel()[cells]))
    rasters = np.asarray(b).reshape(len(b), -1)
    solutions = rasters / np.asarray(system.center).ravel()
    solutions[:, cells] = splu(matrix).solve(np.ascontiguousarray(rasters[:, cells].T), "T" if transposed else "N").T
    return solutions.reshape(b.shape)


def stencil_pattern(system):
    return dense(StencilMatrix(jnp.ones(system.shape), jnp.ones(system.edges.shape))) > 0


def largest_relative_difference(one, other):
    return np.abs(one - other).max() / np.abs(other).max()


@pytest.mark.costly_variants
@pytest.mark.parametrize("edge_rule", ["mean", "target"])
@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_factor_solve_and_inverse_match_dense_algebra(shape, neighbors, edge_rule):
    system = leaky(landscape(shape, neighbors=neighbors, edge_rule=edge_rule))
    center, edges, matrix = np.asarray(system.center), np.asarray(system.edges), dense(system)
    inverse = np.linalg.inv(matrix)
    b = np.random.default_rng(1).standard_normal((3, *shape))
    for tile in (8, 16, 128):  # many small tiles, some, one
        factored = factor(center, edges, symmetric=edge_rule == "mean", tile=tile)
        assert factored.log_determinant == pytest.approx(np.linalg.slogdet(matrix)[1], rel=1e-12, abs=1e-12)
        for transposed, operator in ((False, inverse), (True, inverse.T)):
            expected = (operator @ b.reshape(3, -1).T).T.reshape(b.shape)
            assert largest_relative_difference(substitute(factored, b, transposed), expected) < 1e-11
        result = dense(StencilMatrix(*map(jnp.asarray, invert_selected(factored, len(edges)))))
        assert largest_relative_difference(result, np.where(stencil_pattern(system), inverse, 0)) < 1e-11


@pytest.mark.costly_variants
@pytest.mark.parametrize("neighbors", ["rook", "queen"])
@pytest.mark.parametrize("shape", ODD_SHAPES)
def test_streamed_rectangles_cover_each_cell_once(shape, neighbors):
    system = leaky(landscape(shape, neighbors=neighbors))
    inverse, rng = np.linalg.inv(dense(system)), np.random.default_rng(1)
    # Some right-hand sides are nonzero in one cell only. Their number is one block of right-hand sides and a few more.
    cells = rng.choice(inverse.shape[0], min(inverse.shape[0], 9), replace=False)
    amounts = np.where(rng.random((131, len(cells))) < 0.3, rng.standard_normal((131, len(cells))), 0.0)
    amounts[: len(cells)] = np.eye(len(cells))
    expected = np.pad((amounts @ inverse[cells]).reshape(-1, *shape), ((0, 0), (1, 1), (1, 1)))
    for tile in (8, 16, 128):
        factored = factor(np.asarray(system.center), np.asarray(system.edges), symmetric=True, tile=tile)
        times_covered = np.zeros(shape, int)

        def compare(values, top, left, counts, times_covered=times_covered):
            rows, columns = np.nonzero(counts)
            times_covered[rows + top, columns + left] += 1
            return max(
                np.abs(values[:, rows + i, columns + j] - expected[:, 1 + top + rows + i, 1 + left + columns + j]).max()
                for i in (-1, 0, 1)
                for j in (-1, 0, 1)
            )

        assert max(solve_streamed(factored, cells, amounts, compare)) < 1e-11 * np.abs(expected).max()
        assert (times_covered == 1).all()


@pytest.mark.parametrize("edge_rule", ["mean", "target"])
def test_solutions_match_superlu(edge_rule):
    system = leaky(landscape((150, 203), edge_rule=edge_rule), leak=1e-6)
    b, solver = jnp.asarray(np.random.default_rng(2).random((70, 150, 203))), NestedDissection()
    for transposed in (False, True):
        expected = superlu_solutions(system, b, transposed)
        with record_stats() as entries:
            result = require_solved(solver.compute(solver.init(system), b, transpose=transposed))
        assert largest_relative_difference(result, expected) < 1e-9
        assert entries[0].solver == "nested dissection"
        assert entries[0].right_hand_sides == 70
        assert entries[0].residual < 1e-12


@pytest.mark.costly
@pytest.mark.parametrize("shape", [(80, 56), (56, 80)])
def test_single_row_of_oblong_tiles_is_cut_between_tiles(shape):
    system = leaky(landscape(shape), leak=1e-6)
    b, solver = jnp.asarray(np.random.default_rng(3).random((1, *shape))), NestedDissection()
    result = require_solved(solver.compute(solver.init(system), b))
    assert largest_relative_difference(result, superlu_solutions(system, b, False)) < 1e-9


def test_solve_gradient_under_jit_matches_dense_algebra():
    system = leaky(landscape((9, 14), edge_rule="target"))
    b = jnp.asarray(np.random.default_rng(3).random((2, 9, 14)))

    def total(system, b):
        return (solve(NestedDissection(), system, b) ** 2).sum()

    def total_dense(system, b):
        return (jnp.linalg.solve(system.dense(jnp.arange(system.center.size)), b.reshape(2, -1).T) ** 2).sum()

    result = jax.jit(jax.grad(total, argnums=(0, 1)))(system, b)
    expected = jax.grad(total_dense, argnums=(0, 1))(system, b)
    for one, other in zip(jax.tree.leaves(result), jax.tree.leaves(expected), strict=True):
        assert largest_relative_difference(one, other) < 1e-10


def unit_grid_eigenvalues(rows, columns):
    down, across = (2 - 2 * np.cos(np.pi * np.arange(n) / n) for n in (rows, columns))
    return down[:, None] + across


@pytest.mark.costly
@pytest.mark.parametrize("shape", [(20, 20), (37, 150), (1, 400)])
def test_uniform_determinant_is_product_of_eigenvalues(shape):
    system = leaky(GridGraph(np.ones(shape), neighbors="rook"), leak=0.3)
    expected = np.log(unit_grid_eigenvalues(*shape) + 0.3).sum()
    assert float(log_determinant(system, NestedDissection())) == pytest.approx(expected, rel=1e-13)


def grounded(grid, *cells):
    """The Laplacian with cells fixed at 0 V: their rows and columns become those of the identity."""
    laplacian = grid.laplacian()
    free = grid.active.at[tuple(jnp.transpose(jnp.array(cells)))].set(False)
    edges = jnp.where(shifts(free, grid.directions) & free, laplacian.edges, 0.0)
    return StencilMatrix(jnp.where(free, laplacian.center, 1.0), edges)


def foster_sum(grid, *cells):
    """The sum of conductance times effective resistance over all edges, with one grounded cell in each component.

    The effective resistance of an edge is Z_ii + Z_jj − 2 Z_ij, with Z the inverse of the grounded Laplacian.
    """
    inverse = selected_inverse(grounded(grid, *cells), NestedDissection())
    diagonal = jnp.where(grid.active, inverse.center, 0.0).at[tuple(jnp.transpose(jnp.array(cells)))].set(0.0)
    return float((grid.edges * (diagonal + shifts(diagonal, grid.directions) - 2 * inverse.edges)).sum()) / 2


@pytest.mark.costly
@pytest.mark.parametrize(("side", "trace"), [(20, 317.33603787), (50, 2361.93818809), (100, 10569.03659219)])
def test_kirchhoff_index_matches_published_values(side, trace):
    # tr L⁺ = tr Z − 1ᵀ Z 1 / n for the inverse Z of the Laplacian grounded at any one cell.
    grid = GridGraph(np.ones((side, side)), neighbors="rook")
    system = grounded(grid, (0, 0))
    inside = jnp.ones(grid.shape).at[0, 0].set(0.0)
    diagonal = (selected_inverse(system, NestedDissection()).center * inside).sum()
    everything = (solve(NestedDissection(), system, inside[None])[0] * inside).sum()
    assert float(diagonal - everything / side**2) == pytest.approx(trace, abs=2e-8)


@pytest.mark.parametrize("neighbors", ["rook", "queen"])
def test_foster_sum_is_vertices_minus_one(neighbors):
    grid = landscape((60, 45), neighbors=neighbors, holes=0)
    assert foster_sum(grid, (0, 0)) == pytest.approx(60 * 45 - 1, rel=1e-11)


@pytest.mark.costly
def test_foster_sum_counts_components():
    permeability = np.exp(np.random.default_rng(4).standard_normal((21, 30)))
    permeability[:, 11] = 0
    grid = GridGraph(permeability)
    assert foster_sum(grid, (0, 0), (20, 29)) == pytest.approx(grid.n_vertices - 2, rel=1e-11)


def test_singular_laplacian_raises():
    laplacian = GridGraph(np.ones((4, 5)), neighbors="rook").laplacian()
    with pytest.raises(RuntimeError, match="singular"):
        jax.block_until_ready(solve(NestedDissection(), laplacian, jnp.ones((1, 4, 5))))


@pytest.mark.costly
@pytest.mark.parametrize("backend", ["cpu", "xla"])
def test_derivative_of_singular_laplacian_raises(backend):
    laplacian = GridGraph(np.ones((4, 5)), neighbors="rook").laplacian()
    with pytest.raises(Exception, match="singular"):
        jax.block_until_ready(selected_inverse_derivative(laplacian, laplacian, NestedDissection(backend=backend)))


@pytest.mark.costly_variants
@pytest.mark.parametrize("shape", [(1, 1), (5, 900), (150, 130), (255, 255), (300, 401)])
@pytest.mark.parametrize("symmetric", [True, False])
def test_factor_size_is_predicted(shape, symmetric):
    system = leaky(landscape(shape))
    factored = factor(np.asarray(system.center), np.asarray(system.edges), symmetric=symmetric)
    assert factored.nbytes == 8 * analyze(shape).factor_nnz(symmetric)
    assert factored.nbytes < predicted_factor_bytes(shape, symmetric=symmetric)


def test_million_cells_need_about_a_gigabyte():
    assert predicted_factor_bytes((1023, 1023)) < 1.6e9
    assert 8 * analyze((1023, 1023)).factor_nnz(True) < 1.1e9
