"""Restarts of conjugate gradients from the true residual, for both backends.

The residual of the recursion drifts away from b − A x in rounding. So when the recursion has converged the residual is
computed from x itself; if that one exceeds the tolerance, conjugate gradients start again with it. Across restarts x
is kept as the sum of two numbers: where potentials are many orders of magnitude above the currents that drive them,
the rounding of x alone would leave a residual.
"""

from typing import TypeVar

#: Largest number of starts, the first one included.
MAX_STARTS = 8

#: Numbers, or arrays of either backend.
Vector = TypeVar("Vector")


def two_sum(large: Vector, small: Vector) -> tuple[Vector, Vector]:
    """Return the sum of two numbers or arrays in double precision, and its rounding error (Knuth's two-sum).

    Examples
    --------
    >>> two_sum(1.0, 1e-17)
    (1.0, 1e-17)
    """
    total = large + small
    part = total - large
    return total, (large - (total - part)) + (small - part)
