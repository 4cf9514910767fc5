"""The factors that live on the host: made once per matrix, remembered, asked for solutions."""

import hashlib
from collections import OrderedDict
from threading import Lock

import numpy as np

from ...backward_error import backward_errors
from ...base import Solution
from ...solver_stats import SolveStats, SolveStatus, log_solve
from ...stencil_matrix import neighbour_offsets
from ..symbolic import analyze
from .factorization import Factor, SingularMatrixError, factor
from .selected_inversion import invert_selected
from .substitution import substitute

#: A relative residual above this is not rounding but a matrix that is singular to working precision.
RESIDUAL_LIMIT = 1e-8

#: A relative residual above this is worth another pass with the same factor.
REFINEMENT_THRESHOLD = 4e-15

#: So many factors are kept between calls, if they take at most so many bytes together, or one: a gradient needs the
#: matrix of its forward pass, chunks of sources the same. More only fill memory where every target has another.
CACHE_SIZE = 2
CACHE_BYTES = 4_000_000_000

#: Right-hand sides solved together; more would only fill memory.
CHUNK = 64

#: Step of the complex derivative. Its square is below everything, so no digit is lost.
TINY = 1e-40

_factors: OrderedDict[bytes, Factor] = OrderedDict()
_lock = Lock()


def cached_factor(center: np.ndarray, edges: np.ndarray, symmetric: bool | None) -> Factor:
    """Return the factor of a matrix, from an earlier call if there was one.

    Parameters
    ----------
    center, edges
        As in `Stencil`.
    symmetric
        Whether the matrix equals its transpose; None to look.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(center), digest_size=16)
    digest.update(np.ascontiguousarray(edges))
    key = digest.digest() + repr((edges.shape, symmetric)).encode()
    with _lock:
        if key in _factors:
            _factors.move_to_end(key)
            return _factors[key]
        if symmetric is None:
            symmetric = is_symmetric(edges)
        expected = 8 * analyze(center.shape).factor_nnz(symmetric)
        while len(_factors) >= CACHE_SIZE or (
            _factors and expected + sum(old.bytes for old in _factors.values()) > CACHE_BYTES
        ):
            _factors.popitem(last=False)
        # Inside the lock: two threads with one matrix must not both make a factor of a gigabyte.
        _factors[key] = factor(center, edges, symmetric=symmetric)
        return _factors[key]


def is_symmetric(edges: np.ndarray) -> bool:
    """Tell whether every entry equals its mirror image, exactly."""
    return all(
        np.array_equal(edges[d], _seen_from(edges[len(edges) - 1 - d], step))
        for d, step in enumerate(neighbour_offsets(len(edges)))
    )


def solve(
    center: np.ndarray,
    edges: np.ndarray,
    right_hand_sides: np.ndarray,
    symmetric: bool | None,
    transpose: bool,
    refined_from: float = REFINEMENT_THRESHOLD,
) -> Solution:
    """Solve A x = b or Aᵀ x = b for k rasters; `refined_from` as in `NestedDissection`.

    It fails if the matrix is singular, or so ill-conditioned that the residual stays above 1e-8.
    """
    count = len(right_hand_sides)
    solution, residuals = np.empty_like(right_hand_sides), np.full(count, np.nan)
    try:
        factored = cached_factor(center, edges, symmetric)
    except SingularMatrixError:
        return _solution(solution, residuals, SolveStatus.SINGULAR)
    if transpose and not factored.symmetric:
        edges = transposed_edges(edges)
    for start in range(0, count, CHUNK):
        chunk = slice(start, start + CHUNK)
        b = right_hand_sides[chunk]
        x = substitute(factored, b, transpose, solution[chunk])
        if refined_from == np.inf:
            continue
        residual, residuals[chunk] = backward_errors(center, edges, b, x)
        if residuals[chunk].max() > refined_from:
            x += substitute(factored, residual, transpose)
            _, residuals[chunk] = backward_errors(center, edges, b, x)
    accurate = refined_from == np.inf or bool((residuals <= RESIDUAL_LIMIT).all())
    return _solution(solution, residuals, SolveStatus.SUCCESS if accurate else SolveStatus.INACCURATE)


def _solution(value: np.ndarray, residuals: np.ndarray, status: SolveStatus) -> Solution:
    iterations = np.zeros(len(residuals), np.int64)
    return Solution(value, (SolveStats("nested dissection", iterations, residuals, np.array(int(status))),))


def log_determinant(center: np.ndarray, edges: np.ndarray, symmetric: bool | None) -> np.ndarray:
    """Return log det A."""
    return np.array(cached_factor(center, edges, symmetric).log_determinant)


def selected_inverse(center: np.ndarray, edges: np.ndarray, symmetric: bool | None) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ on the diagonal and between neighbours."""
    entries = invert_selected(cached_factor(center, edges, symmetric), len(edges))
    log_solve("nested dissection", 0, 0, None)
    return entries


def selected_sandwich(
    center: np.ndarray,
    edges: np.ndarray,
    middle_center: np.ndarray,
    middle_edges: np.ndarray,
    symmetric: bool | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ M A⁻¹ on the diagonal and between neighbours.

    Notes
    -----
    A⁻¹ M A⁻¹ = −d/dh (A + h M)⁻¹, and with an imaginary step ih the derivative is the imaginary part over h, exact to
    rounding (Squire & Trapp 1998): the same elimination and selected inversion, in complex numbers.
    With `symmetric` true only the symmetric part of M counts.
    """
    largest = max(np.abs(middle_center).max(initial=0), np.abs(middle_edges).max(initial=0))
    if largest == 0:
        return np.zeros_like(center), np.zeros_like(edges)
    if symmetric is None:
        symmetric = is_symmetric(edges) and is_symmetric(middle_edges)
    elif symmetric:
        middle_edges = (middle_edges + transposed_edges(middle_edges)) / 2
    step = 1j * TINY / largest
    factored = factor(center + step * middle_center, edges + step * middle_edges, symmetric=symmetric)
    inverse_center, inverse_edges = invert_selected(factored, len(edges))
    scale = -largest / TINY
    return inverse_center.imag * scale, inverse_edges.imag * scale


def transposed_edges(edges: np.ndarray) -> np.ndarray:
    """Return the edges of Aᵀ."""
    steps = neighbour_offsets(len(edges))
    return np.stack([_seen_from(edges[len(edges) - 1 - d], step) for d, step in enumerate(steps)])


def _seen_from(rasters: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Give every cell the value of its neighbour at `step`, 0 beyond the raster."""
    seen = np.zeros_like(rasters)
    rows, columns = rasters.shape[-2:]
    to, from_ = zip(_overlap(rows, step[0]), _overlap(columns, step[1]), strict=True)
    seen[(..., *to)] = rasters[(..., *from_)]
    return seen


def _overlap(length: int, step: int) -> tuple[slice, slice]:
    return slice(max(0, -step), length - max(0, step)), slice(max(0, step), length - max(0, -step))
