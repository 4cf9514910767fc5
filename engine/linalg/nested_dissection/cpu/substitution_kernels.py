"""Kernels of forward and backward substitution through one level of a tile.

A level is many small dense systems that never leave a core's cache. The `k` right-hand sides are contiguous: an array
over the cells of a tile has the shape (cells, k).
"""

import numpy as np

from ....parallel import njit_cached

#: Rows that are combined at a time into two: each value read serves twice, and sums are written less often.
UNROLL = 4


@njit_cached
def forward_level(left, cells, local, child_updates, axis, first, second, update):
    """Eliminate the separators of one level: b_b ← b_b − H b_s.

    Parameters
    ----------
    left
        Hᵀ of every box, (down, across, s, f).
    cells
        Rows of `local` that are the separators, (down, across, s).
    local
        b; where separators are, its value before they are eliminated, updated by their children.
    child_updates
        Updates of the right-hand sides on the boundaries of the children, (down, across, f, k); not read for leaves.
    axis
        Axis along which the children lie; −1 for leaves.
    first, second
        Positions of the first and the second child's boundary in a front, −1 for cells outside it.
    update
        Filled with the updates on the boundaries of this level.
    """
    down, across, s, f = left.shape
    front = np.empty((s + f, local.shape[1]))
    for i in range(down):
        for j in range(across):
            front[:] = 0
            if axis == 0:
                _extend_add(front, child_updates[2 * i, j], first)
                _extend_add(front, child_updates[2 * i + 1, j], second)
            elif axis == 1:
                _extend_add(front, child_updates[i, 2 * j], first)
                _extend_add(front, child_updates[i, 2 * j + 1], second)
            for c in range(s):
                values, row = local[cells[i, j, c]], front[c]
                for n in range(row.size):
                    row[n] += values[n]
                    values[n] = row[n]
            _subtract_transposed(left[i, j], front[:s], front[s:])
            update[i, j] = front[s:]


@njit_cached
def backward_level(inverse, right, cells, local, boundary, axis, first, second, child_boundary):
    """Solve for the separators of one level: x_s = F_ss⁻¹ b_s − K x_b.

    Parameters
    ----------
    inverse, right
        F_ss⁻¹ (down, across, s, s) and K (down, across, s, f) of every box.
    cells, local, axis, first, second
        As in `forward_level`; `local` becomes the solution where separators are.
    boundary
        Solution on the boundaries, (down, across, f, k).
    child_boundary
        Filled with the solution on the children's boundaries.
    """
    down, across, s, f = right.shape
    front, values = np.empty((s + f, local.shape[1])), np.empty((s, local.shape[1]))
    for i in range(down):
        for j in range(across):
            front[:s] = 0
            front[s:] = boundary[i, j]
            for c in range(s):
                values[c] = local[cells[i, j, c]]
            _add_product(inverse[i, j], values, front[:s], 1.0)
            _add_product(right[i, j], front[s:], front[:s], -1.0)
            for c in range(s):
                local[cells[i, j, c]] = front[c]
            if axis == 0:
                _restrict(front, child_boundary[2 * i, j], first)
                _restrict(front, child_boundary[2 * i + 1, j], second)
            elif axis == 1:
                _restrict(front, child_boundary[i, 2 * j], first)
                _restrict(front, child_boundary[i, 2 * j + 1], second)


@njit_cached
def _extend_add(front, child, positions):
    for c in range(positions.size):
        if positions[c] >= 0:
            row, update = front[positions[c]], child[c]
            for n in range(row.size):
                row[n] += update[n]


@njit_cached
def _restrict(front, child, positions):
    for c in range(positions.size):
        if positions[c] >= 0:
            child[c] = front[positions[c]]
        else:
            child[c] = 0


@njit_cached
def _subtract_transposed(weights, rows, result):
    """Subtract weightsᵀ rows from result; weights (c, a), rows (c, k), result (a, k)."""
    count, k = result.shape
    even, whole = count // 2 * 2, len(weights) // UNROLL * UNROLL
    for a in range(0, even, 2):
        result0, result1 = result[a], result[a + 1]
        for c in range(0, whole, UNROLL):
            p0, p1, p2, p3 = weights[c, a], weights[c + 1, a], weights[c + 2, a], weights[c + 3, a]
            q0, q1, q2, q3 = weights[c, a + 1], weights[c + 1, a + 1], weights[c + 2, a + 1], weights[c + 3, a + 1]
            for n in range(k):
                b0, b1, b2, b3 = rows[c, n], rows[c + 1, n], rows[c + 2, n], rows[c + 3, n]
                result0[n] -= (p0 * b0 + p1 * b1) + (p2 * b2 + p3 * b3)
                result1[n] -= (q0 * b0 + q1 * b1) + (q2 * b2 + q3 * b3)
        for c in range(whole, len(weights)):
            p0, q0 = weights[c, a], weights[c, a + 1]
            for n in range(k):
                result0[n] -= p0 * rows[c, n]
                result1[n] -= q0 * rows[c, n]
    for a in range(even, count):
        result0 = result[a]
        for c in range(len(weights)):
            p0 = weights[c, a]
            for n in range(k):
                result0[n] -= p0 * rows[c, n]


@njit_cached
def _add_product(weights, rows, result, sign):
    """Add sign · weights rows to result; weights (a, c), rows (c, k), result (a, k)."""
    count, k = result.shape
    even, whole = count // 2 * 2, len(rows) // UNROLL * UNROLL
    for a in range(0, even, 2):
        result0, result1, p, q = result[a], result[a + 1], weights[a], weights[a + 1]
        for c in range(0, whole, UNROLL):
            p0, p1, p2, p3 = sign * p[c], sign * p[c + 1], sign * p[c + 2], sign * p[c + 3]
            q0, q1, q2, q3 = sign * q[c], sign * q[c + 1], sign * q[c + 2], sign * q[c + 3]
            for n in range(k):
                b0, b1, b2, b3 = rows[c, n], rows[c + 1, n], rows[c + 2, n], rows[c + 3, n]
                result0[n] += (p0 * b0 + p1 * b1) + (p2 * b2 + p3 * b3)
                result1[n] += (q0 * b0 + q1 * b1) + (q2 * b2 + q3 * b3)
        for c in range(whole, len(rows)):
            p0, q0 = sign * p[c], sign * q[c]
            for n in range(k):
                result0[n] += p0 * rows[c, n]
                result1[n] += q0 * rows[c, n]
    for a in range(even, count):
        result0, p = result[a], weights[a]
        for c in range(len(rows)):
            p0 = sign * p[c]
            for n in range(k):
                result0[n] += p0 * rows[c, n]
