"""Result of a Krylov method."""

from typing import Any, NamedTuple


class KrylovResult(NamedTuple):
    """Approximate solutions, with their residuals and numbers of iterations.

    The conjugate-gradient methods solve several right-hand sides at once, and every field has one entry for each of
    them; FGMRES solves one, and the fields are scalars.

    Attributes
    ----------
    x
        The solutions, in the layout of the right-hand sides (padded for FGMRES).
    iterations
        Number of applications of the preconditioner.
    residuals
        Measured on x itself, not on the recursion: relative to the right-hand side in the norm √(Σ r_i² / A_ii) for
        conjugate gradients, the largest componentwise backward error for FGMRES.
    converged
        Whether the residual meets the tolerance; for FGMRES, up to a multiple that allows for rounding.
    budget_exceeded
        Whether the solve stopped early because another solver would be faster. x is then meaningless.
    """

    x: Any
    iterations: Any
    residuals: Any
    converged: Any
    budget_exceeded: bool = False
