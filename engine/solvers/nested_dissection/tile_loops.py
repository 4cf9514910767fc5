"""Substitution through one level of a tile, in loops: many small dense systems that never leave a core's cache.

In all of these, `k` right-hand sides lie beside each other, and a tile's cells are the rows of an array (cells, k).
"""

import numpy as np

from ...compiled import compiled

#: Rows that are combined at a time, so that what they are added to is read and written as seldom.
FOUR = 4


@compiled
def level_forth(left, place, local, below, axis, first, second, out):
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
            _take_from_frame(left[i, j], front, s)
            out[i, j] = front[s:]


@compiled
def level_back(inverse, right, place, local, frame, axis, first, second, below):
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
        As in `level_forth`; `local` becomes the solution where separators are.
    """
    down, across, s, f = right.shape
    front, given = np.empty((s + f, local.shape[1])), np.empty((s, local.shape[1]))
    for i in range(down):
        for j in range(across):
            front[:s] = 0
            front[s:] = frame[i, j]
            for c in range(s):
                given[c] = local[place[i, j, c]]
            for c in range(s):
                _combine(inverse[i, j, c], given, front[c], 1.0)
                _combine(right[i, j, c], front[s:], front[c], -1.0)
                local[place[i, j, c]] = front[c]
            if axis == 0:
                _give_child(front, below[2 * i, j], first)
                _give_child(front, below[2 * i + 1, j], second)
            elif axis == 1:
                _give_child(front, below[i, 2 * j], first)
                _give_child(front, below[i, 2 * j + 1], second)


@compiled
def _add_child(front, child, where):
    for c in range(where.size):
        if where[c] >= 0:
            to, more = front[where[c]], child[c]
            for n in range(to.size):
                to[n] += more[n]


@compiled
def _give_child(front, child, where):
    for c in range(where.size):
        if where[c] >= 0:
            child[c] = front[where[c]]
        else:
            child[c] = 0


@compiled
def _take_from_frame(left, front, s):
    """Subtract Σ_c H_ac b_c from every row a of the frame."""
    whole = s // FOUR * FOUR
    for c in range(0, whole, FOUR):
        b0, b1, b2, b3 = front[c], front[c + 1], front[c + 2], front[c + 3]
        for a in range(left.shape[1]):
            m0, m1, m2, m3, to = left[c, a], left[c + 1, a], left[c + 2, a], left[c + 3, a], front[s + a]
            for n in range(to.size):
                to[n] -= (m0 * b0[n] + m1 * b1[n]) + (m2 * b2[n] + m3 * b3[n])
    for c in range(whole, s):
        b0 = front[c]
        for a in range(left.shape[1]):
            m0, to = left[c, a], front[s + a]
            for n in range(to.size):
                to[n] -= m0 * b0[n]


@compiled
def _combine(weights, rows, to, sign):
    """Add sign · Σ_c weight_c row_c."""
    whole = weights.size // FOUR * FOUR
    for c in range(0, whole, FOUR):
        m0, m1, m2, m3 = sign * weights[c], sign * weights[c + 1], sign * weights[c + 2], sign * weights[c + 3]
        b0, b1, b2, b3 = rows[c], rows[c + 1], rows[c + 2], rows[c + 3]
        for n in range(to.size):
            to[n] += (m0 * b0[n] + m1 * b1[n]) + (m2 * b2[n] + m3 * b3[n])
    for c in range(whole, weights.size):
        m0, b0 = sign * weights[c], rows[c]
        for n in range(to.size):
            to[n] += m0 * b0[n]
