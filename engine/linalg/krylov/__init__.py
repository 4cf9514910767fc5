"""Krylov subspace methods: preconditioned conjugate gradients and flexible GMRES."""

from .cpu.cg import RHS_BLOCK, SymmetricMatrix, conjugate_gradients_cpu
from .cpu.cg_kernels import apply, load_scaled_matrix, pad_vectors
from .cpu.fgmres import KrylovWorkspace, PaddedStencil, solve_fgmres
from .result import KrylovResult
from .xla.cg import conjugate_gradients_xla

__all__ = [
    "RHS_BLOCK",
    "KrylovResult",
    "KrylovWorkspace",
    "PaddedStencil",
    "SymmetricMatrix",
    "apply",
    "conjugate_gradients_cpu",
    "conjugate_gradients_xla",
    "load_scaled_matrix",
    "pad_vectors",
    "solve_fgmres",
]
