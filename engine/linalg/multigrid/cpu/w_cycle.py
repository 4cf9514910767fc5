"""The hierarchy of ever coarser networks and the W-cycle through it, on the processor."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import DTypeLike

from ....parallel.numba_jit import cpu_count, parallel_starmap
from ...krylov.cpu.cg import SymmetricMatrix
from ...krylov.cpu.cg_kernels import load_scaled_matrix
from ...padded import ROWS_PER_BLOCK, PaddedShape, all_directions, forward_arrays
from ...stencil_matrix import neighbour_offsets
from .cycle_kernels import (
    axpy,
    cycle_packed_levels,
    presmooth,
    prolong_and_postsmooth,
    prolonged_rows,
    residual,
    restrict_residual,
)
from .galerkin_kernels import (
    PATCH,
    centre_point_weights,
    edge_point_weights,
    galerkin_product,
    invert_diagonal,
    restrict_row_sums,
)
from .packed_levels import PackedLevels

#: A raster of at most so many cells is solved with a dense matrix.
MAX_COARSE_CELLS = 64

#: Rasters of fewer cells than this are visited once: there a visit costs its overhead, and V does as well as W.
V_CYCLE_BELOW_CELLS = 4096

#: Single precision holds conductances of this range, and their reciprocals.
SINGLE = 1e-30

#: A row that adds up to less than this part of its diagonal adds up to 0, but for rounding.
ROUNDING = 1e-14

#: Eigenvalues of the coarsest operator, scaled to a diagonal of ones, that rounding does not tell from 0.
NULL_SPACE_TOL = 1e-14

Flat = Float[np.ndarray, "_"]


class Level(NamedTuple):
    """A network and how it is coarsened.

    Parameters
    ----------
    frame
        Its raster.
    k
        Conductances in the order of `QUEEN`.
    inverse
        Reciprocal of the diagonal; 0 in a row of zeros.
    shares
        The weights of the next coarser raster's cells, see `galerkin`; none on the coarsest.
    """

    frame: PaddedShape
    k: tuple[Flat, ...]
    inverse: Flat
    shares: tuple[Flat, ...]


class Hierarchy(NamedTuple):
    """A symmetric M-matrix and its ever coarser networks, the finest first.

    Parameters
    ----------
    entries
        The matrix's forward entries in double precision, as rows of cells.
    ground
        What its rows add up to.
    levels
        Of the matrix divided by its largest entry.
    coarsest
        Inverse of the coarsest operator.
    weakest
        The smallest eigenvalue of the coarsest operator, scaled to a diagonal of ones, that is not 0.
    unequal
        Largest difference between entries that should be equal, relative to the diagonal.
    """

    entries: tuple[np.ndarray, ...]
    ground: np.ndarray
    levels: list[Level]
    coarsest: Float[np.ndarray, "n n"]
    weakest: float
    unequal: float

    @property
    def matrix(self) -> SymmetricMatrix:
        """The matrix as conjugate gradients apply it."""
        return SymmetricMatrix(self.levels[0].frame, self.entries, self.ground, self.levels[0].inverse)

    @property
    def linked(self) -> Bool[np.ndarray, "rows columns"]:
        """Where a row has entries beside the diagonal."""
        return self.levels[0].frame.inside(self.levels[0].inverse) > 0

    @property
    def precision(self) -> np.dtype:
        """Of the cycle."""
        return self.levels[0].inverse.dtype


def build(
    center: Float[np.ndarray, "rows columns"], edges: Float[np.ndarray, "directions rows columns"], precision: DTypeLike
) -> Hierarchy:
    """Build the hierarchy of a symmetric M-matrix; where single precision does not hold its range, in double.

    Parameters
    ----------
    center, edges
        The matrix, as in `Stencil`.
    precision
        np.float32 or np.float64.
    """
    frame, half = PaddedShape(*center.shape), len(edges) // 2
    # A lone cell may have nothing at all.
    largest, smallest = center.max() or 1.0, center.min()
    if smallest < SINGLE * largest:
        precision = np.float64
    arrays, forward = forward_arrays(frame, precision)
    inverse, ground = np.zeros(frame.size, precision), np.empty(center.size)
    rows = np.ascontiguousarray(edges, float).reshape(len(edges), -1)
    given = (rows, np.ascontiguousarray(center, float).ravel(), half, ROUNDING, 1 / largest)
    unequal = parallel_starmap(
        load_scaled_matrix, [(*given, forward, inverse, ground, frame.width, *b) for b in frame.bands]
    )
    framed_ground = np.zeros(frame.size, precision)
    frame.inside(framed_ground)[:] = ground.reshape(center.shape) / largest
    levels = [Level(frame, all_directions(arrays, frame), inverse, ())]
    while frame.rows * frame.columns > MAX_COARSE_CELLS:
        levels[-1], coarser, framed_ground = _coarsen(levels[-1], framed_ground)
        levels.append(coarser)
        frame = coarser.frame
    entries = tuple(rows[half:])
    if half == 2:
        none = np.zeros(center.size)
        entries = (entries[0], none, entries[1], none)
    return Hierarchy(entries, ground, levels, *_pseudo_inverse(levels[-1], framed_ground), max(unequal))


def _coarsen(fine: Level, ground: Flat) -> tuple[Level, Level, Flat]:
    """Return a level with its interpolation, the next coarser one, and that one's ground."""
    frame, k, precision = fine.frame, fine.k, fine.inverse.dtype
    coarse = frame.coarser
    shares = tuple(np.zeros(coarse.size, precision) for _ in range(8))
    arrays, forward = forward_arrays(coarse, precision)
    here = (k, frame.rows, frame.width, shares, coarse.width)
    parallel_starmap(edge_point_weights, [(*here, *band) for band in coarse.bands])
    parallel_starmap(centre_point_weights, [(*here, *band) for band in coarse.bands])
    parallel_starmap(galerkin_product, [(*here, PATCH, *forward, *band) for band in coarse.bands])
    grounds = np.zeros(coarse.size, precision)
    if ground.any():
        restrict_row_sums(ground, frame.rows, frame.width, shares, coarse.width, grounds, 0, coarse.rows)
    next_k, inverse = all_directions(arrays, coarse), np.zeros(coarse.size, precision)
    invert_diagonal(next_k, grounds, inverse, 0, coarse.size)
    return fine._replace(shares=shares), Level(coarse, next_k, inverse, ()), grounds


def _pseudo_inverse(level: Level, ground: Flat) -> tuple[Float[np.ndarray, "n n"], float]:
    """Return the inverse of the coarsest operator and its smallest eigenvalue, leaving out those that are 0.

    These belong to cells that are no vertices and to parts without ground.
    """
    rows, columns = level.frame.rows, level.frame.columns
    conductances = [level.frame.inside(k).astype(float) for k in level.k]
    diagonal = (sum(conductances) + level.frame.inside(ground)).ravel()
    place = np.arange(rows * columns).reshape(rows, columns)
    matrix = np.diag(diagonal)
    for k, (down, right) in zip(conductances, neighbour_offsets(8), strict=True):
        i, j = np.nonzero(k)
        matrix[place[i, j], place[i + down, j + right]] -= k[i, j]
    root = np.sqrt(np.divide(1, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0))
    values, vectors = np.linalg.eigh(root[:, None] * matrix * root)
    some = values > NULL_SPACE_TOL
    factor = root[:, None] * vectors[:, some] / np.sqrt(values[some])
    return factor @ factor.T, float(values[some].min(initial=np.inf))


class WCycle:
    """The W-cycle: an approximate solution of A x = b, linear in b, symmetric and positive semidefinite.

    A coarser raster is visited twice, the second time with what the first has left. Where landscapes are patchy this
    halves the number of iterations, which cost more than the visit.

    Parameters
    ----------
    hierarchy
        Of A.
    sides
        How many right-hand sides.
    """

    def __init__(self, hierarchy: Hierarchy, sides: int):
        self.levels = hierarchy.levels
        frames = [level.frame for level in self.levels]
        # Bands keep all cores busy as long as there are several; after that, right-hand sides do.
        self.large = sum(len(frame.bands) > 1 for frame in frames)
        self.small = PackedLevels.of(self.levels[self.large :], hierarchy.coarsest)
        self.vectors, first = self.small.room(sides)
        large = [np.zeros((4, sides, frame.size), hierarchy.precision) for frame in frames[: self.large]]
        #: Of each level b, x, what is left of b, and what a second visit makes of that.
        self.of_level = [*large, first]

    @property
    def b(self) -> Float[np.ndarray, "sides size"]:
        """What `run` is given."""
        return self.of_level[0][0]

    @property
    def x(self) -> Float[np.ndarray, "sides size"]:
        """What `run` makes of it."""
        return self.of_level[0][1]

    def run(self, sides: Int[np.ndarray, "active"]) -> None:
        """Turn `b` into `x`, both framed, for some right-hand sides."""
        if self.large:
            self._visit(0, sides, self.b, self.x)
        else:
            self._visit_small(sides, twice=False)

    def _visit(self, n: int, sides: Int[np.ndarray, "active"], b: np.ndarray, x: np.ndarray) -> None:
        """Turn b into x on a large level."""
        level, frame, coarse = self.levels[n], self.levels[n].frame, self.levels[n + 1].frame
        coarse_b, coarse_x = self.of_level[n + 1][:2]
        given = (level.k, level.inverse, b, x, sides, frame.width)
        parallel_starmap(presmooth, [(*given, *band) for band in frame.bands])
        given = (level.k, x, sides, frame.width, frame.rows, ROWS_PER_BLOCK)
        to = (level.shares, coarse_b, coarse.width)
        parallel_starmap(restrict_residual, [(*given, *to, *_halved(band)) for band in frame.bands])
        if n + 1 == self.large:
            self._visit_small(sides, twice=coarse.rows * coarse.columns >= V_CYCLE_BELOW_CELLS)
        else:
            self._visit_twice(n + 1, sides)
        self._up(n, sides, b, x, coarse_x)

    def _visit_twice(self, n: int, sides: Int[np.ndarray, "active"]) -> None:
        level, (b, x, left, more) = self.levels[n], self.of_level[n]
        bands, width = level.frame.bands, level.frame.width
        self._visit(n, sides, b, x)
        parallel_starmap(residual, [(level.k, level.inverse, b, x, sides, left, width, *band) for band in bands])
        self._visit(n, sides, left, more)
        parallel_starmap(axpy, [(more, x, sides, width, *band) for band in bands])

    def _visit_small(self, sides: Int[np.ndarray, "active"], twice: bool) -> None:
        rows, columns = self.small.shape[0, :2]
        parts = min(cpu_count(), sides.size) if rows * columns >= V_CYCLE_BELOW_CELLS else 1
        given = (*self.small, V_CYCLE_BELOW_CELLS, ROWS_PER_BLOCK, self.vectors)
        parallel_starmap(cycle_packed_levels, [(*given, part, twice) for part in np.array_split(sides, parts)])

    def _up(self, n: int, sides: Int[np.ndarray, "active"], b: np.ndarray, x: np.ndarray, coarse_x: np.ndarray) -> None:
        level = self.levels[n]
        bands, width = level.frame.bands, level.frame.width
        coarse = (level.shares, coarse_x, level.frame.coarser.width)
        # Rows at the joints of bands; nothing lies before the first and behind the last.
        joints = np.array([row for first, _ in bands[1:] for row in (first - 1, first)], int)
        beside = np.zeros((joints.size + 2, len(x), width + 1), x.dtype)
        prolonged_rows(x, sides, width, joints, *coarse, beside[1:-1])
        given = (level.k, level.inverse, b, x, sides, width, *coarse)
        around = [
            (beside[max(2 * i - 1, 0)], beside[2 * i + 2 if i + 1 < len(bands) else -1]) for i in range(len(bands))
        ]
        parallel_starmap(
            prolong_and_postsmooth, [(*given, *two, *band) for two, band in zip(around, bands, strict=True)]
        )


def _halved(band: tuple[int, int]) -> tuple[int, int]:
    """Return the rows of the coarse raster that lie in a band of the fine one."""
    return band[0] // 2, (band[1] + 1) // 2
