"""Linear solver for transition systems (I − W) x = b, on the CPU."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32

from ...parallel.numba_jit import parallel_starmap
from ..base import AbstractLinearSolver
from ..krylov.cpu.fgmres import KrylovWorkspace, PaddedStencil, solve
from ..nested_dissection import NestedDissection
from ..nested_dissection.cpu import cached_factor
from ..padded import PaddedShape
from ..solver_stats import log_solve
from ..stencil_matrix import StencilMatrix, neighbour_offsets
from .coarsening_kernels import UNORDERED
from .hierarchy import FLOAT32, VCycle, build, transposed
from .hierarchy_cache import HIERARCHY_CACHE, ScaledHierarchy
from .ordering import Ordering, orderings_on_all_levels
from .setup_kernels import checksum, load_matrix

#: The solver's name in statistics and logs.
NAME = "nonsymmetric multigrid"


class OrderedSystem(NamedTuple):
    """A transition system with an ordering of its cells.

    Parameters
    ----------
    system
        I − W.
    position
        Position of each cell in the downstream ordering, 0 for the one nearest to the target; `UNORDERED` in identity
        rows.
    hierarchy_key
        Key of the system's hierarchy in `HIERARCHY_CACHE`; 0 if none was stored.
    """

    system: StencilMatrix
    position: Int32[Array, "rows columns"]
    hierarchy_key: Int[Array, ""]


class NonsymmetricMultigrid(AbstractLinearSolver):
    """Solve (I − W) x = b for nonnegative W with row sums of about one, by FGMRES with a black-box multigrid V-cycle.

    Such systems arise from random walks that are absorbed at one target. Convergence needs a good ordering of the
    cells (see `OrderedSystem`) where the walk has a direction.

    Parameters
    ----------
    tolerance
        Largest componentwise backward error max_i |b − A x|_i / (|b| + |A| |x|)_i.
    iterations
        Largest number of V-cycles. Systems that need more are solved by nested dissection, and the statistics show
        both solves.
    fallback
        Solver for walks whose log scaling cannot be found by Newton's method.

    Notes
    -----
    The matrix is an M-matrix. A componentwise backward error τ changes each of its entries by a relative τ at most, so
    every entry of the solution is accurate to about τ times the expected number of steps of the walk.

    References
    ----------
    Dendy, J. E. (1983). Black box multigrid for nonsymmetric problems. Applied Mathematics and Computation 13, 261–283.
    """

    tolerance: float = eqx.field(static=True, default=1e-13)
    iterations: int = eqx.field(static=True, default=90)
    fallback: NestedDissection = eqx.field(default=NestedDissection(symmetric=False))

    def prepare(self, system: StencilMatrix) -> OrderedSystem:
        """Order the cells row by row. A caller who knows the direction of the walk makes an `OrderedSystem` instead."""
        coupled = (system.edges != 0).any(0)
        position = jnp.cumsum(coupled.ravel()).reshape(coupled.shape) - 1
        return OrderedSystem(system, jnp.where(coupled, position, UNORDERED).astype(jnp.int32), jnp.array(0))

    def solve_prepared(
        self, prepared: OrderedSystem, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
    ) -> Float[Array, "k rows columns"]:
        """Solve with A or Aᵀ. The hierarchy is built by the first solve and cached.

        Raises
        ------
        RuntimeError
            Neither this solver nor nested dissection reaches the required accuracy.
        """
        result = jax.ShapeDtypeStruct(right_hand_sides.shape, right_hand_sides.dtype)
        on_cpu = partial(_solve, tolerance=self.tolerance, iterations=self.iterations, transpose=transposed)
        system, *ordering = prepared
        args = (system.center, system.edges, *ordering, right_hand_sides)
        return jax.pure_callback(on_cpu, result, *args, vmap_method="sequential")


def _solve(
    center, edges, position, hierarchy_key, right_hand_sides, *, tolerance: float, iterations: int, transpose: bool
) -> np.ndarray:
    center, edges, position, right_hand_sides = map(np.asarray, (center, edges, position, right_hand_sides))
    identity_rows = position == UNORDERED
    if identity_rows.all():
        return right_hand_sides / center
    hierarchy, scaling = _hierarchy(edges, position, int(hierarchy_key))
    b, matrix_edges = right_hand_sides, edges
    if transpose:
        # Identity rows of A are columns of Aᵀ that no other unknown depends on; they are solved for afterwards.
        b = np.where(identity_rows, 0.0, b)
        matrix_edges = np.where(identity_rows, 0.0, cached_factor.transpose(edges))
        hierarchy, scaling = transposed(hierarchy), 1 / scaling
    shape = PaddedShape(*center.shape)
    offsets = np.array([down * shape.width + right for down, right in neighbour_offsets(len(edges))])
    matrix = PaddedStencil(shape, _flat(center), matrix_edges.reshape(len(edges), -1), offsets, scaling)
    args = (matrix, VCycle(hierarchy, transpose), KrylovWorkspace.allocate(shape))
    results = [
        solve(*args, _flat(each), _initial_guess(center, identity_rows, each), tolerance, iterations) for each in b
    ]
    worst = max(result.residuals for result in results)
    log_solve(NAME, len(results), max(result.iterations for result in results), worst)
    if not all(result.converged for result in results):
        return cached_factor.solve(center, edges, right_hand_sides, False, transpose)
    solution = np.stack([shape.inside(result.x) for result in results])
    if transpose:
        coupling = np.stack([_transposed_edges_times(edges, x) for x in solution])
        solution = np.where(identity_rows, (right_hand_sides - coupling) / center, solution)
    return solution


def _hierarchy(edges: np.ndarray, position: np.ndarray, key: int) -> ScaledHierarchy:
    """Return the hierarchy from the cache; build it if it is not there."""
    cached = HIERARCHY_CACHE.get(key)
    if cached is not None:
        return cached

    def build_hierarchy() -> ScaledHierarchy:
        orderings = orderings_on_all_levels(position)
        scaling = np.ones(orderings[0].shape.size, FLOAT32)
        return ScaledHierarchy(build(orderings, *_finest_level(edges, orderings[0])), scaling)

    # Keys of matrices are negative checksums. Should two matrices have the same one, the wrong hierarchy is a poor
    # preconditioner, the solve does not converge, and nested dissection takes over.
    return HIERARCHY_CACHE.get_or_build(-int(checksum(_flat(edges).view(np.uint64))), build_hierarchy)


def _finest_level(edges: np.ndarray, ordering: Ordering) -> tuple[tuple[np.ndarray, ...], np.ndarray, np.ndarray]:
    shape = ordering.shape
    off_diagonals = tuple(np.zeros(shape.size, FLOAT32) for _ in range(8))
    row_sums, inverse_diagonal = np.zeros(shape.size, FLOAT32), np.zeros(shape.size, FLOAT32)
    offsets = np.array([down * shape.width + right for down, right in neighbour_offsets(len(edges))])
    directions = np.arange(8) if len(edges) == 8 else np.array([1, 3, 4, 6])
    args = (edges.reshape(len(edges), -1), offsets, directions, ordering.position, UNORDERED)
    args = (*args, off_diagonals, row_sums, inverse_diagonal, shape.width)
    parallel_starmap(load_matrix, [(*args, *band) for band in shape.bands])
    return off_diagonals, row_sums, inverse_diagonal


def _initial_guess(center: np.ndarray, identity_rows: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the solution in identity rows, and elsewhere 0, or the largest of these where b is 0 there.

    In the latter case x is a hitting probability in log scale, about the same everywhere.
    """
    shape = PaddedShape(*center.shape)
    x = np.zeros(shape.size)
    known = np.where(identity_rows, b / center, 0.0)
    elsewhere = known.max() if not np.any(b, where=~identity_rows) else 0.0
    shape.inside(x)[:] = np.where(identity_rows, known, elsewhere)
    return x


def _transposed_edges_times(edges: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return the off-diagonal part of Aᵀ x."""
    rows, columns = x.shape
    result = np.zeros((rows + 2, columns + 2))
    for edge, (down, right) in zip(edges, neighbour_offsets(len(edges)), strict=True):
        result[1 + down : 1 + down + rows, 1 + right : 1 + right + columns] += edge * x
    return result[1:-1, 1:-1]


def _flat(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, float).ravel()
