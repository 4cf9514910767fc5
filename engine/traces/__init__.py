"""Traces and diagonals of linear operators, exact or estimated with a standard error; the Kirchhoff index.

`trace` takes any square linear operator (function, matrix, lineax operator) and estimates its trace by XTrace,
XNysTrace, Hutch++ or Hutchinson's method, with a number of products or to a relative error; `diagonal` estimates its
diagonal. `kirchhoff_index` is the sum of the effective resistances of all pairs of cells, N tr L⁺ with L⁺ the
Laplacian's pseudoinverse, with its maps. `divergence` is that of a vector field, and `sparse_divergence` takes a few
directional derivatives where its Jacobian is sparse, as on a raster.

`field_divergence` and `potential_divergence` return the sources and sinks of a flow on a raster, given by its
components or by a potential on a landscape; `conservation_residual` compares them with declared ones.
"""

from .colouring import Neighbourhood, diagonal_colouring, sparse_divergence
from .conservation import ConservationResidual, conservation_residual
from .diagonals import diagonal
from .estimates import DiagonalEstimate, TraceEstimate
from .estimation import TraceMethod, trace
from .flow_divergence import BOUNDARIES, FlowDivergence, current_field, field_divergence, potential_divergence
from .kirchhoff import KirchhoffIndex, kirchhoff_index
from .linear_operator import LinearOperator, as_operator
from .probes import Distribution, draw_probes
from .sparsity import jacobian_sparsity
from .vector_fields import divergence

__all__ = [
    "BOUNDARIES",
    "ConservationResidual",
    "DiagonalEstimate",
    "Distribution",
    "FlowDivergence",
    "KirchhoffIndex",
    "LinearOperator",
    "Neighbourhood",
    "TraceEstimate",
    "TraceMethod",
    "as_operator",
    "conservation_residual",
    "current_field",
    "diagonal",
    "diagonal_colouring",
    "divergence",
    "draw_probes",
    "field_divergence",
    "jacobian_sparsity",
    "kirchhoff_index",
    "potential_divergence",
    "sparse_divergence",
    "trace",
]
