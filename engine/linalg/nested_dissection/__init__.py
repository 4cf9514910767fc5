"""Exact factorisation over the grid's own separators (nested dissection), and what a factor knows.

`plan` says how a raster is taken apart. On the host `elimination`, `substitution` and `selected_inversion` factor,
solve and invert in parts; `device` does the same in compiled, batched form. What others may use is here.
"""

from .cpu.cached_factor import REFINEMENT_THRESHOLD as REFINEMENT_THRESHOLD
from .solver import NestedDissection as NestedDissection
from .solver import log_determinant as log_determinant
from .solver import predicted_factor_bytes as predicted_factor_bytes
from .solver import selected_inverse as selected_inverse
from .solver import selected_inverse_derivative as selected_inverse_derivative
