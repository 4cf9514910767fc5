"""Two solvers, the second for what the first cannot do."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float

from .base import AbstractLinearSolver
from .multigrid import Multigrid
from .nested_dissection import NestedDissection
from .stencil_matrix import StencilMatrix


class FallbackSolver(AbstractLinearSolver):
    """Solve by one solver and, should it find that it cannot, by another.

    Multigrid gives up where long winding corridors lie between thin walls; nested dissection where a wall conducts so
    little beside its neighbours that the difference drowns in rounding. What fails has computed nothing that is used;
    the journal shows both.

    Parameters
    ----------
    first, second
        How to solve, and how if that fails.

    Examples
    --------
    >>> solver = FallbackSolver(Multigrid(iterations=0), NestedDissection())
    >>> chain = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> solver.solve_prepared(solver.prepare(chain), jnp.array([[[3.0, 0.0]]]), False).round(12)
    Array([[[2., 1.]]], dtype=float64)
    """

    first: Multigrid | NestedDissection
    second: Multigrid | NestedDissection

    @property
    def uses_host(self) -> bool:
        """Whether both work on the processor; elsewhere the first must be multigrid."""
        return self.first.uses_host and self.second.uses_host

    def prepare(self, system: StencilMatrix) -> tuple[Any, StencilMatrix]:
        """Prepare the first; the second is prepared only when needed."""
        return None if self.uses_host else self.first.prepare(system), system

    def solve_prepared(
        self, prepared: tuple[Any, StencilMatrix], right_hand_sides: Float[Array, "k rows columns"], transposed: bool
    ) -> Float[Array, "k rows columns"]:
        """Solve with what was prepared."""
        mine, system = prepared
        if self.uses_host:
            on_host, like = partial(self.solve_on_host, transposed=transposed), jnp.zeros_like(right_hand_sides)
            given = system.center, system.edges, right_hand_sides
            return jax.pure_callback(on_host, like, *given, vmap_method="sequential")
        solution, accurate = self.first.attempt(mine, right_hand_sides)
        return jax.lax.cond(
            accurate,
            lambda: solution,
            lambda: self.second.solve_prepared(self.second.prepare(system), right_hand_sides, transposed),
        )

    def solve_on_host(self, center: ArrayLike, edges: ArrayLike, right_hand_sides: ArrayLike, transposed: bool):
        """Solve with arrays at hand."""
        given = [np.asarray(array) for array in (center, edges, right_hand_sides)]
        try:
            return self.first.solve_on_host(*given, transposed)
        except RuntimeError:
            return self.second.solve_on_host(*given, transposed)
