"""Coarsening a walk in loops: which cells stand for which, and the walk between those that are kept.

Arrays are flat and framed, blocks of four cells are C, H, V and X, and weights lie where they do in
`multigrid.galerkin`. A walk is kept as what a cell sends to its 8 neighbours, `k`, and to the places where it ends,
`ground`; rows of the matrix are (Σ k + ground) on the diagonal and −k beside it. Ranks tell which of two cells is
nearer to the end; a coarse cell that is no vertex has the least rank of the cells around it.
"""

import numpy as np

from ...parallel.numba_jit import njit_cached

#: Rank of what is no vertex.
UNORDERED = np.iinfo(np.int32).max

#: Part of what goes across that is divided evenly where hardly anything goes along.
SPREAD = 1e-3

#: A Galerkin row of which more than this part is negative belongs to a place where the walk has a direction.
NEGATIVE = 0.3

#: A Galerkin row that adds up to less than this part of what it is made of is rounding.
ROUNDING = 1e-6


@njit_cached
def coarsen_ordering(rank, rows, width, coarse_rank, coarse_width, first, last):
    """Put the ranks of C cells into coarse_rank, in coarse rows first … last − 1."""
    columns = width - 1
    for row in range(first, last):
        for j in range(coarse_width - 1):
            p = (2 * row + 1) * width + 1 + 2 * j
            best = rank[p]
            if best == UNORDERED:
                for i in range(max(2 * row - 1, 0), min(2 * row + 2, rows)):
                    for other in range(max(2 * j - 1, 0), min(2 * j + 2, columns)):
                        best = min(best, rank[(i + 1) * width + 1 + other])
            coarse_rank[(row + 1) * coarse_width + 1 + j] = best


@njit_cached
def edge_point_weights(k, rows, width, coarse_rank, shares, back, coarse_width, first, last):
    """Put the weights of H and V cells into shares (of values) and back (of residuals).

    Values come from where a cell goes, residuals go to where those who come to a cell are.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    for row in range(first, last):
        to = (row + 1) * coarse_width + 1
        at = (2 * row + 1) * width + 1
        for j in range(columns // 2):
            p, q = at + 2 * j + 1, to + j
            spread = SPREAD * (k[1][p] + k[6][p])
            one, other = k[0][p] + k[3][p] + k[5][p], k[2][p] + k[4][p] + k[7][p]
            _share(one, other, spread, coarse_rank[q], coarse_rank[q + 1], shares[0], shares[1], q)
            one = k[7][p - width - 1] + k[4][p - 1] + k[2][p + width - 1]
            other = k[5][p - width + 1] + k[3][p + 1] + k[0][p + width + 1]
            _share(one, other, 0.0, UNORDERED, UNORDERED, back[0], back[1], q)
        if 2 * row + 1 < rows:
            for j in range(coarse_columns):
                p, q = at + width + 2 * j, to + j
                spread = SPREAD * (k[3][p] + k[4][p])
                one, other = k[0][p] + k[1][p] + k[2][p], k[5][p] + k[6][p] + k[7][p]
                _share(one, other, spread, coarse_rank[q], coarse_rank[q + coarse_width], shares[2], shares[3], q)
                one = k[7][p - width - 1] + k[6][p - width] + k[5][p - width + 1]
                other = k[2][p + width - 1] + k[1][p + width] + k[0][p + width + 1]
                _share(one, other, 0.0, UNORDERED, UNORDERED, back[2], back[3], q)


@njit_cached
def _share(one, other, spread, one_rank, other_rank, first_share, second_share, to):
    if one_rank < UNORDERED:
        one += spread
    if other_rank < UNORDERED:
        other += spread
    if one + other > 0:
        first_share[to] = one / (one + other)
        second_share[to] = other / (one + other)
    else:
        first_share[to] = 0
        second_share[to] = 0


@njit_cached
def centre_point_weights(k, rows, width, shares, back, coarse_width, first, last):
    """Put the weights of X cells into shares and back, from their eight neighbours."""
    columns = width - 1
    for row in range(first, min(last, rows // 2)):
        to = (row + 1) * coarse_width + 1
        at = (2 * row + 2) * width + 1
        for j in range(columns // 2):
            p, q = at + 2 * j + 1, to + j
            total = k[0][p] + k[1][p] + k[2][p] + k[3][p] + k[4][p] + k[5][p] + k[6][p] + k[7][p]
            if total > 0:
                scale = 1 / total
                shares[4][q] = scale * (k[0][p] + k[1][p] * shares[0][q] + k[3][p] * shares[2][q])
                shares[5][q] = scale * (k[2][p] + k[1][p] * shares[1][q] + k[4][p] * shares[2][q + 1])
                shares[6][q] = scale * (k[5][p] + k[3][p] * shares[3][q] + k[6][p] * shares[0][q + coarse_width])
                shares[7][q] = scale * (k[7][p] + k[4][p] * shares[3][q + 1] + k[6][p] * shares[1][q + coarse_width])
            northwest, north, northeast = k[7][p - width - 1], k[6][p - width], k[5][p - width + 1]
            west, east = k[4][p - 1], k[3][p + 1]
            southwest, south, southeast = k[2][p + width - 1], k[1][p + width], k[0][p + width + 1]
            total = northwest + north + northeast + west + east + southwest + south + southeast
            if total > 0:
                scale = 1 / total
                back[4][q] = scale * (northwest + north * back[0][q] + west * back[2][q])
                back[5][q] = scale * (northeast + north * back[1][q] + east * back[2][q + 1])
                back[6][q] = scale * (southwest + west * back[3][q] + south * back[0][q + coarse_width])
                back[7][q] = scale * (southeast + east * back[3][q + 1] + south * back[1][q + coarse_width])


@njit_cached
def _row_from_v(k, v, q, shares, coarse_width):
    """Return what a V cell sends to C cells, its neighbours interpolated: three C above it, three below."""
    w, d = q - 1, q + coarse_width
    total = k[0][v] + k[1][v] + k[2][v] + k[3][v] + k[4][v] + k[5][v] + k[6][v] + k[7][v]
    return (
        k[0][v] * shares[0][w] + k[3][v] * shares[4][w],
        k[1][v] + k[0][v] * shares[1][w] + k[2][v] * shares[0][q] + k[3][v] * shares[5][w] + k[4][v] * shares[4][q]
        - total * shares[2][q],
        k[2][v] * shares[1][q] + k[4][v] * shares[5][q],
        k[3][v] * shares[6][w] + k[5][v] * shares[0][d - 1],
        k[6][v] + k[3][v] * shares[7][w] + k[4][v] * shares[6][q] + k[5][v] * shares[1][d - 1] + k[7][v] * shares[0][d]
        - total * shares[3][q],
        k[4][v] * shares[7][q] + k[7][v] * shares[1][d],
    )  # fmt: skip


@njit_cached
def _row_from_h(k, h, q, shares, coarse_width):
    """Return what an H cell sends to C cells, its neighbours interpolated: two C above it, beside it, below."""
    b = q - coarse_width
    total = k[0][h] + k[1][h] + k[2][h] + k[3][h] + k[4][h] + k[5][h] + k[6][h] + k[7][h]
    return (
        k[0][h] * shares[2][b] + k[1][h] * shares[4][b],
        k[1][h] * shares[5][b] + k[2][h] * shares[2][b + 1],
        k[3][h] + k[0][h] * shares[3][b] + k[1][h] * shares[6][b] + k[5][h] * shares[2][q] + k[6][h] * shares[4][q]
        - total * shares[0][q],
        k[4][h] + k[1][h] * shares[7][b] + k[2][h] * shares[3][b + 1] + k[6][h] * shares[5][q]
        + k[7][h] * shares[2][q + 1] - total * shares[1][q],
        k[5][h] * shares[3][q] + k[6][h] * shares[6][q],
        k[6][h] * shares[7][q] + k[7][h] * shares[3][q + 1],
    )  # fmt: skip


@njit_cached
def _row_from_c(k, c, q, shares, coarse_width):
    """Return what a C cell sends to the eight C cells around it, its neighbours interpolated."""
    a, b, w = q - coarse_width - 1, q - coarse_width, q - 1
    return (
        k[0][c] * shares[4][a],
        k[1][c] * shares[2][b] + k[0][c] * shares[5][a] + k[2][c] * shares[4][b],
        k[2][c] * shares[5][b],
        k[3][c] * shares[0][w] + k[0][c] * shares[6][a] + k[5][c] * shares[4][w],
        k[4][c] * shares[1][q] + k[2][c] * shares[7][b] + k[7][c] * shares[5][q],
        k[5][c] * shares[6][w],
        k[6][c] * shares[3][q] + k[5][c] * shares[7][w] + k[7][c] * shares[6][q],
        k[7][c] * shares[7][q],
    )  # fmt: skip


@njit_cached
def _upwind_entry(entry, own, coarse_rank, q, offset):
    """Return what a C cell sends to another one if it may only send to those that are nearer to the end."""
    return max(entry, 0) + own + ROUNDING if coarse_rank[q + offset] < coarse_rank[q] else entry * 0


@njit_cached
def petrov_galerkin_product(
    k, ground, rows, width, shares, back, coarse_width, coarse_rank, coarse_k, coarse_ground, kept, inverse, first, last
):
    """Put the walk between C cells into coarse_k and coarse_ground, in coarse rows first … last − 1.

    It is the Galerkin product R A P, without the rows of X, which the weights make 0, and with what ends handed on as
    it is. Where the walk has so much of a direction that the product is not a walk, a C cell goes where its own row
    leads, to C cells that are nearer to the end; `kept` is 0 there: residuals stay on the finer raster, whose
    relaxation in the order of ranks removes them.

    Returns
    -------
    int
        How many C cells these are.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    zero = ground[0] * 0
    nothing = (zero, zero, zero, zero, zero, zero)
    above = [nothing for _ in range(coarse_columns)]
    directed = 0
    for row in range(max(first - 1, 0), last):
        has_v = 2 * row + 1 < rows
        beside = nothing
        for j in range(coarse_columns):
            c, q = (2 * row + 1) * width + 1 + 2 * j, (row + 1) * coarse_width + 1 + j
            below = _row_from_v(k, c + width, q, shares, coarse_width) if has_v else nothing
            if row < first:
                above[j] = below
                continue
            has_h = 2 * j + 1 < columns
            here = _row_from_h(k, c + 1, q, shares, coarse_width) if has_h else nothing
            own = _row_from_c(k, c, q, shares, coarse_width)
            right, left, down, up = back[0][q], back[1][q - 1], back[2][q], back[3][q - coarse_width]
            over = above[j]
            nw = own[0] + left * beside[0] + up * over[0]
            n = own[1] + right * here[0] + left * beside[1] + up * over[1]
            ne = own[2] + right * here[1] + up * over[2]
            w = own[3] + left * beside[2] + down * below[0] + up * over[3]
            e = own[4] + right * here[3] + down * below[2] + up * over[5]
            sw = own[5] + left * beside[4] + down * below[3]
            s = own[6] + right * here[4] + left * beside[5] + down * below[4]
            se = own[7] + right * here[5] + down * below[5]
            # Beyond the rim the ground is 0, but for the column of zeros there is one only.
            ends = ground[c] + left * ground[c - 1] + up * ground[c - width] + down * ground[c + width]
            ends += back[5][q - 1] * ground[c + width - 1] + back[7][q - coarse_width - 1] * ground[c - width - 1]
            if has_h:
                ends += right * ground[c + 1] + back[4][q] * ground[c + width + 1]
                ends += back[6][q - coarse_width] * ground[c - width + 1]
            size = abs(nw) + abs(n) + abs(ne) + abs(w) + abs(e) + abs(sw) + abs(s) + abs(se)
            total = nw + n + ne + w + e + sw + s + se
            # The positive part of the row is (size + total) / 2, the negative one (size − total) / 2.
            positive = (size + total) / 2 + ends
            q_kept = 1
            if (size - total) / 2 > NEGATIVE * positive or positive < ROUNDING * (1 + right + left + down + up):
                q_kept = 0
                ends = ground[c]
                nw = _upwind_entry(nw, own[0], coarse_rank, q, -coarse_width - 1)
                n = _upwind_entry(n, own[1], coarse_rank, q, -coarse_width)
                ne = _upwind_entry(ne, own[2], coarse_rank, q, -coarse_width + 1)
                w = _upwind_entry(w, own[3], coarse_rank, q, -1)
                e = _upwind_entry(e, own[4], coarse_rank, q, 1)
                sw = _upwind_entry(sw, own[5], coarse_rank, q, coarse_width - 1)
                s = _upwind_entry(s, own[6], coarse_rank, q, coarse_width)
                se = _upwind_entry(se, own[7], coarse_rank, q, coarse_width + 1)
                if ends + nw + n + ne + w + e + sw + s + se == 0:
                    ends += 1
                if coarse_rank[q] < UNORDERED:
                    directed += 1
            coarse_k[0][q], coarse_k[1][q], coarse_k[2][q] = max(nw, zero), max(n, zero), max(ne, zero)
            coarse_k[3][q], coarse_k[4][q] = max(w, zero), max(e, zero)
            coarse_k[5][q], coarse_k[6][q], coarse_k[7][q] = max(sw, zero), max(s, zero), max(se, zero)
            coarse_ground[q] = ends
            kept[q] = q_kept
            diagonal = ends + coarse_k[0][q] + coarse_k[1][q] + coarse_k[2][q] + coarse_k[3][q]
            diagonal += coarse_k[4][q] + coarse_k[5][q] + coarse_k[6][q] + coarse_k[7][q]
            inverse[q] = 1 / diagonal if diagonal > 0 else zero
            beside, above[j] = here, below
    return directed
