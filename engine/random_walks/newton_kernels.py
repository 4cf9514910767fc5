"""Kernels of the log scaling by Newton's method: first guess, nonlinear Gauss–Seidel, row-normalised weights."""

import numpy as np

from ..parallel.numba_jit import njit_cached

#: Part of the chance to step to cells that are farther from the end which a first guess may take for their own share.
MOST_AWAY = 0.95

#: Cells that are done together, each step as one instruction for several of them.
PART = 128


@njit_cached
def _exponential(x):
    """Return exp(x) for x ≤ 0, to nine digits; 0 below −46. It has no branch, so that several are done at a time."""
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


@njit_cached
def log_weight_differences(logarithms, offsets, order, potential, width, out):
    """Put log W_ij + φ_i − φ_j of cells in an order into out; −inf where there is no step."""
    for n in range(order.size):
        p = np.int64(order[n])
        cell = p - width - p // width
        for d in range(8):
            out[n, d] = logarithms[cell, d] + (potential[p] - potential[p + offsets[d]])


@njit_cached
def upwind_guess(differences, offsets, order, rank, target, change):
    """Guess by how much potentials change: −log of what a cell gets from nearer ones, over its chance to go there.

    What it sends to farther ones is taken to come back with its own potential.
    """
    value, nearer = np.empty(8), np.empty(8)
    for n in range(order.size):
        p = np.int64(order[n])
        least = np.inf
        for d in range(8):
            other = p + offsets[d]
            nearer[d] = rank[other] < rank[p] or other == target
            value[d] = nearer[d] * change[other] - differences[n, d]
            least = min(least, value[d] if nearer[d] > 0 else np.inf)
        if least < np.inf:
            for d in range(8):
                value[d] = _exponential(min((least if nearer[d] > 0 else 0.0) - value[d], 0.0))
            together = away = 0.0
            for d in range(8):
                together += nearer[d] * value[d]
                away += (1 - nearer[d]) * value[d]
            change[p] = least - np.log(together / (1 - min(away, MOST_AWAY)))


@njit_cached
def upwind_gauss_seidel(differences, offsets, order, change):
    """Set, one after the other, by how much potentials change to −log Σ exp(log W_ij + φ_i − φ_j − change_j)."""
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
def normalized_weights(logarithms, offsets, target, potential, k, ground, inverse, excess, width, first, last):
    """Put the walk of a potential into k and ground, and log Σ exp(log W_ij + φ_i − φ_j) into excess.

    Rows are divided by their sums. What is far below the largest entry of a row is 0.

    Returns
    -------
    float
        The largest absolute excess.
    """
    columns = width - 1
    value, least, total = np.empty((8, PART)), np.empty(PART), np.empty(PART)
    worst = 0.0
    for row in range(first, last):
        for begin in range(0, columns, PART):
            size = min(PART, columns - begin)
            at, cell = (row + 1) * width + 1 + begin, row * columns + begin
            mine = potential[at : at + size]
            least[:] = np.inf
            total[:] = 0
            for d in range(8):
                theirs = potential[at + offsets[d] : at + offsets[d] + size]
                for j in range(size):
                    value[d, j] = theirs[j] - logarithms[cell + j, d]
                    least[j] = min(least[j], value[d, j])
            for j in range(size):
                # Nobody leaves the target, and what is not reached takes no part.
                if least[j] == np.inf or mine[j] == np.inf or at + j == target:
                    least[j] = -np.inf
            for d in range(8):
                for j in range(size):
                    value[d, j] = _exponential(least[j] - value[d, j])
                    total[j] += value[d, j]
            for d in range(8):
                to = k[d][at : at + size]
                for j in range(size):
                    to[j] = value[d, j] / total[j] if total[j] > 0 else 0.0
            for j in range(size):
                p = at + j
                ground[p], inverse[p], excess[p] = 0, total[j] > 0, 0
                if total[j] > 0:
                    excess[p] = mine[j] - least[j] + np.log(total[j])
                    worst = max(worst, abs(excess[p]))
    for d in range(8):
        p = target - offsets[d]
        if (first + 1) * width <= p < (last + 1) * width:
            ground[p] = k[d][p]
            k[d][p] = 0
    return worst
