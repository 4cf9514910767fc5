"""Nested dissection: exact multifrontal factorization over the grid's own separators.

`symbolic` computes the elimination tree and `assembly` the leaves' fronts; both backends share them. `cpu` (LAPACK and
Numba) and `xla` (batched, for GPUs) factor, substitute and invert selectively, in files of the same names. `solver` is
the linear solver, `derivatives` the determinant and selected inverse with their gradients.
"""

from .accuracy import REFINEMENT_THRESHOLD
from .derivatives import log_determinant, selected_inverse, selected_inverse_derivative
from .memory import predicted_factor_bytes
from .solver import NestedDissection

__all__ = [
    "NestedDissection",
    "REFINEMENT_THRESHOLD",
    "log_determinant",
    "predicted_factor_bytes",
    "selected_inverse",
    "selected_inverse_derivative",
]
