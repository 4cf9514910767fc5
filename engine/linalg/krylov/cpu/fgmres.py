"""Flexible GMRES, with a preconditioner in single precision (Saad 1993)."""

from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32, Float64, Int64

from ....parallel import parallel_starmap
from ...padded import PaddedShape
from ..result import KrylovResult
from .fgmres_kernels import (
    apply,
    combine,
    dots,
    orthogonalize,
    residual,
    scale_from_preconditioner,
    scale_into_preconditioner,
)

#: Largest number of basis vectors: the method restarts when it has this number of them.
RESTART = 30

#: The residual of x itself is computed each time the recursion has reduced it by this factor.
RESIDUAL_CHECK_FACTOR = 1e-6

#: The recursion runs until it predicts a backward error of this fraction of the tolerance.
TOLERANCE_MARGIN = 0.5

#: The method restarts where the recursion has reduced the residual by this factor: below it holds rounding errors only.
MAX_REDUCTION = 1e-11

#: A backward error of at most this multiple of the tolerance is accepted where rounding prevents a smaller one.
ACCEPTED_MULTIPLE = 10

#: The method gives up where a restart cycle leaves more than this fraction of the residual norm.
STAGNATION_RATIO = 0.5


class PaddedStencil(NamedTuple):
    """The matrix (A x)_i = center_i x_i + Σ_d edges_di x_{i + offsets_d} for padded x.

    Parameters
    ----------
    shape
        The shape of the raster.
    center, edges
        As in `StencilMatrix`, with the cells in one row.
    offsets
        Distance to the neighbour in each direction, in a padded array.
    scaling
        Diagonal of S, padded, 1 in the padding: the preconditioner approximates the inverse of S⁻¹ A S.
    """

    shape: PaddedShape
    center: Float64[np.ndarray, " cells"]
    edges: Float64[np.ndarray, "directions cells"]
    offsets: Int64[np.ndarray, " directions"]
    scaling: Float32[np.ndarray, " padded"]


@runtime_checkable
class Preconditioner(Protocol):
    """An approximate solver of A z = r, such as a V-cycle; it owns r and z, padded and in single precision.

    It may change from one application to the next: FGMRES keeps every z.
    """

    @property
    def right_hand_side(self) -> Float32[np.ndarray, " padded"]:
        """r, to be filled before `run`; the padding stays as it is."""

    @property
    def solution(self) -> Float32[np.ndarray, " padded"]:
        """z, after `run`."""

    def run(self) -> None:
        """Compute `solution` from `right_hand_side`."""


class KrylovWorkspace(NamedTuple):
    """Memory for the vectors of one solve at a time. Reusing it is faster: the first write to new memory is slow.

    Parameters
    ----------
    basis
        Orthonormal basis of the Krylov space.
    directions
        The preconditioned basis vectors, padded.
    """

    basis: Float64[np.ndarray, "restart cells"]
    directions: Float32[np.ndarray, "restart padded"]

    @classmethod
    def allocate(cls, shape: PaddedShape) -> "KrylovWorkspace":
        """Allocate a workspace for a raster; pages take memory when they are first written to."""
        return cls(np.empty((RESTART, shape.rows * shape.columns)), np.empty((RESTART, shape.size), np.float32))


def solve_fgmres(
    matrix: PaddedStencil,
    preconditioner: Preconditioner,
    workspace: KrylovWorkspace,
    b: Float64[np.ndarray, " cells"],
    x: Float64[np.ndarray, " padded"],
    tolerance: float,
    max_iterations: int,
) -> KrylovResult:
    """Solve A x = b by restarted flexible GMRES.

    Parameters
    ----------
    matrix, preconditioner
        A, and an approximation of its inverse.
    workspace
        Memory for the vectors.
    b
        Right-hand side.
    x
        Initial guess, padded; not changed.
    tolerance
        Largest componentwise backward error max_i |b − A x|_i / (|b| + |A| |x|)_i, computed from x itself (Oettli and
        Prager 1964).
    max_iterations
        Largest number of applications of the preconditioner.

    Notes
    -----
    Rounding may prevent the tolerance: a backward error of up to `ACCEPTED_MULTIPLE` times the tolerance counts as
    converged.

    References
    ----------
    Saad, Y. (1993). A flexible inner-outer preconditioned GMRES algorithm. SIAM Journal on Scientific Computing 14,
    461–469.
    """
    state = _FGMRES(matrix, preconditioner, workspace, b, x)
    while state.backward_error > tolerance and state.iterations < max_iterations and state.progressing:
        state.run_cycle(tolerance, max_iterations - state.iterations)
    converged = state.backward_error <= ACCEPTED_MULTIPLE * tolerance
    return KrylovResult(state.x, state.iterations, state.backward_error, converged)


class _FGMRES:
    """The current solution, its residual and backward error."""

    def __init__(
        self,
        matrix: PaddedStencil,
        preconditioner: Preconditioner,
        workspace: KrylovWorkspace,
        b: np.ndarray,
        x: np.ndarray,
    ):
        self.matrix, self.preconditioner, self.b, self.x, self.shape = matrix, preconditioner, b, x, matrix.shape
        self.residual, self.image = np.empty_like(b), np.empty_like(b)
        self.basis, self.directions = workspace
        self.chunks = [(first * self.shape.columns, last * self.shape.columns) for first, last in self.shape.bands]
        self.iterations, self.progressing = 0, True
        self.backward_error = self._update_residual(x)

    def run_cycle(self, tolerance: float, max_iterations: int) -> None:
        """Iterate until the backward error meets the tolerance, the basis is full or the recursion is inaccurate."""
        initial_norm = np.sqrt(np.vdot(self.residual, self.residual))
        size = min(RESTART, max_iterations)
        least_squares = _GivensLeastSquares(initial_norm, size)
        initial_x, checked = self.x, False
        goal = max(TOLERANCE_MARGIN * tolerance / self.backward_error, MAX_REDUCTION) * initial_norm
        check_at = RESIDUAL_CHECK_FACTOR * initial_norm
        vector, norm = self.residual, initial_norm
        while least_squares.count < size and least_squares.residual_norm > goal and 0 < norm < np.inf:
            column = self._arnoldi_step(least_squares.count, vector, norm)
            vector, norm = self.image, column[-1]
            self.iterations += 1
            if not least_squares.append(column):
                break
            checked = least_squares.residual_norm <= check_at
            if checked:
                self._form_solution(initial_x, least_squares.solution())
                if self.backward_error <= tolerance:
                    return
                goal = max(
                    TOLERANCE_MARGIN * tolerance / self.backward_error * least_squares.residual_norm,
                    MAX_REDUCTION * initial_norm,
                )
                check_at = RESIDUAL_CHECK_FACTOR * least_squares.residual_norm
        if not checked:
            self._form_solution(initial_x, least_squares.solution())
        self.progressing = bool(least_squares.residual_norm < STAGNATION_RATIO * initial_norm)

    def _arnoldi_step(self, n: int, vector: np.ndarray, norm: float) -> np.ndarray:
        """Add a vector to the basis, precondition it, and orthogonalize its image; return a column of H.

        Afterwards `self.image` holds the next basis vector, not yet normalized.
        """
        matrix, preconditioner = self.matrix, self.preconditioner
        args = (vector, norm, matrix.scaling, preconditioner.right_hand_side, self.basis[n])
        self._map_rows(scale_into_preconditioner, *args)
        preconditioner.run()
        self._map_rows(scale_from_preconditioner, preconditioner.solution, matrix.scaling, self.directions[n])
        self.directions[n, : self.shape.width] = self.directions[n, -self.shape.width - 2 :] = 0
        self._map_rows(apply, matrix.center, matrix.edges, matrix.offsets, self.directions[n], self.image)
        column, basis = np.zeros(n + 2), self.basis[: n + 1]
        column[:-1] = sum(self._map_cells(dots, basis, self.image))
        column[-1] = np.sqrt(sum(self._map_cells(orthogonalize, basis, column[:-1], self.image)))
        return column

    def _form_solution(self, initial_x: np.ndarray, coefficients: np.ndarray) -> None:
        """Set x to the initial guess plus a linear combination of the directions, and update the residual."""
        self.x = initial_x.copy()
        chunk, size = -(-self.shape.size // len(self.chunks)), self.shape.size
        if coefficients.size:
            args = (self.directions[: coefficients.size], coefficients, self.x)
            parallel_starmap(combine, [(*args, n, min(n + chunk, size)) for n in range(0, size, chunk)])
        self.backward_error = self._update_residual(self.x)

    def _update_residual(self, x: np.ndarray) -> float:
        matrix = self.matrix
        return max(self._map_rows(residual, matrix.center, matrix.edges, matrix.offsets, self.b, x, self.residual))

    def _map_rows(self, kernel, *args) -> list:
        return parallel_starmap(kernel, [(*args, self.shape.width, *band) for band in self.shape.bands])

    def _map_cells(self, kernel, *args) -> list:
        return parallel_starmap(kernel, [(*args, *chunk) for chunk in self.chunks])


class _GivensLeastSquares:
    """Minimize |r e_0 − H y| for an upper Hessenberg matrix H that grows by a column at a time.

    Givens rotations keep H in triangular form; the last entry of the rotated right-hand side is the residual norm.
    """

    def __init__(self, initial_norm: float, max_columns: int):
        self.triangle, self.right_hand_side = np.zeros((max_columns + 1, max_columns)), np.zeros(max_columns + 1)
        self.right_hand_side[0] = initial_norm
        self.rotations: list[tuple[float, float]] = []
        self.count = 0

    @property
    def residual_norm(self) -> float:
        """|r e_0 − H y| of the minimizer y."""
        return abs(self.right_hand_side[self.count])

    def append(self, column: np.ndarray) -> bool:
        """Append a column, which is overwritten, to H; return False if it depends linearly on the others.

        That happens if the matrix or the preconditioner is singular. H is then unchanged.
        """
        n = self.count
        for m, (cosine, sine) in enumerate(self.rotations):
            column[m : m + 2] = cosine * column[m] + sine * column[m + 1], cosine * column[m + 1] - sine * column[m]
        length = np.hypot(column[n], column[n + 1])
        if not 0 < length < np.inf:
            return False
        cosine, sine = column[n] / length, column[n + 1] / length
        self.rotations.append((cosine, sine))
        self.triangle[:n, n], self.triangle[n, n] = column[:n], length
        self.right_hand_side[n : n + 2] = cosine * self.right_hand_side[n], -sine * self.right_hand_side[n]
        self.count += 1
        return True

    def solution(self) -> Float64[np.ndarray, " count"]:
        """Return the minimizer y."""
        return np.linalg.solve(self.triangle[: self.count, : self.count], self.right_hand_side[: self.count])
