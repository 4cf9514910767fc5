"""Linear solver for transition systems (I − W) x = b, on the CPU."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int32

from ...parallel import parallel_starmap
from ..base import AbstractLinearSolver, Backend, Solution, compute_on_cpu
from ..krylov import KrylovWorkspace, PaddedStencil, solve_fgmres
from ..nested_dissection import NestedDissection
from ..padded import PaddedShape
from ..solver_stats import SolveStats, SolveStatus
from ..stencil_matrix import StencilMatrix, neighbour_offsets, transposed_edges
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
        Largest componentwise backward error max_i |b − A x|_i / (|b| + |A| |x|)_i. Ten times the tolerance is accepted
        where rounding prevents a smaller error.
    iterations
        Largest number of V-cycles.
    fallback
        Direct solver of systems that need more V-cycles; the statistics show both attempts. `random_walks` uses it also
        where Newton's method finds no log scaling.

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

    @property
    def backend(self) -> Backend:
        """Always "cpu"."""
        return "cpu"

    @property
    def symmetric(self) -> bool:
        """Always False: the matrix need not be symmetric."""
        return False

    @property
    def names(self) -> tuple[str, ...]:
        """Name in statistics, and that of the fallback."""
        return (NAME, *self.fallback.names)

    def init(self, operator: StencilMatrix) -> OrderedSystem:
        """Order the cells row by row. If the direction of the walk is known, make an `OrderedSystem` instead."""
        coupled = (operator.edges != 0).any(0)
        position = jnp.cumsum(coupled.ravel()).reshape(coupled.shape) - 1
        return OrderedSystem(operator, jnp.where(coupled, position, UNORDERED).astype(jnp.int32), jnp.array(0))

    def compute(
        self, state: OrderedSystem, right_hand_sides: Float[Array, "k rows columns"], *, transpose: bool = False
    ) -> Solution:
        """Solve with A or Aᵀ. The hierarchy is built by the first solve and cached."""
        system, *ordering = state
        return compute_on_cpu(
            self,
            system,
            right_hand_sides,
            transpose=transpose,
            solve_arrays=self._solve_ordered,
            extra=tuple(ordering),
        )

    def solve_arrays(
        self, center: np.ndarray, edges: np.ndarray, right_hand_sides: np.ndarray, *, transpose: bool = False
    ) -> Solution:
        """Solve with NumPy arrays; the cells are ordered row by row."""
        _, position, key = jax.tree.map(np.asarray, self.init(StencilMatrix(jnp.asarray(center), jnp.asarray(edges))))
        return self._solve_ordered(center, edges, right_hand_sides, position, key, transpose=transpose)

    def _solve_ordered(self, center, edges, right_hand_sides, position, hierarchy_key, *, transpose: bool) -> Solution:
        first = _solve(
            center,
            edges,
            position,
            hierarchy_key,
            right_hand_sides,
            tolerance=self.tolerance,
            iterations=self.iterations,
            transpose=transpose,
        )
        return self.fallback.solve_after(first, center, edges, right_hand_sides, transpose=transpose)


def _solve(
    center, edges, position, hierarchy_key, right_hand_sides, *, tolerance: float, iterations: int, transpose: bool
) -> Solution:
    identity_rows, count = position == UNORDERED, len(right_hand_sides)
    if identity_rows.all():
        trivial = SolveStats(NAME, np.zeros(count, int), np.zeros(count), np.array(int(SolveStatus.TRIVIAL)))
        return Solution(right_hand_sides / center, (trivial,))
    hierarchy, scaling = _hierarchy(edges, position, int(hierarchy_key))
    b, matrix_edges = right_hand_sides, edges
    if transpose:
        # Identity rows of A are columns of Aᵀ that no other unknown depends on; they are solved for afterwards.
        b = np.where(identity_rows, 0.0, b)
        matrix_edges = np.where(identity_rows, 0.0, transposed_edges(edges))
        hierarchy, scaling = transposed(hierarchy), 1 / scaling
    shape = PaddedShape(*center.shape)
    offsets = np.array([down * shape.width + right for down, right in neighbour_offsets(len(edges))])
    matrix = PaddedStencil(shape, _flat(center), matrix_edges.reshape(len(edges), -1), offsets, scaling)
    args = (matrix, VCycle(hierarchy, transpose), KrylovWorkspace.allocate(shape))
    results = [
        solve_fgmres(*args, _flat(each), _initial_guess(center, identity_rows, each), tolerance, iterations)
        for each in b
    ]
    converged = all(result.converged for result in results)
    stats = SolveStats(
        NAME,
        np.array([result.iterations for result in results], int),
        np.array([result.residuals for result in results], float),
        np.array(int(SolveStatus.SUCCESS if converged else SolveStatus.NOT_CONVERGED)),
    )
    if not converged:
        return Solution(right_hand_sides, (stats,))
    solution = np.stack([shape.inside(result.x) for result in results])
    if transpose:
        coupling = np.stack([_transposed_edges_times(edges, x) for x in solution])
        solution = np.where(identity_rows, (right_hand_sides - coupling) / center, solution)
    return Solution(solution, (stats,))


def _hierarchy(edges: np.ndarray, position: np.ndarray, key: int) -> ScaledHierarchy:
    """Return the hierarchy from the cache; build it if it is not there."""
    cached = HIERARCHY_CACHE.get(key)
    if cached is not None:
        return cached

    def build_hierarchy() -> ScaledHierarchy:
        """Build the hierarchy of a matrix that is not scaled."""
        orderings = orderings_on_all_levels(position)
        scaling = np.ones(orderings[0].shape.size, FLOAT32)
        return ScaledHierarchy(build(orderings, *_finest_level(edges, orderings[0])), scaling)

    # Should two matrices of one shape have the same checksum, the wrong hierarchy is a poor preconditioner, the solve
    # does not converge, and nested dissection takes over.
    matrix_key = (edges.shape, int(checksum(_flat(edges).view(np.uint64))))
    return HIERARCHY_CACHE.get_or_build(matrix_key, build_hierarchy)


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
    """Return the solution in identity rows; in the others 0, or the largest of these if b is 0 in all others.

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
