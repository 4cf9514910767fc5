"""Kernels of conjugate gradients: the matrix applied in double precision, and the vector updates.

Vectors that the stencil is applied to are flat and padded (see `linalg.padded`), the others are plain rows of cells.
Rows first … last − 1 are processed, one right-hand side after the other while the shared data are in the cache. Sums
over these rows, one for each right-hand side, are put into `sums`.
"""

import numpy as np

from ....parallel import njit_cached, njit_reassociating


@njit_cached
def load_scaled_matrix(edges, center, n_forward, rtol, unit, forward, inverse_diagonal, row_sums, width, first, last):
    """Load a symmetric M-matrix into padded conductances, multiplied by unit; return its asymmetry.

    The conductances go into the four forward arrays, 1 / diagonal into inverse_diagonal (0 in decoupled rows), and the
    row sums, not multiplied, into row_sums. The asymmetry is the largest difference between entries that should be
    equal, relative to the diagonal.
    """
    columns = width - 1
    asymmetry = 0.0
    for row in range(first, last):
        for j in range(columns):
            p, q = (row + 1) * width + 1 + j, row * columns + j
            off_diagonal_sum = 0.0
            for d in range(2 * n_forward):
                off_diagonal_sum -= edges[d, q]
            diagonal = center[q]
            if off_diagonal_sum > 0:
                row_sum = diagonal - off_diagonal_sum
                row_sums[q] = row_sum if row_sum > rtol * diagonal else 0.0
                inverse_diagonal[p] = 1 / (diagonal * unit)
            else:
                row_sums[q] = 0.0
                inverse_diagonal[p] = 0
            for d in range(n_forward):
                # East, (southwest,) south(, southeast), and the neighbour there.
                down = 0 if d == 0 else 1
                right = (1, 0)[d] if n_forward == 2 else (1, -1, 0, 1)[d]
                entry = edges[n_forward + d, q]
                forward[d if n_forward == 4 else 2 * d][p] = -entry * unit
                neighbour = q + down * columns + right
                if 0 <= j + right < columns and neighbour < center.size:
                    mirrored = edges[n_forward - 1 - d, neighbour]
                    if entry != 0 or mirrored != 0:
                        asymmetry = max(asymmetry, abs(entry - mirrored) / diagonal)
    return asymmetry


@njit_reassociating
def dots(residual, applied, z, active, width, first, last, sums):
    """Put the dot products of z, padded, with the residual and with A p into sums[0] and sums[1]."""
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        start, cell = (row + 1) * width + 1, row * columns
        for n in range(active.size):
            rhs = active[n]
            r, applied_ = residual[rhs, cell : cell + columns], applied[rhs, cell : cell + columns]
            z_ = z[rhs, start : start + columns]
            z_dot_r = z_dot_applied = 0.0
            for j in range(columns):
                correction = np.float64(z_[j])
                z_dot_r += r[j] * correction
                z_dot_applied += applied_[j] * correction
            sums[0, n] += z_dot_r
            sums[1, n] += z_dot_applied


@njit_cached
def update_direction(beta, z, p, active, width, rows):
    """Replace the directions p by z + β p in some rows; where β is 0 p is not read."""
    columns = width - 1
    for row in rows:
        start = (row + 1) * width + 1
        for n in range(active.size):
            _update_row(beta[n], z[active[n], start : start + columns], p[active[n], start : start + columns])


@njit_cached
def _update_row(beta, z, p):
    if beta == 0:
        for j in range(p.size):
            p[j] = z[j]
    else:
        for j in range(p.size):
            p[j] = z[j] + beta * p[j]


@njit_cached
def update_direction_and_apply(beta, z, p, forward, row_sums, out, active, width, first, last, sums):
    """Update the directions p as `update_direction` does, put A p into out and sum up p · A p.

    The first and the last row, and the rows outside next to them, have been updated before. `forward` are the negative
    entries of A, as rows of cells.
    """
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        below = (row + 2) * width + 1
        for n in range(active.size):
            if row + 2 < last:
                _update_row(beta[n], z[active[n], below : below + columns], p[active[n], below : below + columns])
            sums[n] += _apply_row(forward, row_sums, p, out, active[n], width, row)


@njit_cached
def apply(forward, row_sums, x, out, width, first, last):
    """Put A x into out, for one right-hand side."""
    for row in range(first, last):
        _apply_row(forward, row_sums, x, out, 0, width, row)


@njit_reassociating
def _apply_row(forward, row_sums, p, out, rhs, width, row):
    """Put a row of A p into out and return its part of p · A p, in double precision whatever the precision of p."""
    columns = width - 1
    to_east, to_southwest, to_south, to_southeast = forward
    start, cell = (row + 1) * width + 1, row * columns
    current, below = p[rhs, start - 1 : start + columns + 1], p[rhs, start + width - 1 : start + width + columns + 1]
    east, southwest = to_east[cell : cell + columns], to_southwest[cell : cell + columns]
    south, southeast = to_south[cell : cell + columns], to_southeast[cell : cell + columns]
    g = row_sums[cell : cell + columns]
    out_row = out[rhs, cell : cell + columns]
    if row == 0 or columns == 1:
        return _apply_boundary_row(forward, row_sums, p, out_row, rhs, width, row)
    above = p[rhs, start - width - 1 : start - width + columns + 1]
    before = cell - columns
    upper_south, upper_southwest = to_south[before:cell], to_southwest[before:cell]
    upper_southeast = to_southeast[before:cell]
    total = 0.0
    for j in range(1, columns - 1):
        x = np.float64(current[j + 1])
        value = (
            g[j] * x - east[j] * (x - current[j + 2]) - east[j - 1] * (x - current[j])
            - southwest[j] * (x - below[j]) - south[j] * (x - below[j + 1]) - southeast[j] * (x - below[j + 2])
            - upper_southeast[j - 1] * (x - above[j]) - upper_south[j] * (x - above[j + 1])
            - upper_southwest[j + 1] * (x - above[j + 2])
        )  # fmt: skip
        out_row[j] = value
        total += x * value
    last = columns - 1
    x, y = np.float64(current[1]), np.float64(current[columns])
    out_row[0] = (
        g[0] * x - east[0] * (x - current[2]) - south[0] * (x - below[1]) - southeast[0] * (x - below[2])
        - upper_south[0] * (x - above[1]) - upper_southwest[1] * (x - above[2])
    )  # fmt: skip
    out_row[last] = (
        g[last] * y - east[last - 1] * (y - current[last]) - southwest[last] * (y - below[last])
        - south[last] * (y - below[columns]) - upper_southeast[last - 1] * (y - above[last])
        - upper_south[last] * (y - above[columns])
    )  # fmt: skip
    return total + x * out_row[0] + y * out_row[last]


@njit_reassociating
def _apply_boundary_row(forward, row_sums, p, out_row, rhs, width, row):
    """Apply A as `_apply_row`, to the first row, and to rasters of one column."""
    columns = width - 1
    to_east, to_southwest, to_south, to_southeast = forward
    start, cell = (row + 1) * width + 1, row * columns
    total = 0.0
    for j in range(columns):
        i, q = start + j, cell + j
        x = np.float64(p[rhs, i])
        value = (
            row_sums[q] * x - to_east[q] * (x - p[rhs, i + 1]) - to_southwest[q] * (x - p[rhs, i + width - 1])
            - to_south[q] * (x - p[rhs, i + width]) - to_southeast[q] * (x - p[rhs, i + width + 1])
        )  # fmt: skip
        if j > 0:
            value -= to_east[q - 1] * (x - p[rhs, i - 1])
        if row > 0:
            value -= to_south[q - columns] * (x - p[rhs, i - width])
        out_row[j] = value
        total += x * value
    return total


@njit_reassociating
def update_solution(alpha, p, applied, x, residual, unit, b, inverse_diagonal, active, width, first, last, sums):
    """Add α p to x, subtract α A p from the residual r, put r into b of the preconditioner; sum up r² / diagonal."""
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        start, cell = (row + 1) * width + 1, row * columns
        scale = inverse_diagonal[start : start + columns]
        for n in range(active.size):
            rhs, step_length, scale_factor = active[n], alpha[n], unit[active[n]]
            step, applied_ = p[rhs, start : start + columns], applied[rhs, cell : cell + columns]
            x_, r = x[rhs, cell : cell + columns], residual[rhs, cell : cell + columns]
            b_ = b[rhs, start : start + columns]
            total = 0.0
            for j in range(columns):
                x_[j] += step_length * step[j]
                value = r[j] - step_length * applied_[j]
                r[j] = value
                b_[j] = value * scale_factor
                total += value * value * scale[j]
            sums[n] += total


@njit_reassociating
def subtract(minuend, applied, residual, unit, b, inverse_diagonal, active, width, first, last, sums):
    """Put minuend − applied into the residual r and into b of the preconditioner; sum up r² / diagonal."""
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        start, cell = (row + 1) * width + 1, row * columns
        scale = inverse_diagonal[start : start + columns]
        for n in range(active.size):
            rhs, scale_factor = active[n], unit[active[n]]
            minuend_, applied_ = minuend[rhs, cell : cell + columns], applied[rhs, cell : cell + columns]
            r, b_ = residual[rhs, cell : cell + columns], b[rhs, start : start + columns]
            total = 0.0
            for j in range(columns):
                value = minuend_[j] - applied_[j]
                r[j] = value
                b_[j] = value * scale_factor
                total += value * value * scale[j]
            sums[n] += total


@njit_cached
def pad_vectors(values, out, width, first, last):
    """Copy rows of cells into a padded array."""
    columns = width - 1
    for row in range(first, last):
        start, cell = (row + 1) * width + 1, row * columns
        row_values, out_row = values[cell : cell + columns], out[start : start + columns]
        for j in range(columns):
            out_row[j] = row_values[j]
