"""The choice of a solver, made from the problem and said aloud."""

from .direct import Direct
from .interface import AbstractSolver


def choose(cells: int, right_hand_sides: int) -> tuple[AbstractSolver, str]:
    """Choose how to solve, and say why.

    Parameters
    ----------
    cells
        Number of active cells.
    right_hand_sides
        How many systems are to be solved with the same matrix.

    Returns
    -------
    solver
        The choice.
    reason
        A sentence for the log.
    """
    reason = (
        f"{cells:,} cells and {right_hand_sides:,} right-hand sides: one sparse factorisation (SuperLU on the CPU) "
        "serves them all and the gradient"
    )
    return Direct(), reason
