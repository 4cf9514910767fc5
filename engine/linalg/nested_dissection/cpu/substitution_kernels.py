"""Substitution through one level of a tile, in loops: many small dense systems that never leave a core's cache.

In all of these, `k` right-hand sides lie beside each other, and a tile's cells are the rows of an array (cells, k).
"""

import numpy as np

from ....parallel.numba_jit import njit_cached

#: So many rows are combined at a time into two: what is read serves twice, what is added to is seldom written.
FOUR = 4


@njit_cached
def forward_level(left, place, local, below, axis, first, second, out):
    """Eliminate the separators of one level: b_f ← b_f − H b_s.

    Parameters
    ----------
    left
        Hᵀ of every box, (down, across, s, f).
    place
        Rows of the tile's cells of every separator, (down, across, s).
    local
        b; where separators are, what it is before they are eliminated, with what smaller boxes have left there.
    below
        What the two children of every box have left on their frames, (down, across, f, k); not read for leaves.
    axis
        Along which children lie beside each other; −1 for leaves.
    first, second
        Where cells of the children's frames are in a front, −1 where they are not.
    out
        What is left on the frames.
    """
    down, across, s, f = left.shape
    front = np.empty((s + f, local.shape[1]))
    for i in range(down):
        for j in range(across):
            front[:] = 0
            if axis == 0:
                _add_child(front, below[2 * i, j], first)
                _add_child(front, below[2 * i + 1, j], second)
            elif axis == 1:
                _add_child(front, below[i, 2 * j], first)
                _add_child(front, below[i, 2 * j + 1], second)
            for c in range(s):
                given, row = local[place[i, j, c]], front[c]
                for n in range(row.size):
                    row[n] += given[n]
                    given[n] = row[n]
            _subtract_transposed(left[i, j], front[:s], front[s:])
            out[i, j] = front[s:]


@njit_cached
def backward_level(inverse, right, place, local, frame, axis, first, second, below):
    """Solve for the separators of one level: x_s = F_ss⁻¹ b_s − K x_f.

    Parameters
    ----------
    inverse, right
        F_ss⁻¹ (down, across, s, s) and K (down, across, s, f) of every box.
    frame
        Solution on the frames, (down, across, f, k).
    below
        Filled with the solution on the children's frames.
    place, local, axis, first, second
        As in `forward_level`; `local` becomes the solution where separators are.
    """
    down, across, s, f = right.shape
    front, given = np.empty((s + f, local.shape[1])), np.empty((s, local.shape[1]))
    for i in range(down):
        for j in range(across):
            front[:s] = 0
            front[s:] = frame[i, j]
            for c in range(s):
                given[c] = local[place[i, j, c]]
            _add(inverse[i, j], given, front[:s], 1.0)
            _add(right[i, j], front[s:], front[:s], -1.0)
            for c in range(s):
                local[place[i, j, c]] = front[c]
            if axis == 0:
                _give_child(front, below[2 * i, j], first)
                _give_child(front, below[2 * i + 1, j], second)
            elif axis == 1:
                _give_child(front, below[i, 2 * j], first)
                _give_child(front, below[i, 2 * j + 1], second)


@njit_cached
def _add_child(front, child, where):
    for c in range(where.size):
        if where[c] >= 0:
            to, more = front[where[c]], child[c]
            for n in range(to.size):
                to[n] += more[n]


@njit_cached
def _give_child(front, child, where):
    for c in range(where.size):
        if where[c] >= 0:
            child[c] = front[where[c]]
        else:
            child[c] = 0


@njit_cached
def _subtract_transposed(weights, rows, to):
    """Subtract weightsᵀ rows; weights (c, a), rows (c, k), to (a, k)."""
    count, k = to.shape
    pairs, whole = count // 2 * 2, len(weights) // FOUR * FOUR
    for a in range(0, pairs, 2):
        one, two = to[a], to[a + 1]
        for c in range(0, whole, FOUR):
            p0, p1, p2, p3 = weights[c, a], weights[c + 1, a], weights[c + 2, a], weights[c + 3, a]
            q0, q1, q2, q3 = weights[c, a + 1], weights[c + 1, a + 1], weights[c + 2, a + 1], weights[c + 3, a + 1]
            for n in range(k):
                b0, b1, b2, b3 = rows[c, n], rows[c + 1, n], rows[c + 2, n], rows[c + 3, n]
                one[n] -= (p0 * b0 + p1 * b1) + (p2 * b2 + p3 * b3)
                two[n] -= (q0 * b0 + q1 * b1) + (q2 * b2 + q3 * b3)
        for c in range(whole, len(weights)):
            p0, q0 = weights[c, a], weights[c, a + 1]
            for n in range(k):
                one[n] -= p0 * rows[c, n]
                two[n] -= q0 * rows[c, n]
    for a in range(pairs, count):
        one = to[a]
        for c in range(len(weights)):
            p0 = weights[c, a]
            for n in range(k):
                one[n] -= p0 * rows[c, n]


@njit_cached
def _add(weights, rows, to, sign):
    """Add sign · weights rows; weights (a, c), rows (c, k), to (a, k)."""
    count, k = to.shape
    pairs, whole = count // 2 * 2, len(rows) // FOUR * FOUR
    for a in range(0, pairs, 2):
        one, two, p, q = to[a], to[a + 1], weights[a], weights[a + 1]
        for c in range(0, whole, FOUR):
            p0, p1, p2, p3 = sign * p[c], sign * p[c + 1], sign * p[c + 2], sign * p[c + 3]
            q0, q1, q2, q3 = sign * q[c], sign * q[c + 1], sign * q[c + 2], sign * q[c + 3]
            for n in range(k):
                b0, b1, b2, b3 = rows[c, n], rows[c + 1, n], rows[c + 2, n], rows[c + 3, n]
                one[n] += (p0 * b0 + p1 * b1) + (p2 * b2 + p3 * b3)
                two[n] += (q0 * b0 + q1 * b1) + (q2 * b2 + q3 * b3)
        for c in range(whole, len(rows)):
            p0, q0 = sign * p[c], sign * q[c]
            for n in range(k):
                one[n] += p0 * rows[c, n]
                two[n] += q0 * rows[c, n]
    for a in range(pairs, count):
        one, p = to[a], weights[a]
        for c in range(len(rows)):
            p0 = sign * p[c]
            for n in range(k):
                one[n] += p0 * rows[c, n]
