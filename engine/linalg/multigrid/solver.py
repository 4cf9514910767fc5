"""Conjugate gradients with a black-box multigrid cycle as preconditioner."""

from functools import partial
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..base import AbstractLinearSolver
from ..krylov.cpu import cg
from ..krylov.result import KrylovResult
from ..krylov.xla.cg import conjugate_gradients
from ..solver_stats import log_solve
from ..stencil_matrix import StencilMatrix
from .cpu import w_cycle
from .xla.symmetric_stencil import SymmetricStencil
from .xla.v_cycle import Hierarchy, hierarchy, v_cycle

#: How far, relative to the diagonal, entries may differ that should be equal.
ASYMMETRY = 1e-12

#: Below this smallest eigenvalue of the coarsest operator (scaled to a diagonal of ones) a part of the landscape is
#: all but cut off from the ground. Its potential then is so large that single precision hides what differs in it.
FLOAT32_MIN_EIGENVALUE = 1e-5

#: What an iteration has not brought below this is not for want of digits: double precision would not help.
DIVERGED = 1e-2

#: Sides of rasters are rounded up to 16 to 32 times a power of 2, so that rasters of about one size share what was
#: compiled; at most an eighth of the cells is added.
STEPS_PER_DOUBLING = 16


class MultigridState(eqx.Module):
    """The matrix and its hierarchy, on a raster filled up to the size of its class with cells that have no links.

    Parameters
    ----------
    matrix
        In double precision.
    hierarchy
        Of the matrix divided by its largest entry, so that single precision neither overflows nor underflows.
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
        How many at most.
    cycle
        Precision of the multigrid cycle, "float32" or "float64". The iteration around it, and so the solution, is in
        double precision either way; single precision halves what a cycle has to read. "automatic" takes single and, if
        that does not do, double.
    on_host
        Whether to iterate on the processor, in loops compiled once for all rasters, or in compiled, batched form; None
        for the processor where there is no GPU.
    worth
        On the processor: after how many iterations another solver would have been sooner. It raises as soon as it sees
        that it will take more; None if there is no other.

    Notes
    -----
    The number of iterations hardly depends on the size of the raster, but does on the landscape: about 10 where
    permeability varies smoothly, a few tens with barriers and high contrast. Long winding corridors between walls of
    one cell cannot be told apart on coarse rasters; there it raises, and a direct solver serves.

    References
    ----------
    Dendy, J. E. (1982). Black box multigrid. Journal of Computational Physics 48, 366–386.
    Tatebe, O. (1993). The multigrid preconditioned conjugate gradient method. NASA Conference Publication 3224.
    """

    tolerance: float = eqx.field(static=True, default=1e-8)
    iterations: int = eqx.field(static=True, default=300)
    cycle: Literal["automatic", "float32", "float64"] = eqx.field(static=True, default="automatic")
    on_host: bool | None = eqx.field(static=True, default=None)
    worth: float | None = eqx.field(static=True, default=None)

    @property
    def uses_host(self) -> bool:
        """Where it iterates."""
        return jax.default_backend() == "cpu" if self.on_host is None else self.on_host

    def prepare(self, system: StencilMatrix) -> MultigridState | StencilMatrix:
        """Build the hierarchy of coarser networks; on the host that takes a fraction of an iteration, and waits."""
        if self.uses_host:
            return system
        matrix, symmetric = _half(system)
        single = self.cycle == "float32" or (self.cycle == "automatic" and _is_known(system.center))
        levels = _hierarchy(matrix, "float32" if single else "float64")
        if self.cycle == "automatic" and single and levels.weakest < FLOAT32_MIN_EIGENVALUE:
            levels = _hierarchy(matrix, "float64")
        return MultigridState(matrix, levels, symmetric)

    def solve_prepared(
        self,
        prepared: MultigridState | StencilMatrix,
        right_hand_sides: Float[Array, "k rows columns"],
        transposed: bool,
    ) -> Float[Array, "k rows columns"]:
        """Solve by conjugate gradients; Aᵀ = A.

        Raises
        ------
        RuntimeError
            The matrix is not symmetric, or the residual is still above the tolerance after all iterations.
        """
        if isinstance(prepared, StencilMatrix):
            on_host = partial(self.solve_on_host, transposed=transposed)
            like = jax.ShapeDtypeStruct(right_hand_sides.shape, jnp.float64)
            given = prepared.center, prepared.edges, right_hand_sides
            return jax.pure_callback(on_host, like, *given, vmap_method="sequential")
        x, converged = self.attempt(prepared, right_hand_sides)
        x = eqx.error_if(x, ~prepared.symmetric, NOT_SYMMETRIC)
        return eqx.error_if(x, ~converged, NOT_CONVERGED)

    def attempt(
        self, prepared: MultigridState, right_hand_sides: Float[Array, "k rows columns"]
    ) -> tuple[Float[Array, "k rows columns"], Bool[Array, ""]]:
        """Solve in compiled form, and tell whether that succeeded instead of raising."""
        rows, columns = right_hand_sides.shape[1:]
        b = _filled_up(jnp.moveaxis(right_hand_sides, 0, 1), prepared.matrix.shape)
        outcome = _solve(prepared, b, self.tolerance, self.iterations)
        single = prepared.hierarchy.inverse.dtype != b.dtype
        if self.cycle == "automatic" and single and _is_known(outcome.residuals) and not self._converged(outcome):
            levels = _hierarchy(prepared.matrix, "float64")
            outcome = _solve(
                MultigridState(prepared.matrix, levels, prepared.symmetric), b, self.tolerance, self.iterations
            )
        jax.debug.callback(_note, outcome.iterations, outcome.residuals)
        return jnp.moveaxis(outcome.x[:rows, :, :columns], 1, 0), self._converged(outcome) & prepared.symmetric

    def solve_on_host(self, center: ArrayLike, edges: ArrayLike, right_hand_sides: ArrayLike, transposed: bool):
        """Solve with arrays at hand; raises like `solve_prepared`."""
        center, edges, b = (np.asarray(array) for array in (center, edges, right_hand_sides))
        hierarchy = w_cycle.build(center, edges, np.float64 if self.cycle == "float64" else np.float32)
        symmetric = hierarchy.unequal <= ASYMMETRY
        # A row of its own needs no iteration.
        alone = ~hierarchy.linked
        currents = np.where(alone, 0.0, b) if b[:, alone].any() else b
        if symmetric:
            found = self._found(hierarchy, center, edges, currents)
        else:
            found = KrylovResult(np.zeros(b.shape), np.zeros(len(b), int), np.ones(len(b)), np.zeros(len(b), bool))
        log_solve("multigrid", len(b), found.iterations.max(initial=0), found.residuals.max(initial=0))
        if not (symmetric and found.converged.all()):
            raise RuntimeError(NOT_CONVERGED if symmetric else NOT_SYMMETRIC)
        found.x[:, alone] = b[:, alone] / np.where(center[alone] != 0, center[alone], 1)
        return found.x

    def _found(self, hierarchy: w_cycle.Hierarchy, center, edges, currents: np.ndarray) -> KrylovResult:
        if self.cycle == "automatic" and hierarchy.precision == np.float32:
            if hierarchy.weakest >= FLOAT32_MIN_EIGENVALUE:
                found = cg.solve(hierarchy, currents, self.tolerance, self.iterations, self.worth)
                if found.converged.all() or (found.residuals > DIVERGED).any():
                    return found
            hierarchy = w_cycle.build(center, edges, np.float64)
        return cg.solve(hierarchy, currents, self.tolerance, self.iterations, self.worth)

    def _converged(self, outcome: KrylovResult) -> Bool[Array, ""]:
        return outcome.converged.all()


NOT_SYMMETRIC = "multigrid solves symmetric systems only; this one is not"
NOT_CONVERGED = (
    "multigrid did not converge: the residual stays above the tolerance. The raster may hold long winding corridors "
    "between thin walls, or span too many orders of magnitude, or a part without ground; a direct solver can tell"
)


def _is_known(array: Array) -> bool:
    """Tell whether a value is at hand, and not only its shape while a function around is being compiled."""
    return not isinstance(array, jax.core.Tracer)


@eqx.filter_jit
def _half(system: StencilMatrix) -> tuple[SymmetricStencil, Bool[Array, ""]]:
    difference = jnp.abs(system.edges - system.transpose().edges)
    half = SymmetricStencil(system)
    rows, columns = (_size_class(side) - side for side in system.shape)

    def grown(array: Array) -> Array:
        return _filled_up(array, (array.shape[0] + rows, array.shape[2] + columns))

    filled = jax.tree.map(grown, half)
    return filled, (difference <= ASYMMETRY * system.center).all()


def _size_class(side: int) -> int:
    """Round the side of a raster up.

    Examples
    --------
    >>> [_size_class(side) for side in (1, 17, 33, 1000)]
    [1, 17, 34, 1024]
    """
    step = max(1, 2 ** (side.bit_length() - 1) // STEPS_PER_DOUBLING)
    return -(-side // step) * step


def _filled_up(array: Array, shape: tuple[int, int]) -> Array:
    return jnp.pad(array, ((0, shape[0] - array.shape[0]), (0, 0), (0, shape[1] - array.shape[2])))


@eqx.filter_jit
def _hierarchy(matrix: SymmetricStencil, precision: str) -> Hierarchy:
    largest = jnp.max(jnp.where(matrix.linked, matrix.diagonal, 0))
    unit = jnp.where(largest > 0, largest, 1)
    return hierarchy(jax.tree.map(lambda array: (array / unit).astype(precision), matrix.network()))


@eqx.filter_jit
def _solve(
    prepared: MultigridState, b: Float[Array, "rows k columns"], tolerance: float, iterations: int
) -> KrylovResult:
    matrix, precision = prepared.matrix, prepared.hierarchy.inverse.dtype
    outcome = conjugate_gradients(
        matrix.apply,
        lambda residual: v_cycle(prepared.hierarchy, residual.astype(precision)).astype(b.dtype),
        matrix.norm,
        jnp.where(matrix.linked, b, 0),
        tolerance=tolerance,
        iterations=iterations,
    )
    # A row of its own needs no iteration. Where the raster was filled up, 0 / 1.
    diagonal = jnp.where(matrix.linked | (matrix.diagonal != 0), matrix.diagonal, 1)
    return outcome._replace(x=jnp.where(matrix.linked, outcome.x, b / diagonal))


def _note(iterations: Int[Array, "k"], residual: Float[Array, "k"]) -> None:
    log_solve("multigrid", iterations.size, iterations.max(initial=0), residual.max(initial=0))
