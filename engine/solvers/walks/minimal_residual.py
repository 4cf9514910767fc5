"""The search for the smallest residual in the space that a matrix and a cycle span."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from ...compiled import on_all_cores
from ..multigrid.framed import Frame
from .hierarchy import Cycle
from .searching import add, apply, divide, hand_over, products, remaining, subtract

#: Vectors that are kept; the search begins anew when there are so many.
ROOM = 30

#: When the residual has become so much smaller, it is looked at, row by row.
LOOK = 1e-5

#: How much smaller than asked for the residual is made by what the search remembers of it.
MARGIN = 0.5


class Matrix(NamedTuple):
    """A x = center x + Σ_d edges_d x_{i + offsets_d} for framed x.

    Parameters
    ----------
    frame
        The raster.
    center, edges
        As in `Stencil`, rows of cells.
    offsets
        Where neighbours are in a framed array.
    """

    frame: Frame
    center: Float64[np.ndarray, "cells"]
    edges: Float64[np.ndarray, "directions cells"]
    offsets: Int64[np.ndarray, "directions"]


class Found(NamedTuple):
    """A solution, framed; how often the cycle was run; and by how much a row misses its equation at most.

    The latter is |b − A x| beside what the row adds up, |b| + Σ |A_ij x_j|.
    """

    x: Float64[np.ndarray, "_"]
    iterations: int
    defect: float


def solve(
    matrix: Matrix,
    cycle: Cycle,
    b: Float64[np.ndarray, "cells"],
    x: Float64[np.ndarray, "_"],
    tolerance: float,
    iterations: int,
) -> Found:
    """Solve A x = b by the flexible method of generalised minimal residuals.

    Parameters
    ----------
    matrix, cycle
        A, and what approximates its inverse.
    b
        The right-hand side.
    x
        Where to begin, framed; not changed.
    tolerance
        Largest `Found.defect`, computed from x itself.
    iterations
        How many at most.

    References
    ----------
    Saad, Y. (1993). A flexible inner-outer preconditioned GMRES algorithm. SIAM Journal on Scientific Computing 14,
    461–469.
    """
    search = _Search(matrix, cycle, b, x)
    done = 0
    while True:
        defect = search.begin()
        if defect <= tolerance or done >= iterations or not np.isfinite(defect):
            return Found(search.x, done, defect)
        before = done
        done += search.run(defect, tolerance, min(ROOM, iterations - done))
        if not search.got_smaller and done - before >= ROOM:
            return Found(search.conclude(), done, search.begin())


class _Search:
    def __init__(self, matrix: Matrix, cycle: Cycle, b: np.ndarray, x: np.ndarray):
        frame = matrix.frame
        self.matrix, self.cycle, self.b, self.x, self.frame = matrix, cycle, b, x.copy(), frame
        self.basis = np.empty((ROOM + 1, b.size))
        self.directions = np.empty((ROOM, frame.size), np.float32)
        self.residual = np.empty(b.size)
        self.parts = [(first * frame.columns, last * frame.columns) for first, last in frame.bands]
        self.got_smaller = True

    def begin(self) -> float:
        """Compute the residual, and return how large it is beside what rows add up."""
        return self._defect(self.x)

    def _defect(self, x: np.ndarray) -> float:
        return max(self._rows(remaining, *self.matrix[1:], self.b, x, self.residual))

    def run(self, defect: float, tolerance: float, most: int) -> int:
        """Search until the defect should be within the tolerance, or as often as allowed."""
        size = np.sqrt(np.vdot(self.residual, self.residual))
        triangle, rotations = np.zeros((most + 1, most)), []
        right = np.zeros(most + 1)
        right[0] = size
        self._cells(divide, self.residual, size, self.basis[0])
        goal, looked = MARGIN * tolerance / defect * size, False
        image, count = np.empty_like(self.residual), 0
        while count < most:
            self._rows(hand_over, self.basis[count], self.cycle.b[0][0])
            self.cycle.run()
            self.directions[count] = self.cycle.x[0][0]
            self._rows(apply, *self.matrix[1:], self.directions[count], image)
            column = triangle[:, count]
            column[: count + 1] = sum(self._cells(products, self.basis, count + 1, image))
            column[count + 1] = np.sqrt(
                sum(self._cells(subtract, self.basis, count + 1, column[: count + 1].copy(), image))
            )
            self._cells(divide, image, column[count + 1], self.basis[count + 1])
            for n, (cosine, sine) in enumerate(rotations):
                column[n], column[n + 1] = cosine * column[n] + sine * column[n + 1], cosine * column[n + 1] - sine * column[n]
            length = np.hypot(column[count], column[count + 1])
            if not 0 < length < np.inf:
                break
            rotations.append((column[count] / length, column[count + 1] / length))
            column[count], column[count + 1] = length, 0
            cosine, sine = rotations[-1]
            right[count], right[count + 1] = cosine * right[count], -sine * right[count]
            count += 1
            left = abs(right[count])
            if left <= LOOK * size and not looked:
                looked = True
                reached = self._defect(self._combined(triangle, right, count))
                goal = MARGIN * tolerance / max(reached, tolerance * MARGIN) * left
            if left <= goal:
                break
        self.got_smaller = bool(abs(right[count]) < 0.5 * size)
        self.x = self._combined(triangle, right, count)
        return max(count, 1)

    def conclude(self) -> np.ndarray:
        """Return what was found."""
        return self.x

    def _combined(self, triangle: np.ndarray, right: np.ndarray, count: int) -> np.ndarray:
        factors = np.linalg.solve(triangle[:count, :count], right[:count]) if count else np.zeros(0)
        x = self.x.copy()
        size = self.frame.size
        step = -(-size // max(len(self.parts), 1))
        calls = [
            (self.directions, count, factors, x, first, min(first + step, size)) for first in range(0, size, step)
        ]
        on_all_cores(add, calls)
        return x

    def _rows(self, loop, *arguments) -> list:
        return on_all_cores(loop, [(*arguments, self.frame.width, *band) for band in self.frame.bands])

    def _cells(self, loop, *arguments) -> list:
        return on_all_cores(loop, [(*arguments, *part) for part in self.parts])
