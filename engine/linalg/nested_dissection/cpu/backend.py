"""Solve, log-determinant, selected inverse and its derivative with NumPy arrays, on the CPU."""

import numpy as np

from ...backward_error import backward_errors
from ...base import Solution
from ...solver_stats import SolveStats, SolveStatus, log_solve
from ...stencil_matrix import transposed_edges
from ..accuracy import REFINEMENT_THRESHOLD, RESIDUAL_LIMIT
from .factor_cache import cached_factor, is_symmetric
from .factorization import SingularMatrixError
from .selected_inverse_derivative import differentiate_selected_inverse
from .selected_inversion import invert_selected
from .substitution import substitute

#: Right-hand sides that are substituted at once; more would only fill memory.
RHS_BLOCK = 64


def solve(
    center: np.ndarray,
    edges: np.ndarray,
    right_hand_sides: np.ndarray,
    symmetric: bool | None,
    transpose: bool,
    refinement_threshold: float = REFINEMENT_THRESHOLD,
) -> Solution:
    """Solve A x = b or Aᵀ x = b for k rasters; `refinement_threshold` as in `NestedDissection`.

    It fails if the matrix is singular, or so ill-conditioned that the residual stays above `RESIDUAL_LIMIT`.
    """
    count = len(right_hand_sides)
    solution, residuals = np.empty_like(right_hand_sides), np.full(count, np.nan)
    try:
        factored = cached_factor(center, edges, symmetric)
    except SingularMatrixError:
        return _solution(solution, residuals, SolveStatus.SINGULAR)
    if transpose and not factored.symmetric:
        edges = transposed_edges(edges)
    for start in range(0, count, RHS_BLOCK):
        block = slice(start, start + RHS_BLOCK)
        b = right_hand_sides[block]
        x = substitute(factored, b, transpose, solution[block])
        if refinement_threshold == np.inf:
            continue
        residual, residuals[block] = backward_errors(center, edges, b, x)
        if residuals[block].max() > refinement_threshold:
            x += substitute(factored, residual, transpose)
            _, residuals[block] = backward_errors(center, edges, b, x)
    accurate = refinement_threshold == np.inf or bool((residuals <= RESIDUAL_LIMIT).all())
    return _solution(solution, residuals, SolveStatus.SUCCESS if accurate else SolveStatus.INACCURATE)


def log_determinant(center: np.ndarray, edges: np.ndarray, symmetric: bool | None) -> np.ndarray:
    """Return log det A."""
    return np.array(cached_factor(center, edges, symmetric).log_determinant)


def selected_inverse(center: np.ndarray, edges: np.ndarray, symmetric: bool | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ on the diagonal and between neighbours."""
    entries = invert_selected(cached_factor(center, edges, symmetric), len(edges))
    log_solve("nested dissection", 0, 0, None)
    return entries


def selected_inverse_derivative(
    center: np.ndarray,
    edges: np.ndarray,
    direction_center: np.ndarray,
    direction_edges: np.ndarray,
    symmetric: bool | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ M A⁻¹ on the diagonal and between neighbours; M is the direction.

    Notes
    -----
    If `symmetric` is true, M is replaced by its symmetric part.
    """
    if symmetric is None:
        symmetric = is_symmetric(edges) and is_symmetric(direction_edges)
    elif symmetric:
        direction_edges = (direction_edges + transposed_edges(direction_edges)) / 2
    factored = cached_factor(center, edges, symmetric)
    derivative_center, derivative_edges = differentiate_selected_inverse(factored, direction_center, direction_edges)
    return -derivative_center, -derivative_edges


def _solution(value: np.ndarray, residuals: np.ndarray, status: SolveStatus) -> Solution:
    iterations = np.zeros(len(residuals), np.int64)
    return Solution(value, (SolveStats("nested dissection", iterations, residuals, np.array(int(status))),))
