"""Linear algebra on rasters: stencil matrices, solvers and their choice, statistics, error analysis.

Every solver keeps the contract of `AbstractLinearSolver`: `init` sets up a matrix, `compute` solves and returns a
`Solution` with statistics, and a failure is a status in them. `solve` and `with_state` make any solver differentiable
and raise where it failed; `select_solver` chooses one. Each solver has its package, with a `cpu` and an `xla` backend
where both exist; Krylov methods are in `krylov`.
"""

from .auto import SOLVERS_BY_NAME, SolverChoice, free_memory, require_memory, select_solver
from .backward_error import backward_errors
from .base import AbstractLinearSolver, Solution, inverse_block, require_solved, require_solver, solve, with_state
from .dense import dense_inverse
from .fallback import FallbackSolver
from .multigrid import Multigrid
from .nested_dissection import NestedDissection, log_determinant, selected_inverse
from .nonsymmetric_multigrid import NonsymmetricMultigrid
from .solver_stats import SolveRecord, SolveStats, SolveStatus, record_stats
from .stencil_matrix import StencilMatrix

__all__ = [
    "SOLVERS_BY_NAME",
    "AbstractLinearSolver",
    "FallbackSolver",
    "Multigrid",
    "NestedDissection",
    "NonsymmetricMultigrid",
    "Solution",
    "SolveRecord",
    "SolveStats",
    "SolveStatus",
    "SolverChoice",
    "StencilMatrix",
    "backward_errors",
    "dense_inverse",
    "free_memory",
    "inverse_block",
    "log_determinant",
    "record_stats",
    "require_memory",
    "require_solved",
    "require_solver",
    "select_solver",
    "selected_inverse",
    "solve",
    "with_state",
]
