"""Coarsening in loops: Dendy's interpolation and the Galerkin product, as `coarsening` describes them.

A block of the coarse raster holds four cells: C, which the coarse raster keeps, H to the right of it, V below it and X
below H. The weights of H in C and the next C to the right are `shares[0:2]`, those of V in C and the next C below
`shares[2:4]`, those of X in its four C cells, row by row, `shares[4:8]`; all flat and framed.
"""

import numpy as np

from ....parallel.numba_jit import njit_cached

#: The edges of a patch between four C cells, whose nodes are numbered row by row; those of the lower and the right rim
#: are left out: they belong to the next patches.
PATCH = np.array(
    [(4, 0), (4, 1), (4, 2), (4, 3), (4, 5), (4, 6), (4, 7), (4, 8),
     (1, 3), (1, 5), (3, 7), (5, 7), (0, 1), (1, 2), (0, 3), (3, 6)]
)  # fmt: skip


@njit_cached
def edge_point_weights(k, rows, width, shares, coarse_width, first, last):
    """Put the weights of H and V cells into shares, in coarse rows first … last − 1.

    Between two C cells the conductances across are lumped, as if the value did not change that way.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    for row in range(first, last):
        to = (row + 1) * coarse_width + 1
        at = (2 * row + 1) * width + 1
        for j in range(columns // 2):
            p = at + 2 * j + 1
            one, other = k[0][p] + k[3][p] + k[5][p], k[2][p] + k[4][p] + k[7][p]
            _share(one, other, k[1][p] + k[6][p], shares[0], shares[1], to + j)
        if 2 * row + 1 < rows:
            for j in range(coarse_columns):
                p = at + width + 2 * j
                one, other = k[0][p] + k[1][p] + k[2][p], k[5][p] + k[6][p] + k[7][p]
                _share(one, other, k[3][p] + k[4][p], shares[2], shares[3], to + j)


@njit_cached
def _share(one, other, across, first_share, second_share, to):
    if one + other > 0:
        first_share[to] = one / (one + other)
        second_share[to] = other / (one + other)
    elif across > 0:
        # The weights of a vertex add up to 1, wherever they lie: so constants stay constant.
        first_share[to] = 1


@njit_cached
def centre_point_weights(k, rows, width, shares, coarse_width, first, last):
    """Put the weights of X cells into shares: from its eight neighbours, of which four have just been interpolated."""
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


@njit_cached
def galerkin_product(k, rows, width, shares, coarse_width, patch, east, southwest, south, southeast, first, last):
    """Put the conductances of Pᵀ A P into the four forward arrays, in coarse rows first … last − 1.

    The energy uᵀ Pᵀ A P u is a sum over the edges, Σ k (P u_i − P u_j)². With P u_i − P u_j = Σ_p a_p u_p over the
    corners p of the patch, an edge adds −k a_p a_q to the conductance between corners p and q.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    # Weights of the corners in the nine nodes of a patch, and the conductances of its edges.
    weight, edge = np.zeros((9, 4)), np.zeros(16)
    for corner, node in enumerate((0, 2, 6, 8)):
        weight[node, corner] = 1
    from_above = np.zeros(coarse_columns)
    # The lower sides of the patches in the row before are upper sides of the first ones here.
    for row in range(max(first - 1, 0), last):
        at = (2 * row + 1) * width + 1
        to = (row + 1) * coarse_width + 1
        has_v = 2 * row + 1 < rows
        from_left = 0.0
        for j in range(coarse_columns):
            c, q = at + 2 * j, to + j
            h, v, x = c + 1, c + width, c + width + 1
            has_h = 2 * j + 1 < columns
            weight[1, 0], weight[1, 1] = shares[0][q], shares[1][q]
            weight[3, 0], weight[3, 2] = shares[2][q], shares[3][q]
            weight[4, 0], weight[4, 1], weight[4, 2], weight[4, 3] = (
                shares[4][q],
                shares[5][q],
                shares[6][q],
                shares[7][q],
            )
            weight[5, 1], weight[5, 3] = shares[2][q + 1], shares[3][q + 1]
            weight[7, 2], weight[7, 3] = shares[0][q + coarse_width], shares[1][q + coarse_width]
            edge[:] = 0
            edge[12], edge[14] = k[4][c], k[6][c]
            if has_h:
                edge[8], edge[9], edge[13] = k[5][h], k[7][h], k[4][h]
            if has_v:
                edge[10], edge[15] = k[7][v], k[6][v]
            if has_h and has_v:
                for d in range(8):
                    edge[d] = k[d][x]
                if 2 * j + 2 < columns:
                    edge[11] = k[5][v + 2]
            top = bottom = left = right = rising = falling = 0.0
            for n in range(16):
                one, other, conductance = patch[n, 0], patch[n, 1], edge[n]
                nw, ne = weight[one, 0] - weight[other, 0], weight[one, 1] - weight[other, 1]
                sw, se = weight[one, 2] - weight[other, 2], weight[one, 3] - weight[other, 3]
                top -= conductance * nw * ne
                bottom -= conductance * sw * se
                left -= conductance * nw * sw
                right -= conductance * ne * se
                rising -= conductance * ne * sw
                falling -= conductance * nw * se
            if row >= first:
                east[q] = top + from_above[j]
                south[q] = left + from_left
                southeast[q] = falling
                if j + 1 < coarse_columns:
                    southwest[q + 1] = rising
            from_left, from_above[j] = right, bottom


@njit_cached
def restrict_row_sums(ground, rows, width, shares, coarse_width, out, first, last):
    """Put Pᵀ g into out: what rows add up to, handed to the C cells."""
    columns, coarse_columns = width - 1, coarse_width - 1
    for row in range(first, last):
        for j in range(coarse_columns):
            q = (row + 1) * coarse_width + 1 + j
            c = (2 * row + 1) * width + 1 + 2 * j
            total = ground[c]
            # Beyond the rim the ground is 0, but for the column of zeros there is one only.
            right = 2 * j + 1 < columns
            if right:
                total += shares[0][q] * ground[c + 1]
            total += shares[1][q - 1] * ground[c - 1]
            if 2 * row + 1 < rows:
                total += shares[2][q] * ground[c + width]
                if right:
                    total += shares[4][q] * ground[c + width + 1]
                total += shares[5][q - 1] * ground[c + width - 1]
            if row > 0:
                above = q - coarse_width
                total += shares[3][above] * ground[c - width]
                if right:
                    total += shares[6][above] * ground[c - width + 1]
                total += shares[7][above - 1] * ground[c - width - 1]
            out[q] = total


@njit_cached
def invert_diagonal(k, ground, inverse, first, last):
    """Put 1 / (Σ k + g) into inverse, 0 where that is 0, at places first … last − 1."""
    for p in range(first, last):
        diagonal = np.float64(ground[p])
        for d in range(8):
            diagonal += k[d][p]
        inverse[p] = 1 / diagonal if diagonal > 0 else 0.0
