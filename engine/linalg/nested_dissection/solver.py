"""Nested dissection as a solver, and the determinant and selected inverse from its factors."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..base import AbstractLinearSolver, Backend, Solution, compute_on_cpu
from ..stencil_matrix import StencilMatrix
from .cpu import cached_factor
from .symbolic import analyze
from .xla import factorization

#: The largest number of cells for which memory is counted from the symbolic analysis.
MAX_ANALYZED_CELLS = 1 << 21


class NestedDissection(AbstractLinearSolver):
    """Solve by a factorization over the separators of the grid: exact for any M-matrix, fast for many right-hand sides.

    Parameters
    ----------
    symmetric
        Whether the matrix equals its transpose, which halves memory and time; None to compare the values, which only
        the CPU backend can (XLA then takes it to be nonsymmetric).
    backend
        "cpu" to factor by LAPACK, "xla" in compiled, batched form; "auto" for the CPU unless JAX has a GPU.
    refined_from
        On the CPU: the componentwise backward error above which the solution is refined. The
        default makes small entries of a solution as accurate as large ones. Infinite for neither refinement nor check,
        where the result computed from the solution is checked.

    Notes
    -----
    About 31 n² log₂ n factor entries for n × n cells (0.6 GB at 1023² if symmetric); see `predicted_factor_bytes`.

    References
    ----------
    George, A. (1973). Nested dissection of a regular finite element mesh. SIAM J. Numerical Analysis 10, 345–363.

    Examples
    --------
    >>> from ..base import solve
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> solve(NestedDissection(), twice, jnp.ones((1, 1, 2)))
    Array([[[0.5, 0.5]]], dtype=float64)
    """

    symmetric: bool | None = eqx.field(static=True, default=None)
    backend: Backend = eqx.field(static=True, default="auto")
    refined_from: float = eqx.field(static=True, default=cached_factor.REFINEMENT_THRESHOLD)

    @property
    def names(self) -> tuple[str, ...]:
        """Name in statistics."""
        return ("nested dissection",)

    def init(self, operator: StencilMatrix) -> tuple[StencilMatrix, factorization.Factor | None]:
        """Factor the matrix; on the CPU that happens with the first solve, and the factor is cached."""
        return operator, None if self.runs_on_cpu else factorization.factor(operator, bool(self.symmetric))

    def compute(
        self,
        state: tuple[StencilMatrix, factorization.Factor | None],
        right_hand_sides: Float[Array, "k rows columns"],
        *,
        transpose: bool = False,
    ) -> Solution:
        """Solve by substitution; fails if the matrix is singular, or the residual stays above 1e-8."""
        operator, factored = state
        if factored is not None:
            return factorization.solve(operator, factored, right_hand_sides, transpose)
        return compute_on_cpu(self, operator, right_hand_sides, transpose=transpose)

    def solve_arrays(
        self, center: np.ndarray, edges: np.ndarray, right_hand_sides: np.ndarray, *, transpose: bool = False
    ) -> Solution:
        """Solve with NumPy arrays, on the CPU."""
        return cached_factor.solve(center, edges, right_hand_sides, self.symmetric, transpose, self.refined_from)


def predicted_factor_bytes(shape: tuple[int, int], *, symmetric: bool = True, gradient: bool = False) -> int:
    """Predict the memory that factoring and selected inversion take at their peak, from the raster's shape alone.

    Parameters
    ----------
    shape
        (rows, columns).
    symmetric
        Whether the matrix equals its transpose.
    gradient
        Whether the gradient of the selected inverse is computed, too, from a second, complex factor.

    Examples
    --------
    >>> 0.5e9 < predicted_factor_bytes((1023, 1023)) < 1.5e9
    True
    """
    cells = shape[0] * shape[1]
    if cells > MAX_ANALYZED_CELLS:
        # The analysis of a large raster is itself large. Bytes per cell grow linearly with the logarithm of the size.
        large, small = (_scaled_shape(shape, MAX_ANALYZED_CELLS / part) for part in (1, 4))
        each, before = (_analyzed_bytes(side, symmetric, gradient) / (side[0] * side[1]) for side in (large, small))
        return int(cells * (each + (each - before) * math.log(cells / MAX_ANALYZED_CELLS, 4)))
    return _analyzed_bytes(shape, symmetric, gradient)


def _scaled_shape(shape: tuple[int, int], cells: float) -> tuple[int, int]:
    """Return the shape of a raster with the same proportions and about a number of cells."""
    scale = math.sqrt(cells / (shape[0] * shape[1]))
    rows = min(max(1, round(shape[0] * scale)), shape[0])
    return rows, max(1, round(cells / rows))


def _analyzed_bytes(shape: tuple[int, int], symmetric: bool, gradient: bool) -> int:
    dissection = analyze(shape)
    factor = 8 * dissection.factor_nnz(symmetric)
    # The matrix, its copy in padded tiles, and two copies of the inverse's entries: four stacks of 9 rasters.
    rasters = 4 * 9 * 8 * dissection.padded[0] * dissection.padded[1]
    contributions = 8 * dissection.contribution_entries()
    if gradient:
        return 3 * factor + 2 * (rasters + contributions)
    return factor + rasters + contributions


@eqx.filter_custom_vjp
def log_determinant(operator: StencilMatrix, solver: NestedDissection) -> Float[Array, ""]:
    """Return log det A of a nonsingular M-matrix.

    ∂ log det A / ∂A_ij = (A⁻¹)_ji, restricted to the entries of A, which are those of the selected inverse.

    Parameters
    ----------
    operator
        A.
    solver
        The solver that factors A.

    Examples
    --------
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> round(float(log_determinant(twice, NestedDissection())), 6)
    1.386294
    """
    return _log_determinant(operator, solver)


def _log_determinant(system: StencilMatrix, solver: NestedDissection) -> Float[Array, ""]:
    if not solver.runs_on_cpu:
        return factorization.log_determinant(system, bool(solver.symmetric))
    return _call_on_cpu(
        lambda c, e: cached_factor.log_determinant(c, e, solver.symmetric),
        jnp.zeros((), system.center.dtype),
        system.center,
        system.edges,
    )


@log_determinant.def_fwd
def _log_determinant_forward(perturbed, operator, solver):
    return _log_determinant(operator, solver), None


@log_determinant.def_bwd
def _log_determinant_backward(_, cotangent, perturbed, operator, solver):
    return jax.tree.map(lambda entry: cotangent * entry, _selected_inverse(operator, solver).transpose())


@eqx.filter_custom_vjp
def selected_inverse(operator: StencilMatrix, solver: NestedDissection) -> StencilMatrix:
    """Return the entries of A⁻¹ on the diagonal and between neighbouring cells, exactly.

    `center` is (A⁻¹)_ii and `edges[d]` is (A⁻¹)_{i, i + step_d}, 0 beyond the raster.

    With cotangent G on those entries, d tr(Gᵀ A⁻¹) = −tr(Gᵀ A⁻¹ dA A⁻¹), so that

        Ā = −A⁻ᵀ G A⁻ᵀ = −(A⁻¹ Gᵀ A⁻¹)ᵀ

    on the entries of A: the derivative of the selected inverse itself, in the direction Gᵀ.

    Parameters
    ----------
    operator
        A, a nonsingular M-matrix.
    solver
        The solver that factors A. If the matrix is symmetric, its gradient is that within symmetric matrices.

    Examples
    --------
    >>> chain = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> selected_inverse(chain, NestedDissection()).center * 3
    Array([[2., 2.]], dtype=float64)
    """
    return _selected_inverse(operator, solver)


def _selected_inverse(system: StencilMatrix, solver: NestedDissection) -> StencilMatrix:
    if not solver.runs_on_cpu:
        return factorization.selected_inverse(system, bool(solver.symmetric))
    center, edges = _call_on_cpu(
        lambda c, e: cached_factor.selected_inverse(c, e, solver.symmetric),
        (system.center, system.edges),
        system.center,
        system.edges,
    )
    return StencilMatrix(center, edges)


@eqx.filter_custom_vjp
def _sandwich(matrices: tuple[StencilMatrix, StencilMatrix], solver: NestedDissection) -> StencilMatrix:
    return _selected_sandwich(*matrices, solver)


def selected_inverse_derivative(
    system: StencilMatrix, middle: StencilMatrix, solver: NestedDissection
) -> StencilMatrix:
    """Return the entries of A⁻¹ M A⁻¹ on the diagonal and between neighbouring cells, exactly.

    It is the derivative of the selected inverse: −d/dh (A + h M)⁻¹ at h = 0. Its gradient is that of
    the XLA factorization, by automatic differentiation.

    Parameters
    ----------
    system
        A, a nonsingular M-matrix.
    middle
        M.
    solver
        The solver that factors A.

    Examples
    --------
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> selected_inverse_derivative(twice, twice, NestedDissection()).center
    Array([[0.5, 0.5]], dtype=float64)
    """
    return _sandwich((system, middle), solver)


@_sandwich.def_fwd
def _sandwich_forward(perturbed, matrices, solver):
    return _selected_sandwich(*matrices, solver), None


@_sandwich.def_bwd
def _sandwich_backward(_, cotangent, perturbed, matrices, solver):
    weights = jax.tree.map(_without_none, cotangent, matrices[0], is_leaf=lambda leaf: leaf is None)
    _, backpropagate = jax.vjp(
        lambda system, middle: factorization.selected_sandwich(system, middle, bool(solver.symmetric)), *matrices
    )
    return backpropagate(weights)


def _selected_sandwich(system: StencilMatrix, middle: StencilMatrix, solver: NestedDissection) -> StencilMatrix:
    if not solver.runs_on_cpu:
        return factorization.selected_sandwich(system, middle, bool(solver.symmetric))
    center, edges = _call_on_cpu(
        lambda *arrays: cached_factor.selected_sandwich(*arrays, solver.symmetric),
        (system.center, system.edges),
        system.center,
        system.edges,
        middle.center,
        middle.edges,
    )
    return StencilMatrix(center, edges)


@selected_inverse.def_fwd
def _selected_inverse_forward(perturbed, operator, solver):
    return _selected_inverse(operator, solver), None


@selected_inverse.def_bwd
def _selected_inverse_backward(_, cotangent, perturbed, operator, solver):
    weights = jax.tree.map(_without_none, cotangent, operator, is_leaf=lambda leaf: leaf is None)
    gradient = _selected_sandwich(operator, weights.transpose(), solver).transpose()
    return jax.tree.map(jnp.negative, gradient)


def _without_none(cotangent: Array | None, entries: Array) -> Array:
    return jnp.zeros_like(entries) if cotangent is None else cotangent


def _call_on_cpu(function, like, *arrays):
    """Call a function on the CPU from code that JAX traces; the result has the shapes and types of `like`."""
    shapes = jax.tree.map(lambda array: jax.ShapeDtypeStruct(array.shape, array.dtype), like)
    return jax.pure_callback(
        lambda *values: function(*(np.asarray(value) for value in values)), shapes, *arrays, vmap_method="sequential"
    )
