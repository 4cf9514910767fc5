"""Multigrid hierarchy of a transition system, and its V-cycle."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Int32

from ...parallel import parallel_starmap
from ..multigrid import correct_and_postsmooth, presmooth, residual, restrict_residual
from ..padded import ROWS_PER_BAND, PaddedShape
from ..stencil_matrix import neighbour_offsets
from .coarsening_kernels import centre_point_weights, edge_point_weights, petrov_galerkin_product
from .ordered_kernels import ordered_gauss_seidel, permute_rows
from .ordering import Ordering

#: The finest level is relaxed in the downstream ordering where more than this fraction of the coarse rows are upwind
#: rows; below that row-by-row relaxation is enough.
MAX_UNORDERED_FRACTION = 0.005

#: Rows of the matrix that are permuted in one task.
ROWS_PER_CHUNK = 1 << 16

#: Relative increase of the coarsest operator's diagonal, which keeps it invertible where all its row sums are 0.
DIAGONAL_SHIFT = 1e-9

FLOAT32 = np.float32
Padded = Float32[np.ndarray, "padded"]

#: The kernels of the symmetric multigrid take a list of right-hand sides; here there is one.
ONE_RHS = np.zeros(1, int)


class OrderedBlock(NamedTuple):
    """A block of rows that is relaxed in the downstream ordering.

    Parameters
    ----------
    start
        Padded index of the first entry that the block reads, in the row above its first.
    order
        The cells of the block in the ordering, as padded indices counted from `start`.
    entries
        Their off-diagonals divided by the diagonal, in that order.
    """

    start: int
    order: Int32[np.ndarray, " n"]
    entries: Float32[np.ndarray, "n 8"]


class Level(NamedTuple):
    """An operator A, and how it is coarsened; every array is padded.

    Parameters
    ----------
    shape
        Shape of the level.
    off_diagonals
        −A_ij ≥ 0 of the eight neighbours, in the order of `QUEEN_OFFSETS`.
    row_sums
        Σ_j A_ij ≥ 0, the weight of the transitions into identity rows.
    inverse_diagonal
        1 / A_ii; 0 in identity rows.
    prolongation, restriction
        Interpolation weights of values and of residuals, on the shape of the next coarser level; empty on the coarsest.
    restriction_mask
        1 where a coarse row receives residuals, 0 in upwind rows; empty on the coarsest.
    blocks
        The rows in the downstream ordering; empty where row-by-row relaxation is enough.
    """

    shape: PaddedShape
    off_diagonals: tuple[Padded, ...]
    row_sums: Padded
    inverse_diagonal: Padded
    prolongation: tuple[Padded, ...]
    restriction: tuple[Padded, ...]
    restriction_mask: Padded
    blocks: tuple[OrderedBlock, ...]


class Hierarchy(NamedTuple):
    """The levels, the finest first, and the dense inverse of the coarsest operator."""

    levels: list[Level]
    coarsest_inverse: Float[np.ndarray, "n n"]


def build(
    orderings: list[Ordering], off_diagonals: tuple[Padded, ...], row_sums: Padded, inverse_diagonal: Padded
) -> Hierarchy:
    """Build the hierarchy of an operator.

    Parameters
    ----------
    orderings
        Of all levels, from `orderings_on_all_levels`.
    off_diagonals, row_sums, inverse_diagonal
        Of the finest level; see `Level`.
    """
    levels = []
    for fine, coarse in zip(orderings, orderings[1:], strict=False):
        shape, coarse_shape = fine.shape, coarse.shape
        prolongation, restriction, coarse_off_diagonals = (
            tuple(np.zeros(coarse_shape.size, FLOAT32) for _ in range(8)) for _ in range(3)
        )
        coarse_row_sums, coarse_inverse, mask = (np.zeros(coarse_shape.size, FLOAT32) for _ in range(3))
        bands = shape.coarse_bands
        transfer = (prolongation, restriction, coarse_shape.width)
        fine_args = (off_diagonals, shape.rows, shape.width)
        parallel_starmap(edge_point_weights, [(*fine_args, coarse.position, *transfer, *band) for band in bands])
        parallel_starmap(centre_point_weights, [(*fine_args, *transfer, *band) for band in bands])
        args = (off_diagonals, row_sums, shape.rows, shape.width, *transfer, coarse.position)
        args = (*args, coarse_off_diagonals, coarse_row_sums, mask, coarse_inverse)
        upwind_rows = sum(parallel_starmap(petrov_galerkin_product, [(*args, *band) for band in bands]))
        ordered = levels or upwind_rows > MAX_UNORDERED_FRACTION * coarse.order.size
        blocks = (
            tuple(_ordered_block(off_diagonals, inverse_diagonal, *block) for block in fine.blocks()) if ordered else ()
        )
        levels.append(Level(shape, off_diagonals, row_sums, inverse_diagonal, prolongation, restriction, mask, blocks))
        off_diagonals, row_sums, inverse_diagonal = coarse_off_diagonals, coarse_row_sums, coarse_inverse
    empty = np.zeros(0, FLOAT32)
    levels.append(Level(orderings[-1].shape, off_diagonals, row_sums, inverse_diagonal, (), (), empty, ()))
    return Hierarchy(levels, _dense_inverse(levels[-1]))


def transposed(hierarchy: Hierarchy) -> Hierarchy:
    """Return the hierarchy of the transposed operators, with prolongation and restriction exchanged."""
    levels = []
    for level in hierarchy.levels:
        off_diagonals = _transposed_off_diagonals(level.shape, level.off_diagonals)
        blocks = tuple(
            _ordered_block(off_diagonals, level.inverse_diagonal, start, order[::-1].copy())
            for start, order, _ in level.blocks
        )
        levels.append(
            level._replace(
                off_diagonals=off_diagonals,
                prolongation=level.restriction,
                restriction=level.prolongation,
                blocks=blocks,
            )
        )
    return Hierarchy(levels, np.ascontiguousarray(hierarchy.coarsest_inverse.T))


class VCycle:
    """V-cycle: an approximation of A⁻¹ b that is linear in b, or of A⁻ᵀ b by the transposed operations.

    Each level is relaxed row by row before and after the coarse-grid correction, and then in the downstream ordering.

    Parameters
    ----------
    hierarchy
        Of A, or the one that `transposed` made of it.
    transpose
        Whether it is a transposed hierarchy. The operations then run in reverse.
    """

    def __init__(self, hierarchy: Hierarchy, transpose: bool = False):
        self.hierarchy, self.transpose = hierarchy, transpose
        sizes = [level.shape.size for level in hierarchy.levels]
        self._b, self._x = ([np.zeros((1, size), FLOAT32) for size in sizes] for _ in range(2))
        if transpose:
            self._ordered = [np.zeros((1, size), FLOAT32) for size in sizes]

    @property
    def right_hand_side(self) -> Padded:
        """b, padded: to be filled before `run`."""
        return self._b[0][0]

    @property
    def solution(self) -> Padded:
        """The approximation of A⁻¹ b, padded, after `run`."""
        return self._x[0][0]

    def run(self) -> None:
        """Compute `solution` from `right_hand_side`."""
        self._cycle(0)

    def _cycle(self, n: int) -> None:
        level = self.hierarchy.levels[n]
        shape, b, x = level.shape, self._b[n], self._x[n]
        if n + 1 == len(self.hierarchy.levels):
            coarsest_b = shape.inside(b[0]).ravel()
            shape.inside(x[0])[:] = (self.hierarchy.coarsest_inverse @ coarsest_b).reshape(shape.rows, shape.columns)
            return
        if self.transpose and level.blocks:
            b = self._ordered_presmooth(n)
        args = (level.off_diagonals, level.inverse_diagonal, b, x, ONE_RHS, shape.width)
        parallel_starmap(presmooth, [(*args, *band) for band in shape.bands])
        args = (level.off_diagonals, x, ONE_RHS, shape.width, shape.rows, ROWS_PER_BAND)
        args = (*args, level.restriction, self._b[n + 1], shape.coarser.width)
        parallel_starmap(restrict_residual, [(*args, *band) for band in shape.coarse_bands])
        if not self.transpose:
            self._b[n + 1] *= level.restriction_mask
        self._cycle(n + 1)
        if self.transpose:
            self._x[n + 1] *= level.restriction_mask
        args = (level.off_diagonals, level.inverse_diagonal, level.prolongation, self._x[n + 1])
        correct_and_postsmooth(shape, *args, b, x, ONE_RHS)
        if self.transpose and level.blocks:
            x += self._ordered[n]
        elif level.blocks:
            _relax_blocks(level, b[0], x[0])

    def _ordered_presmooth(self, n: int) -> Float32[np.ndarray, "1 padded"]:
        """Relax in the ordering from the initial guess 0; return the residual."""
        level, x, result = self.hierarchy.levels[n], self._ordered[n], np.zeros_like(self._b[n])
        x[:] = 0
        _relax_blocks(level, self._b[n][0], x[0])
        args = (level.off_diagonals, level.inverse_diagonal, self._b[n], x, ONE_RHS, result, level.shape.width)
        parallel_starmap(residual, [(*args, *band) for band in level.shape.bands])
        return result


def _ordered_block(
    off_diagonals: tuple[Padded, ...], inverse_diagonal: Padded, start: int, order: Int32[np.ndarray, " n"]
) -> OrderedBlock:
    entries = np.empty((order.size, 8), FLOAT32)
    chunks = [slice(first, first + ROWS_PER_CHUNK) for first in range(0, order.size, ROWS_PER_CHUNK)]
    args = (tuple(each[start:] for each in off_diagonals), inverse_diagonal[start:])
    parallel_starmap(permute_rows, [(*args, order[chunk], entries[chunk]) for chunk in chunks])
    return OrderedBlock(start, order, entries)


def _dense_inverse(level: Level) -> Float[np.ndarray, "n n"]:
    rows, columns = level.shape.rows, level.shape.columns
    cell = np.arange(rows * columns).reshape(rows, columns)
    matrix = np.zeros((rows * columns,) * 2)
    diagonal = level.shape.inside(level.row_sums).astype(float)
    for padded, (down, right) in zip(level.off_diagonals, neighbour_offsets(8), strict=True):
        weights = level.shape.inside(padded).astype(float)
        i, j = np.nonzero(weights)
        matrix[cell[i, j], cell[i + down, j + right]] = -weights[i, j]
        diagonal += weights
    coupled = diagonal.ravel() > 0
    matrix[cell.ravel(), cell.ravel()] = np.where(coupled, diagonal.ravel() * (1 + DIAGONAL_SHIFT), 1.0)
    result = np.linalg.inv(matrix)
    result[~coupled] = 0
    result[:, ~coupled] = 0
    return result


def _transposed_off_diagonals(shape: PaddedShape, off_diagonals: tuple[Padded, ...]) -> tuple[Padded, ...]:
    offsets = [down * shape.width + right for down, right in neighbour_offsets(8)]
    result = tuple(np.zeros_like(each) for each in off_diagonals)
    for d, offset in enumerate(offsets):
        # (Aᵀ)_ij = A_ji, the entry of neighbour j in the opposite direction, 7 − d; the padding has none.
        target, source = result[d], off_diagonals[7 - d]
        if offset > 0:
            target[:-offset] = source[offset:]
        else:
            target[-offset:] = source[:offset]
    return result


def _relax_blocks(level: Level, b: Padded, x: Padded) -> None:
    """Relax the blocks in parallel, each in its ordering; a block reads the values that the others had before."""
    width, calls = level.shape.width, []
    for start, order, entries in level.blocks:
        values = x[start:].copy() if start else x
        calls.append((order, entries, level.inverse_diagonal[start:], b[start:], values, width))
    parallel_starmap(ordered_gauss_seidel, calls)
    for (start, *_), call in zip(level.blocks[1:], calls[1:], strict=True):
        x[start + width :] = call[4][width:]
