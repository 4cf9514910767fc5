"""Preconditioned conjugate gradients on the CPU, for several right-hand sides at once."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int

from ....parallel import parallel_starmap
from ...padded import PaddedShape
from ..restarts import MAX_STARTS, two_sum
from ..result import KrylovResult
from .cg_kernels import (
    apply,
    dots,
    pad_vectors,
    subtract,
    update_direction,
    update_direction_and_apply,
    update_solution,
)

#: Tolerance of the recursion after a restart, relative to that of the solve: the digits that rounding cost the first
#: time would be lost again.
RESTART_TIGHTENING = 1e-2

#: From this iteration on, a right-hand side stops when its mean rate of convergence does not suffice.
STAGNATION_ITERATIONS = 60

#: The iteration at which the rate of convergence is compared with the iteration budget.
EARLY_CHECK_ITERATION = 4

#: Approximate number of right-hand sides that are solved at a time. They share each read of the matrix; more would only
#: take memory. A multiple of four, as smoothing four of them takes no longer than smoothing three.
RHS_BLOCK = 8


class SymmetricMatrix(NamedTuple):
    """A symmetric matrix on a raster, as conjugate gradients apply it.

    Parameters
    ----------
    shape
        Shape of the raster.
    forward
        Negative entries towards the neighbours east, southwest, south and southeast, in double precision.
    row_sums
        Row sums: the conductance of each cell to the ground.
    inverse_diagonal
        Reciprocal of the diagonal up to a factor, padded; 0 in decoupled rows. It weights the norm of residuals.
    """

    shape: PaddedShape
    forward: tuple[np.ndarray, ...]
    row_sums: np.ndarray
    inverse_diagonal: np.ndarray


@runtime_checkable
class Preconditioner(Protocol):
    """An approximate inverse of the matrix, applied to padded vectors in place.

    Attributes
    ----------
    b, x
        The operand and the result.
    """

    b: Float[np.ndarray, "k size"]
    x: Float[np.ndarray, "k size"]

    def run(self, active: Int[np.ndarray, " active"]) -> None:
        """Compute `x` from `b` for the active right-hand sides."""


def conjugate_gradients_cpu(
    matrix: SymmetricMatrix,
    make_preconditioner: Callable[[int], Preconditioner],
    right_hand_sides: Float[np.ndarray, "k rows columns"],
    *,
    tolerance: float,
    iterations: int,
    iteration_budget: float | None = None,
) -> KrylovResult:
    """Solve A x = b by conjugate gradients, each right-hand side for as long as it needs.

    Parameters
    ----------
    matrix
        A.
    make_preconditioner
        Makes a preconditioner for a number of right-hand sides.
    right_hand_sides
        b; 0 in decoupled rows.
    tolerance
        Largest residual b − A x relative to b, both measured as √(Σ r_i² / A_ii) and computed from x; see
        `krylov.restarts`.
    iterations
        The largest number of iterations.
    iteration_budget
        Iterations after which another solver would have been faster. The first block of right-hand sides is checked
        against it; None for no check.

    Notes
    -----
    β is that of Polak and Ribière, which tolerates a preconditioner that is not exactly symmetric, such as one in
    single precision.

    References
    ----------
    Golub, G. H., and Ye, Q. (1999). Inexact preconditioned conjugate gradient method with inner-outer iteration.
    SIAM Journal on Scientific Computing 21, 1305–1320.
    """
    count, cells = len(right_hand_sides), right_hand_sides[0].size if len(right_hand_sides) else 0
    b = right_hand_sides.reshape(count, cells)
    result = KrylovResult(np.zeros((count, cells)), np.zeros(count, int), np.zeros(count), np.zeros(count, bool))
    # Blocks of about one size: a single right-hand side at the end would read the matrix for itself.
    blocks = np.array_split(np.arange(count), max(round(count / RHS_BLOCK), 1)) if count else []
    workspace = _PCGWorkspace(matrix, make_preconditioner, len(blocks[0]), cells) if blocks else None
    budget = iteration_budget
    for block in blocks:
        rows = slice(block[0], block[-1] + 1)
        out = result.x[rows]
        pcg = _PCG(matrix, workspace, b[rows], out)
        for start in range(MAX_STARTS):
            if start:
                pcg.restart()
            pcg.run(RESTART_TIGHTENING * tolerance if start else tolerance, iterations, budget)
            if pcg.budget_exceeded:
                iterations, residuals = np.full(count, EARLY_CHECK_ITERATION), np.full(count, np.nan)
                x = result.x.reshape(right_hand_sides.shape)
                return KrylovResult(x, iterations, residuals, np.zeros(count, bool), budget_exceeded=True)
            pcg.add_correction()
            if not pcg.unconverged(tolerance, iterations).size:
                break
        budget = None
        result.iterations[rows], result.residuals[rows] = pcg.iterations, pcg.relative
        result.converged[rows] = pcg.relative <= tolerance
        if pcg.x is not out:
            out[:] = pcg.x
    return result._replace(x=result.x.reshape(right_hand_sides.shape))


class _PCGWorkspace:
    """Vectors for a block of right-hand sides, reused by the next block."""

    def __init__(
        self, matrix: SymmetricMatrix, make_preconditioner: Callable[[int], Preconditioner], count: int, cells: int
    ):
        self.preconditioner = make_preconditioner(count)
        self.residual, self.applied, self.correction = np.zeros((3, count, cells))
        # A direction need not be more exact than the preconditioned residuals that it is made of.
        self.p = np.zeros((count, matrix.shape.size), self.preconditioner.x.dtype)
        self.padded_solution = np.zeros((1, matrix.shape.size))


class _PCG:
    """The iteration for a block of right-hand sides; `out`, zero at first, receives the solution."""

    def __init__(self, matrix: SymmetricMatrix, workspace: _PCGWorkspace, b: np.ndarray, out: np.ndarray):
        count = len(b)
        self.matrix = (matrix.forward, matrix.row_sums)
        self.shape, self.inverse_diagonal = matrix.shape, matrix.inverse_diagonal
        self.workspace, self.preconditioner, self.b = workspace, workspace.preconditioner, b
        # The solution is x + x_low; the present start adds the correction to it.
        self.x = self.x_low = None
        self.correction = out
        self.residual, self.applied, self.p = workspace.residual[:count], workspace.applied[:count], workspace.p[:count]
        self.iterations = np.zeros(count, int)
        self.budget_exceeded = False
        # Rows that two bands read: the first and the last of each.
        self.band_edges = np.unique([row for first, last in self.shape.bands for row in (first, last - 1)])
        # Residuals reach the preconditioner scaled to order one, which single precision holds until they are small.
        largest = np.maximum(b.max(1, initial=0), -b.min(1, initial=0))
        self.unit = 1 / np.where(largest > 0, largest, 1)
        self.applied[:] = 0
        self.scale = self._subtract_applied(b, np.arange(count))
        # A NaN stays, and counts as not converged.
        self.relative = np.where(self.scale > 0, 1.0, self.scale)

    def run(self, tolerance: float, iterations: int, iteration_budget: float | None) -> None:
        """Iterate until all residuals of the recursion are within the tolerance, or no iterations are left."""
        rz, alpha = np.zeros((2, len(self.b)))
        z = self.preconditioner.x
        active = self.unconverged(tolerance, iterations)
        while active.size:
            self.preconditioner.run(active)
            self.iterations[active] += 1
            new_rz, applied_z = self._sums(dots, self.residual, self.applied, z, active, shape=(2, active.size))
            # residual_new − residual_old = −α A p
            beta = np.zeros(active.size)
            moved = alpha[active] != 0
            beta[moved] = (-alpha[active] * applied_z)[moved] / rz[active][moved]
            update_direction(beta, z, self.p, active, self.shape.width, self.band_edges)
            args = (beta, z, self.p, *self.matrix, self.applied, active)
            curvature = self._sums(update_direction_and_apply, *args, shape=(active.size,))
            # Otherwise the direction is zero: rounding, or a right-hand side outside the range of A.
            proceeds = (new_rz > 0) & (curvature > 0)
            self.relative[active[~proceeds]] = np.nan
            active = active[proceeds]
            rz[active], alpha[active] = new_rz[proceeds], new_rz[proceeds] / curvature[proceeds]
            self.relative[active] = np.sqrt(self._update_solution(alpha[active], active) / self.scale[active])
            if iteration_budget is not None and self.iterations.max() == EARLY_CHECK_ITERATION:
                self.budget_exceeded = self._exceeds_budget(tolerance, iteration_budget)
                if self.budget_exceeded:
                    return
            active = self.unconverged(tolerance, iterations)

    def _exceeds_budget(self, tolerance: float, iteration_budget: float) -> bool:
        """Return whether the right-hand sides will need more iterations than the budget, at the present rate."""
        running = self.relative > tolerance
        with np.errstate(divide="ignore"):
            factor = np.log(tolerance) / np.log(self.relative[running])
        expected = np.where(factor > 0, self.iterations[running] * factor, np.inf)
        return bool(running.any() and not expected.mean() <= iteration_budget)

    def add_correction(self) -> None:
        """Add the correction to the solution, and compute the residuals from the result."""
        if self.x is None:
            self.x, self.x_low = self.correction, None
        else:
            low = self.correction if self.x_low is None else self.x_low + self.correction
            self.x, self.x_low = two_sum(self.x, low)
        self.correction = self.workspace.correction[: len(self.x)]
        nonzero, minuend = np.flatnonzero(self.scale > 0), self.b
        for part in (self.x,) if self.x_low is None else (self.x, self.x_low):
            for number in nonzero:
                self._run_bands(pad_vectors, part[number], self.workspace.padded_solution[0])
                args = (*self.matrix, self.workspace.padded_solution, self.applied[number : number + 1])
                self._run_bands(apply, *args)
            self.relative[nonzero] = np.sqrt(self._subtract_applied(minuend, nonzero) / self.scale[nonzero])
            minuend = self.residual

    def restart(self) -> None:
        """Reset the correction to zero; the next run computes one of the present solution."""
        self.correction[:] = 0

    def unconverged(self, tolerance: float, iterations: int) -> Int[np.ndarray, " active"]:
        """Return the right-hand sides to iterate on: not converged, with iterations left that can suffice."""
        running = ~(self.relative <= tolerance) & (self.iterations < iterations) & np.isfinite(self.relative)
        with np.errstate(divide="ignore"):
            too_slow = np.log(self.relative) * iterations > np.log(tolerance) * self.iterations
        return np.flatnonzero(running & ~(too_slow & (self.iterations >= STAGNATION_ITERATIONS)))

    def _update_solution(self, alpha: Float[np.ndarray, " active"], active: Int[np.ndarray, " active"]) -> np.ndarray:
        vectors = (self.p, self.applied, self.correction, self.residual, self.unit, self.preconditioner.b)
        return self._sums(update_solution, alpha, *vectors, self.inverse_diagonal, active, shape=(active.size,))

    def _subtract_applied(
        self, minuend: np.ndarray, active: Int[np.ndarray, " active"]
    ) -> Float[np.ndarray, " active"]:
        """Put minuend − A x into the residual; return its squared norm."""
        vectors = (minuend, self.applied, self.residual, self.unit, self.preconditioner.b, self.inverse_diagonal)
        return self._sums(subtract, *vectors, active, shape=(active.size,))

    def _run_bands(self, kernel, *args) -> None:
        parallel_starmap(kernel, [(*args, self.shape.width, *band) for band in self.shape.bands])

    def _sums(self, kernel, *args, shape: tuple[int, ...]) -> np.ndarray:
        """Run a kernel on all bands and add up the sums that it returns for each."""
        parts = np.empty((len(self.shape.bands), *shape))
        calls = zip(self.shape.bands, parts, strict=True)
        parallel_starmap(kernel, [(*args, self.shape.width, *band, part) for band, part in calls])
        return parts.sum(0)
