"""The way up of a multigrid cycle in loops: correct by what the coarser raster found, and relax backwards.

The names are those of `descent`.
"""

import numpy as np

from ...compiled import compiled

#: As on the way down. (What is compiled takes constants from its own file only.)
FOUR = 4


@compiled
def _corrected_row(x, side, width, row, shares, coarse_x, coarse_width, out):
    """Put a row of x + P e into out, between two zeros."""
    columns, coarse_columns = width - 1, coarse_width - 1
    at = (row + 1) * width + 1
    coarse_at = (row // 2 + 1) * coarse_width + 1
    x_here = x[side, at : at + columns]
    e = coarse_x[side, coarse_at : coarse_at + coarse_columns + 1]
    pairs = columns // 2
    if row % 2 == 0:
        left = shares[0][coarse_at : coarse_at + coarse_columns]
        right = shares[1][coarse_at : coarse_at + coarse_columns]
        for j in range(pairs):
            out[2 * j + 1] = x_here[2 * j] + e[j]
            out[2 * j + 2] = x_here[2 * j + 1] + left[j] * e[j] + right[j] * e[j + 1]
        if columns % 2:
            out[columns] = x_here[columns - 1] + e[coarse_columns - 1]
    else:
        e_below = coarse_x[side, coarse_at + coarse_width : coarse_at + coarse_width + coarse_columns + 1]
        up = shares[2][coarse_at : coarse_at + coarse_columns]
        down = shares[3][coarse_at : coarse_at + coarse_columns]
        northwest = shares[4][coarse_at : coarse_at + coarse_columns]
        northeast = shares[5][coarse_at : coarse_at + coarse_columns]
        southwest = shares[6][coarse_at : coarse_at + coarse_columns]
        southeast = shares[7][coarse_at : coarse_at + coarse_columns]
        for j in range(pairs):
            out[2 * j + 1] = x_here[2 * j] + up[j] * e[j] + down[j] * e_below[j]
            out[2 * j + 2] = (
                x_here[2 * j + 1] + northwest[j] * e[j] + northeast[j] * e[j + 1]
                + southwest[j] * e_below[j] + southeast[j] * e_below[j + 1]
            )  # fmt: skip
        if columns % 2:
            j = coarse_columns - 1
            out[columns] = x_here[columns - 1] + up[j] * e[j] + down[j] * e_below[j]


@compiled
def corrected_rows(x, sides, width, rows, shares, coarse_x, coarse_width, out):
    """Put some rows of x + P e into out[row, side]: bands need those beside them as they were before relaxing."""
    for n in range(rows.size):
        for side in sides:
            _corrected_row(x, side, width, rows[n], shares, coarse_x, coarse_width, out[n, side])


@compiled
def correct_and_relax(k, inverse, b, x, sides, width, shares, coarse_x, coarse_width, before, behind, first, last):
    """Replace x by x + P e, relaxed backwards: from the last row up and right to left, the transpose of the way down.

    before, behind: the corrected rows beside the band, by side.
    """
    columns = width - 1
    implied, share = np.empty((FOUR, columns), x.dtype), np.empty(columns, x.dtype)
    corrected = np.zeros((2, x.shape[0], width + 1), x.dtype)
    for side in sides:
        _corrected_row(x, side, width, last - 1, shares, coarse_x, coarse_width, corrected[(last - 1) % 2, side])
    for row in range(last - 1, first - 1, -1):
        at = (row + 1) * width + 1
        scale = inverse[at : at + columns]
        northwest, north, northeast = k[0][at : at + columns], k[1][at : at + columns], k[2][at : at + columns]
        west, east = k[3][at : at + columns], k[4][at : at + columns]
        southwest, south, southeast = k[5][at : at + columns], k[6][at : at + columns], k[7][at : at + columns]
        for j in range(columns):
            share[j] = scale[j] * east[j]
        for begin in range(0, sides.size, FOUR):
            some = sides[begin : begin + FOUR]
            for n in range(some.size):
                side, to = some[n], implied[n]
                if row > first:
                    above = corrected[(row - 1) % 2, side]
                    _corrected_row(x, side, width, row - 1, shares, coarse_x, coarse_width, above)
                else:
                    above = before[side]
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


@compiled
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
