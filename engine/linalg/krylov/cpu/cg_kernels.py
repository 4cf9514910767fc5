"""Conjugate gradients in loops: the matrix applied in double precision, and the vectors of the iteration.

Vectors that the stencil is applied to are flat and framed, the others are plain rows of cells. Rows first … last − 1
are done, of one right-hand side after the other while what they share is in the cache. Sums are of these rows, one for
each right-hand side, and are put into `sums`.
"""

import numpy as np

from ....parallel.numba_jit import njit_cached, njit_reassociating


@njit_cached
def load_scaled_matrix(edges, center, half, rounding, unit, forward, inverse, ground, width, first, last):
    """Lay a symmetric M-matrix out as a framed network, divided by unit; return how unequal its halves are.

    Puts the conductances into the four forward arrays, 1 / diagonal into inverse (0 for a row of its own) and what a
    row adds up to, not divided, into ground. Returned is the largest difference between entries that should be equal,
    relative to the diagonal.
    """
    columns = width - 1
    worst = 0.0
    for row in range(first, last):
        for j in range(columns):
            p, q = (row + 1) * width + 1 + j, row * columns + j
            out = 0.0
            for d in range(2 * half):
                out -= edges[d, q]
            center_here = center[q]
            if out > 0:
                rest = center_here - out
                ground[q] = rest if rest > rounding * center_here else 0.0
                inverse[p] = 1 / (center_here * unit)
            else:
                ground[q] = 0.0
                inverse[p] = 0
            for d in range(half):
                # East, (southwest,) south(, southeast), and the neighbour there.
                down = 0 if d == 0 else 1
                right = (1, 0)[d] if half == 2 else (1, -1, 0, 1)[d]
                there = edges[half + d, q]
                forward[d if half == 4 else 2 * d][p] = -there * unit
                if there != 0:
                    back = edges[half - 1 - d, q + down * columns + right]
                    worst = max(worst, abs(there - back) / center_here)
    return worst


@njit_reassociating
def dots(residual, applied, z, sides, width, first, last, sums):
    """Sum up what the correction z, framed, makes with the residual, and with A p: in sums[0] and sums[1]."""
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        for n in range(sides.size):
            side = sides[n]
            r, applied_ = residual[side, place : place + columns], applied[side, place : place + columns]
            z_ = z[side, at : at + columns]
            one = other = 0.0
            for j in range(columns):
                correction = np.float64(z_[j])
                one += r[j] * correction
                other += applied_[j] * correction
            sums[0, n] += one
            sums[1, n] += other


@njit_cached
def update_direction(beta, z, p, sides, width, rows):
    """Replace the directions p of the search by z + β p, in some rows; where β is 0, whatever p was."""
    columns = width - 1
    for row in rows:
        at = (row + 1) * width + 1
        for n in range(sides.size):
            _turned(beta[n], z[sides[n], at : at + columns], p[sides[n], at : at + columns])


@njit_cached
def _turned(beta, z, p):
    if beta == 0:
        for j in range(p.size):
            p[j] = z[j]
    else:
        for j in range(p.size):
            p[j] = z[j] + beta * p[j]


@njit_cached
def update_direction_and_apply(beta, z, p, forward, ground, out, sides, width, first, last, sums):
    """Turn the directions p as `update_direction` does, put A p into out and sum up p · A p.

    The first and the last row have been turned, and so have those beside them. `forward` are the entries of A,
    negative, as rows of cells.
    """
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        below = (row + 2) * width + 1
        for n in range(sides.size):
            if row + 2 < last:
                _turned(beta[n], z[sides[n], below : below + columns], p[sides[n], below : below + columns])
            sums[n] += _applied_row(forward, ground, p, out, sides[n], width, row)


@njit_cached
def apply(forward, ground, x, out, width, first, last):
    """Put A x into out, for one right-hand side."""
    for row in range(first, last):
        _applied_row(forward, ground, x, out, 0, width, row)


@njit_reassociating
def _applied_row(forward, ground, p, out, side, width, row):
    """Put a row of A p into out and return what it adds to p · A p; in double precision, whatever that of p is."""
    columns = width - 1
    to_east, to_southwest, to_south, to_southeast = forward
    at, place = (row + 1) * width + 1, row * columns
    here, below = p[side, at - 1 : at + columns + 1], p[side, at + width - 1 : at + width + columns + 1]
    east, southwest = to_east[place : place + columns], to_southwest[place : place + columns]
    south, southeast = to_south[place : place + columns], to_southeast[place : place + columns]
    g = ground[place : place + columns]
    to = out[side, place : place + columns]
    if row == 0 or columns == 1:
        return _applied_at_rim(forward, ground, p, to, side, width, row)
    above = p[side, at - width - 1 : at - width + columns + 1]
    before = place - columns
    south_, southwest_, southeast_ = to_south[before:place], to_southwest[before:place], to_southeast[before:place]
    total = 0.0
    for j in range(1, columns - 1):
        x = np.float64(here[j + 1])
        value = (
            g[j] * x - east[j] * (x - here[j + 2]) - east[j - 1] * (x - here[j])
            - southwest[j] * (x - below[j]) - south[j] * (x - below[j + 1]) - southeast[j] * (x - below[j + 2])
            - southeast_[j - 1] * (x - above[j]) - south_[j] * (x - above[j + 1])
            - southwest_[j + 1] * (x - above[j + 2])
        )  # fmt: skip
        to[j] = value
        total += x * value
    last = columns - 1
    x, y = np.float64(here[1]), np.float64(here[columns])
    to[0] = (
        g[0] * x - east[0] * (x - here[2]) - south[0] * (x - below[1]) - southeast[0] * (x - below[2])
        - south_[0] * (x - above[1]) - southwest_[1] * (x - above[2])
    )  # fmt: skip
    to[last] = (
        g[last] * y - east[last - 1] * (y - here[last]) - southwest[last] * (y - below[last])
        - south[last] * (y - below[columns]) - southeast_[last - 1] * (y - above[last])
        - south_[last] * (y - above[columns])
    )  # fmt: skip
    return total + x * to[0] + y * to[last]


@njit_reassociating
def _applied_at_rim(forward, ground, p, to, side, width, row):
    """Do what `_applied_row` does for the first row, and for rasters of one column."""
    columns = width - 1
    to_east, to_southwest, to_south, to_southeast = forward
    at, place = (row + 1) * width + 1, row * columns
    total = 0.0
    for j in range(columns):
        here, q = at + j, place + j
        x = np.float64(p[side, here])
        value = (
            ground[q] * x - to_east[q] * (x - p[side, here + 1]) - to_southwest[q] * (x - p[side, here + width - 1])
            - to_south[q] * (x - p[side, here + width]) - to_southeast[q] * (x - p[side, here + width + 1])
        )  # fmt: skip
        if j > 0:
            value -= to_east[q - 1] * (x - p[side, here - 1])
        if row > 0:
            value -= to_south[q - columns] * (x - p[side, here - width])
        to[j] = value
        total += x * value
    return total


@njit_reassociating
def update_solution(alpha, p, applied, x, residual, unit, b, inverse, sides, width, first, last, sums):
    """Add α p to x, take α A p from the residual, hand that to the cycle as b; sum up r² / diagonal."""
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        scale = inverse[at : at + columns]
        for n in range(sides.size):
            side, length, unit_ = sides[n], alpha[n], unit[sides[n]]
            step, applied_ = p[side, at : at + columns], applied[side, place : place + columns]
            x_, r = x[side, place : place + columns], residual[side, place : place + columns]
            b_ = b[side, at : at + columns]
            total = 0.0
            for j in range(columns):
                x_[j] += length * step[j]
                rest = r[j] - length * applied_[j]
                r[j] = rest
                b_[j] = rest * unit_
                total += rest * rest * scale[j]
            sums[n] += total


@njit_reassociating
def subtract(given, applied, residual, unit, b, inverse, sides, width, first, last, sums):
    """Put given − applied into the residual, hand that to the cycle as b; sum up r² / diagonal."""
    columns = width - 1
    sums[:] = 0
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        scale = inverse[at : at + columns]
        for n in range(sides.size):
            side, unit_ = sides[n], unit[sides[n]]
            given_, applied_ = given[side, place : place + columns], applied[side, place : place + columns]
            r, b_ = residual[side, place : place + columns], b[side, at : at + columns]
            total = 0.0
            for j in range(columns):
                rest = given_[j] - applied_[j]
                r[j] = rest
                b_[j] = rest * unit_
                total += rest * rest * scale[j]
            sums[n] += total


@njit_cached
def pad_vectors(values, out, width, first, last):
    """Copy rows of cells into a framed array."""
    columns = width - 1
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        given, to = values[place : place + columns], out[at : at + columns]
        for j in range(columns):
            to[j] = given[j]
