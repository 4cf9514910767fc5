"""Loops over cells in the order of a walk's potential: what a cell needs from those nearer to the end is there."""

import numpy as np

from ...compiled import compiled

#: An index that cannot be negative is not looked at twice.
at = np.uint64

#: Part of the chance to step to cells that are farther from the end which a first guess may take for their own share.
MOST_AWAY = 0.95


@compiled
def put_in_order(k, inverse, order, entries):
    """Copy what cells send to their neighbours, over the diagonal, into the order of cells."""
    for n in range(order.size):
        p = at(order[n])
        scale = inverse[p]
        for d in range(8):
            entries[n, d] = scale * k[d][p]


@compiled
def relax_in_order(order, entries, inverse, b, x, width):
    """Relax A x = b once, cell after cell in an order."""
    up, left, down = at(width), at(1), at(width)
    for n in range(order.size):
        p = at(order[n])
        x[p] = (
            inverse[p] * b[p] + entries[n, 0] * x[p - up - left] + entries[n, 1] * x[p - up]
            + entries[n, 2] * x[p - up + left] + entries[n, 3] * x[p - left] + entries[n, 4] * x[p + left]
            + entries[n, 5] * x[p + down - left] + entries[n, 6] * x[p + down] + entries[n, 7] * x[p + down + left]
        )  # fmt: skip


@compiled
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


@compiled
def guess_in_order(logarithms, offsets, order, rank, target, potential, width):
    """Guess potentials from least energies: −log of what a cell gets from nearer ones, over its chance to go there.

    What it sends to farther ones is taken to come back with its own potential. Potentials are changed in place.
    """
    directions = offsets.size
    for n in range(order.size):
        p = np.int64(order[n])
        cell = p - width - p // width
        mine, my_rank = potential[p], rank[p]
        least = np.inf
        for d in range(directions):
            other = p + offsets[d]
            if rank[other] < my_rank or other == target:
                least = min(least, potential[other] - logarithms[d, cell])
        if least == np.inf:
            continue
        nearer = away = 0.0
        for d in range(directions):
            other = p + offsets[d]
            logarithm, theirs = logarithms[d, cell], potential[other]
            if rank[other] < my_rank or other == target:
                nearer += _exponential(least - theirs + logarithm)
            elif theirs < np.inf:
                away += _exponential(min(logarithm + mine - theirs, 0.0))
        potential[p] = least - np.log(nearer / (1 - min(away, MOST_AWAY)))


@compiled
def settle_in_order(logarithms, offsets, order, potential, width):
    """Set every potential, one after the other, to −log Σ exp(log W_ij − φ_j)."""
    directions = offsets.size
    value = np.empty(directions)
    for n in range(order.size):
        p = np.int64(order[n])
        cell = p - width - p // width
        least = np.inf
        for d in range(directions):
            value[d] = potential[p + offsets[d]] - logarithms[d, cell]
            least = min(least, value[d])
        total = 0.0
        for d in range(directions):
            total += _exponential(least - value[d])
        if least < np.inf:
            potential[p] = least - np.log(total)


@compiled
def normal_weights(logarithms, offsets, numbers, target, potential, k, ground, excess, width, first, last):
    """Put the walk of a potential into k and ground, and log Σ exp(log W_ij + φ_i − φ_j) into excess.

    Rows are divided by their sums. What is far below the largest entry of a row is 0.

    Returns
    -------
    float
        The largest absolute excess.
    """
    columns, directions = width - 1, offsets.size
    exponent = np.empty((directions, columns))
    largest, total = np.empty(columns), np.empty(columns)
    worst = 0.0
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        mine = potential[at : at + columns]
        largest[:] = -np.inf
        total[:] = 0
        for d in range(directions):
            theirs = potential[at + offsets[d] : at + offsets[d] + columns]
            logarithm, value = logarithms[d, cell : cell + columns], exponent[d]
            for j in range(columns):
                value[j] = logarithm[j] - theirs[j]
                largest[j] = max(largest[j], value[j])
        for j in range(columns):
            # Nobody leaves the target, and what is not reached takes no part.
            if largest[j] == -np.inf or mine[j] == np.inf or at + j == target:
                largest[j] = np.inf
        for d in range(directions):
            value = exponent[d]
            for j in range(columns):
                value[j] = _exponential(value[j] - largest[j])
                total[j] += value[j]
        for d in range(directions):
            value, to = exponent[d], k[numbers[d]]
            for j in range(columns):
                to[at + j] = value[j] / total[j] if total[j] > 0 else 0.0
        for j in range(columns):
            p = at + j
            ground[p] = 0
            excess[p] = 0
            if total[j] > 0:
                excess[p] = mine[j] + largest[j] + np.log(total[j])
                worst = max(worst, abs(excess[p]))
    for d in range(directions):
        p = target - offsets[d]
        if (first + 1) * width <= p < (last + 1) * width:
            ground[p] = k[numbers[d]][p]
            k[numbers[d]][p] = 0
    return worst
