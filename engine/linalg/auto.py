"""The choice of a solver, made from the problem and the machine, and said aloud."""

from dataclasses import dataclass

import jax
import psutil

from .base import AbstractLinearSolver
from .fallback import FallbackSolver
from .multigrid import Multigrid
from .nested_dissection import REFINEMENT_THRESHOLD, NestedDissection, predicted_factor_bytes
from .nonsymmetric_multigrid import NonsymmetricMultigrid

#: Seconds on the two-core machine on which they were measured, of one that is not slower beside the others it has.
#: Factoring takes FACTOR_SECONDS · cells^1.5, a solve with the factor SUBSTITUTION_SECONDS · cells.
FACTOR_SECONDS = 4e-9
SUBSTITUTION_SECONDS = 3.5e-8
#: Multigrid's hierarchy, and one iteration for one right-hand side, per cell.
HIERARCHY_SECONDS = 1e-7
ITERATION_SECONDS = 1.5e-8
#: Iterations that multigrid takes at least. How many more depends on the landscape and shows after a few.
MIN_MULTIGRID_ITERATIONS = 6
#: Below so many seconds nobody waits for a factor; and it is exact.
DIRECT_SOLVE_SECONDS = 0.1

#: Solvers for symmetric systems by the names under which a user may ask for one.
SOLVERS_BY_NAME = {
    "multigrid": Multigrid(),
    "nested_dissection": NestedDissection(symmetric=True),
}

#: Potentials of a walk to one target and two solves, of a landscape of middling difficulty, per cell; and their bytes.
NONSYMMETRIC_SECONDS = 1.8e-6
NONSYMMETRIC_BYTES = 1200

#: Bytes per cell that multigrid takes: the matrix and its hierarchy; for each right-hand side the rasters of a search.
MULTIGRID_BYTES = 500
MULTIGRID_BYTES_PER_RHS = 80


@dataclass(frozen=True)
class SolverChoice:
    """How to solve, and why.

    Attributes
    ----------
    solver
        The choice.
    reason
        A sentence for the log.
    bytes
        Memory that it will need.
    """

    solver: AbstractLinearSolver
    reason: str
    bytes: int

    @property
    def direct(self) -> bool:
        """Whether it factors the matrix."""
        solver = self.solver.first if isinstance(self.solver, FallbackSolver) else self.solver
        return isinstance(solver, NestedDissection)


def select_solver(
    shape: tuple[int, int],
    right_hand_sides: int,
    *,
    symmetric: bool,
    free_bytes: int | None = None,
    refined_from: float = REFINEMENT_THRESHOLD,
) -> SolverChoice:
    """Choose how to solve, and say why.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    right_hand_sides
        How many systems are to be solved with the same matrix.
    symmetric
        Whether the matrix equals its transpose; what is not symmetric is a walk to one target.
    free_bytes
        Memory at hand; asked from the system if left out.
    refined_from
        As in `NestedDissection`.

    Raises
    ------
    MemoryError
        Nothing fits: says what would be needed.

    Examples
    --------
    >>> select_solver((100, 100), 1, symmetric=True).reason
    '10,000 cells, 1 right-hand side: nested dissection, exact, and as soon done'
    >>> select_solver((3000, 3000), 2, symmetric=True, free_bytes=32 << 30).reason
    '9,000,000 cells, 2 right-hand sides: multigrid conjugate gradients, as a factor would take more time'
    >>> select_solver((100, 100), 1, symmetric=False).reason
    '10,000 cells, 1 right-hand side, not symmetric: nested dissection'
    """
    free = free_memory() if free_bytes is None else free_bytes
    cells = shape[0] * shape[1]
    problem = f"{cells:,} cells, {right_hand_sides:,} right-hand side{'s' * (right_hand_sides != 1)}"
    factor_bytes = predicted_factor_bytes(shape, symmetric=symmetric)
    direct = NestedDissection(symmetric=symmetric, refined_from=refined_from)
    on_gpu = jax.default_backend() != "cpu"
    if not symmetric:
        problem = f"{problem}, not symmetric"
        walk_bytes = NONSYMMETRIC_BYTES * cells
        factoring = 2 * FACTOR_SECONDS * cells**1.5
        if on_gpu or (factor_bytes <= free and factoring <= NONSYMMETRIC_SECONDS * cells):
            _require(free, factor_bytes, f"{problem}: nested dissection")
            return SolverChoice(direct, f"{problem}: nested dissection", factor_bytes)
        _require(free, walk_bytes, f"{problem}: nonsymmetric multigrid")
        return SolverChoice(
            NonsymmetricMultigrid(), f"{problem}: nonsymmetric multigrid, as a factor would take more time", walk_bytes
        )
    exact = FACTOR_SECONDS * cells**1.5 + SUBSTITUTION_SECONDS * cells * right_hand_sides
    worth = (exact / cells - HIERARCHY_SECONDS) / (ITERATION_SECONDS * right_hand_sides)
    # On a GPU both have to be compiled, and nested dissection takes the longer the more levels there are.
    sooner = right_hand_sides > 200 if on_gpu else exact <= DIRECT_SOLVE_SECONDS or worth < MIN_MULTIGRID_ITERATIONS
    if factor_bytes <= free and sooner:
        why = "a factor serves them all" if right_hand_sides > 1 and cells > 1e5 else "exact, and as soon done"
        solver = direct if on_gpu else FallbackSolver(direct, Multigrid())
        return SolverChoice(solver, f"{problem}: nested dissection, {why}", factor_bytes)
    needed = cells * (MULTIGRID_BYTES + MULTIGRID_BYTES_PER_RHS * right_hand_sides)
    _require(free, needed, f"{problem}: multigrid")
    if factor_bytes > free:
        why = f"as a factor would not fit into memory ({factor_bytes / 2**30:.1f} of {free / 2**30:.1f} GB)"
        return SolverChoice(Multigrid(), f"{problem}: multigrid conjugate gradients, {why}", needed)
    iterative = Multigrid(cycle="float32") if on_gpu else Multigrid(iteration_budget=worth)
    solver = FallbackSolver(iterative, direct)
    return SolverChoice(solver, f"{problem}: multigrid conjugate gradients, as a factor would take more time", needed)


def free_memory() -> int:
    """Return how many bytes could be had: of the GPU if there is one, else of the computer."""
    device = jax.devices()[0]
    statistics = device.memory_stats() if device.platform != "cpu" else None
    if statistics and "bytes_limit" in statistics:
        return statistics["bytes_limit"] - statistics.get("bytes_in_use", 0)
    return psutil.virtual_memory().available


def require_memory(shape: tuple[int, int], what: str, *, symmetric: bool, copies: int = 1) -> None:
    """Raise if a factor of the raster, with what is computed from it, is larger than the memory at hand.

    Parameters
    ----------
    shape
        (rows, columns) of the raster.
    what
        What was asked for, as the subject of the message.
    symmetric
        Whether the matrix equals its transpose.
    copies
        How many factors are alive at once.

    Raises
    ------
    MemoryError
        Says how much is needed and how much there is.
    """
    _require(free_memory(), copies * predicted_factor_bytes(shape, symmetric=symmetric), what)


def _require(free: int, needed: int, what: str) -> None:
    if needed > free:
        raise MemoryError(
            f"{what} needs about {needed / 2**30:.1f} GB of memory, and {free / 2**30:.1f} GB are free: bring the "
            "raster to larger cells, cut it to the region of interest, or close other programs"
        )
