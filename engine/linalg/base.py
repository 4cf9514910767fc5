"""The contract of a linear solver, and differentiable solves with any solver that keeps it.

A solver sets up a matrix (a factor, a hierarchy) and solves with that state. It returns statistics with the solution,
and a failure is a status in them, not an exception: `FallbackSolver` reads it, `solve` and `with_state` raise.
The derivative is the same for all: x = A⁻¹ b gives dx = A⁻¹ (db − dA x), so that a gradient costs one transposed solve
with the same state, and no iteration is ever unrolled.
"""

import abc
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from .solver_stats import SolveError, SolveStats, failure_index, failure_messages, record_attempts
from .stencil_matrix import StencilMatrix, outer_product

#: Numba and LAPACK on the CPU, or code compiled by XLA; "auto" is the CPU unless JAX has a GPU.
Backend = Literal["auto", "cpu", "xla"]


class Solution(NamedTuple):
    """Solutions of a linear system, and how they were computed.

    Parameters
    ----------
    value
        x, one raster for each right-hand side; meaningless unless `succeeded`.
    stats
        Statistics of each solver that was tried, in order.
    """

    value: Float[Array, "k rows columns"] | Float[np.ndarray, "k rows columns"]
    stats: tuple[SolveStats, ...]

    @property
    def succeeded(self) -> Bool[ArrayLike, ""]:
        """Whether one of the solvers succeeded."""
        result = self.stats[0].succeeded
        for stats in self.stats[1:]:
            result = result | stats.succeeded
        return result


class AbstractLinearSolver(eqx.Module):
    """A solver for A x = b, where A is a nonsingular M-matrix on a raster.

    Subclasses define `init`, `compute` and `names`, which must work under `jax.jit`. Cells that are no vertices are
    identity rows: x = b there.

    Attributes
    ----------
    backend
        "cpu", "xla", or "auto" for the CPU unless JAX has a GPU.
    symmetric
        Whether the solver takes A to equal its transpose: True (only such systems), False, or None to compare values.
    """

    backend: eqx.AbstractVar[Backend]
    symmetric: eqx.AbstractVar[bool | None]

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """Names in the statistics of a solution, in the order of trial."""

    @property
    def differentiable(self) -> bool:
        """Whether it solves with Aᵀ, too, which derivatives need."""
        return True

    @property
    def runs_on_cpu(self) -> bool:
        """Whether it runs on the CPU through a host callback, given JAX's devices."""
        return self.backend == "cpu" or (self.backend == "auto" and jax.default_backend() == "cpu")

    @abc.abstractmethod
    def init(self, operator: StencilMatrix) -> Any:
        """Set up what depends on the matrix alone; the state is a pytree of arrays."""

    @abc.abstractmethod
    def compute(
        self, state: Any, right_hand_sides: Float[Array, "k rows columns"], *, transpose: bool = False
    ) -> Solution:
        """Solve A x = b, or Aᵀ x = b, for k right-hand sides; a failure is a status in the statistics."""

    def solve_arrays(
        self, center: np.ndarray, edges: np.ndarray, right_hand_sides: np.ndarray, *, transpose: bool = False
    ) -> Solution:
        """Solve with NumPy arrays, outside of JAX; solvers with a CPU backend do so without a copy.

        The value is a new, writable array.

        Parameters
        ----------
        center, edges
            A, as in `StencilMatrix`.
        right_hand_sides
            b, of shape (k, rows, columns).
        transpose
            Whether to solve with Aᵀ.
        """
        state = self.init(StencilMatrix(jnp.asarray(center), jnp.asarray(edges)))
        return jax.tree.map(np.array, self.compute(state, jnp.asarray(right_hand_sides), transpose=transpose))

    def solve_after(
        self,
        first: Solution,
        center: np.ndarray,
        edges: np.ndarray,
        right_hand_sides: np.ndarray,
        *,
        transpose: bool = False,
    ) -> Solution:
        """Return the solution of another solver if that succeeded, else solve; the statistics show both.

        Parameters
        ----------
        first
            The other solver's solution.
        center, edges, right_hand_sides, transpose
            As of `solve_arrays`.
        """
        if first.succeeded:
            return Solution(first.value, first.stats + self.stats_not_run(len(right_hand_sides)))
        second = self.solve_arrays(center, edges, right_hand_sides, transpose=transpose)
        return Solution(second.value, first.stats + second.stats)

    def stats_not_run(self, right_hand_sides: int) -> tuple[SolveStats, ...]:
        """Return the statistics of a solver that was not needed, for a number of right-hand sides."""
        return tuple(SolveStats.not_run(name, right_hand_sides) for name in self.names)


def compute_on_cpu(
    solver: AbstractLinearSolver,
    operator: StencilMatrix,
    right_hand_sides: Float[Array, "k rows columns"],
    *,
    transpose: bool,
    solve_arrays: Callable[..., Solution] | None = None,
    extra: tuple[Array, ...] = (),
) -> Solution:
    """Call a solver's `solve_arrays` from code that JAX traces.

    Parameters
    ----------
    solver
        With a CPU backend.
    operator, right_hand_sides
        A and b.
    transpose
        Whether to solve with Aᵀ.
    solve_arrays
        What to call instead of the solver's own method, with `extra` arrays behind b.
    extra
        More arrays of the state.
    """
    function = solver.solve_arrays if solve_arrays is None else solve_arrays

    def call(*arrays: Any) -> Solution:
        """Solve with NumPy arrays."""
        return function(*(np.asarray(array) for array in arrays), transpose=transpose)

    stats = jax.eval_shape(lambda: solver.stats_not_run(len(right_hand_sides)))
    like = Solution(jax.ShapeDtypeStruct(right_hand_sides.shape, right_hand_sides.dtype), stats)
    arrays = operator.center, operator.edges, right_hand_sides, *extra
    return jax.pure_callback(call, like, *arrays, vmap_method="sequential")


def require_solver(solver: Any, *, symmetric_systems: bool = True) -> None:
    """Raise a `TypeError` unless an argument is a linear solver, or None for the automatic choice.

    Parameters
    ----------
    solver
        The argument.
    symmetric_systems
        Whether the systems to solve are symmetric; a solver for those only does not serve others.
    """
    if solver is None:
        return
    if not isinstance(solver, AbstractLinearSolver):
        raise TypeError(f"solver must be a linear solver such as Multigrid(), or None, not {solver!r}")
    if solver.symmetric and not symmetric_systems:
        raise TypeError(f"solver must solve nonsymmetric systems; {type(solver).__name__} solves symmetric ones only")


def require_solved(solution: Solution) -> Float[Array, "k rows columns"] | Float[np.ndarray, "k rows columns"]:
    """Return the value of a solution, report its statistics to `record_stats`, and raise if the solve failed.

    Raises
    ------
    RuntimeError
        Says why the solver failed; in compiled code when the solution is computed.
    """
    value, stats = solution
    messages = failure_messages(stats, value.shape[-2] * value.shape[-1])
    if isinstance(value, np.ndarray):
        record_attempts(stats)
        if not solution.succeeded:
            raise SolveError(messages[int(failure_index(stats))])
        return value
    jax.debug.callback(record_attempts, stats)
    # The check is tied to the value: whatever is computed from a failed solve is never returned.
    failed = jnp.logical_not(solution.succeeded)
    return eqx.branched_error_if(value, failed, failure_index(stats), messages, on_error="raise")


def solve(
    solver: AbstractLinearSolver,
    operator: StencilMatrix,
    right_hand_sides: Float[Array, "k rows columns"],
    *,
    symmetric: bool = False,
) -> Float[Array, "k rows columns"]:
    """Solve A x = b for k right-hand sides; differentiable with respect to A and b, forward and backward.

    Parameters
    ----------
    solver
        The solver.
    operator
        A, nonsingular.
    right_hand_sides
        b.
    symmetric
        Whether A equals its transpose.

    Raises
    ------
    RuntimeError
        The solver failed.

    Examples
    --------
    >>> from .nested_dissection import NestedDissection
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> solve(NestedDissection(), twice, jnp.ones((1, 1, 2)))
    Array([[[0.5, 0.5]]], dtype=float64)
    """
    state = solver.init(jax.lax.stop_gradient(operator))
    return with_state(solver, operator, state, symmetric=symmetric)(right_hand_sides)


def with_state(
    solver: AbstractLinearSolver,
    operator: StencilMatrix,
    state: Any,
    *,
    symmetric: bool = False,
    transpose: bool = False,
) -> Callable[[Float[Array, "k rows columns"]], Float[Array, "k rows columns"]]:
    """Return a function that solves with the state of A, differentiable like `solve`.

    Parameters
    ----------
    solver, operator, state
        The solver, A, and `solver.init(A)`.
    symmetric
        Whether A equals its transpose.
    transpose
        Whether to solve Aᵀ x = b.
    """
    applied = operator.transpose() if transpose else operator

    def solve_by_state(right_hand_sides: Float[Array, "k rows columns"], *, transpose: bool) -> Array:
        """Return the solution, or raise."""
        return require_solved(solver.compute(state, right_hand_sides, transpose=transpose))

    def solve_with_state(right_hand_sides: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
        """Return x for k right-hand sides."""
        if not solver.differentiable:
            return solve_by_state(right_hand_sides, transpose=transpose)
        return jax.lax.custom_linear_solve(
            applied.apply,
            right_hand_sides,
            solve=lambda _, b: solve_by_state(b, transpose=transpose),
            transpose_solve=lambda _, b: solve_by_state(b, transpose=transpose == symmetric),
            symmetric=symmetric,
        )

    return solve_with_state


@eqx.filter_custom_vjp
def inverse_block(
    operator: StencilMatrix, solver: AbstractLinearSolver, cells: Int[Array, " k"]
) -> Float[Array, "k k"]:
    """Return the entries of A⁻¹ between k cells, for a symmetric A.

    Gᵢⱼ = (A⁻¹)ᵢⱼ is taken from column i: an error of an iterative solver that is the same at i and j cancels in
    Gᵢᵢ − Gᵢⱼ. With V = A⁻¹ E the columns, dG = −Vᵀ dA V: the gradient needs no further solve.

    Parameters
    ----------
    operator
        A, symmetric and nonsingular.
    solver
        The solver.
    cells
        Flat raster indices; the row and the column of one outside the raster are 0.
    """
    return _entries_at(_inverse_columns(solver, operator, cells), cells)


def _inverse_columns(
    solver: AbstractLinearSolver, operator: StencilMatrix, cells: Int[Array, " k"]
) -> Float[Array, "k rows columns"]:
    return require_solved(solver.compute(solver.init(operator), unit_vectors(cells, operator.shape)))


def _entries_at(rasters: Float[Array, "k rows columns"], cells: Int[Array, " m"]) -> Float[Array, "k m"]:
    return jnp.take(rasters.reshape(rasters.shape[0], -1), cells, axis=1, mode="fill", fill_value=0.0)


@inverse_block.def_fwd
def _inverse_block_forward(perturbed, operator, solver, cells):
    columns = _inverse_columns(solver, operator, cells)
    return _entries_at(columns, cells), columns


@inverse_block.def_bwd
def _inverse_block_backward(columns, cotangent, perturbed, operator, solver, cells):
    weighted = jnp.tensordot(cotangent, columns, axes=1)
    entries = outer_product(columns, weighted, operator.directions)
    return jax.tree.map(jnp.negative, entries)


def unit_vectors(cells: Int[Array, " k"], shape: tuple[int, int]) -> Float[Array, "k rows columns"]:
    """Return k rasters that are 1 in one cell each and 0 elsewhere; all 0 for a cell outside the raster.

    Examples
    --------
    >>> unit_vectors(jnp.array([1]), (1, 3))
    Array([[[0., 1., 0.]]], dtype=float64)
    """
    size = shape[0] * shape[1]
    rasters = jnp.zeros((cells.shape[0], size))
    return rasters.at[jnp.arange(cells.shape[0]), cells].set(1.0, mode="drop").reshape(-1, *shape)
