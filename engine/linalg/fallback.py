"""Two solvers, the second for systems on which the first fails."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .base import AbstractLinearSolver, Backend, Solution, compute_on_cpu, require_solver
from .stencil_matrix import StencilMatrix


class FallbackSolver(AbstractLinearSolver):
    """Solve by one solver and, if that fails, by another.

    Multigrid fails where long winding corridors lie between thin walls; nested dissection where a wall conducts so
    little relative to its neighbours that the difference is lost in rounding. The statistics show both attempts.

    Parameters
    ----------
    first, second
        The solver to try first, and the one to use if it fails.

    Examples
    --------
    >>> from .multigrid import Multigrid
    >>> from .nested_dissection import NestedDissection
    >>> solver = FallbackSolver(Multigrid(iterations=0), NestedDissection())
    >>> chain = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> solution = solver.compute(solver.init(chain), jnp.array([[[3.0, 0.0]]]))
    >>> solution.value.round(12)
    Array([[[2., 1.]]], dtype=float64)
    >>> [(stats.solver, bool(stats.succeeded)) for stats in solution.stats]
    [('multigrid', False), ('nested dissection', True)]
    """

    first: AbstractLinearSolver
    second: AbstractLinearSolver

    def __check_init__(self):
        for solver in (self.first, self.second):
            if solver is None:
                raise TypeError("FallbackSolver needs two solvers, not None")
            require_solver(solver)

    @property
    def backend(self) -> Backend:
        """The CPU if both solvers run there."""
        return "cpu" if self.first.runs_on_cpu and self.second.runs_on_cpu else "xla"

    @property
    def symmetric(self) -> bool | None:
        """That of the second solver, which must solve what the first cannot."""
        return self.second.symmetric

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the first solver, then of the second."""
        return self.first.names + self.second.names

    @property
    def differentiable(self) -> bool:
        """Whether both solvers are."""
        return self.first.differentiable and self.second.differentiable

    def init(self, operator: StencilMatrix) -> tuple[Any, StencilMatrix]:
        """Set up the first solver; the second is set up only when needed."""
        return None if self.runs_on_cpu else self.first.init(operator), operator

    def compute(
        self,
        state: tuple[Any, StencilMatrix],
        right_hand_sides: Float[Array, "k rows columns"],
        *,
        transpose: bool = False,
    ) -> Solution:
        """Solve by the first solver and, if it fails, by the second."""
        first_state, operator = state
        if self.runs_on_cpu:
            return compute_on_cpu(self, operator, right_hand_sides, transpose=transpose)
        first = self.first.compute(first_state, right_hand_sides, transpose=transpose)

        def fall_back() -> Solution:
            """Solve by the second solver."""
            return self.second.compute(self.second.init(operator), right_hand_sides, transpose=transpose)

        def keep() -> Solution:
            """Return the first solution, with the statistics of a second solver that was not needed."""
            return jax.tree.map(jnp.asarray, Solution(first.value, self.second.stats_not_run(len(right_hand_sides))))

        second = jax.lax.cond(first.succeeded, keep, fall_back)
        return Solution(second.value, first.stats + second.stats)

    def solve_arrays(
        self, center: np.ndarray, edges: np.ndarray, right_hand_sides: np.ndarray, *, transpose: bool = False
    ) -> Solution:
        """Solve with NumPy arrays, by the first solver and, if it fails, by the second."""
        first = self.first.solve_arrays(center, edges, right_hand_sides, transpose=transpose)
        if not first.succeeded:
            # Frees the first solution: the second solver may need the memory.
            first = first._replace(value=right_hand_sides)
        return self.second.solve_after(first, center, edges, right_hand_sides, transpose=transpose)
