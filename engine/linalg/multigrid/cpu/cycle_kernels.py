"""Kernels of the multigrid cycle: smoothing from zero, restriction, prolongation and smoothing backwards.

Arrays are flat and padded (see `linalg.padded`). In all kernels `conductances` are in the order of `QUEEN_OFFSETS`,
`active` are the right-hand sides that are iterated on, and rows first … last − 1 are processed, one right-hand side
after the other while the shared data are in the cache.
"""

import numpy as np

from ....parallel import njit_cached

#: Right-hand sides whose recurrences along a row are interleaved, to hide the latency of each step.
INTERLEAVED_RHS = 4


@njit_cached
def presmooth(conductances, inverse_diagonal, b, x, active, width, first, last):
    """Smooth A x = b by a forward Gauss–Seidel sweep, row by row and left to right, from x = 0.

    Only preceding neighbours are read: the others are still 0, and so are the rows before the band.
    """
    columns = width - 1
    known, coupling = np.empty((INTERLEAVED_RHS, columns), x.dtype), np.empty(columns, x.dtype)
    for row in range(first, last):
        start = (row + 1) * width + 1
        northwest, north = conductances[0][start : start + columns], conductances[1][start : start + columns]
        northeast, west = conductances[2][start : start + columns], conductances[3][start : start + columns]
        row_inverse = inverse_diagonal[start : start + columns]
        for j in range(columns):
            coupling[j] = row_inverse[j] * west[j]
        for offset in range(0, active.size, INTERLEAVED_RHS):
            group = active[offset : offset + INTERLEAVED_RHS]
            for n in range(group.size):
                b_row, out_row = b[group[n], start : start + columns], known[n]
                if row == first:
                    for j in range(columns):
                        out_row[j] = row_inverse[j] * b_row[j]
                else:
                    above = x[group[n], start - width - 1 : start - width + columns + 1]
                    for j in range(columns):
                        out_row[j] = row_inverse[j] * (
                            b_row[j] + northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]
                        )
            _sweep_forward(known, coupling, x, group, start)


@njit_cached
def _sweep_forward(known, coupling, x, active, start):
    """Run the recurrence x_j = known_j + coupling_j x_{j−1} along a row for four right-hand sides, interleaved.

    If there are fewer than four the last one is repeated, which takes no longer.
    """
    columns, n = coupling.size, active.size - 1
    known0, known1, known2, known3 = known[0], known[min(1, n)], known[min(2, n)], known[min(3, n)]
    out0, out1 = x[active[0], start : start + columns], x[active[min(1, n)], start : start + columns]
    out2, out3 = x[active[min(2, n)], start : start + columns], x[active[min(3, n)], start : start + columns]
    x0 = x1 = x2 = x3 = x.dtype.type(0)
    for j in range(columns):
        factor = coupling[j]
        x0, x1 = known0[j] + factor * x0, known1[j] + factor * x1
        x2, x3 = known2[j] + factor * x2, known3[j] + factor * x3
        out0[j], out1[j], out2[j], out3[j] = x0, x1, x2, x3


@njit_cached
def _residual_row(here, below, forward_row, out):
    """Put the residual b − A x after `presmooth` into out: the terms of the succeeding neighbours."""
    east, southwest, south, southeast = forward_row
    for j in range(east.size):
        out[j + 1] = (
            east[j] * here[j + 2] + southwest[j] * below[j] + south[j] * below[j + 1] + southeast[j] * below[j + 2]
        )


@njit_cached
def _add_from_above(above, backward_row, out):
    """Add the terms of the row above, which another band smoothed at the same time."""
    northwest, north, northeast = backward_row
    for j in range(north.size):
        out[j + 1] += northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]


@njit_cached
def _residual_rows(conductances, x, active, width, row, starts_band, residuals, slot):
    """Put a row of the residual of right-hand side number n of `active` into residuals[n, slot]."""
    columns = width - 1
    start = (row + 1) * width + 1
    forward_row = (
        conductances[4][start : start + columns],
        conductances[5][start : start + columns],
        conductances[6][start : start + columns],
        conductances[7][start : start + columns],
    )
    backward_row = (
        conductances[0][start : start + columns],
        conductances[1][start : start + columns],
        conductances[2][start : start + columns],
    )
    for n in range(active.size):
        values, out = x[active[n]], residuals[n, slot]
        below = values[start + width - 1 : start + width + columns + 1]
        _residual_row(values[start - 1 : start + columns + 1], below, forward_row, out)
        if starts_band:
            _add_from_above(values[start - width - 1 : start - width + columns + 1], backward_row, out)


@njit_cached
def restrict_residual(conductances, x, active, width, rows, band, interpolation, coarse_b, coarse_width, first, last):
    """Put Pᵀ (b − A x) into the coarse right-hand side, in coarse rows first … last − 1."""
    coarse_columns = coarse_width - 1
    # Residuals of each right-hand side in the rows above, on and below a coarse row; slots 0 and 1 alternate.
    residuals = np.zeros((active.size, 3, 2 * coarse_columns + 3), x.dtype)
    # Bands start with even rows. (A literal False would be compiled as a separate specialization.)
    never = rows < 0
    if first > 0:
        _residual_rows(conductances, x, active, width, 2 * first - 1, never, residuals, (first + 1) % 2)
    for row in range(first, last):
        start = (row + 1) * coarse_width + 1
        # Weights of cells to the right of and below a coarse cell are stored at that cell, those of cells to the left
        # and above at the coarse neighbour.
        right, left = (
            interpolation[0][start : start + coarse_columns],
            interpolation[1][start - 1 : start + coarse_columns],
        )
        down, up = (
            interpolation[2][start : start + coarse_columns],
            interpolation[3][start - coarse_width : start - coarse_width + coarse_columns],
        )
        down_right, down_left = (
            interpolation[4][start : start + coarse_columns],
            interpolation[5][start - 1 : start + coarse_columns],
        )
        up_right = interpolation[6][start - coarse_width : start - coarse_width + coarse_columns]
        up_left = interpolation[7][start - coarse_width - 1 : start - coarse_width + coarse_columns]
        _residual_rows(conductances, x, active, width, 2 * row, row > 0 and (2 * row) % band == 0, residuals, 2)
        if 2 * row + 1 < rows:
            _residual_rows(conductances, x, active, width, 2 * row + 1, never, residuals, row % 2)
        else:
            residuals[:, row % 2] = 0
        for n in range(active.size):
            above, below, here = residuals[n, (row + 1) % 2], residuals[n, row % 2], residuals[n, 2]
            out = coarse_b[active[n], start : start + coarse_columns]
            for j in range(coarse_columns):
                c = 2 * j + 1
                out[j] = (
                    here[c] + right[j] * here[c + 1] + left[j] * here[c - 1] + down[j] * below[c] + up[j] * above[c]
                    + down_right[j] * below[c + 1] + down_left[j] * below[c - 1]
                    + up_right[j] * above[c + 1] + up_left[j] * above[c - 1]
                )  # fmt: skip


@njit_cached
def residual(conductances, inverse_diagonal, b, x, active, out, width, first, last):
    """Put the residual b − A x into out, for any x; 0 in decoupled rows."""
    columns = width - 1
    for row in range(first, last):
        start = (row + 1) * width + 1
        northwest, north, northeast = (
            conductances[0][start : start + columns],
            conductances[1][start : start + columns],
            conductances[2][start : start + columns],
        )
        west, east = conductances[3][start : start + columns], conductances[4][start : start + columns]
        southwest, south, southeast = (
            conductances[5][start : start + columns],
            conductances[6][start : start + columns],
            conductances[7][start : start + columns],
        )
        row_inverse = inverse_diagonal[start : start + columns]
        for rhs in active:
            above = x[rhs, start - width - 1 : start - width + columns + 1]
            here, below = (
                x[rhs, start - 1 : start + columns + 1],
                x[rhs, start + width - 1 : start + width + columns + 1],
            )
            b_row, out_row = b[rhs, start : start + columns], out[rhs, start : start + columns]
            for j in range(columns):
                neighbour_sum = (
                    northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]
                    + west[j] * here[j] + east[j] * here[j + 2]
                    + southwest[j] * below[j] + south[j] * below[j + 1] + southeast[j] * below[j + 2]
                )  # fmt: skip
                out_row[j] = b_row[j] + neighbour_sum - here[j + 1] / row_inverse[j] if row_inverse[j] > 0 else 0


@njit_cached
def axpy(correction, x, active, width, first, last):
    """Add a correction to x, both padded."""
    for rhs in active:
        for p in range((first + 1) * width + 1, (last + 1) * width + 1):
            x[rhs, p] += correction[rhs, p]


@njit_cached
def _corrected_rows(x, active, width, row, interpolation, coarse_x, coarse_width, out):
    """Put a row of x + P e of each right-hand side into out, between two zeros."""
    columns, coarse_columns = width - 1, coarse_width - 1
    start, coarse_start = (row + 1) * width + 1, (row // 2 + 1) * coarse_width + 1
    end, n_pairs, even = coarse_start + coarse_columns, columns // 2, columns % 2 == 0
    if row % 2 == 0:
        left, right = interpolation[0][coarse_start:end], interpolation[1][coarse_start:end]
        for rhs in active:
            here, coarse_row, out_row = x[rhs, start : start + columns], coarse_x[rhs, coarse_start : end + 1], out[rhs]
            for j in range(n_pairs):
                out_row[2 * j + 1] = here[2 * j] + coarse_row[j]
                out_row[2 * j + 2] = here[2 * j + 1] + left[j] * coarse_row[j] + right[j] * coarse_row[j + 1]
            if not even:
                out_row[columns] = here[columns - 1] + coarse_row[coarse_columns - 1]
    else:
        up, down = interpolation[2][coarse_start:end], interpolation[3][coarse_start:end]
        northwest, northeast = interpolation[4][coarse_start:end], interpolation[5][coarse_start:end]
        southwest, southeast = interpolation[6][coarse_start:end], interpolation[7][coarse_start:end]
        for rhs in active:
            here, coarse_row, out_row = x[rhs, start : start + columns], coarse_x[rhs, coarse_start : end + 1], out[rhs]
            below = coarse_x[rhs, coarse_start + coarse_width : end + coarse_width + 1]
            for j in range(n_pairs):
                out_row[2 * j + 1] = here[2 * j] + up[j] * coarse_row[j] + down[j] * below[j]
                out_row[2 * j + 2] = (
                    here[2 * j + 1] + northwest[j] * coarse_row[j] + northeast[j] * coarse_row[j + 1]
                    + southwest[j] * below[j] + southeast[j] * below[j + 1]
                )  # fmt: skip
            if not even:
                j = coarse_columns - 1
                out_row[columns] = here[columns - 1] + up[j] * coarse_row[j] + down[j] * below[j]


@njit_cached
def prolonged_rows(x, active, width, rows, interpolation, coarse_x, coarse_width, out):
    """Put some rows of x + P e into out[row, rhs]: bands need the rows next to them as they are before smoothing."""
    for n in range(rows.size):
        _corrected_rows(x, active, width, rows[n], interpolation, coarse_x, coarse_width, out[n])


@njit_cached
def prolong_and_postsmooth(
    conductances,
    inverse_diagonal,
    b,
    x,
    active,
    width,
    interpolation,
    coarse_x,
    coarse_width,
    above_band,
    below_band,
    first,
    last,
):
    """Replace x by x + P e, smoothed by a backward Gauss–Seidel sweep, the transpose of `presmooth`.

    above_band, below_band: the corrected rows next to the band, by right-hand side.
    """
    columns = width - 1
    known, coupling = np.empty((INTERLEAVED_RHS, columns), x.dtype), np.empty(columns, x.dtype)
    corrected = np.zeros((2, x.shape[0], width + 1), x.dtype)
    _corrected_rows(x, active, width, last - 1, interpolation, coarse_x, coarse_width, corrected[(last - 1) % 2])
    for row in range(last - 1, first - 1, -1):
        start = (row + 1) * width + 1
        row_inverse = inverse_diagonal[start : start + columns]
        northwest, north, northeast = (
            conductances[0][start : start + columns],
            conductances[1][start : start + columns],
            conductances[2][start : start + columns],
        )
        west, east = conductances[3][start : start + columns], conductances[4][start : start + columns]
        southwest, south, southeast = (
            conductances[5][start : start + columns],
            conductances[6][start : start + columns],
            conductances[7][start : start + columns],
        )
        if row > first:
            _corrected_rows(x, active, width, row - 1, interpolation, coarse_x, coarse_width, corrected[(row - 1) % 2])
        for j in range(columns):
            coupling[j] = row_inverse[j] * east[j]
        for offset in range(0, active.size, INTERLEAVED_RHS):
            group = active[offset : offset + INTERLEAVED_RHS]
            for n in range(group.size):
                rhs, out_row = group[n], known[n]
                above = corrected[(row - 1) % 2, rhs] if row > first else above_band[rhs]
                here = corrected[row % 2, rhs]
                if row < last - 1:
                    below = x[rhs, start + width - 1 : start + width + columns + 1]
                else:
                    below = below_band[rhs]
                b_row = b[rhs, start : start + columns]
                for j in range(columns):
                    out_row[j] = row_inverse[j] * (
                        b_row[j] + northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]
                        + west[j] * here[j] + southwest[j] * below[j]
                        + south[j] * below[j + 1] + southeast[j] * below[j + 2]
                    )  # fmt: skip
            _sweep_backward(known, coupling, x, group, start)


@njit_cached
def _sweep_backward(known, coupling, x, active, start):
    """Run the recurrence x_j = known_j + coupling_j x_{j+1} along a row, as `_sweep_forward` does."""
    columns, n = coupling.size, active.size - 1
    known0, known1, known2, known3 = known[0], known[min(1, n)], known[min(2, n)], known[min(3, n)]
    out0, out1 = x[active[0], start : start + columns], x[active[min(1, n)], start : start + columns]
    out2, out3 = x[active[min(2, n)], start : start + columns], x[active[min(3, n)], start : start + columns]
    x0 = x1 = x2 = x3 = x.dtype.type(0)
    for j in range(columns - 1, -1, -1):
        factor = coupling[j]
        x0, x1 = known0[j] + factor * x0, known1[j] + factor * x1
        x2, x3 = known2[j] + factor * x2, known3[j] + factor * x3
        out0[j], out1[j], out2[j], out3[j] = x0, x1, x2, x3
