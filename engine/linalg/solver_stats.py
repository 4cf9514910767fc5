"""Solver statistics: what every solve returns with its solution, and a recorder for solves inside a computation.

A solver returns `SolveStats` with each solution. Functions that return only an array, such as a distance, pass through
`linalg.base.require_solved`, which reports the statistics of their solves to every open `record_stats`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int


class SolveError(RuntimeError):
    """Failure of a linear solve; the message gives the reason."""


class SolveStatus(IntEnum):
    """Outcome of a solve, as an integer that compiled code can return."""

    SUCCESS = 0
    #: Decoupled rows only, solved by division: nothing to report.
    TRIVIAL = 1
    #: A fallback that was not needed.
    NOT_RUN = 2
    #: The residual exceeds the tolerance after all iterations.
    NOT_CONVERGED = 3
    #: Stopped early: at the observed rate of convergence another solver is faster.
    BUDGET_EXCEEDED = 4
    #: The solver requires a symmetric matrix, and this one is not.
    NOT_SYMMETRIC = 5
    #: Singular to working precision.
    SINGULAR = 6
    #: A direct solution whose residual exceeds the limit.
    INACCURATE = 7


#: Outcomes that `record_stats` collects. A direct solver that fails is left out: it took no iterations, and computed no
#: usable solution.
_RECORDED = {
    SolveStatus.SUCCESS,
    SolveStatus.NOT_CONVERGED,
    SolveStatus.BUDGET_EXCEEDED,
    SolveStatus.NOT_SYMMETRIC,
}

_MESSAGES = {
    SolveStatus.NOT_CONVERGED: (
        "{solver} did not converge: the residual stays above the tolerance. The raster may contain long winding "
        "corridors between thin walls, span too many orders of magnitude, or have a component without a ground; try "
        "a direct solver"
    ),
    SolveStatus.BUDGET_EXCEEDED: "{solver} would take longer than another solver",
    SolveStatus.NOT_SYMMETRIC: "{solver} solves symmetric systems only; this one is not",
    SolveStatus.SINGULAR: (
        "the linear system of {cells} cells is singular to working precision: somewhere movement can neither end nor "
        "leave, or the values of the raster span too many orders of magnitude"
    ),
    SolveStatus.INACCURATE: (
        "the linear system of {cells} cells could not be solved accurately: the values of the raster may span too "
        "many orders of magnitude"
    ),
}


class SolveStats(eqx.Module):
    """Statistics of one solver's attempt at k right-hand sides.

    Parameters
    ----------
    solver
        Name of the solver.
    iterations
        Iterations for each right-hand side; 0 for a direct solver.
    residuals
        Relative residual of each right-hand side, in the solver's norm; NaN where it was not computed.
    status
        A `SolveStatus`.

    Examples
    --------
    >>> SolveStats("Jacobi", np.array([12]), np.array([1e-9]), SolveStatus.SUCCESS).succeeded
    True
    """

    solver: str = eqx.field(static=True)
    iterations: Int[Array, " k"] | Int[np.ndarray, " k"]
    residuals: Float[Array, " k"] | Float[np.ndarray, " k"]
    status: Int[ArrayLike, ""]

    @property
    def succeeded(self) -> Bool[ArrayLike, ""]:
        """Whether the solution is accurate."""
        return self.status <= int(SolveStatus.TRIVIAL)

    @classmethod
    def not_run(cls, solver: str, right_hand_sides: int) -> "SolveStats":
        """Return the statistics of a fallback that was not needed.

        Parameters
        ----------
        solver
            Name of the solver.
        right_hand_sides
            Number of right-hand sides.
        """
        return cls(
            solver,
            np.zeros(right_hand_sides, np.int64),
            np.full(right_hand_sides, np.nan),
            np.array(int(SolveStatus.NOT_RUN)),
        )


@dataclass(frozen=True)
class SolveRecord:
    """Summary of one attempt, for reports.

    Parameters
    ----------
    solver
        Name of the solver.
    right_hand_sides
        Number of right-hand sides.
    iterations
        The largest number of iterations; 0 for a direct solver.
    residual
        The largest relative residual among those that were computed; None if none was.
    succeeded
        Whether the attempt gave a solution; False for one that was stopped early, or whose solution is not used.
    """

    solver: str
    right_hand_sides: int
    iterations: int
    residual: float | None
    succeeded: bool = True


# XLA runs callbacks on threads that do not see the caller's context variables; hence a plain list.
_open_recorders: list[list[SolveRecord]] = []


@contextmanager
def record_stats() -> Iterator[list[SolveRecord]]:
    """Collect a `SolveRecord` for every solve inside the block.

    Examples
    --------
    >>> with record_stats() as records:
    ...     log_solve("Dijkstra", 1, 0, None)
    >>> records
    [SolveRecord(solver='Dijkstra', right_hand_sides=1, iterations=0, residual=None, succeeded=True)]
    """
    records: list[SolveRecord] = []
    _open_recorders.append(records)
    try:
        yield records
        jax.effects_barrier()
    finally:
        # By identity: two empty lists are equal.
        _open_recorders[:] = [recorder for recorder in _open_recorders if recorder is not records]


def log_solve(
    solver: str,
    right_hand_sides: int,
    iterations: ArrayLike,
    residual: ArrayLike | None,
    *,
    succeeded: bool = True,
) -> None:
    """Add a record to every open recorder; for algorithms that are not linear solvers, such as Dijkstra's.

    Parameters
    ----------
    solver
        Name of the algorithm.
    right_hand_sides
        Number of right-hand sides, or of searches.
    iterations, residual
        For each right-hand side, or the largest; None for a residual that was not computed.
    succeeded
        As of `SolveRecord`.
    """
    # NumPy only: a JAX operation would wait for the thread in which JAX runs the callback that calls this.
    worst = None if residual is None else float(np.max(np.asarray(residual), initial=0.0))
    most = int(np.max(np.asarray(iterations), initial=0))
    record = SolveRecord(solver, int(right_hand_sides), most, worst, bool(succeeded))
    for records in _open_recorders:
        records.append(record)


def record_attempts(attempts: tuple[SolveStats, ...]) -> None:
    """Record the attempts at a solve, on the host.

    Parameters
    ----------
    attempts
        Statistics of each solver, in the order of trial.
    """
    for stats in attempts:
        # NumPy only, as in `log_solve`.
        status, residuals = SolveStatus(int(stats.status)), np.asarray(stats.residuals)
        if status in _RECORDED:
            computed = residuals[~np.isnan(residuals)]
            log_solve(
                stats.solver,
                residuals.size,
                stats.iterations,
                computed if computed.size or not residuals.size else None,
                succeeded=status <= SolveStatus.TRIVIAL,
            )


def failure_messages(attempts: tuple[SolveStats, ...], cells: int) -> list[str]:
    """Return the messages for all outcomes of a solve, in the order of `failure_index`.

    Parameters
    ----------
    attempts
        Statistics of each solver, in the order of trial.
    cells
        Number of cells, for the message.
    """
    return [
        _MESSAGES.get(status, "").format(solver=stats.solver, cells=cells)
        for stats in attempts
        for status in SolveStatus
    ]


def failure_index(attempts: tuple[SolveStats, ...]) -> Int[ArrayLike, ""]:
    """Return the index of the last attempt that was run, and of its status, among `failure_messages`."""
    index = 0
    for position, stats in enumerate(attempts):
        this = position * len(SolveStatus) + stats.status
        index = jnp.where(stats.status == int(SolveStatus.NOT_RUN), index, this)
    return index


def singular_message(cells: int) -> str:
    """Return the message for a matrix over a number of cells that is singular to working precision."""
    return _MESSAGES[SolveStatus.SINGULAR].format(cells=cells)
