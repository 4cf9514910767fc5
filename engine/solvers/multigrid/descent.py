"""The way down of a multigrid cycle in loops: relax from zero, and hand what is left to the next coarser raster.

Arrays are flat and framed (`framed`). In all of these, `k` are the conductances in the order of `QUEEN`, `sides` the
right-hand sides that are still worked on, and rows first … last − 1 are done.
"""

import numpy as np

from ...compiled import compiled

#: A step along a row waits for the one before; so many right-hand sides at once fill the time.
FOUR = 4


@compiled
def relax_from_zero(k, inverse, b, x, sides, width, first, last):
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


@compiled
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


@compiled
def _residual_row(k, x, side, width, row, begins_band, out):
    """Put b − A x after `relax_from_zero` into out: what the cells ahead send, and at its beginning the other band."""
    columns = width - 1
    at = (row + 1) * width + 1
    here, below = x[side, at - 1 : at + columns + 1], x[side, at + width - 1 : at + width + columns + 1]
    east, southwest = k[4][at : at + columns], k[5][at : at + columns]
    south, southeast = k[6][at : at + columns], k[7][at : at + columns]
    for j in range(columns):
        out[j + 1] = (
            east[j] * here[j + 2] + southwest[j] * below[j] + south[j] * below[j + 1] + southeast[j] * below[j + 2]
        )
    if begins_band:
        above = x[side, at - width - 1 : at - width + columns + 1]
        northwest, north, northeast = k[0][at : at + columns], k[1][at : at + columns], k[2][at : at + columns]
        for j in range(columns):
            out[j + 1] += northwest[j] * above[j] + north[j] * above[j + 1] + northeast[j] * above[j + 2]


@compiled
def restrict_residual(k, x, sides, width, rows, band, shares, coarse_b, coarse_width, first, last):
    """Put Pᵀ (b − A x) into the coarse right-hand side, in coarse rows first … last − 1."""
    coarse_columns = coarse_width - 1
    room = 2 * coarse_columns + 3
    above, here, below = np.zeros(room, x.dtype), np.zeros(room, x.dtype), np.zeros(room, x.dtype)
    # Bands begin with even rows. (A constant would be compiled as a case of its own.)
    row_begins = rows < 0
    for side in sides:
        below[:] = 0
        if first > 0:
            _residual_row(k, x, side, width, 2 * first - 1, row_begins, below)
        for row in range(first, last):
            above, below = below, above
            _residual_row(k, x, side, width, 2 * row, row > 0 and (2 * row) % band == 0, here)
            if 2 * row + 1 < rows:
                _residual_row(k, x, side, width, 2 * row + 1, row_begins, below)
            else:
                below[:] = 0
            at = (row + 1) * coarse_width + 1
            out = coarse_b[side, at : at + coarse_columns]
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
            for j in range(coarse_columns):
                c = 2 * j + 1
                out[j] = (
                    here[c] + right[j] * here[c + 1] + left[j] * here[c - 1] + down[j] * below[c] + up[j] * above[c]
                    + down_right[j] * below[c + 1] + down_left[j] * below[c - 1]
                    + up_right[j] * above[c + 1] + up_left[j] * above[c - 1]
                )  # fmt: skip


@compiled
def remaining(k, inverse, b, x, sides, out, width, first, last):
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


@compiled
def add(more, to):
    """Add one array to another."""
    for p in range(to.size):
        to[p] += more[p]
