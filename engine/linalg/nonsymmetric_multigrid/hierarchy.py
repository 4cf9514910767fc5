"""The hierarchy of ever coarser walks and the cycle through it."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int32

from ...parallel.numba_jit import parallel_starmap
from ..multigrid.cpu.cycle_kernels import presmooth, prolong_and_postsmooth, prolonged_rows, residual, restrict_residual
from ..padded import ROWS_PER_BLOCK, PaddedShape
from ..stencil_matrix import neighbour_offsets
from .coarsening_kernels import centre_point_weights, edge_point_weights, petrov_galerkin_product
from .ordered_kernels import ordered_gauss_seidel, permute_rows
from .ordering import Ordering

#: Relaxing row by row is enough where at most this part of the cells has a direction.
FEW = 0.005

#: Cells that are copied at a time.
ROWS_PER_CHUNK = 1 << 16

#: What the inverse of the coarsest operator is kept from dividing by, relative to the diagonal.
LEAST = 1e-9

FLOAT32 = np.float32
Flat = Float32[np.ndarray, "_"]

#: The right-hand side that is worked on: there is one.
RHS_BLOCK = np.zeros(1, int)


class OrderedBlock(NamedTuple):
    """Cells of a part of a raster.

    Parameters
    ----------
    start
        The first place that the part can see: a row above its first one.
    order
        Places of the cells in the order of ranks, counted from the start.
    entries
        Their rows, over the diagonal, in that order.
    """

    start: int
    order: Int32[np.ndarray, "n"]
    entries: Float32[np.ndarray, "n 8"]


class Level(NamedTuple):
    """A walk and how it is coarsened.

    Parameters
    ----------
    frame
        Its raster.
    k
        What cells send to their neighbours, in the order of `QUEEN`.
    ground
        What ends in them.
    inverse
        Reciprocal of the diagonal; 0 in a row of zeros.
    shares, back
        The weights of the next coarser raster's cells, of values and of residuals; none on the coarsest.
    kept
        1 where residuals are handed to a coarse cell; none on the coarsest.
    parts
        The cells in the order of ranks; none where that is not needed.
    """

    frame: PaddedShape
    k: tuple[Flat, ...]
    ground: Flat
    inverse: Flat
    shares: tuple[Flat, ...]
    back: tuple[Flat, ...]
    kept: Flat
    parts: tuple[OrderedBlock, ...]


class Hierarchy(NamedTuple):
    """A walk and its ever coarser ones, the finest first, and the inverse of the coarsest operator."""

    levels: list[Level]
    coarsest: Float[np.ndarray, "n n"]


def build(ranks: list[Ordering], k: tuple[Flat, ...], ground: Flat, inverse: Flat) -> Hierarchy:
    """Coarsen a walk.

    Parameters
    ----------
    ranks
        Of the cells of all rasters.
    k, ground, inverse
        See `Level`.
    """
    levels = []
    for here, coarser in zip(ranks, ranks[1:], strict=False):
        frame, coarse = here.frame, coarser.frame
        shares, back, coarse_k = (tuple(np.zeros(coarse.size, FLOAT32) for _ in range(8)) for _ in range(3))
        coarse_ground, coarse_inverse, kept = (np.zeros(coarse.size, FLOAT32) for _ in range(3))
        bands = [(first // 2, (last + 1) // 2) for first, last in frame.bands]
        raster = (frame.rows, frame.width)
        parallel_starmap(
            edge_point_weights, [(k, *raster, coarser.rank, shares, back, coarse.width, *band) for band in bands]
        )
        parallel_starmap(centre_point_weights, [(k, *raster, shares, back, coarse.width, *band) for band in bands])
        to = (coarser.rank, coarse_k, coarse_ground, kept, coarse_inverse)
        given = (k, ground, *raster, shares, back, coarse.width, *to)
        directed = sum(parallel_starmap(petrov_galerkin_product, [(*given, *band) for band in bands]))
        ordered = levels or directed > FEW * coarser.order.size
        parts = tuple(_part(k, inverse, *half) for half in here.halves()) if ordered else ()
        levels.append(Level(frame, k, ground, inverse, shares, back, kept, parts))
        k, ground, inverse = coarse_k, coarse_ground, coarse_inverse
    none = np.zeros(0, FLOAT32)
    levels.append(Level(ranks[-1].frame, k, ground, inverse, (), (), none, ()))
    return Hierarchy(levels, _inverse(levels[-1]))


def _part(k: tuple[Flat, ...], inverse: Flat, start: int, order: Int32[np.ndarray, "n"]) -> OrderedBlock:
    entries = np.empty((order.size, 8), FLOAT32)
    pieces = [slice(first, first + ROWS_PER_CHUNK) for first in range(0, order.size, ROWS_PER_CHUNK)]
    seen = tuple(each[start:] for each in k)
    parallel_starmap(permute_rows, [(seen, inverse[start:], order[piece], entries[piece]) for piece in pieces])
    return OrderedBlock(start, order, entries)


def _inverse(level: Level) -> Float[np.ndarray, "n n"]:
    rows, columns = level.frame.rows, level.frame.columns
    place = np.arange(rows * columns).reshape(rows, columns)
    matrix = np.zeros((rows * columns,) * 2)
    diagonal = level.frame.inside(level.ground).astype(float)
    for k, (down, right) in zip(level.k, neighbour_offsets(8), strict=True):
        flow = level.frame.inside(k).astype(float)
        i, j = np.nonzero(flow)
        matrix[place[i, j], place[i + down, j + right]] = -flow[i, j]
        diagonal += flow
    some = diagonal.ravel() > 0
    matrix[place.ravel(), place.ravel()] = np.where(some, diagonal.ravel() * (1 + LEAST), 1.0)
    result = np.linalg.inv(matrix)
    result[~some] = 0
    result[:, ~some] = 0
    return result


def transposed(hierarchy: Hierarchy) -> Hierarchy:
    """Return the hierarchy of the transposed operators: residuals and values change their parts."""
    levels = []
    for level in hierarchy.levels:
        k = _turned(level.frame, level.k)
        # Relaxed in the order turned around.
        parts = tuple(_part(k, level.inverse, start, order[::-1].copy()) for start, order, _ in level.parts)
        levels.append(level._replace(k=k, shares=level.back, back=level.shares, parts=parts))
    return Hierarchy(levels, np.ascontiguousarray(hierarchy.coarsest.T))


def _turned(frame: PaddedShape, k: tuple[Flat, ...]) -> tuple[Flat, ...]:
    offsets = [down * frame.width + right for down, right in neighbour_offsets(8)]
    turned = tuple(np.zeros_like(each) for each in k)
    for d, offset in enumerate(offsets):
        # What a cell gets from its neighbour there; the frame sends nothing.
        into, out = turned[d], k[7 - d]
        if offset > 0:
            into[:-offset] = out[offset:]
        else:
            into[-offset:] = out[:offset]
    return turned


def _relax_parts(level: Level, b: Flat, x: Flat) -> None:
    """Relax in the order of ranks; a part sees the others as they were."""
    width, calls = level.frame.width, []
    for start, order, entries in level.parts:
        seen = x[start:].copy() if start else x
        calls.append((order, entries, level.inverse[start:], b[start:], seen, width))
    parallel_starmap(ordered_gauss_seidel, calls)
    for (start, *_), call in zip(level.parts[1:], calls[1:], strict=True):
        x[start + width :] = call[4][width:]


class VCycle:
    """The V-cycle: an approximate solution of A x = b, linear in b; or of Aᵀ x = b by the transposed operations.

    Rasters are relaxed row by row before and after the visit to the next coarser one, and then in the order of ranks.

    Parameters
    ----------
    hierarchy
        Of A, or from `transposed`.
    backwards
        Whether it is from `transposed`.
    """

    def __init__(self, hierarchy: Hierarchy, backwards: bool = False):
        self.hierarchy, self.backwards = hierarchy, backwards
        sizes = [level.frame.size for level in hierarchy.levels]
        self.b, self.x = ([np.zeros((1, size), FLOAT32) for size in sizes] for _ in range(2))
        if backwards:
            self.first = [np.zeros((1, size), FLOAT32) for size in sizes]

    def run(self) -> None:
        """Turn `b[0]` into `x[0]`, both framed."""
        self._visit(0)

    def _visit(self, n: int) -> None:
        level = self.hierarchy.levels[n]
        frame, bands = level.frame, level.frame.bands
        b, x = self.b[n], self.x[n]
        if n + 1 == len(self.hierarchy.levels):
            right = frame.inside(b[0]).ravel()
            frame.inside(x[0])[:] = (self.hierarchy.coarsest @ right).reshape(frame.rows, frame.columns)
            return
        if self.backwards and level.parts:
            b = self._relaxed_first(n)
        parallel_starmap(presmooth, [(level.k, level.inverse, b, x, RHS_BLOCK, frame.width, *band) for band in bands])
        coarse = frame.coarser
        given = (
            level.k,
            x,
            RHS_BLOCK,
            frame.width,
            frame.rows,
            ROWS_PER_BLOCK,
            level.back,
            self.b[n + 1],
            coarse.width,
        )
        parallel_starmap(restrict_residual, [(*given, first // 2, (last + 1) // 2) for first, last in bands])
        if not self.backwards:
            self.b[n + 1] *= level.kept
        self._visit(n + 1)
        if self.backwards:
            self.x[n + 1] *= level.kept
        self._up(n, b)
        if self.backwards and level.parts:
            x += self.first[n]
        elif level.parts:
            _relax_parts(level, b[0], x[0])

    def _relaxed_first(self, n: int) -> Float32[np.ndarray, "1 _"]:
        """Relax in the order of ranks, from zero, and return what is left."""
        level, first, left = self.hierarchy.levels[n], self.first[n], np.zeros_like(self.b[n])
        first[:] = 0
        _relax_parts(level, self.b[n][0], first[0])
        given = (level.k, level.inverse, self.b[n], first, RHS_BLOCK, left, level.frame.width)
        parallel_starmap(residual, [(*given, *band) for band in level.frame.bands])
        return left

    def _up(self, n: int, b: Float32[np.ndarray, "1 _"]) -> None:
        level, x = self.hierarchy.levels[n], self.x[n]
        bands, width = level.frame.bands, level.frame.width
        coarse = (level.shares, self.x[n + 1], level.frame.coarser.width)
        # Rows at the joints of bands; nothing lies before the first and behind the last.
        joints = np.array([row for first, _ in bands[1:] for row in (first - 1, first)], int)
        beside = np.zeros((joints.size + 2, 1, width + 1), FLOAT32)
        prolonged_rows(x, RHS_BLOCK, width, joints, *coarse, beside[1:-1])
        given = (level.k, level.inverse, b, x, RHS_BLOCK, width, *coarse)
        around = [
            (beside[max(2 * i - 1, 0)], beside[2 * i + 2 if i + 1 < len(bands) else -1]) for i in range(len(bands))
        ]
        parallel_starmap(
            prolong_and_postsmooth, [(*given, *two, *band) for two, band in zip(around, bands, strict=True)]
        )
