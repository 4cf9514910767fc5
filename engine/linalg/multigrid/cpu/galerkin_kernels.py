"""Kernels of black-box interpolation (Dendy 1982) and of the Galerkin product; see `xla.transfer` for the method.

A block of 2 × 2 cells holds the coarse point C, H to the right of it, V below it and X below H. H is interpolated from
C and the next C to the right with `weights[0:2]`, V from C and the next C below with `weights[2:4]`, X from the four C
cells around it, row by row, with `weights[4:8]`; all flat and padded.
"""

import numpy as np

from ....parallel import njit_cached

#: The edges of a patch between four C cells, whose nodes are numbered row by row; those on its lower and right sides
#: belong to the next patches.
PATCH = np.array(
    [(4, 0), (4, 1), (4, 2), (4, 3), (4, 5), (4, 6), (4, 7), (4, 8),
     (1, 3), (1, 5), (3, 7), (5, 7), (0, 1), (1, 2), (0, 3), (3, 6)]
)  # fmt: skip


@njit_cached
def edge_point_weights(conductances, rows, width, weights, coarse_width, first, last):
    """Compute the weights of H and V cells, in coarse rows first … last − 1.

    Conductances across are lumped, as if x did not vary in that direction.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    for row in range(first, last):
        coarse_start = (row + 1) * coarse_width + 1
        fine_start = (2 * row + 1) * width + 1
        for j in range(columns // 2):
            p = fine_start + 2 * j + 1
            first_side, second_side = (
                conductances[0][p] + conductances[3][p] + conductances[5][p],
                conductances[2][p] + conductances[4][p] + conductances[7][p],
            )
            _normalize_weights(
                first_side,
                second_side,
                conductances[1][p] + conductances[6][p],
                weights[0],
                weights[1],
                coarse_start + j,
            )
        if 2 * row + 1 < rows:
            for j in range(coarse_columns):
                p = fine_start + width + 2 * j
                first_side, second_side = (
                    conductances[0][p] + conductances[1][p] + conductances[2][p],
                    conductances[5][p] + conductances[6][p] + conductances[7][p],
                )
                _normalize_weights(
                    first_side,
                    second_side,
                    conductances[3][p] + conductances[4][p],
                    weights[2],
                    weights[3],
                    coarse_start + j,
                )


@njit_cached
def _normalize_weights(first_side, second_side, parallel, first_weights, second_weights, q):
    if first_side + second_side > 0:
        first_weights[q] = first_side / (first_side + second_side)
        second_weights[q] = second_side / (first_side + second_side)
    elif parallel > 0:
        # The weights of a vertex always sum to 1, so constants stay constant.
        first_weights[q] = 1


@njit_cached
def centre_point_weights(conductances, rows, width, weights, coarse_width, first, last):
    """Compute the weights of X cells from their eight neighbours, of which four have just been interpolated."""
    columns = width - 1
    for row in range(first, min(last, rows // 2)):
        coarse_start = (row + 1) * coarse_width + 1
        fine_start = (2 * row + 2) * width + 1
        for j in range(columns // 2):
            p, q = fine_start + 2 * j + 1, coarse_start + j
            total = (
                conductances[0][p]
                + conductances[1][p]
                + conductances[2][p]
                + conductances[3][p]
                + conductances[4][p]
                + conductances[5][p]
                + conductances[6][p]
                + conductances[7][p]
            )
            if total > 0:
                scale = 1 / total
                weights[4][q] = scale * (
                    conductances[0][p] + conductances[1][p] * weights[0][q] + conductances[3][p] * weights[2][q]
                )
                weights[5][q] = scale * (
                    conductances[2][p] + conductances[1][p] * weights[1][q] + conductances[4][p] * weights[2][q + 1]
                )
                weights[6][q] = scale * (
                    conductances[5][p]
                    + conductances[3][p] * weights[3][q]
                    + conductances[6][p] * weights[0][q + coarse_width]
                )
                weights[7][q] = scale * (
                    conductances[7][p]
                    + conductances[4][p] * weights[3][q + 1]
                    + conductances[6][p] * weights[1][q + coarse_width]
                )


@njit_cached
def galerkin_product(
    conductances, rows, width, weights, coarse_width, patch, east, southwest, south, southeast, first, last
):
    """Put the conductances of Pᵀ A P into the four forward arrays, in coarse rows first … last − 1.

    The energy uᵀ Pᵀ A P u is a sum over the edges, Σ c (P u_i − P u_j)². With P u_i − P u_j = Σ_p a_p u_p over the
    corners p of the patch, an edge adds −c a_p a_q to the conductance between corners p and q.
    """
    columns, coarse_columns = width - 1, coarse_width - 1
    # Weights of the corners in the nine nodes of a patch, and the conductances of its edges.
    weight, edge = np.zeros((9, 4)), np.zeros(16)
    for corner, node in enumerate((0, 2, 6, 8)):
        weight[node, corner] = 1
    from_above = np.zeros(coarse_columns)
    # The lower sides of the patches in the preceding row are upper sides of the first patches here.
    for row in range(max(first - 1, 0), last):
        fine_start = (2 * row + 1) * width + 1
        coarse_start = (row + 1) * coarse_width + 1
        has_v = 2 * row + 1 < rows
        from_left = 0.0
        for j in range(coarse_columns):
            c, q = fine_start + 2 * j, coarse_start + j
            h, v, x = c + 1, c + width, c + width + 1
            has_h = 2 * j + 1 < columns
            weight[1, 0], weight[1, 1] = weights[0][q], weights[1][q]
            weight[3, 0], weight[3, 2] = weights[2][q], weights[3][q]
            weight[4, 0], weight[4, 1], weight[4, 2], weight[4, 3] = (
                weights[4][q],
                weights[5][q],
                weights[6][q],
                weights[7][q],
            )
            weight[5, 1], weight[5, 3] = weights[2][q + 1], weights[3][q + 1]
            weight[7, 2], weight[7, 3] = weights[0][q + coarse_width], weights[1][q + coarse_width]
            edge[:] = 0
            edge[12], edge[14] = conductances[4][c], conductances[6][c]
            if has_h:
                edge[8], edge[9], edge[13] = conductances[5][h], conductances[7][h], conductances[4][h]
            if has_v:
                edge[10], edge[15] = conductances[7][v], conductances[6][v]
            if has_h and has_v:
                for d in range(8):
                    edge[d] = conductances[d][x]
                if 2 * j + 2 < columns:
                    edge[11] = conductances[5][v + 2]
            top = bottom = left = right = rising = falling = 0.0
            for n in range(16):
                first_side, second_side, conductance = patch[n, 0], patch[n, 1], edge[n]
                nw, ne = weight[first_side, 0] - weight[second_side, 0], weight[first_side, 1] - weight[second_side, 1]
                sw, se = weight[first_side, 2] - weight[second_side, 2], weight[first_side, 3] - weight[second_side, 3]
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
def restrict_row_sums(row_sums, rows, width, weights, coarse_width, out, first, last):
    """Put Pᵀ g into out, g being the row sums."""
    columns, coarse_columns = width - 1, coarse_width - 1
    for row in range(first, last):
        for j in range(coarse_columns):
            q = (row + 1) * coarse_width + 1 + j
            c = (2 * row + 1) * width + 1 + 2 * j
            total = row_sums[c]
            # Row sums outside the raster are 0, but only one column of zeros separates rows: check the right side.
            right = 2 * j + 1 < columns
            if right:
                total += weights[0][q] * row_sums[c + 1]
            total += weights[1][q - 1] * row_sums[c - 1]
            if 2 * row + 1 < rows:
                total += weights[2][q] * row_sums[c + width]
                if right:
                    total += weights[4][q] * row_sums[c + width + 1]
                total += weights[5][q - 1] * row_sums[c + width - 1]
            if row > 0:
                upper = q - coarse_width
                total += weights[3][upper] * row_sums[c - width]
                if right:
                    total += weights[6][upper] * row_sums[c - width + 1]
                total += weights[7][upper - 1] * row_sums[c - width - 1]
            out[q] = total


@njit_cached
def invert_diagonal(conductances, row_sums, inverse_diagonal, first, last):
    """Put 1 / (Σ c + g) into inverse_diagonal, 0 where the sum is 0, at positions first … last − 1."""
    for p in range(first, last):
        diagonal = np.float64(row_sums[p])
        for d in range(8):
            diagonal += conductances[d][p]
        inverse_diagonal[p] = 1 / diagonal if diagonal > 0 else 0.0
