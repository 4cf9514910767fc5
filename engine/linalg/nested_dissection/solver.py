"""Nested dissection as a linear solver."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from ..base import AbstractLinearSolver, Backend, Solution, compute_on_cpu
from ..stencil_matrix import StencilMatrix
from .accuracy import REFINEMENT_THRESHOLD
from .cpu import backend as cpu
from .xla import backend as xla
from .xla.factorization import Factor, factor


class NestedDissection(AbstractLinearSolver):
    """Direct solver that factors over the grid's own separators: exact, and fast for many right-hand sides.

    Parameters
    ----------
    symmetric
        Whether the matrix equals its transpose, which halves memory and time; None to compare the values, which only
        the CPU backend does (the XLA backend then takes the matrix to be nonsymmetric).
    backend
        "cpu" to factor with LAPACK, "xla" in compiled, batched form; "auto" for the CPU unless JAX has a GPU.
    refinement_threshold
        Componentwise relative residual above which the CPU backend refines a solution. The default makes small entries
        of a solution as accurate as large ones. Infinity: the residual is not computed, for callers that check their
        results in another way.

    Notes
    -----
    For n × n cells the factor has about 7 n² log₂ n entries if symmetric (0.6 GB at 1023²), else 12 n² log₂ n; see
    `predicted_factor_bytes`.
    A must be an M-matrix: factors are computed without pivoting.

    References
    ----------
    George, A. (1973). Nested dissection of a regular finite element mesh. SIAM J. Numerical Analysis 10, 345–363.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..base import solve
    >>> twice = StencilMatrix(jnp.full((1, 2), 2.0), jnp.zeros((4, 1, 2)))
    >>> solve(NestedDissection(), twice, jnp.ones((1, 1, 2)))
    Array([[[0.5, 0.5]]], dtype=float64)
    """

    symmetric: bool | None = eqx.field(static=True, default=None)
    backend: Backend = eqx.field(static=True, default="auto")
    refinement_threshold: float = eqx.field(static=True, default=REFINEMENT_THRESHOLD)

    @property
    def names(self) -> tuple[str, ...]:
        """Name in statistics."""
        return ("nested dissection",)

    def init(self, operator: StencilMatrix) -> tuple[StencilMatrix, Factor | None]:
        """Factor the matrix; on the CPU that happens with the first solve, and the factor is cached."""
        return operator, None if self.runs_on_cpu else factor(operator, bool(self.symmetric))

    def compute(
        self,
        state: tuple[StencilMatrix, Factor | None],
        right_hand_sides: Float[Array, "k rows columns"],
        *,
        transpose: bool = False,
    ) -> Solution:
        """Solve by substitution; fails if the matrix is singular, or the residual stays above 1e-8."""
        operator, factored = state
        if factored is not None:
            return xla.solve(operator, factored, right_hand_sides, transpose)
        return compute_on_cpu(self, operator, right_hand_sides, transpose=transpose)

    def solve_arrays(
        self, center: np.ndarray, edges: np.ndarray, right_hand_sides: np.ndarray, *, transpose: bool = False
    ) -> Solution:
        """Solve with NumPy arrays, on the CPU."""
        return cpu.solve(center, edges, right_hand_sides, self.symmetric, transpose, self.refinement_threshold)
