"""Conjugate gradients with a black-box multigrid cycle as preconditioner."""

from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ..base import AbstractLinearSolver, Backend, Solution, compute_on_cpu
from ..krylov import KrylovResult, conjugate_gradients_cpu, conjugate_gradients_xla
from ..solver_stats import SolveStats, SolveStatus
from ..stencil_matrix import StencilMatrix
from .cpu import w_cycle
from .thresholds import FLOAT32_MIN_EIGENVALUE, SYMMETRY_RTOL
from .xla.symmetric_stencil import SymmetricStencil
from .xla.v_cycle import Hierarchy, build, v_cycle

#: A residual above this after all iterations does not stem from rounding: double precision would not help.
DIVERGED = 1e-2

#: Side lengths of rasters are rounded up to 16 to 32 times a power of 2, so that rasters of similar size share compiled
#: code; at most an eighth of the cells is added.
STEPS_PER_DOUBLING = 16


class MultigridState(eqx.Module):
    """The matrix and its hierarchy, on a raster padded with decoupled cells to the side lengths of its size class.

    Parameters
    ----------
    matrix
        The matrix, in double precision.
    hierarchy
        Hierarchy of the matrix divided by its largest entry, so that single precision neither over- nor underflows.
    symmetric
        Whether the matrix equals its transpose.
    """

    matrix: SymmetricStencil
    hierarchy: Hierarchy
    symmetric: Bool[Array, ""]


class Multigrid(AbstractLinearSolver):
    """Solve with a symmetric M-matrix in time and memory proportional to the number of cells.

    Parameters
    ----------
    tolerance
        Largest residual b − A x relative to b, both measured as √(Σ r_i² / A_ii).
    iterations
        The largest number of iterations.
    cycle
        Precision of the multigrid cycle, "float32" or "float64". The iteration around it, and so the solution, is in
        double precision either way; single precision halves the memory that a cycle reads. "automatic" takes single
        precision and, if that does not converge, double; under `jax.jit` with the XLA backend, double at once.
    backend
        "cpu" for Numba kernels, "xla" for batched, compiled code; "auto" for the CPU unless JAX has a GPU.
    iteration_budget
        On the CPU: the number of iterations after which another solver would have been faster. The solve fails as soon
        as its rate of convergence shows that it will take more. None if there is no other solver.

    Notes
    -----
    The number of iterations hardly depends on the size of the raster, but does on the landscape: about 10 where
    permeability varies smoothly, a few tens with barriers and high contrast. Coarse rasters do not resolve long winding
    corridors between walls of one cell: use a direct solver there.

    References
    ----------
    Dendy, J. E. (1982). Black box multigrid. Journal of Computational Physics 48, 366–386.
    Tatebe, O. (1993). The multigrid preconditioned conjugate gradient method. NASA Conference Publication 3224.

    Examples
    --------
    >>> from ..base import solve
    >>> chain = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> solve(Multigrid(), chain, jnp.array([[[3.0, 0.0]]]), symmetric=True).round(7)
    Array([[[2., 1.]]], dtype=float64)
    """

    tolerance: float = eqx.field(static=True, default=1e-8)
    iterations: int = eqx.field(static=True, default=300)
    cycle: Literal["automatic", "float32", "float64"] = eqx.field(static=True, default="automatic")
    backend: Backend = eqx.field(static=True, default="auto")
    iteration_budget: float | None = eqx.field(static=True, default=None)

    @property
    def symmetric(self) -> bool:
        """Always True: multigrid solves symmetric systems only."""
        return True

    @property
    def names(self) -> tuple[str, ...]:
        """Name in statistics."""
        return ("multigrid",)

    def init(self, operator: StencilMatrix) -> MultigridState | StencilMatrix:
        """Build the hierarchy; on the CPU each solve builds its own, in the time of about six iterations."""
        if self.runs_on_cpu:
            return operator
        matrix, symmetric = _pad_to_size_class(operator)
        single = self.cycle == "float32" or (self.cycle == "automatic" and _is_concrete(operator.center))
        levels = _build_hierarchy(matrix, "float32" if single else "float64")
        if self.cycle == "automatic" and single and levels.min_eigenvalue < FLOAT32_MIN_EIGENVALUE:
            levels = _build_hierarchy(matrix, "float64")
        return MultigridState(matrix, levels, symmetric)

    def compute(
        self,
        state: MultigridState | StencilMatrix,
        right_hand_sides: Float[Array, "k rows columns"],
        *,
        transpose: bool = False,
    ) -> Solution:
        """Solve by conjugate gradients; Aᵀ = A."""
        if isinstance(state, StencilMatrix):
            return compute_on_cpu(self, state, right_hand_sides, transpose=transpose)
        rows, columns = right_hand_sides.shape[1:]
        b = _pad(jnp.moveaxis(right_hand_sides, 0, 1), state.matrix.shape)
        result = _solve(state, b, self.tolerance, self.iterations)
        single = state.hierarchy.coarsest_inverse.dtype != b.dtype
        if self.cycle == "automatic" and single and _is_concrete(result.residuals) and not result.converged.all():
            levels = _build_hierarchy(state.matrix, "float64")
            result = _solve(MultigridState(state.matrix, levels, state.symmetric), b, self.tolerance, self.iterations)
        failed = jnp.where(state.symmetric, int(SolveStatus.NOT_CONVERGED), int(SolveStatus.NOT_SYMMETRIC))
        status = jnp.where(result.converged.all() & state.symmetric, int(SolveStatus.SUCCESS), failed)
        stats = SolveStats("multigrid", result.iterations, result.residuals, status)
        return Solution(jnp.moveaxis(result.x[:rows, :, :columns], 1, 0), (stats,))

    def solve_arrays(
        self, center: np.ndarray, edges: np.ndarray, right_hand_sides: np.ndarray, *, transpose: bool = False
    ) -> Solution:
        """Solve with NumPy arrays, on the CPU."""
        b = right_hand_sides
        finest = w_cycle.build(center, edges, np.float64 if self.cycle == "float64" else np.float32)
        if not finest.asymmetry <= SYMMETRY_RTOL:
            stats = SolveStats(
                "multigrid", np.zeros(len(b), int), np.ones(len(b)), np.array(int(SolveStatus.NOT_SYMMETRIC))
            )
            return Solution(np.zeros(b.shape), (stats,))
        # Decoupled rows need no iteration.
        decoupled = ~finest.coupled
        coupled_b = np.where(decoupled, 0.0, b) if b[:, decoupled].any() else b
        result = self._iterate(finest, center, edges, coupled_b)
        status = SolveStatus.SUCCESS if result.converged.all() else SolveStatus.NOT_CONVERGED
        if result.budget_exceeded:
            status = SolveStatus.BUDGET_EXCEEDED
        result.x[:, decoupled] = b[:, decoupled] / np.where(center[decoupled] != 0, center[decoupled], 1)
        stats = SolveStats("multigrid", result.iterations, result.residuals, np.array(int(status)))
        return Solution(result.x, (stats,))

    def _iterate(self, finest: w_cycle.Hierarchy, center, edges, b: np.ndarray) -> KrylovResult:
        if self.cycle == "automatic" and finest.precision == np.float32:
            if finest.min_eigenvalue >= FLOAT32_MIN_EIGENVALUE:
                result = self._conjugate_gradients(finest, b)
                if result.converged.all() or result.budget_exceeded or (result.residuals > DIVERGED).any():
                    return result
            finest = w_cycle.build(center, edges, np.float64)
        return self._conjugate_gradients(finest, b)

    def _conjugate_gradients(self, finest: w_cycle.Hierarchy, b: np.ndarray) -> KrylovResult:
        return conjugate_gradients_cpu(
            finest.matrix,
            partial(w_cycle.WCycle, finest),
            b,
            tolerance=self.tolerance,
            iterations=self.iterations,
            iteration_budget=self.iteration_budget,
        )


def _is_concrete(array: Array) -> bool:
    """Return whether the values of an array are known; while JAX traces a function only its shape is."""
    return not isinstance(array, jax.core.Tracer)


@eqx.filter_jit
def _pad_to_size_class(operator: StencilMatrix) -> tuple[SymmetricStencil, Bool[Array, ""]]:
    difference = jnp.abs(operator.edges - operator.transpose().edges)
    rows, columns = (_size_class(side) - side for side in operator.shape)
    matrix = jax.tree.map(
        lambda array: _pad(array, (array.shape[0] + rows, array.shape[2] + columns)), SymmetricStencil(operator)
    )
    return matrix, (difference <= SYMMETRY_RTOL * operator.center).all()


def _size_class(side: int) -> int:
    """Round a side length of a raster up.

    Examples
    --------
    >>> [_size_class(side) for side in (1, 17, 33, 1000)]
    [1, 17, 34, 1024]
    """
    step = max(1, 2 ** (side.bit_length() - 1) // STEPS_PER_DOUBLING)
    return -(-side // step) * step


def _pad(array: Array, shape: tuple[int, int]) -> Array:
    return jnp.pad(array, ((0, shape[0] - array.shape[0]), (0, 0), (0, shape[1] - array.shape[2])))


@eqx.filter_jit
def _build_hierarchy(matrix: SymmetricStencil, precision: str) -> Hierarchy:
    largest = jnp.max(jnp.where(matrix.coupled, matrix.diagonal, 0))
    unit = jnp.where(largest > 0, largest, 1)
    return build(jax.tree.map(lambda array: (array / unit).astype(precision), matrix.conductance_stencil()))


@eqx.filter_jit
def _solve(state: MultigridState, b: Float[Array, "rows k columns"], tolerance: float, iterations: int) -> KrylovResult:
    matrix, precision = state.matrix, state.hierarchy.coarsest_inverse.dtype
    result = conjugate_gradients_xla(
        matrix.apply,
        lambda residual: v_cycle(state.hierarchy, residual.astype(precision)).astype(b.dtype),
        matrix.norm,
        jnp.where(matrix.coupled, b, 0),
        tolerance=tolerance,
        iterations=iterations,
    )
    # Decoupled rows need no iteration; in padding this is 0 / 1.
    diagonal = jnp.where(matrix.coupled | (matrix.diagonal != 0), matrix.diagonal, 1)
    return result._replace(x=jnp.where(matrix.coupled, result.x, b / diagonal))
