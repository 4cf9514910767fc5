"""The multigrid cycle over packed small levels, in one compiled call; see `packed_levels` and `cycle_kernels`."""

import numpy as np

from ....parallel import njit_cached
from .cycle_kernels import axpy, presmooth, prolong_and_postsmooth, residual, restrict_residual

#: Columns of `layout`: shape of a level, and the offsets of its arrays.
ROWS, COLUMNS, CONDUCTANCES, INTERPOLATION, VECTORS = range(5)


@njit_cached
def cycle_packed_levels(
    layout,
    forward,
    inverse_diagonal,
    interpolation,
    coarsest_inverse,
    min_w_cycle_cells,
    band,
    vectors,
    active,
    visit_twice,
):
    """Run a cycle over levels of one band each in one call, as a call takes longer than smoothing a small level.

    layout, forward, inverse_diagonal, interpolation, coarsest_inverse: see `PackedLevels`.
    min_w_cycle_cells: levels with fewer cells are visited once; visit_twice: whether the first level is visited twice.
    vectors: of each level b, x, the residual, and the correction of a second visit; x of the first level is the result.
    (Each kernel is called from one place only, as Numba inlines and compiles every call separately.)
    """
    levels = len(layout)
    # Number of visits to the next coarser level from each level.
    stage, second_visit = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    n, revisit = 0, -1
    while n >= 0:
        if revisit >= 0:
            n, revisit = revisit, -1
            conductances, row_inverse = (
                _conductances_of_level(forward, layout, n),
                _inverse_diagonal_of_level(inverse_diagonal, layout, n),
            )
            b, x = _vectors_of_level(vectors[0], layout, n), _vectors_of_level(vectors[1], layout, n)
            residuals = _vectors_of_level(vectors[2], layout, n)
            residual(conductances, row_inverse, b, x, active, residuals, layout[n, COLUMNS] + 1, 0, layout[n, ROWS])
            stage[n], second_visit[n] = 0, 1
        rows, width = layout[n, ROWS], layout[n, COLUMNS] + 1
        b, x = (
            _vectors_of_level(vectors[2 * second_visit[n]], layout, n),
            _vectors_of_level(vectors[2 * second_visit[n] + 1], layout, n),
        )
        if n < levels - 1:
            conductances, row_inverse, level_weights = (
                _conductances_of_level(forward, layout, n),
                _inverse_diagonal_of_level(inverse_diagonal, layout, n),
                _interpolation_of_level(interpolation, layout, n),
            )
            coarse_b, coarse_x = (
                _vectors_of_level(vectors[0], layout, n + 1),
                _vectors_of_level(vectors[1], layout, n + 1),
            )
            coarse_rows, coarse_width = layout[n + 1, ROWS], layout[n + 1, COLUMNS] + 1
            stage[n] += 1
            if stage[n] == 1:
                presmooth(conductances, row_inverse, b, x, active, width, 0, rows)
                restrict_residual(
                    conductances, x, active, width, rows, band, level_weights, coarse_b, coarse_width, 0, coarse_rows
                )
                n += 1
                stage[n] = second_visit[n] = 0
                continue
            if stage[n] == 2 and coarse_rows * (coarse_width - 1) >= min_w_cycle_cells:
                revisit = n + 1
                continue
            zeros = np.zeros((x.shape[0], width + 1), x.dtype)
            prolong_and_postsmooth(
                conductances,
                row_inverse,
                b,
                x,
                active,
                width,
                level_weights,
                coarse_x,
                coarse_width,
                zeros,
                zeros,
                0,
                rows,
            )
        else:
            _solve_coarsest(coarsest_inverse, b, x, active, rows, width)
        if second_visit[n] == 1:
            first = _vectors_of_level(vectors[1], layout, n)
            axpy(x, first, active, width, 0, rows)
        elif n == 0 and visit_twice:
            revisit = 0
            continue
        n -= 1


@njit_cached
def _solve_coarsest(coarsest_inverse, b, x, active, rows, width):
    columns = width - 1
    solution = np.empty(rows * columns, x.dtype)
    for rhs in active:
        solution[:] = 0
        for i in range(rows):
            for j in range(columns):
                b_row, row = b[rhs, (i + 1) * width + 1 + j], coarsest_inverse[i * columns + j]
                for q in range(solution.size):
                    solution[q] += b_row * row[q]
        for i in range(rows):
            for j in range(columns):
                x[rhs, (i + 1) * width + 1 + j] = solution[i * columns + j]


@njit_cached
def _padded_size(layout, n):
    """Return the length of a padded array of a level."""
    return (layout[n, ROWS] + 2) * (layout[n, COLUMNS] + 1) + 2


@njit_cached
def _inverse_diagonal_of_level(inverse_diagonal, layout, n):
    offset = layout[n, VECTORS]
    return inverse_diagonal[offset : offset + _padded_size(layout, n)]


@njit_cached
def _vectors_of_level(vectors, layout, n):
    """Return the padded vectors of a level, by right-hand side."""
    count, offset, length = (
        vectors.size // (layout[-1, VECTORS] + _padded_size(layout, -1)),
        layout[n, VECTORS],
        _padded_size(layout, n),
    )
    return vectors[count * offset : count * (offset + length)].reshape((count, length))


@njit_cached
def _conductances_of_level(forward, layout, n):
    """Return the conductances of a level in all directions, as `padded.all_directions` does."""
    east, southwest, south, southeast = forward
    width, start = layout[n, COLUMNS] + 1, layout[n, CONDUCTANCES]
    end = start + _padded_size(layout, n)
    return (
        southeast[start - width - 1 : end - width - 1], south[start - width : end - width],
        southwest[start - width + 1 : end - width + 1], east[start - 1 : end - 1],
        east[start:end], southwest[start:end], south[start:end], southeast[start:end],
    )  # fmt: skip


@njit_cached
def _interpolation_of_level(interpolation, layout, n):
    """Return the interpolation weights of a level."""
    start = layout[n, INTERPOLATION]
    end = start + _padded_size(layout, n + 1)
    return (
        interpolation[0][start:end], interpolation[1][start:end],
        interpolation[2][start:end], interpolation[3][start:end],
        interpolation[4][start:end], interpolation[5][start:end],
        interpolation[6][start:end], interpolation[7][start:end],
    )  # fmt: skip
