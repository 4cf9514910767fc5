"""The multigrid hierarchy and its W-cycle, on the CPU."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy.typing import DTypeLike

from ....parallel import cpu_count, parallel_starmap
from ...krylov import SymmetricMatrix, load_scaled_matrix
from ...padded import ROWS_PER_BAND, PaddedShape, all_directions, forward_arrays
from ...stencil_matrix import neighbour_offsets
from ..thresholds import NULL_SPACE_TOL, ROW_SUM_RTOL
from .cycle_kernels import (
    axpy,
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
from .packed_cycle_kernels import cycle_packed_levels
from .packed_levels import PackedLevels

#: The coarsest level has at most this many cells, and a dense inverse.
MAX_COARSE_CELLS = 64

#: Levels with fewer cells are visited once per cycle (V instead of W): there a visit costs its overhead, and V
#: converges as fast.
MIN_W_CYCLE_CELLS = 4096

#: Smallest ratio of diagonal entries at which single precision represents conductances and their reciprocals.
FLOAT32_MIN_RATIO = 1e-30

Flat = Float[np.ndarray, "_"]


class Level(NamedTuple):
    """One level of the hierarchy.

    Parameters
    ----------
    shape
        Shape of the raster.
    conductances
        Conductances to the 8 neighbours, in the order of `QUEEN_OFFSETS`.
    inverse_diagonal
        Reciprocal of the diagonal; 0 in rows of zeros.
    interpolation
        Interpolation weights from the next coarser level, see `galerkin_kernels`; empty on the coarsest.
    """

    shape: PaddedShape
    conductances: tuple[Flat, ...]
    inverse_diagonal: Flat
    interpolation: tuple[Flat, ...]


class Hierarchy(NamedTuple):
    """A symmetric M-matrix and its coarser operators, the finest first.

    Parameters
    ----------
    forward_entries
        Entries of the matrix towards the second half of the neighbours, in double precision, one row of cells after
        the other.
    row_sums
        Row sums of the matrix.
    levels
        Levels of the matrix divided by its largest entry.
    coarsest_inverse
        Inverse of the coarsest operator.
    min_eigenvalue
        Smallest nonzero eigenvalue of the coarsest operator, scaled to a diagonal of ones.
    asymmetry
        Largest difference between entries that should be equal, relative to the diagonal.
    """

    forward_entries: tuple[np.ndarray, ...]
    row_sums: np.ndarray
    levels: list[Level]
    coarsest_inverse: Float[np.ndarray, "n n"]
    min_eigenvalue: float
    asymmetry: float

    @property
    def matrix(self) -> SymmetricMatrix:
        """The matrix as conjugate gradients apply it."""
        return SymmetricMatrix(
            self.levels[0].shape, self.forward_entries, self.row_sums, self.levels[0].inverse_diagonal
        )

    @property
    def coupled(self) -> Bool[np.ndarray, "rows columns"]:
        """Whether each row has off-diagonal entries."""
        return self.levels[0].shape.inside(self.levels[0].inverse_diagonal) > 0

    @property
    def precision(self) -> np.dtype:
        """Precision of the cycle."""
        return self.levels[0].inverse_diagonal.dtype


def build(
    center: Float[np.ndarray, "rows columns"], edges: Float[np.ndarray, "directions rows columns"], precision: DTypeLike
) -> Hierarchy:
    """Build the hierarchy of a symmetric M-matrix, in double precision where single does not represent its range.

    Parameters
    ----------
    center, edges
        The matrix, as in `StencilMatrix`.
    precision
        np.float32 or np.float64.
    """
    shape, n_forward = PaddedShape(*center.shape), len(edges) // 2
    # The diagonal of a single cell may be 0.
    largest, smallest = center.max() or 1.0, center.min()
    if smallest < FLOAT32_MIN_RATIO * largest:
        precision = np.float64
    arrays, forward = forward_arrays(shape, precision)
    inverse_diagonal, row_sums = np.zeros(shape.size, precision), np.empty(center.size)
    rows = np.ascontiguousarray(edges, float).reshape(len(edges), -1)
    args = (rows, np.ascontiguousarray(center, float).ravel(), n_forward, ROW_SUM_RTOL, 1 / largest)
    asymmetry = parallel_starmap(
        load_scaled_matrix, [(*args, forward, inverse_diagonal, row_sums, shape.width, *band) for band in shape.bands]
    )
    padded_row_sums = np.zeros(shape.size, precision)
    shape.inside(padded_row_sums)[:] = row_sums.reshape(center.shape) / largest
    levels = [Level(shape, all_directions(arrays, shape), inverse_diagonal, ())]
    while shape.rows * shape.columns > MAX_COARSE_CELLS:
        levels[-1], coarser, padded_row_sums = _coarsen(levels[-1], padded_row_sums)
        levels.append(coarser)
        shape = coarser.shape
    forward_entries = tuple(rows[n_forward:])
    if n_forward == 2:
        no_entries = np.zeros(center.size)
        forward_entries = (forward_entries[0], no_entries, forward_entries[1], no_entries)
    return Hierarchy(forward_entries, row_sums, levels, *_pseudo_inverse(levels[-1], padded_row_sums), max(asymmetry))


def _coarsen(fine: Level, row_sums: Flat) -> tuple[Level, Level, Flat]:
    """Return a level with its interpolation, the next coarser level, and its row sums."""
    shape, conductances, precision = fine.shape, fine.conductances, fine.inverse_diagonal.dtype
    coarse = shape.coarser
    interpolation = tuple(np.zeros(coarse.size, precision) for _ in range(8))
    arrays, forward = forward_arrays(coarse, precision)
    fine_args = (conductances, shape.rows, shape.width, interpolation, coarse.width)
    parallel_starmap(edge_point_weights, [(*fine_args, *band) for band in coarse.bands])
    parallel_starmap(centre_point_weights, [(*fine_args, *band) for band in coarse.bands])
    parallel_starmap(galerkin_product, [(*fine_args, PATCH, *forward, *band) for band in coarse.bands])
    coarse_row_sums = np.zeros(coarse.size, precision)
    if row_sums.any():
        restrict_row_sums(
            row_sums, shape.rows, shape.width, interpolation, coarse.width, coarse_row_sums, 0, coarse.rows
        )
    coarse_level = Level(coarse, all_directions(arrays, coarse), np.zeros(coarse.size, precision), ())
    invert_diagonal(coarse_level.conductances, coarse_row_sums, coarse_level.inverse_diagonal, 0, coarse.size)
    return fine._replace(interpolation=interpolation), coarse_level, coarse_row_sums


def _pseudo_inverse(level: Level, row_sums: Flat) -> tuple[Float[np.ndarray, "n n"], float]:
    """Return the pseudoinverse of the coarsest operator, and its smallest nonzero eigenvalue.

    Eigenvalues of 0 belong to cells that are not vertices and to components without a ground.
    """
    rows, columns = level.shape.rows, level.shape.columns
    conductances = [level.shape.inside(flat).astype(float) for flat in level.conductances]
    diagonal = (sum(conductances) + level.shape.inside(row_sums)).ravel()
    cell = np.arange(rows * columns).reshape(rows, columns)
    matrix = np.diag(diagonal)
    for conductance, (down, right) in zip(conductances, neighbour_offsets(8), strict=True):
        i, j = np.nonzero(conductance)
        matrix[cell[i, j], cell[i + down, j + right]] -= conductance[i, j]
    scale = np.sqrt(np.divide(1, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0))
    values, vectors = np.linalg.eigh(scale[:, None] * matrix * scale)
    nonzero = values > NULL_SPACE_TOL
    factor = scale[:, None] * vectors[:, nonzero] / np.sqrt(values[nonzero])
    return factor @ factor.T, float(values[nonzero].min(initial=np.inf))


class WCycle:
    """The W-cycle: an approximate solution of A x = b, linear in b, symmetric and positive semidefinite.

    Every large level is visited twice, the second time with the residual of the first visit. In patchy landscapes this
    halves the number of iterations, and an iteration costs more than the second visits.

    Parameters
    ----------
    hierarchy
        Hierarchy of A.
    n_rhs
        Number of right-hand sides.
    """

    def __init__(self, hierarchy: Hierarchy, n_rhs: int):
        self.levels = hierarchy.levels
        shapes = [level.shape for level in self.levels]
        # Bands keep all cores busy while there are several; below, right-hand sides do.
        self.n_large = sum(len(shape.bands) > 1 for shape in shapes)
        self.packed = PackedLevels.from_levels(self.levels[self.n_large :], hierarchy.coarsest_inverse)
        self.packed_vectors, finest_packed = self.packed.allocate(n_rhs)
        large = [np.zeros((4, n_rhs, shape.size), hierarchy.precision) for shape in shapes[: self.n_large]]
        #: Vectors of each level: b, x, the residual, and the correction of a second visit.
        self.level_vectors = [*large, finest_packed]

    @property
    def b(self) -> Float[np.ndarray, "k size"]:
        """Operand of `run`, padded."""
        return self.level_vectors[0][0]

    @property
    def x(self) -> Float[np.ndarray, "k size"]:
        """Result of `run`, padded."""
        return self.level_vectors[0][1]

    def run(self, active: Int[np.ndarray, " active"]) -> None:
        """Compute `x` from `b` for the active right-hand sides."""
        if self.n_large:
            self._cycle(0, active, self.b, self.x)
        else:
            self._cycle_packed(active, visit_twice=False)

    def _cycle(self, n: int, active: Int[np.ndarray, " active"], b: np.ndarray, x: np.ndarray) -> None:
        """Compute x from b on a large level."""
        level, shape, coarse = self.levels[n], self.levels[n].shape, self.levels[n + 1].shape
        coarse_b, coarse_x = self.level_vectors[n + 1][:2]
        args = (level.conductances, level.inverse_diagonal, b, x, active, shape.width)
        parallel_starmap(presmooth, [(*args, *band) for band in shape.bands])
        args = (level.conductances, x, active, shape.width, shape.rows, ROWS_PER_BAND)
        args = (*args, level.interpolation, coarse_b, coarse.width)
        parallel_starmap(restrict_residual, [(*args, *band) for band in shape.coarse_bands])
        if n + 1 == self.n_large:
            self._cycle_packed(active, visit_twice=coarse.rows * coarse.columns >= MIN_W_CYCLE_CELLS)
        else:
            self._cycle_twice(n + 1, active)
        args = (level.conductances, level.inverse_diagonal, level.interpolation, coarse_x)
        correct_and_postsmooth(shape, *args, b, x, active)

    def _cycle_twice(self, n: int, active: Int[np.ndarray, " active"]) -> None:
        level, (b, x, residuals, correction) = self.levels[n], self.level_vectors[n]
        bands, width = level.shape.bands, level.shape.width
        self._cycle(n, active, b, x)
        args = (level.conductances, level.inverse_diagonal, b, x, active, residuals, width)
        parallel_starmap(residual, [(*args, *band) for band in bands])
        self._cycle(n, active, residuals, correction)
        parallel_starmap(axpy, [(correction, x, active, width, *band) for band in bands])

    def _cycle_packed(self, active: Int[np.ndarray, " active"], visit_twice: bool) -> None:
        rows, columns = self.packed.layout[0, :2]
        parts = min(cpu_count(), active.size) if rows * columns >= MIN_W_CYCLE_CELLS else 1
        args = (*self.packed, MIN_W_CYCLE_CELLS, ROWS_PER_BAND, self.packed_vectors)
        parallel_starmap(cycle_packed_levels, [(*args, part, visit_twice) for part in np.array_split(active, parts)])


def correct_and_postsmooth(
    shape: PaddedShape,
    conductances: tuple[Flat, ...],
    inverse_diagonal: Flat,
    interpolation: tuple[Flat, ...],
    coarse_x: Float[np.ndarray, "k _"],
    b: Float[np.ndarray, "k size"],
    x: Float[np.ndarray, "k size"],
    active: Int[np.ndarray, " active"],
) -> None:
    """Add the interpolated coarse correction to x and smooth, in bands that do not depend on each other.

    Parameters
    ----------
    shape, conductances, inverse_diagonal, interpolation
        As in `Level`.
    coarse_x
        The solution of the next coarser level.
    b, x
        Right-hand sides, and solutions, which are changed in place.
    active
        The right-hand sides that are iterated on.
    """
    bands, width = shape.bands, shape.width
    coarse_args = (interpolation, coarse_x, shape.coarser.width)
    # A band reads the last row of the band above and the first row of the band below before these are smoothed. Rows of
    # zeros stand above the first band and below the last.
    interface_rows = np.array([row for first, _ in bands[1:] for row in (first - 1, first)], int)
    halo = np.zeros((interface_rows.size + 2, len(x), width + 1), x.dtype)
    prolonged_rows(x, active, width, interface_rows, *coarse_args, halo[1:-1])
    args = (conductances, inverse_diagonal, b, x, active, width, *coarse_args)
    halos = [(halo[max(2 * i - 1, 0)], halo[2 * i + 2 if i + 1 < len(bands) else -1]) for i in range(len(bands))]
    parallel_starmap(prolong_and_postsmooth, [(*args, *rows, *band) for rows, band in zip(halos, bands, strict=True)])
