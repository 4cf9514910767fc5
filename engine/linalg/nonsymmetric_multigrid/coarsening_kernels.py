"""Coarsening kernels: the ordering, black-box interpolation from the operator, and the Petrov–Galerkin product.

Arrays are flat and padded. The coarse level takes every other cell of every other row, the C points; the fine cells
between two C points are H (in a row) or V (in a column) points, those amid four are X points. The interpolation weights
of one block C, H, V, X are laid out as in `multigrid.cpu.galerkin_kernels`. An operator A with nonnegative row sums is
stored as its negated off-diagonals −A_ij ≥ 0 to the eight neighbours and its row sums; their total is the diagonal. The
kernels compute the coarse rows first … last − 1; p is an index into fine arrays, q into coarse ones.
"""

import numpy as np

from ...parallel import njit_cached

#: Position of a cell that is not part of the ordering.
UNORDERED = np.iinfo(np.int32).max

#: Fraction of the coupling across the line between two C points that is divided evenly between them. It decides where
#: there is hardly any coupling along the line.
ACROSS_FRACTION = 1e-3

#: A Galerkin row is replaced by an upwind row where its wrong-signed off-diagonals exceed this fraction of the others:
#: the transitions have a direction there.
MAX_WRONG_SIGN_FRACTION = 0.3

#: A Galerkin row whose right-signed entries sum to less than this fraction of its weights consists of rounding errors.
ROW_ROUNDING = 1e-6


@njit_cached
def coarsen_ordering(position, rows, width, coarse_position, coarse_width, first, last):
    """Compute the positions of the C points; one that is unordered gets the least position of the cells around it."""
    columns = width - 1
    for row in range(first, last):
        for j in range(coarse_width - 1):
            p = (2 * row + 1) * width + 1 + 2 * j
            best = position[p]
            if best == UNORDERED:
                for i in range(max(2 * row - 1, 0), min(2 * row + 2, rows)):
                    for column in range(max(2 * j - 1, 0), min(2 * j + 2, columns)):
                        best = min(best, position[(i + 1) * width + 1 + column])
            coarse_position[(row + 1) * coarse_width + 1 + j] = best


@njit_cached
def edge_point_weights(
    off_diagonals, rows, width, coarse_position, prolongation, restriction, coarse_width, first, last
):
    """Compute the interpolation weights of H and V points.

    Values are interpolated from the C points that a row couples to (the entries of A), residuals are restricted to the
    C points that couple to the row (the entries of Aᵀ).
    """
    k = off_diagonals
    columns, coarse_columns = width - 1, coarse_width - 1
    for row in range(first, last):
        q_first = (row + 1) * coarse_width + 1
        p_first = (2 * row + 1) * width + 1
        for j in range(columns // 2):
            p, q = p_first + 2 * j + 1, q_first + j
            across = ACROSS_FRACTION * (k[1][p] + k[6][p])
            left, right = k[0][p] + k[3][p] + k[5][p], k[2][p] + k[4][p] + k[7][p]
            _two_weights(
                left, right, across, coarse_position[q], coarse_position[q + 1], prolongation[0], prolongation[1], q
            )
            left = k[7][p - width - 1] + k[4][p - 1] + k[2][p + width - 1]
            right = k[5][p - width + 1] + k[3][p + 1] + k[0][p + width + 1]
            _two_weights(left, right, 0.0, UNORDERED, UNORDERED, restriction[0], restriction[1], q)
        if 2 * row + 1 < rows:
            for j in range(coarse_columns):
                p, q = p_first + width + 2 * j, q_first + j
                across = ACROSS_FRACTION * (k[3][p] + k[4][p])
                up, down = k[0][p] + k[1][p] + k[2][p], k[5][p] + k[6][p] + k[7][p]
                below = q + coarse_width
                _two_weights(
                    up, down, across, coarse_position[q], coarse_position[below], prolongation[2], prolongation[3], q
                )
                up = k[7][p - width - 1] + k[6][p - width] + k[5][p - width + 1]
                down = k[2][p + width - 1] + k[1][p + width] + k[0][p + width + 1]
                _two_weights(up, down, 0.0, UNORDERED, UNORDERED, restriction[2], restriction[3], q)


@njit_cached
def centre_point_weights(off_diagonals, rows, width, prolongation, restriction, coarse_width, first, last):
    """Compute the interpolation weights of X points from all eight neighbours, of which four are H and V points."""
    k, t, r = off_diagonals, prolongation, restriction
    columns = width - 1
    for row in range(first, min(last, rows // 2)):
        q_first = (row + 1) * coarse_width + 1
        p_first = (2 * row + 2) * width + 1
        for j in range(columns // 2):
            p, q = p_first + 2 * j + 1, q_first + j
            total = k[0][p] + k[1][p] + k[2][p] + k[3][p] + k[4][p] + k[5][p] + k[6][p] + k[7][p]
            if total > 0:
                scale = 1 / total
                t[4][q] = scale * (k[0][p] + k[1][p] * t[0][q] + k[3][p] * t[2][q])
                t[5][q] = scale * (k[2][p] + k[1][p] * t[1][q] + k[4][p] * t[2][q + 1])
                t[6][q] = scale * (k[5][p] + k[3][p] * t[3][q] + k[6][p] * t[0][q + coarse_width])
                t[7][q] = scale * (k[7][p] + k[4][p] * t[3][q + 1] + k[6][p] * t[1][q + coarse_width])
            northwest, north, northeast = k[7][p - width - 1], k[6][p - width], k[5][p - width + 1]
            west, east = k[4][p - 1], k[3][p + 1]
            southwest, south, southeast = k[2][p + width - 1], k[1][p + width], k[0][p + width + 1]
            total = northwest + north + northeast + west + east + southwest + south + southeast
            if total > 0:
                scale = 1 / total
                r[4][q] = scale * (northwest + north * r[0][q] + west * r[2][q])
                r[5][q] = scale * (northeast + north * r[1][q] + east * r[2][q + 1])
                r[6][q] = scale * (southwest + west * r[3][q] + south * r[0][q + coarse_width])
                r[7][q] = scale * (southeast + east * r[3][q + 1] + south * r[1][q + coarse_width])


@njit_cached
def petrov_galerkin_product(
    off_diagonals,
    row_sums,
    rows,
    width,
    prolongation,
    restriction,
    coarse_width,
    coarse_position,
    coarse_off_diagonals,
    coarse_row_sums,
    restriction_mask,
    inverse_diagonal,
    first,
    last,
):
    """Compute the coarse operator, the Petrov–Galerkin product R A P with an M-matrix in place of upwind rows.

    The rows of X points contribute nothing, as the weights make A P zero there; row sums are restricted as they are.
    Where the transitions are so directed that the product is not an M-matrix, a C point gets an upwind row: its
    own row of A P, restricted to the C points that precede it in the ordering. `restriction_mask` is 0 there; residuals
    of these rows stay on the finer level, whose relaxation in the ordering removes them.

    Returns
    -------
    int
        Number of upwind rows.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    zero = row_sums[0] * 0
    no_row = (zero, zero, zero, zero, zero, zero)
    above_rows = [no_row for _ in range(coarse_columns)]
    upwind_rows = 0
    for row in range(max(first - 1, 0), last):
        has_v = 2 * row + 1 < rows
        left_row = no_row
        for j in range(coarse_columns):
            c, q = (2 * row + 1) * width + 1 + 2 * j, (row + 1) * coarse_width + 1 + j
            below_row = _row_from_v(off_diagonals, c + width, q, prolongation, coarse_width) if has_v else no_row
            if row < first:
                above_rows[j] = below_row
                continue
            has_h = 2 * j + 1 < columns
            right_row = _row_from_h(off_diagonals, c + 1, q, prolongation, coarse_width) if has_h else no_row
            c_row = _row_from_c(off_diagonals, c, q, prolongation, coarse_width)
            right, left = restriction[0][q], restriction[1][q - 1]
            down, up = restriction[2][q], restriction[3][q - coarse_width]
            above_row = above_rows[j]
            nw = c_row[0] + left * left_row[0] + up * above_row[0]
            n = c_row[1] + right * right_row[0] + left * left_row[1] + up * above_row[1]
            ne = c_row[2] + right * right_row[1] + up * above_row[2]
            w = c_row[3] + left * left_row[2] + down * below_row[0] + up * above_row[3]
            e = c_row[4] + right * right_row[3] + down * below_row[2] + up * above_row[5]
            sw = c_row[5] + left * left_row[4] + down * below_row[3]
            s = c_row[6] + right * right_row[4] + left * left_row[5] + down * below_row[4]
            se = c_row[7] + right * right_row[5] + down * below_row[5]
            # Row sums are 0 in the padding, but its column of zeros stands only on one side of the rows.
            row_sum = row_sums[c] + left * row_sums[c - 1] + up * row_sums[c - width] + down * row_sums[c + width]
            southwest, northwest = restriction[5][q - 1], restriction[7][q - coarse_width - 1]
            row_sum += southwest * row_sums[c + width - 1] + northwest * row_sums[c - width - 1]
            if has_h:
                row_sum += right * row_sums[c + 1] + restriction[4][q] * row_sums[c + width + 1]
                row_sum += restriction[6][q - coarse_width] * row_sums[c - width + 1]
            magnitude = abs(nw) + abs(n) + abs(ne) + abs(w) + abs(e) + abs(sw) + abs(s) + abs(se)
            total = nw + n + ne + w + e + sw + s + se
            # The positive entries sum to (magnitude + total) / 2, the negative ones to (total − magnitude) / 2.
            positive = (magnitude + total) / 2 + row_sum
            mask = 1
            if (magnitude - total) / 2 > MAX_WRONG_SIGN_FRACTION * positive or positive < ROW_ROUNDING * (
                1 + right + left + down + up
            ):
                mask = 0
                row_sum = row_sums[c]
                nw = _upwind_entry(nw, c_row[0], coarse_position, q, -coarse_width - 1)
                n = _upwind_entry(n, c_row[1], coarse_position, q, -coarse_width)
                ne = _upwind_entry(ne, c_row[2], coarse_position, q, -coarse_width + 1)
                w = _upwind_entry(w, c_row[3], coarse_position, q, -1)
                e = _upwind_entry(e, c_row[4], coarse_position, q, 1)
                sw = _upwind_entry(sw, c_row[5], coarse_position, q, coarse_width - 1)
                s = _upwind_entry(s, c_row[6], coarse_position, q, coarse_width)
                se = _upwind_entry(se, c_row[7], coarse_position, q, coarse_width + 1)
                if row_sum + nw + n + ne + w + e + sw + s + se == 0:
                    row_sum += 1
                if coarse_position[q] < UNORDERED:
                    upwind_rows += 1
            k = coarse_off_diagonals
            k[0][q], k[1][q], k[2][q] = max(nw, zero), max(n, zero), max(ne, zero)
            k[3][q], k[4][q] = max(w, zero), max(e, zero)
            k[5][q], k[6][q], k[7][q] = max(sw, zero), max(s, zero), max(se, zero)
            coarse_row_sums[q] = row_sum
            restriction_mask[q] = mask
            diagonal = row_sum + k[0][q] + k[1][q] + k[2][q] + k[3][q]
            diagonal += k[4][q] + k[5][q] + k[6][q] + k[7][q]
            inverse_diagonal[q] = 1 / diagonal if diagonal > 0 else zero
            left_row, above_rows[j] = right_row, below_row
    return upwind_rows


@njit_cached
def _two_weights(first, second, across, first_position, second_position, first_weights, second_weights, q):
    """Store the weights of a point between two C points, from its coupling to either; ordered ones share `across`."""
    if first_position < UNORDERED:
        first += across
    if second_position < UNORDERED:
        second += across
    if first + second > 0:
        first_weights[q] = first / (first + second)
        second_weights[q] = second / (first + second)
    else:
        first_weights[q] = 0
        second_weights[q] = 0


@njit_cached
def _row_from_v(k, v, q, t, coarse_width):
    """Return the row of a V point in A P (k: off-diagonals, t: prolongation): three C points above it, three below."""
    w, d = q - 1, q + coarse_width
    total = k[0][v] + k[1][v] + k[2][v] + k[3][v] + k[4][v] + k[5][v] + k[6][v] + k[7][v]
    return (
        k[0][v] * t[0][w] + k[3][v] * t[4][w],
        k[1][v] + k[0][v] * t[1][w] + k[2][v] * t[0][q] + k[3][v] * t[5][w] + k[4][v] * t[4][q] - total * t[2][q],
        k[2][v] * t[1][q] + k[4][v] * t[5][q],
        k[3][v] * t[6][w] + k[5][v] * t[0][d - 1],
        k[6][v] + k[3][v] * t[7][w] + k[4][v] * t[6][q] + k[5][v] * t[1][d - 1] + k[7][v] * t[0][d] - total * t[3][q],
        k[4][v] * t[7][q] + k[7][v] * t[1][d],
    )


@njit_cached
def _row_from_h(k, h, q, t, coarse_width):
    """Return the row of an H point in A P: two C points above it, two in its row, two below."""
    b = q - coarse_width
    total = k[0][h] + k[1][h] + k[2][h] + k[3][h] + k[4][h] + k[5][h] + k[6][h] + k[7][h]
    return (
        k[0][h] * t[2][b] + k[1][h] * t[4][b],
        k[1][h] * t[5][b] + k[2][h] * t[2][b + 1],
        k[3][h] + k[0][h] * t[3][b] + k[1][h] * t[6][b] + k[5][h] * t[2][q] + k[6][h] * t[4][q] - total * t[0][q],
        k[4][h] + k[1][h] * t[7][b] + k[2][h] * t[3][b + 1] + k[6][h] * t[5][q] + k[7][h] * t[2][q + 1]
        - total * t[1][q],
        k[5][h] * t[3][q] + k[6][h] * t[6][q],
        k[6][h] * t[7][q] + k[7][h] * t[3][q + 1],
    )  # fmt: skip


@njit_cached
def _row_from_c(k, c, q, t, coarse_width):
    """Return the row of a C point in A P: the eight C points around it."""
    a, b, w = q - coarse_width - 1, q - coarse_width, q - 1
    return (
        k[0][c] * t[4][a],
        k[1][c] * t[2][b] + k[0][c] * t[5][a] + k[2][c] * t[4][b],
        k[2][c] * t[5][b],
        k[3][c] * t[0][w] + k[0][c] * t[6][a] + k[5][c] * t[4][w],
        k[4][c] * t[1][q] + k[2][c] * t[7][b] + k[7][c] * t[5][q],
        k[5][c] * t[6][w],
        k[6][c] * t[3][q] + k[5][c] * t[7][w] + k[7][c] * t[6][q],
        k[7][c] * t[7][q],
    )


@njit_cached
def _upwind_entry(entry, c_entry, coarse_position, q, offset):
    """Return an entry of an upwind row: 0 unless the neighbour precedes the C point in the ordering."""
    return max(entry, 0) + c_entry + ROW_ROUNDING if coarse_position[q + offset] < coarse_position[q] else entry * 0
