"""Traces and diagonals of linear operators, exact or estimated with a standard error.

`trace` takes any square linear operator (function, matrix, lineax operator) and estimates its trace by XTrace,
XNysTrace, Hutch++ or Hutchinson's method, with a number of products or to a relative error.
"""

from .estimates import DiagonalEstimate, TraceEstimate
from .estimation import TraceMethod, trace
from .linear_operator import LinearOperator, as_operator
from .probes import Distribution, draw_probes

__all__ = [
    "DiagonalEstimate",
    "Distribution",
    "LinearOperator",
    "TraceEstimate",
    "TraceMethod",
    "as_operator",
    "draw_probes",
    "trace",
]
