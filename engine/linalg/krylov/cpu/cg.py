"""Conjugate gradients on the processor, preconditioned by multigrid, for several right-hand sides at once."""

import numpy as np
from jaxtyping import Float, Int

from ....parallel.numba_jit import parallel_starmap
from ...multigrid.cpu.w_cycle import Hierarchy, WCycle
from ...solver_stats import log_solve
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

#: How often the search starts anew when the true residual is not what the recursion promised, and how much smaller than
#: asked for residuals are made then: what was lost to rounding once would be again.
MAX_RESTARTS = 8
RESTART_TIGHTENING = 1e-2

#: After so many iterations the pace so far tells whether those that are allowed will do.
STAGNATION_ITERATIONS = 60

#: After so many iterations the pace tells whether another solver would be sooner.
EARLY_CHECK_ITERATION = 4

#: About so many right-hand sides are solved at a time: they share what is read of the matrix, and more would only fill
#: memory. Four of them take no longer than three where they are relaxed.
RHS_BLOCK = 8


class IterationBudgetExceeded(RuntimeError):
    """Another solver would be sooner."""


def solve(
    hierarchy: Hierarchy,
    right_hand_sides: Float[np.ndarray, "sides rows columns"],
    tolerance: float,
    iterations: int,
    worth: float | None = None,
) -> KrylovResult:
    """Solve A x = b by conjugate gradients, each right-hand side for as long as it needs.

    Parameters
    ----------
    hierarchy
        Of A.
    right_hand_sides
        b; 0 in rows without entries beside the diagonal.
    tolerance
        Largest residual b − A x relative to b, both measured as √(Σ r_i² / A_ii). Tested on the residual computed from
        x, not on the recursion, which drifts away from it in rounding. While it is searched for, x is kept as a sum of
        two numbers: where potentials are many orders above what drives them, the rounding of x alone would leave a
        residual.
    iterations
        How many at most.
    worth
        As in `Multigrid`.

    Raises
    ------
    IterationBudgetExceeded
        The first right-hand sides have shown that they will take more iterations than it is worth.

    Notes
    -----
    The direction is made conjugate with the formula of Polak and Ribière, which forgives a preconditioner that is not
    exactly symmetric, such as one in single precision.

    References
    ----------
    Golub, G. H., and Ye, Q. (1999). Inexact preconditioned conjugate gradient method with inner-outer iteration.
    SIAM Journal on Scientific Computing 21, 1305–1320.
    """
    count, cells = len(right_hand_sides), right_hand_sides[0].size if len(right_hand_sides) else 0
    given = right_hand_sides.reshape(count, cells)
    result = KrylovResult(np.zeros((count, cells)), np.zeros(count, int), np.zeros(count), np.zeros(count, bool))
    # Groups of about one size: a lone right-hand side at the end would read the matrix for itself.
    groups = np.array_split(np.arange(count), max(round(count / RHS_BLOCK), 1)) if count else []
    vectors = _PCGWorkspace(hierarchy, len(groups[0])) if groups else None
    for group in groups:
        part = slice(group[0], group[-1] + 1)
        room = result.x[part]
        search = _PCG(hierarchy, vectors, given[part], room)
        looked = worth is None or group is not groups[0]
        for attempt in range(MAX_RESTARTS):
            if attempt:
                search.begin_anew()
            search.run(RESTART_TIGHTENING * tolerance if attempt else tolerance, iterations, None if looked else worth)
            search.conclude()
            if not search.unfinished(tolerance, iterations).size:
                break
        result.iterations[part], result.residuals[part] = search.iterations, search.relative
        result.converged[part] = search.relative <= tolerance
        if search.x is not room:
            room[:] = search.x
    return result._replace(x=result.x.reshape(right_hand_sides.shape))


class _PCGWorkspace:
    """Memory for some right-hand sides at a time; what one group leaves in it is overwritten by the next."""

    def __init__(self, hierarchy: Hierarchy, sides: int):
        cells = hierarchy.entries[0].size
        self.cycle = WCycle(hierarchy, sides)
        self.residual, self.applied, self.correction = np.zeros((3, sides, cells))
        # A direction need not be more exact than the corrections that it is made of.
        self.p = np.zeros((sides, hierarchy.levels[0].frame.size), hierarchy.precision)
        self.solution = np.zeros((1, hierarchy.levels[0].frame.size))


class _PCG:
    """The iteration for a group of right-hand sides; where the solution belongs is filled with zeros."""

    def __init__(self, hierarchy: Hierarchy, vectors: _PCGWorkspace, given: np.ndarray, room: np.ndarray):
        count = len(given)
        self.matrix = (hierarchy.entries, hierarchy.ground)
        self.frame, self.inverse = hierarchy.levels[0].frame, hierarchy.levels[0].inverse
        self.vectors, self.cycle, self.given = vectors, vectors.cycle, given
        # The solution is x + rest; what the present attempt adds to it is the correction.
        self.x = self.rest = None
        self.correction = room
        self.residual, self.applied, self.p = vectors.residual[:count], vectors.applied[:count], vectors.p[:count]
        self.iterations = np.zeros(count, int)
        # Rows that two bands read: the first and the last of each.
        self.joints = np.unique([row for first, last in self.frame.bands for row in (first, last - 1)])
        # Residuals reach the cycle as numbers of order one, which single precision holds until they are small.
        largest = np.maximum(given.max(1, initial=0), -given.min(1, initial=0))
        self.unit = 1 / np.where(largest > 0, largest, 1)
        self.applied[:] = 0
        self.scale = self._left(given, np.arange(count))
        self.relative = (self.scale > 0).astype(float)

    def run(self, tolerance: float, iterations: int, worth: float | None) -> None:
        """Iterate until all residuals, as the iteration counts them, are within tolerance, or as often as allowed."""
        sizes, steps = np.zeros((2, len(self.given)))
        z = self.cycle.x
        sides = self.unfinished(tolerance, iterations)
        while sides.size:
            self.cycle.run(sides)
            self.iterations[sides] += 1
            size, image = self._sums(dots, self.residual, self.applied, z, sides, of=(2, sides.size))
            # residual_new − residual_old = −step · A p
            conjugate = np.zeros(sides.size)
            later = steps[sides] != 0
            conjugate[later] = (-steps[sides] * image)[later] / sizes[sides][later]
            update_direction(conjugate, z, self.p, sides, self.frame.width, self.joints)
            given = (conjugate, z, self.p, *self.matrix, self.applied, sides)
            energy = self._sums(update_direction_and_apply, *given, of=(sides.size,))
            # Otherwise nothing is left to search along: rounding, or a right-hand side that no x has.
            going = (size > 0) & (energy > 0)
            self.relative[sides[~going]] = np.nan
            sides = sides[going]
            sizes[sides], steps[sides] = size[going], size[going] / energy[going]
            self.relative[sides] = np.sqrt(self._advance(steps[sides], sides) / self.scale[sides])
            if worth is not None and self.iterations.max() == EARLY_CHECK_ITERATION:
                self.refuse_if_slow(tolerance, worth)
            sides = self.unfinished(tolerance, iterations)

    def refuse_if_slow(self, tolerance: float, worth: float) -> None:
        """Raise if the right-hand sides will take more iterations than it is worth, at the pace so far."""
        running = self.relative > tolerance
        with np.errstate(divide="ignore"):
            pace = np.log(tolerance) / np.log(self.relative[running])
        expected = np.where(pace > 0, self.iterations[running] * pace, np.inf)
        if running.any() and not expected.mean() <= worth:
            log_solve("multigrid, given up", len(self.given), EARLY_CHECK_ITERATION, None)
            raise IterationBudgetExceeded("multigrid would take longer than another solver")

    def conclude(self) -> None:
        """Add the correction to the solution, and compute the residuals from that."""
        if self.x is None:
            self.x, self.rest = self.correction, None
        else:
            self.x, self.rest = _exact_sum(
                self.x, self.correction if self.rest is None else self.rest + self.correction
            )
        self.correction = self.vectors.correction[: len(self.x)]
        sides, left = np.flatnonzero(self.scale > 0), self.given
        for part in (self.x,) if self.rest is None else (self.x, self.rest):
            for side in sides:
                self._each(pad_vectors, part[side], self.vectors.solution[0])
                self._each(apply, *self.matrix, self.vectors.solution, self.applied[side : side + 1])
            self.relative[sides] = np.sqrt(self._left(left, sides) / self.scale[sides])
            left = self.residual

    def begin_anew(self) -> None:
        """Forget the direction; what is found from now on is a correction of what was concluded."""
        self.correction[:] = 0

    def unfinished(self, tolerance: float, iterations: int) -> Int[np.ndarray, "active"]:
        """List the right-hand sides that are worth another iteration."""
        going_on = ~(self.relative <= tolerance) & (self.iterations < iterations) & np.isfinite(self.relative)
        with np.errstate(divide="ignore"):
            too_slow = np.log(self.relative) * iterations > np.log(tolerance) * self.iterations
        return np.flatnonzero(going_on & ~(too_slow & (self.iterations >= STAGNATION_ITERATIONS)))

    def _advance(self, steps: Float[np.ndarray, "active"], sides: Int[np.ndarray, "active"]) -> np.ndarray:
        given = (steps, self.p, self.applied, self.correction, self.residual, self.unit, self.cycle.b, self.inverse)
        return self._sums(update_solution, *given, sides, of=(sides.size,))

    def _left(self, given: np.ndarray, sides: Int[np.ndarray, "active"]) -> Float[np.ndarray, "active"]:
        """Take what the matrix makes of x from what is given; return the size of what is left, squared."""
        vectors = (given, self.applied, self.residual, self.unit, self.cycle.b, self.inverse)
        return self._sums(subtract, *vectors, sides, of=(sides.size,))

    def _each(self, loop, *arguments) -> None:
        parallel_starmap(loop, [(*arguments, self.frame.width, *band) for band in self.frame.bands])

    def _sums(self, loop, *arguments, of: tuple[int, ...]) -> np.ndarray:
        parts = np.empty((len(self.frame.bands), *of))
        calls = zip(self.frame.bands, parts, strict=True)
        parallel_starmap(loop, [(*arguments, self.frame.width, *band, part) for band, part in calls])
        return parts.sum(0)


def _exact_sum(large: np.ndarray, small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sum in double precision and what rounding took from it (Knuth)."""
    total = large + small
    part = total - large
    return total, (large - (total - part)) + (small - part)
