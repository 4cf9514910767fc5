"""What the solvers did: names, iterations, residuals, for reports and logs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import ArrayLike


@dataclass(frozen=True)
class SolveStats:
    """One solve: which solver, how many right-hand sides, iterations (0 for a direct one), relative residual if any."""

    solver: str
    right_hand_sides: int
    iterations: int
    residual: float | None


# Solvers run on XLA's callback threads, where context variables of the caller are not seen; hence a plain list.
_OPEN: list[list[SolveStats]] = []


@contextmanager
def record_stats() -> Iterator[list[SolveStats]]:
    """Collect an `SolveStats` for every solve that runs inside the block.

    Examples
    --------
    >>> with record_stats() as entries:
    ...     pass
    >>> entries
    []
    """
    entries: list[SolveStats] = []
    _OPEN.append(entries)
    try:
        yield entries
        jax.effects_barrier()
    finally:
        _OPEN.remove(entries)


def log_solve(solver: str, right_hand_sides: int, iterations: ArrayLike, residual: ArrayLike | None) -> None:
    """Add an entry to every open journal; call it from the host."""
    worst = None if residual is None else float(np.max(residual))
    for entries in _OPEN:
        entries.append(SolveStats(solver, int(right_hand_sides), int(np.max(iterations)), worst))
