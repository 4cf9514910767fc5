"""A multigrid cycle in loops: relax from zero, hand down what is left, correct by what comes back, relax backwards.

Arrays are flat and framed (`framed`). In all of these, `k` are the conductances in the order of `QUEEN`, `sides` the
right-hand sides that are still worked on, and rows first … last − 1 are done, of one right-hand side after the other
while what they share is in the cache.
"""

import numpy as np

from ....parallel.numba_jit import njit_cached

#: A step along a row waits for the one before; so many right-hand sides at once fill the time.
FOUR = 4


@njit_cached
def presmooth(k, inverse, b, x, sides, width, first, last):
    """Relax A x = b forwards, row by row and left to right, from x = 0.

    Only what lies behind a cell is read: the rest is 0 yet, and so are the rows before the band.
    """
    columns = width - 1
    implied, share = np.empty((FOUR, columns), x.dtype), np.empty(columns, x.dtype)
    for row in range(first, last):
        at = (row + 1) * width + 1
        northwest, north = k[0][at : at + columns], k[1][at : at + columns]
        northeast, west = k[2][at : at + columns], k[3][at : at + columns]
        scale = inverse[at : at + columns]
        for j in range(columns):
            share[j] = scale[j] * west[j]
        for begin in range(0, sides.size, FOUR):
            some = sides[begin : begin + FOUR]
            for n in range(some.size):
                given, to = b[some[n], at : at + columns], implied[n]
                if row == first:
                    for j in range(columns):
                        to[j] = scale[j] * given[j]
                else:
                    above = x[some[n], at - width - 1 : at - width + columns + 1]
                    for j in range(columns):
                        to[j] = scale[j] * (
                            given[j] + northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]
                        )
            _four_forwards(implied, share, x, some, at)


@njit_cached
def _four_forwards(implied, share, x, sides, at):
    """Go along a row with four right-hand sides, none of which waits for another's last cell.

    Of fewer than four the last one is gone along more than once, which takes no longer.
    """
    columns, n = share.size, sides.size - 1
    a, b, c, d = implied[0], implied[min(1, n)], implied[min(2, n)], implied[min(3, n)]
    to_a, to_b = x[sides[0], at : at + columns], x[sides[min(1, n)], at : at + columns]
    to_c, to_d = x[sides[min(2, n)], at : at + columns], x[sides[min(3, n)], at : at + columns]
    one = two = three = four = x.dtype.type(0)
    for j in range(columns):
        part = share[j]
        one, two = a[j] + part * one, b[j] + part * two
        three, four = c[j] + part * three, d[j] + part * four
        to_a[j], to_b[j], to_c[j], to_d[j] = one, two, three, four


@njit_cached
def _residual_row(here, below, ahead, out):
    """Put b − A x after `presmooth` into out: what the cells ahead send."""
    east, southwest, south, southeast = ahead
    for j in range(east.size):
        out[j + 1] = (
            east[j] * here[j + 2] + southwest[j] * below[j] + south[j] * below[j + 1] + southeast[j] * below[j + 2]
        )


@njit_cached
def _add_from_above(above, behind, out):
    """Add what the row above sends, which another band relaxed at the same time."""
    northwest, north, northeast = behind
    for j in range(north.size):
        out[j + 1] += northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]


@njit_cached
def _residual_rows(k, x, sides, width, row, begins_band, rest, into):
    """Put a row of the residual of each right-hand side into rest[n, into]."""
    columns = width - 1
    at = (row + 1) * width + 1
    ahead = (k[4][at : at + columns], k[5][at : at + columns], k[6][at : at + columns], k[7][at : at + columns])
    behind = (k[0][at : at + columns], k[1][at : at + columns], k[2][at : at + columns])
    for n in range(sides.size):
        values, out = x[sides[n]], rest[n, into]
        below = values[at + width - 1 : at + width + columns + 1]
        _residual_row(values[at - 1 : at + columns + 1], below, ahead, out)
        if begins_band:
            _add_from_above(values[at - width - 1 : at - width + columns + 1], behind, out)


@njit_cached
def restrict_residual(k, x, sides, width, rows, band, shares, coarse_b, coarse_width, first, last):
    """Put Pᵀ (b − A x) into the coarse right-hand side, in coarse rows first … last − 1."""
    coarse_columns = coarse_width - 1
    # Of each right-hand side, the residual's rows above a coarse row, in it and below it; above and below take turns.
    rest = np.zeros((sides.size, 3, 2 * coarse_columns + 3), x.dtype)
    # Bands begin with even rows. (A constant would be compiled as a case of its own.)
    row_begins = rows < 0
    if first > 0:
        _residual_rows(k, x, sides, width, 2 * first - 1, row_begins, rest, (first + 1) % 2)
    for row in range(first, last):
        at = (row + 1) * coarse_width + 1
        # The weights of cells to the right of and below a coarse cell are at its own place; of those to the left
        # and above at the place of the neighbour whose they are.
        right, left = shares[0][at : at + coarse_columns], shares[1][at - 1 : at + coarse_columns]
        down, up = (
            shares[2][at : at + coarse_columns],
            shares[3][at - coarse_width : at - coarse_width + coarse_columns],
        )
        down_right, down_left = shares[4][at : at + coarse_columns], shares[5][at - 1 : at + coarse_columns]
        up_right = shares[6][at - coarse_width : at - coarse_width + coarse_columns]
        up_left = shares[7][at - coarse_width - 1 : at - coarse_width + coarse_columns]
        _residual_rows(k, x, sides, width, 2 * row, row > 0 and (2 * row) % band == 0, rest, 2)
        if 2 * row + 1 < rows:
            _residual_rows(k, x, sides, width, 2 * row + 1, row_begins, rest, row % 2)
        else:
            rest[:, row % 2] = 0
        for n in range(sides.size):
            above, below, here = rest[n, (row + 1) % 2], rest[n, row % 2], rest[n, 2]
            out = coarse_b[sides[n], at : at + coarse_columns]
            for j in range(coarse_columns):
                c = 2 * j + 1
                out[j] = (
                    here[c] + right[j] * here[c + 1] + left[j] * here[c - 1] + down[j] * below[c] + up[j] * above[c]
                    + down_right[j] * below[c + 1] + down_left[j] * below[c - 1]
                    + up_right[j] * above[c + 1] + up_left[j] * above[c - 1]
                )  # fmt: skip


@njit_cached
def residual(k, inverse, b, x, sides, out, width, first, last):
    """Put b − A x into out, for any x."""
    columns = width - 1
    for row in range(first, last):
        at = (row + 1) * width + 1
        northwest, north, northeast = k[0][at : at + columns], k[1][at : at + columns], k[2][at : at + columns]
        west, east = k[3][at : at + columns], k[4][at : at + columns]
        southwest, south, southeast = k[5][at : at + columns], k[6][at : at + columns], k[7][at : at + columns]
        scale = inverse[at : at + columns]
        for side in sides:
            above = x[side, at - width - 1 : at - width + columns + 1]
            here, below = x[side, at - 1 : at + columns + 1], x[side, at + width - 1 : at + width + columns + 1]
            given, to = b[side, at : at + columns], out[side, at : at + columns]
            for j in range(columns):
                around = (
                    northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]
                    + west[j] * here[j] + east[j] * here[j + 2]
                    + southwest[j] * below[j] + south[j] * below[j + 1] + southeast[j] * below[j + 2]
                )  # fmt: skip
                to[j] = given[j] + around - here[j + 1] / scale[j] if scale[j] > 0 else 0


@njit_cached
def axpy(more, to, sides, width, first, last):
    """Add one framed array to another."""
    for side in sides:
        for p in range((first + 1) * width + 1, (last + 1) * width + 1):
            to[side, p] += more[side, p]


@njit_cached
def _corrected_rows(x, sides, width, row, shares, coarse_x, coarse_width, out):
    """Put a row of x + P e of each right-hand side between two zeros in out, by side."""
    columns, coarse_columns = width - 1, coarse_width - 1
    at, coarse_at = (row + 1) * width + 1, (row // 2 + 1) * coarse_width + 1
    end, pairs, even = coarse_at + coarse_columns, columns // 2, columns % 2 == 0
    if row % 2 == 0:
        left, right = shares[0][coarse_at:end], shares[1][coarse_at:end]
        for side in sides:
            here, e, to = x[side, at : at + columns], coarse_x[side, coarse_at : end + 1], out[side]
            for j in range(pairs):
                to[2 * j + 1] = here[2 * j] + e[j]
                to[2 * j + 2] = here[2 * j + 1] + left[j] * e[j] + right[j] * e[j + 1]
            if not even:
                to[columns] = here[columns - 1] + e[coarse_columns - 1]
    else:
        up, down = shares[2][coarse_at:end], shares[3][coarse_at:end]
        northwest, northeast = shares[4][coarse_at:end], shares[5][coarse_at:end]
        southwest, southeast = shares[6][coarse_at:end], shares[7][coarse_at:end]
        for side in sides:
            here, e, to = x[side, at : at + columns], coarse_x[side, coarse_at : end + 1], out[side]
            below = coarse_x[side, coarse_at + coarse_width : end + coarse_width + 1]
            for j in range(pairs):
                to[2 * j + 1] = here[2 * j] + up[j] * e[j] + down[j] * below[j]
                to[2 * j + 2] = (
                    here[2 * j + 1] + northwest[j] * e[j] + northeast[j] * e[j + 1]
                    + southwest[j] * below[j] + southeast[j] * below[j + 1]
                )  # fmt: skip
            if not even:
                j = coarse_columns - 1
                to[columns] = here[columns - 1] + up[j] * e[j] + down[j] * below[j]


@njit_cached
def prolonged_rows(x, sides, width, rows, shares, coarse_x, coarse_width, out):
    """Put some rows of x + P e into out[row, side]: bands need those beside them as they were before relaxing."""
    for n in range(rows.size):
        _corrected_rows(x, sides, width, rows[n], shares, coarse_x, coarse_width, out[n])


@njit_cached
def prolong_and_postsmooth(k, inverse, b, x, sides, width, shares, coarse_x, coarse_width, before, behind, first, last):
    """Replace x by x + P e, relaxed backwards: from the last row up and right to left, the transpose of the way down.

    before, behind: the corrected rows beside the band, by side.
    """
    columns = width - 1
    implied, share = np.empty((FOUR, columns), x.dtype), np.empty(columns, x.dtype)
    corrected = np.zeros((2, x.shape[0], width + 1), x.dtype)
    _corrected_rows(x, sides, width, last - 1, shares, coarse_x, coarse_width, corrected[(last - 1) % 2])
    for row in range(last - 1, first - 1, -1):
        at = (row + 1) * width + 1
        scale = inverse[at : at + columns]
        northwest, north, northeast = k[0][at : at + columns], k[1][at : at + columns], k[2][at : at + columns]
        west, east = k[3][at : at + columns], k[4][at : at + columns]
        southwest, south, southeast = k[5][at : at + columns], k[6][at : at + columns], k[7][at : at + columns]
        if row > first:
            _corrected_rows(x, sides, width, row - 1, shares, coarse_x, coarse_width, corrected[(row - 1) % 2])
        for j in range(columns):
            share[j] = scale[j] * east[j]
        for begin in range(0, sides.size, FOUR):
            some = sides[begin : begin + FOUR]
            for n in range(some.size):
                side, to = some[n], implied[n]
                above = corrected[(row - 1) % 2, side] if row > first else before[side]
                here = corrected[row % 2, side]
                if row < last - 1:
                    below = x[side, at + width - 1 : at + width + columns + 1]
                else:
                    below = behind[side]
                given = b[side, at : at + columns]
                for j in range(columns):
                    to[j] = scale[j] * (
                        given[j] + northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]
                        + west[j] * here[j] + southwest[j] * below[j]
                        + south[j] * below[j + 1] + southeast[j] * below[j + 2]
                    )  # fmt: skip
            _four_backwards(implied, share, x, some, at)


@njit_cached
def _four_backwards(implied, share, x, sides, at):
    """Go back along a row with four right-hand sides, none of which waits for another's last cell.

    Of fewer than four the last one is gone along more than once, which takes no longer.
    """
    columns, n = share.size, sides.size - 1
    a, b, c, d = implied[0], implied[min(1, n)], implied[min(2, n)], implied[min(3, n)]
    to_a, to_b = x[sides[0], at : at + columns], x[sides[min(1, n)], at : at + columns]
    to_c, to_d = x[sides[min(2, n)], at : at + columns], x[sides[min(3, n)], at : at + columns]
    one = two = three = four = x.dtype.type(0)
    for j in range(columns - 1, -1, -1):
        part = share[j]
        one, two = a[j] + part * one, b[j] + part * two
        three, four = c[j] + part * three, d[j] + part * four
        to_a[j], to_b[j], to_c[j], to_d[j] = one, two, three, four


#: Columns of `shape` below: the raster of a level, and where its numbers begin.
ROWS, COLUMNS, NETWORK, WEIGHTS, VECTORS = range(5)


@njit_cached
def cycle_packed_levels(shape, forward, inverse, shares, coarsest, once, band, vectors, sides, twice):
    """Go through levels of one band each without coming back to Python, which takes longer than a small raster does.

    shape, forward, inverse, shares, coarsest: see `small_levels`.
    once: rasters of fewer cells are visited once only; twice: whether the first one is visited twice.
    vectors: of each level b, x, what is left of b, and what a second visit makes of that; b of the first is turned
    into x. (Everything is called from one place only: each place is compiled anew.)
    """
    levels = len(shape)
    # What has been done on a level: 0, nothing; 1, the coarser one was visited; 2, twice.
    stage, second = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    n, again_at = 0, -1
    while n >= 0:
        if again_at >= 0:
            n, again_at = again_at, -1
            k, scale = _network(forward, shape, n), _inverse(inverse, shape, n)
            b, x = _of_level(vectors[0], shape, n), _of_level(vectors[1], shape, n)
            left = _of_level(vectors[2], shape, n)
            residual(k, scale, b, x, sides, left, shape[n, COLUMNS] + 1, 0, shape[n, ROWS])
            stage[n], second[n] = 0, 1
        rows, width = shape[n, ROWS], shape[n, COLUMNS] + 1
        b, x = _of_level(vectors[2 * second[n]], shape, n), _of_level(vectors[2 * second[n] + 1], shape, n)
        if n < levels - 1:
            k, scale, weights = _network(forward, shape, n), _inverse(inverse, shape, n), _weights(shares, shape, n)
            coarse_b, coarse_x = _of_level(vectors[0], shape, n + 1), _of_level(vectors[1], shape, n + 1)
            coarse_rows, coarse_width = shape[n + 1, ROWS], shape[n + 1, COLUMNS] + 1
            stage[n] += 1
            if stage[n] == 1:
                presmooth(k, scale, b, x, sides, width, 0, rows)
                restrict_residual(k, x, sides, width, rows, band, weights, coarse_b, coarse_width, 0, coarse_rows)
                n += 1
                stage[n] = second[n] = 0
                continue
            if stage[n] == 2 and coarse_rows * (coarse_width - 1) >= once:
                again_at = n + 1
                continue
            nothing = np.zeros((x.shape[0], width + 1), x.dtype)
            prolong_and_postsmooth(
                k, scale, b, x, sides, width, weights, coarse_x, coarse_width, nothing, nothing, 0, rows
            )
        else:
            _solve_coarsest(coarsest, b, x, sides, rows, width)
        if second[n] == 1:
            first = _of_level(vectors[1], shape, n)
            axpy(x, first, sides, width, 0, rows)
        elif n == 0 and twice:
            again_at = 0
            continue
        n -= 1


@njit_cached
def _solve_coarsest(coarsest, b, x, sides, rows, width):
    columns = width - 1
    solution = np.empty(rows * columns, x.dtype)
    for side in sides:
        solution[:] = 0
        for i in range(rows):
            for j in range(columns):
                given, row = b[side, (i + 1) * width + 1 + j], coarsest[i * columns + j]
                for q in range(solution.size):
                    solution[q] += given * row[q]
        for i in range(rows):
            for j in range(columns):
                x[side, (i + 1) * width + 1 + j] = solution[i * columns + j]


@njit_cached
def _length(shape, n):
    """Return the length of a framed array of a level."""
    return (shape[n, ROWS] + 2) * (shape[n, COLUMNS] + 1) + 2


@njit_cached
def _inverse(inverse, shape, n):
    begin = shape[n, VECTORS]
    return inverse[begin : begin + _length(shape, n)]


@njit_cached
def _of_level(vectors, shape, n):
    """Return the framed arrays of a level, by side."""
    count, begin, length = (
        vectors.size // (shape[-1, VECTORS] + _length(shape, -1)),
        shape[n, VECTORS],
        _length(shape, n),
    )
    return vectors[count * begin : count * (begin + length)].reshape((count, length))


@njit_cached
def _network(forward, shape, n):
    """Return the conductances of a level in all directions, as `framed.both_ways` does."""
    east, southwest, south, southeast = forward
    width, start = shape[n, COLUMNS] + 1, shape[n, NETWORK]
    end = start + _length(shape, n)
    return (
        southeast[start - width - 1 : end - width - 1], south[start - width : end - width],
        southwest[start - width + 1 : end - width + 1], east[start - 1 : end - 1],
        east[start:end], southwest[start:end], south[start:end], southeast[start:end],
    )  # fmt: skip


@njit_cached
def _weights(shares, shape, n):
    """Return the weights of the cells of the next coarser level."""
    start = shape[n, WEIGHTS]
    end = start + _length(shape, n + 1)
    return (
        shares[0][start:end], shares[1][start:end], shares[2][start:end], shares[3][start:end],
        shares[4][start:end], shares[5][start:end], shares[6][start:end], shares[7][start:end],
    )  # fmt: skip
