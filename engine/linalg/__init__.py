"""Linear algebra on rasters: stencil matrices, solvers and their choice, statistics, error analysis.

Every solver keeps the contract of `AbstractLinearSolver`: `init` sets up a matrix, `compute` solves and returns a
`Solution` with statistics, and a failure is a status in them. `solve` and `with_state` make any solver differentiable
and raise where it failed; `select_solver` chooses one. Each solver has its package, with a `cpu` and an `xla` backend
where both exist; Krylov methods are in `krylov`.
"""

from .auto import (
    FACTOR_SECONDS,
    HIERARCHY_SECONDS,
    ITERATION_SECONDS,
    NONSYMMETRIC_BYTES,
    NONSYMMETRIC_SECONDS,
    SOLVERS_BY_NAME,
    SUBSTITUTION_SECONDS,
    SolverChoice,
    free_memory,
    require_memory,
    select_solver,
)
from .backward_error import backward_errors
from .base import (
    AbstractLinearSolver,
    Solution,
    inverse_block,
    require_solved,
    require_solver,
    solve,
    unit_vectors,
    with_state,
)
from .dense import dense_inverse, require_dense_size
from .fallback import FallbackSolver
from .krylov import KrylovResult
from .krylov.cpu.fgmres import KrylovWorkspace, PaddedStencil, solve_fgmres
from .multigrid import ChangingLaplacian, Multigrid, WarmSolution
from .nested_dissection import (
    REFINEMENT_THRESHOLD,
    NestedDissection,
    log_determinant,
    predicted_factor_bytes,
    selected_inverse,
    selected_inverse_derivative,
)
from .nested_dissection.cpu.factor_cache import cached_factor, clear_factors
from .nested_dissection.cpu.inverse_block import inverse_submatrix
from .nested_dissection.cpu.streamed_solve import peak_bytes, solve_streamed
from .nested_dissection.symbolic import SymbolicFactorization
from .nonsymmetric_multigrid import NAME, NonsymmetricMultigrid, OrderedSystem
from .nonsymmetric_multigrid.coarsening_kernels import UNORDERED
from .nonsymmetric_multigrid.gcr import solve_gcr
from .nonsymmetric_multigrid.hierarchy import FLOAT32, ROWS_PER_CHUNK, Hierarchy, VCycle, build
from .nonsymmetric_multigrid.hierarchy_cache import HIERARCHY_CACHE, ScaledHierarchy
from .nonsymmetric_multigrid.ordering import Ordering, orderings_on_all_levels
from .padded import PaddedShape
from .solver_stats import SolveError, SolveRecord, SolveStats, SolveStatus, log_solve, record_stats
from .stencil_matrix import QUEEN_OFFSETS, StencilMatrix, mirror_half, neighbour_offsets, outer_product, shift, shifts

__all__ = [
    "AbstractLinearSolver",
    "ChangingLaplacian",
    "FACTOR_SECONDS",
    "FLOAT32",
    "FallbackSolver",
    "HIERARCHY_CACHE",
    "HIERARCHY_SECONDS",
    "Hierarchy",
    "ITERATION_SECONDS",
    "KrylovResult",
    "KrylovWorkspace",
    "Multigrid",
    "NAME",
    "NONSYMMETRIC_BYTES",
    "NONSYMMETRIC_SECONDS",
    "NestedDissection",
    "NonsymmetricMultigrid",
    "OrderedSystem",
    "Ordering",
    "PaddedShape",
    "PaddedStencil",
    "QUEEN_OFFSETS",
    "REFINEMENT_THRESHOLD",
    "ROWS_PER_CHUNK",
    "SOLVERS_BY_NAME",
    "SUBSTITUTION_SECONDS",
    "ScaledHierarchy",
    "Solution",
    "SolveError",
    "SolveRecord",
    "SolveStats",
    "SolveStatus",
    "SolverChoice",
    "StencilMatrix",
    "SymbolicFactorization",
    "UNORDERED",
    "VCycle",
    "WarmSolution",
    "backward_errors",
    "build",
    "cached_factor",
    "clear_factors",
    "dense_inverse",
    "free_memory",
    "inverse_block",
    "inverse_submatrix",
    "log_determinant",
    "log_solve",
    "mirror_half",
    "neighbour_offsets",
    "orderings_on_all_levels",
    "outer_product",
    "peak_bytes",
    "predicted_factor_bytes",
    "record_stats",
    "require_dense_size",
    "require_memory",
    "require_solved",
    "require_solver",
    "select_solver",
    "selected_inverse",
    "selected_inverse_derivative",
    "shift",
    "shifts",
    "solve",
    "solve_fgmres",
    "solve_gcr",
    "solve_streamed",
    "unit_vectors",
    "with_state",
]
