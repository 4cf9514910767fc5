"""Choice of a linear solver from the problem and the machine, with the reason for the log."""

from dataclasses import dataclass

import jax

from ..counts import count_of
from ..parallel import available_memory
from .base import AbstractLinearSolver
from .fallback import FallbackSolver
from .krylov import RHS_BLOCK
from .multigrid import Multigrid
from .nested_dissection import REFINEMENT_THRESHOLD, NestedDissection, predicted_factor_bytes
from .nonsymmetric_multigrid import NonsymmetricMultigrid

#: Solvers of symmetric systems by the names under which a user selects them; a new solver is added here.
SOLVERS_BY_NAME: dict[str, AbstractLinearSolver] = {
    "multigrid": Multigrid(),
    "nested_dissection": NestedDissection(symmetric=True),
}

#: Seconds per unit of work, measured on a machine with two cores; only their ratios matter for the choice.
#: A factorization takes FACTOR_SECONDS · cells^1.5, a solve with the factor SUBSTITUTION_SECONDS · cells.
FACTOR_SECONDS = 4e-9
SUBSTITUTION_SECONDS = 3.5e-8
#: Multigrid's hierarchy, and one iteration for one right-hand side, per cell.
HIERARCHY_SECONDS = 1e-7
ITERATION_SECONDS = 1.5e-8
#: Log scaling of the random walk to one target, and two solves: seconds per cell of a landscape of medium difficulty,
#: and bytes per cell.
NONSYMMETRIC_SECONDS = 1.8e-6
NONSYMMETRIC_BYTES = 1200

#: Memory of multigrid per cell: the matrix and its hierarchy; the vectors of each right-hand side of a block, which are
#: solved together; each right-hand side with its solution.
MULTIGRID_BYTES = 340
MULTIGRID_BYTES_PER_VECTOR = 45
MULTIGRID_BYTES_PER_RHS = 8

#: The fewest iterations of multigrid. How many more it needs depends on the landscape.
MIN_MULTIGRID_ITERATIONS = 6
#: Direct solves that are faster than this are preferred: they are exact.
DIRECT_SOLVE_SECONDS = 0.1
#: Right-hand sides above which a factor is faster on a GPU: nested dissection takes long to compile there.
MIN_RHS_FOR_FACTOR_ON_GPU = 200


@dataclass(frozen=True)
class SolverChoice:
    """A solver, and why it was chosen.

    Parameters
    ----------
    solver
        The solver.
    reason
        A sentence for the log.
    bytes
        Memory that it needs.
    direct
        Whether it factors the matrix.
    """

    solver: AbstractLinearSolver
    reason: str
    bytes: int
    direct: bool


def select_solver(
    shape: tuple[int, int],
    right_hand_sides: int,
    *,
    symmetric: bool,
    free_bytes: int | None = None,
    refinement_threshold: float = REFINEMENT_THRESHOLD,
) -> SolverChoice:
    """Choose a solver by size, number of right-hand sides, device and memory, with the reason.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    right_hand_sides
        Number of right-hand sides with the same matrix.
    symmetric
        Whether the matrix equals its transpose; a nonsymmetric one is that of a random walk to one target.
    free_bytes
        Free memory; that of the machine by default.
    refinement_threshold
        As in `NestedDissection`.

    Raises
    ------
    MemoryError
        No solver fits into memory; says how much is needed.

    Examples
    --------
    >>> select_solver((100, 100), 1, symmetric=True).reason
    '10,000 cells, 1 right-hand side: nested dissection, exact and as fast'
    >>> select_solver((3000, 3000), 2, symmetric=True, free_bytes=32 << 30).reason
    '9,000,000 cells, 2 right-hand sides: multigrid conjugate gradients, faster than a factorization'
    >>> select_solver((100, 100), 1, symmetric=False).reason
    '10,000 cells, 1 right-hand side, not symmetric: nested dissection'
    """
    free = free_memory() if free_bytes is None else free_bytes
    cells = shape[0] * shape[1]
    problem = f"{count_of(cells, 'cell')}, {count_of(right_hand_sides, 'right-hand side')}"
    factor_bytes = predicted_factor_bytes(shape, symmetric=symmetric)
    direct = NestedDissection(symmetric=symmetric, refinement_threshold=refinement_threshold)
    if not symmetric:
        return _select_nonsymmetric(cells, free, factor_bytes, direct, f"{problem}, not symmetric")
    on_gpu = jax.default_backend() != "cpu"
    direct_seconds = FACTOR_SECONDS * cells**1.5 + SUBSTITUTION_SECONDS * cells * right_hand_sides
    iteration_budget = (direct_seconds / cells - HIERARCHY_SECONDS) / (ITERATION_SECONDS * max(right_hand_sides, 1))
    if on_gpu:
        direct_is_faster = right_hand_sides > MIN_RHS_FOR_FACTOR_ON_GPU
    else:
        direct_is_faster = direct_seconds <= DIRECT_SOLVE_SECONDS or iteration_budget < MIN_MULTIGRID_ITERATIONS
    if factor_bytes <= free and direct_is_faster:
        many = right_hand_sides > 1 and cells > 1e5
        reason = "one factorization for all" if many else "exact and as fast"
        solver = direct if on_gpu else FallbackSolver(direct, Multigrid())
        return SolverChoice(solver, f"{problem}: nested dissection, {reason}", factor_bytes, direct=True)
    vectors = MULTIGRID_BYTES_PER_VECTOR * min(right_hand_sides, RHS_BLOCK)
    needed = cells * (MULTIGRID_BYTES + vectors + MULTIGRID_BYTES_PER_RHS * right_hand_sides)
    _require_bytes(free, needed, f"{problem}: multigrid")
    chosen = f"{problem}: multigrid conjugate gradients"
    if factor_bytes > free:
        memory = f"{factor_bytes / 2**30:.1f} of {free / 2**30:.1f} GB"
        return SolverChoice(
            Multigrid(), f"{chosen}, as a factor would not fit into memory ({memory})", needed, direct=False
        )
    iterative = Multigrid(cycle="float32") if on_gpu else Multigrid(iteration_budget=iteration_budget)
    solver = FallbackSolver(iterative, direct)
    return SolverChoice(solver, f"{chosen}, faster than a factorization", needed, direct=False)


def _select_nonsymmetric(
    cells: int, free: int, factor_bytes: int, direct: NestedDissection, problem: str
) -> SolverChoice:
    direct_seconds = 2 * FACTOR_SECONDS * cells**1.5
    direct_is_faster = factor_bytes <= free and direct_seconds <= NONSYMMETRIC_SECONDS * cells
    if jax.default_backend() != "cpu" or direct_is_faster:
        reason = f"{problem}: nested dissection"
        _require_bytes(free, factor_bytes, reason)
        return SolverChoice(direct, reason, factor_bytes, direct=True)
    needed = NONSYMMETRIC_BYTES * cells
    chosen = f"{problem}: nonsymmetric multigrid"
    _require_bytes(free, needed, chosen)
    reason = f"{chosen}, faster than a factorization"
    return SolverChoice(NonsymmetricMultigrid(), reason, needed, direct=False)


def free_memory() -> int:
    """Return the free memory in bytes: of the GPU if there is one, else of the computer."""
    device = jax.devices()[0]
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return available_memory()


def require_memory(
    shape: tuple[int, int],
    request: str,
    *,
    symmetric: bool,
    gradient: bool = False,
    copies: int = 1,
    more_bytes: int = 0,
    free_bytes: int | None = None,
) -> None:
    """Raise unless a factor of the raster's matrix, with what is computed from it, fits into memory.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    request
        The requested result, as the subject of the message.
    symmetric
        Whether the matrix equals its transpose.
    gradient
        Whether the derivative of the selected inverse is computed too.
    copies
        Number of factors in memory at once.
    more_bytes
        Memory that is needed besides.
    free_bytes
        Free memory; that of the machine by default.

    Raises
    ------
    MemoryError
        Says how much memory is needed and how much is free.
    """
    free = free_memory() if free_bytes is None else free_bytes
    factors = copies * predicted_factor_bytes(shape, symmetric=symmetric, gradient=gradient)
    _require_bytes(free, factors + more_bytes, request)


def _require_bytes(free: int, needed: int, request: str) -> None:
    if needed > free:
        raise MemoryError(
            f"{request} needs about {needed / 2**30:.1f} GB of memory, and {free / 2**30:.1f} GB are free: resample "
            "the raster to larger cells, clip it to the region of interest, or close other programs"
        )
