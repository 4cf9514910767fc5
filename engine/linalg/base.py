"""What a linear solver is, and how its solutions are differentiated.

A solver knows how to prepare a matrix (factor it, build a hierarchy) and how to solve with what it prepared.
The derivative is the same for all: x = A⁻¹ b gives dx = A⁻¹ (db − dA x), so a gradient costs one transposed solve
with what is already prepared, and no solver is ever unrolled.
"""

import abc
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .stencil_matrix import StencilMatrix, outer_product


class AbstractLinearSolver(eqx.Module):
    """A way to solve A x = b where A is a nonsingular M-matrix on a raster.

    Subclasses define `prepare` and `solve_prepared`; both must work under `jax.jit`.
    Cells that take no part are identity rows: x = b there.
    """

    @abc.abstractmethod
    def prepare(self, system: StencilMatrix) -> Any:
        """Do what depends on the matrix alone; the result is a pytree of arrays."""

    @abc.abstractmethod
    def solve_prepared(
        self, prepared: Any, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
    ) -> Float[Array, "k rows columns"]:
        """Solve A x = b, or Aᵀ x = b, for k right-hand sides; raise if the answer is not accurate."""


def solve(
    solver: AbstractLinearSolver,
    system: StencilMatrix,
    right_hand_sides: Float[Array, "k rows columns"],
    *,
    symmetric: bool = False,
) -> Float[Array, "k rows columns"]:
    """Solve A x = b for k right-hand sides; differentiable with respect to A and b, forward and backward.

    Parameters
    ----------
    solver
        How.
    system
        A, nonsingular.
    right_hand_sides
        b.
    symmetric
        Whether A equals its transpose.

    Examples
    --------
    >>> from .nested_dissection import NestedDissection
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> solve(NestedDissection(), twice, jnp.ones((1, 1, 2)))
    Array([[[0.5, 0.5]]], dtype=float64)
    """
    prepared = solver.prepare(jax.lax.stop_gradient(system))
    return with_state(solver, system, prepared, symmetric=symmetric)(right_hand_sides)


def with_state(
    solver: AbstractLinearSolver,
    system: StencilMatrix,
    prepared: Any,
    *,
    symmetric: bool = False,
    transposed: bool = False,
) -> Callable[[Float[Array, "k rows columns"]], Float[Array, "k rows columns"]]:
    """Return a function that solves with what was prepared from A, differentiable like `solve`.

    Parameters
    ----------
    solver, system, prepared
        How, A, and what `solver.prepare` made of A.
    symmetric
        Whether A equals its transpose.
    transposed
        Whether Aᵀ x = b is to be solved.
    """
    operator = system.transpose() if transposed else system

    def solve_one(right_hand_sides: Float[Array, "k rows columns"]) -> Float[Array, "k rows columns"]:
        return jax.lax.custom_linear_solve(
            operator.apply,
            right_hand_sides,
            solve=lambda _, b: solver.solve_prepared(prepared, b, transposed=transposed),
            transpose_solve=lambda _, b: solver.solve_prepared(prepared, b, transposed=transposed == symmetric),
            symmetric=symmetric,
        )

    return solve_one


@eqx.filter_custom_vjp
def inverse_block(
    differentiable: StencilMatrix, solver: AbstractLinearSolver, cells: Int[Array, "k"]
) -> Float[Array, "k k"]:
    """Return the entries of A⁻¹ between k cells, for a symmetric A.

    Gᵢⱼ = (A⁻¹)ᵢⱼ, read off the column of i: an error that an iterative solver leaves alike at i and j cancels in
    Gᵢᵢ − Gᵢⱼ. With V = A⁻¹ E the columns that were solved for, dG = −Vᵀ dA V: the gradient needs no further solve.

    Parameters
    ----------
    differentiable
        A, symmetric and nonsingular.
    solver
        How.
    cells
        Flat raster indices; one beyond the raster gives a column of zeros.
    """
    return _pick(_columns(solver, differentiable, cells), cells)


def _columns(
    solver: AbstractLinearSolver, system: StencilMatrix, cells: Int[Array, "k"]
) -> Float[Array, "k rows columns"]:
    return solver.solve_prepared(solver.prepare(system), unit_vectors(cells, system.shape), transposed=False)


def _pick(rasters: Float[Array, "k rows columns"], cells: Int[Array, "m"]) -> Float[Array, "k m"]:
    return jnp.take(rasters.reshape(rasters.shape[0], -1), cells, axis=1, mode="fill", fill_value=0.0)


@inverse_block.def_fwd
def _inverse_block_forward(perturbed, differentiable, solver, cells):
    columns = _columns(solver, differentiable, cells)
    return _pick(columns, cells), columns


@inverse_block.def_bwd
def _inverse_block_backward(columns, cotangent, perturbed, differentiable, solver, cells):
    weighted = jnp.tensordot(cotangent, columns, axes=1)
    entries = outer_product(columns, weighted, differentiable.directions)
    return jax.tree.map(jnp.negative, entries)


def unit_vectors(cells: Int[Array, "k"], shape: tuple[int, int]) -> Float[Array, "k rows columns"]:
    """Return k rasters that are 1 in one cell each and 0 elsewhere (all 0 for a cell beyond the raster).

    Examples
    --------
    >>> unit_vectors(jnp.array([1]), (1, 3))
    Array([[[0., 1., 0.]]], dtype=float64)
    """
    size = shape[0] * shape[1]
    canvas = jnp.zeros((cells.shape[0], size))
    return canvas.at[jnp.arange(cells.shape[0]), cells].set(1.0, mode="drop").reshape(-1, *shape)
