"""The search for the smallest residual in the space that a matrix and a cycle span."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float32, Float64, Int64

from ....parallel.numba_jit import parallel_starmap
from ...nonsymmetric_multigrid.hierarchy import VCycle
from ...padded import PaddedShape
from .fgmres_kernels import (
    apply,
    combine,
    dots,
    orthogonalize,
    residual,
    scale_from_preconditioner,
    scale_into_preconditioner,
)

#: Vectors that are kept; the search begins anew when there are so many.
RESTART = 30

#: Each time that the residual has become so much smaller, it is looked at row by row.
RESIDUAL_CHECK_FACTOR = 1e-6

#: How much smaller than asked for the residual is made by what the search remembers of it.
TOLERANCE_MARGIN = 0.5

#: When the residual has become so much smaller, rounding is all that the search remembers of it, and it begins anew.
REMEMBERED = 1e-11

#: A search that ends at the rounding of what it computes, so many times above what was asked for, has succeeded.
RESTART_REDUCTION = 10

#: A search that makes the residual smaller by less than this is given up.
STAGNATION_FACTOR = 0.5


class PaddedStencil(NamedTuple):
    """A x = center x + Σ_d edges_d x_{i + offsets_d} for framed x; and S, such that a cycle is there for S⁻¹ A S.

    Parameters
    ----------
    frame
        The raster.
    center, edges
        As in `Stencil`, rows of cells.
    offsets
        Where neighbours are in a framed array.
    factor
        S, framed; 1 in the frame.
    """

    frame: PaddedShape
    center: Float64[np.ndarray, "cells"]
    edges: Float64[np.ndarray, "directions cells"]
    offsets: Int64[np.ndarray, "directions"]
    factor: Float32[np.ndarray, "_"]


class KrylovWorkspace(NamedTuple):
    """Memory for the vectors of a search, to be used again: what was never written to is slow the first time.

    Parameters
    ----------
    basis
        Orthogonal vectors.
    directions
        What the cycle made of them, framed.
    """

    basis: Float64[np.ndarray, "room cells"]
    directions: Float32[np.ndarray, "room _"]

    @classmethod
    def on(cls, frame: PaddedShape) -> "KrylovWorkspace":
        """Make room for searches on a raster; what is never written to takes no memory."""
        return cls(np.empty((RESTART, frame.rows * frame.columns)), np.empty((RESTART, frame.size), np.float32))


class KrylovResult(NamedTuple):
    """A solution, and how it was reached.

    Parameters
    ----------
    x
        The solution, framed.
    iterations
        How often the cycle was run.
    defect
        Largest |b − A x| of a row beside what it adds up, |b| + Σ |A_ij x_j|.
    succeeded
        Whether that is as small as wanted, or as rounding lets it be.
    """

    x: Float64[np.ndarray, "_"]
    iterations: int
    defect: float
    succeeded: bool


def solve(
    matrix: PaddedStencil,
    cycle: VCycle,
    room: KrylovWorkspace,
    b: Float64[np.ndarray, "cells"],
    x: Float64[np.ndarray, "_"],
    tolerance: float,
    iterations: int,
) -> KrylovResult:
    """Solve A x = b by the flexible method of generalised minimal residuals.

    Parameters
    ----------
    matrix, cycle
        A, and what approximates its inverse.
    room
        For the vectors.
    b
        The right-hand side.
    x
        Where to begin, framed; not changed.
    tolerance
        Largest `KrylovResult.defect`, computed from x itself.
    iterations
        How many at most.

    References
    ----------
    Saad, Y. (1993). A flexible inner-outer preconditioned GMRES algorithm. SIAM Journal on Scientific Computing 14,
    461–469.
    """
    search = _FGMRES(matrix, cycle, room, b, x)
    while search.defect > tolerance and search.done < iterations and search.smaller:
        search.run(tolerance, iterations - search.done)
    return KrylovResult(search.x, search.done, search.defect, search.defect <= RESTART_REDUCTION * tolerance)


class _FGMRES:
    """The vectors of the search, what it has found, and by how much that misses."""

    def __init__(self, matrix: PaddedStencil, cycle: VCycle, room: KrylovWorkspace, b: np.ndarray, x: np.ndarray):
        self.matrix, self.cycle, self.b, self.x, self.frame = matrix, cycle, b, x, matrix.frame
        self.residual, self.image = np.empty_like(b), np.empty_like(b)
        self.basis, self.directions = room
        self.parts = [(first * self.frame.columns, last * self.frame.columns) for first, last in self.frame.bands]
        self.done, self.smaller = 0, True
        self.defect = self._defect(x)

    def run(self, tolerance: float, most: int) -> None:
        """Search until the defect is within the tolerance, or should be, or as often as allowed."""
        begun_with = np.sqrt(np.vdot(self.residual, self.residual))
        least = _GivensLeastSquares(begun_with, min(RESTART, most))
        begun_at, looked = self.x, False
        goal, look_at = (
            max(TOLERANCE_MARGIN * tolerance / self.defect, REMEMBERED) * begun_with,
            RESIDUAL_CHECK_FACTOR * begun_with,
        )
        vector, size = self.residual, begun_with
        while least.count < min(RESTART, most) and least.left > goal and 0 < size < np.inf:
            column = self._column(least.count, vector, size)
            vector, size = self.image, column[-1]
            least.append(column)
            self.done += 1
            looked = least.left <= look_at
            if looked:
                self._combine(begun_at, least.factors())
                if self.defect <= tolerance:
                    return
                goal = max(TOLERANCE_MARGIN * tolerance / self.defect * least.left, REMEMBERED * begun_with)
                look_at = RESIDUAL_CHECK_FACTOR * least.left
        if not looked:
            self._combine(begun_at, least.factors())
        self.smaller = bool(least.left < STAGNATION_FACTOR * begun_with)

    def _column(self, n: int, vector: np.ndarray, size: float) -> np.ndarray:
        """Put a vector, of a certain size, into the basis; make a direction of it, and return its image in the basis.

        What of the image is not in the basis is the next vector.
        """
        self._rows(scale_into_preconditioner, vector, size, self.matrix.factor, self.cycle.b[0][0], self.basis[n])
        self.cycle.run()
        self._rows(scale_from_preconditioner, self.cycle.x[0][0], self.matrix.factor, self.directions[n])
        self.directions[n, : self.frame.width] = self.directions[n, -self.frame.width - 2 :] = 0
        self._rows(apply, *self.matrix[1:4], self.directions[n], self.image)
        column, known = np.zeros(n + 2), self.basis[: n + 1]
        column[:-1] = sum(self._cells(dots, known, self.image))
        column[-1] = np.sqrt(sum(self._cells(orthogonalize, known, column[:-1], self.image)))
        return column

    def _combine(self, begun_at: np.ndarray, factors: np.ndarray) -> None:
        self.x = begun_at.copy()
        part = -(-self.frame.size // len(self.parts))
        given = (self.directions[: factors.size], factors, self.x)
        if factors.size:
            parallel_starmap(
                combine, [(*given, n, min(n + part, self.frame.size)) for n in range(0, self.frame.size, part)]
            )
        self.defect = self._defect(self.x)

    def _defect(self, x: np.ndarray) -> float:
        return max(self._rows(residual, *self.matrix[1:4], self.b, x, self.residual))

    def _rows(self, loop, *arguments) -> list:
        return parallel_starmap(loop, [(*arguments, self.frame.width, *band) for band in self.frame.bands])

    def _cells(self, loop, *arguments) -> list:
        return parallel_starmap(loop, [(*arguments, *part) for part in self.parts])


class _GivensLeastSquares:
    """The smallest |r e_0 − H y|, for a Hessenberg matrix H that gets one column after the other."""

    def __init__(self, size: float, most: int):
        self.triangle, self.right, self.count = np.zeros((most + 1, most)), np.zeros(most + 1), 0
        self.right[0] = size
        self.rotations: list[tuple[float, float]] = []

    @property
    def left(self) -> float:
        """What is left."""
        return abs(self.right[self.count])

    def append(self, column: np.ndarray) -> None:
        """Take a column in."""
        n = self.count
        for m, (cosine, sine) in enumerate(self.rotations):
            column[m : m + 2] = cosine * column[m] + sine * column[m + 1], cosine * column[m + 1] - sine * column[m]
        length = np.hypot(column[n], column[n + 1])
        cosine, sine = column[n] / length, column[n + 1] / length
        self.rotations.append((cosine, sine))
        self.triangle[:n, n], self.triangle[n, n] = column[:n], length
        self.right[n : n + 2] = cosine * self.right[n], -sine * self.right[n]
        self.count += 1

    def factors(self) -> Float64[np.ndarray, "count"]:
        """Return y."""
        return np.linalg.solve(self.triangle[: self.count, : self.count], self.right[: self.count])
