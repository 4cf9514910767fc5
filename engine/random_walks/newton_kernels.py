"""Kernels of the log scaling by Newton's method: first guess, nonlinear Gauss–Seidel, row-normalized weights.

Differences are those of the log weights in the current log scale, log W̃_ij = log W_ij + φ_i − φ_j.
"""

import numpy as np

from ..parallel import njit_cached

#: Largest probability of upstream steps that the first guess accounts for: it divides by one minus that probability.
MAX_UPSTREAM_PROBABILITY = 0.95

#: Cells per block: each operation is one instruction for several cells of it.
BLOCK = 128


@njit_cached
def log_weight_differences(log_weights, offsets, order, log_scale, width, out):
    """Compute log W_ij + φ_i − φ_j for the cells in `order`; −inf where there is no edge."""
    for n in range(order.size):
        p = np.int64(order[n])
        cell = p - width - p // width
        for d in range(8):
            out[n, d] = log_weights[cell, d] + (log_scale[p] - log_scale[p + offsets[d]])


@njit_cached
def upwind_guess(differences, offsets, order, position, target, change):
    """Estimate the change of φ in one pass over the downstream ordering.

    The change of a cell is −log of the weight that it receives from downstream neighbours, divided by the probability
    of stepping downstream. It assumes that upstream steps return with the cell's own change.
    """
    value, downstream = np.empty(8), np.empty(8)
    for n in range(order.size):
        p = np.int64(order[n])
        least = np.inf
        for d in range(8):
            neighbour = p + offsets[d]
            downstream[d] = position[neighbour] < position[p] or neighbour == target
            value[d] = downstream[d] * change[neighbour] - differences[n, d]
            least = min(least, value[d] if downstream[d] > 0 else np.inf)
        if least < np.inf:
            for d in range(8):
                value[d] = _exponential(min((least if downstream[d] > 0 else 0.0) - value[d], 0.0))
            downstream_sum = upstream_sum = 0.0
            for d in range(8):
                downstream_sum += downstream[d] * value[d]
                upstream_sum += (1 - downstream[d]) * value[d]
            change[p] = least - np.log(downstream_sum / (1 - min(upstream_sum, MAX_UPSTREAM_PROBABILITY)))


@njit_cached
def upwind_gauss_seidel(differences, offsets, order, change):
    """Solve Σ_j W̃_ij exp(δ_i − δ_j) = 1 for the change δ_i of one cell after the other, in the downstream ordering."""
    value = np.empty(8)
    for n in range(order.size):
        p = np.int64(order[n])
        least = np.inf
        for d in range(8):
            value[d] = change[p + offsets[d]] - differences[n, d]
            least = min(least, value[d])
        if least < np.inf:
            for d in range(8):
                value[d] = _exponential(least - value[d])
            total = 0.0
            for d in range(8):
                total += value[d]
            change[p] = least - np.log(total)


@njit_cached
def normalized_weights(
    log_weights,
    offsets,
    target,
    log_scale,
    off_diagonals,
    row_sums,
    inverse_diagonal,
    log_row_sums,
    width,
    first,
    last,
):
    """Compute the rows of I − P̃, with P̃ = W̃ divided by its row sums, and log Σ_j W̃_ij of every row.

    The weight of the target's column goes into the row sums. Entries far below the largest one of a row are set to 0.

    Returns
    -------
    float
        Largest magnitude of the log row sums.
    """
    columns = width - 1
    value, least, total = np.empty((8, BLOCK)), np.empty(BLOCK), np.empty(BLOCK)
    worst = 0.0
    for row in range(first, last):
        for begin in range(0, columns, BLOCK):
            size = min(BLOCK, columns - begin)
            at, cell = (row + 1) * width + 1 + begin, row * columns + begin
            scale = log_scale[at : at + size]
            least[:] = np.inf
            total[:] = 0
            for d in range(8):
                neighbour_scale = log_scale[at + offsets[d] : at + offsets[d] + size]
                for j in range(size):
                    value[d, j] = neighbour_scale[j] - log_weights[cell + j, d]
                    least[j] = min(least[j], value[d, j])
            for j in range(size):
                # The target is absorbing, and cells that cannot reach it are decoupled.
                if least[j] == np.inf or scale[j] == np.inf or at + j == target:
                    least[j] = -np.inf
            for d in range(8):
                for j in range(size):
                    value[d, j] = _exponential(least[j] - value[d, j])
                    total[j] += value[d, j]
            for d in range(8):
                entries = off_diagonals[d][at : at + size]
                for j in range(size):
                    entries[j] = value[d, j] / total[j] if total[j] > 0 else 0.0
            for j in range(size):
                p = at + j
                row_sums[p], inverse_diagonal[p], log_row_sums[p] = 0, total[j] > 0, 0
                if total[j] > 0:
                    log_row_sums[p] = scale[j] - least[j] + np.log(total[j])
                    worst = max(worst, abs(log_row_sums[p]))
    for d in range(8):
        p = target - offsets[d]
        if (first + 1) * width <= p < (last + 1) * width:
            row_sums[p] = off_diagonals[d][p]
            off_diagonals[d][p] = 0
    return worst


@njit_cached
def _exponential(x):
    """Return exp(x) for x ≤ 0, to nine digits; 0 below −46. There are no branches, so that loops over it vectorize."""
    y = max(x, -46.0) * (1 / 64)
    y = 1 + y * (1 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720 + y * (
        1 / 5040 + y * (1 / 40320 + y * (1 / 362880)))))))))  # fmt: skip
    y *= y
    y *= y
    y *= y
    y *= y
    y *= y
    y *= y
    return y if x > -46.0 else 0.0
