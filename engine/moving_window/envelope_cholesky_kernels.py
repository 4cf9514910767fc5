"""Envelope Cholesky factorization of a window's Laplacian, grounded at the target: kernels for the CPU.

The cells connected to the target are numbered row by row without the target itself. The grounded Laplacian is factored
as A = L Lᵀ within its envelope: row i of L begins at the first neighbour of cell i, about one row of the window
earlier. In a disc, which narrows towards its top and bottom, the envelope holds half as many entries as a band matrix.

References
----------
George, A. & Liu, J. W. (1981). Computer Solution of Large Sparse Positive Definite Systems. Prentice-Hall. Chapter 4.
"""

import numpy as np

from ..parallel import njit_cached, njit_reassociating


@njit_cached
def label_component(conductances, steps, disc, corner, target, connected, index, cells):
    """Mark the cells of a disc that are connected to the target, and number them row by row without the target.

    Parameters
    ----------
    conductances
        Edge conductances of the tile, (rows, columns, directions).
    steps
        Row and column offset of each direction.
    disc, corner
        Mask of the window's cells, and the row and column of the tile at which the window begins.
    target
        Row and column in the window.
    connected, index, cells
        Filled: mask of the connected cells; their index, −1 for the target and all others; row and column of each
        index.

    Returns
    -------
    int
        Number of indexed cells.
    """
    height, width = disc.shape
    connected[:] = False
    index[:] = -1
    connected[target[0], target[1]] = True
    cells[0, 0], cells[0, 1] = target[0], target[1]
    stacked = 1
    while stacked > 0:
        stacked -= 1
        row, column = cells[stacked, 0], cells[stacked, 1]
        for step in range(steps.shape[0]):
            to_row, to_column = row + steps[step, 0], column + steps[step, 1]
            if to_row < 0 or to_row >= height or to_column < 0 or to_column >= width:
                continue
            if not disc[to_row, to_column] or connected[to_row, to_column]:
                continue
            if conductances[corner[0] + row, corner[1] + column, step] > 0:
                connected[to_row, to_column] = True
                cells[stacked, 0], cells[stacked, 1] = to_row, to_column
                stacked += 1
    count = 0
    for row in range(height):
        for column in range(width):
            if connected[row, column] and (row != target[0] or column != target[1]):
                index[row, column] = count
                cells[count, 0], cells[count, 1] = row, column
                count += 1
    return count


@njit_reassociating
def factor(conductances, steps, corner, connected, index, cells, count, first, last, lower, row_buffer):
    """Factor the grounded Laplacian row by row; return False if it is not positive definite to working precision.

    Parameters
    ----------
    conductances, steps, corner, connected, index, cells, count
        As `label_component` left them.
    first, last
        Filled: first column of each row of L, and last row of each column.
    lower
        Filled: L by columns, `lower[k, d]` the entry in row k + d; the diagonal holds its reciprocals.
    row_buffer
        Workspace for one row.

    Notes
    -----
    Four columns are eliminated from a row at a time, so that each entry of the row is read once for four products.
    """
    height, width = connected.shape
    for i in range(count):
        row, column = cells[i, 0], cells[i, 1]
        earliest = i
        for step in range(steps.shape[0]):
            to_row, to_column = row + steps[step, 0], column + steps[step, 1]
            if 0 <= to_row < height and 0 <= to_column < width and connected[to_row, to_column]:
                if conductances[corner[0] + row, corner[1] + column, step] > 0:
                    j = index[to_row, to_column]
                    if 0 <= j < earliest:
                        earliest = j
        first[i], last[i] = earliest, i
        last[earliest] = i
    for i in range(1, count):
        # Fill-in: a row that begins early extends the columns of the rows below it.
        last[i] = max(last[i], last[i - 1])
    for i in range(count):
        # In a group of four columns the first ones are read as far down as the last one extends.
        lower[i, : last[min(i + 3, count - 1)] - i + 1] = 0.0
    for i in range(count):
        row, column = cells[i, 0], cells[i, 1]
        begin = first[i]
        entries = row_buffer[: i - begin + 1]
        entries[:] = 0.0
        degree = 0.0
        for step in range(steps.shape[0]):
            to_row, to_column = row + steps[step, 0], column + steps[step, 1]
            if 0 <= to_row < height and 0 <= to_column < width and connected[to_row, to_column]:
                conductance = conductances[corner[0] + row, corner[1] + column, step]
                degree += conductance
                j = index[to_row, to_column]
                if 0 <= j < i and conductance > 0:
                    entries[j - begin] = -conductance
        pivot = degree
        k = begin
        while k + 4 <= i:
            tail = entries[k - begin : i - begin]
            tail[0] *= lower[k, 0]
            tail[1] = (tail[1] - tail[0] * lower[k, 1]) * lower[k + 1, 0]
            tail[2] = (tail[2] - tail[0] * lower[k, 2] - tail[1] * lower[k + 1, 1]) * lower[k + 2, 0]
            tail[3] -= tail[0] * lower[k, 3] + tail[1] * lower[k + 1, 2] + tail[2] * lower[k + 2, 1]
            tail[3] *= lower[k + 3, 0]
            l0, l1, l2, l3 = tail[0], tail[1], tail[2], tail[3]
            pivot -= l0 * l0 + l1 * l1 + l2 * l2 + l3 * l3
            for d in range(4):
                lower[k + d, i - k - d] = tail[d]
            length = min(i - k, last[k + 3] - k + 1) - 4
            rest = tail[4 : 4 + length]
            column0, column1 = lower[k, 4 : 4 + length], lower[k + 1, 3 : 3 + length]
            column2, column3 = lower[k + 2, 2 : 2 + length], lower[k + 3, 1 : 1 + length]
            for d in range(length):
                rest[d] -= l0 * column0[d] + l1 * column1[d] + l2 * column2[d] + l3 * column3[d]
            k += 4
        while k < i:
            tail = entries[k - begin : i - begin]
            l0 = tail[0] * lower[k, 0]
            pivot -= l0 * l0
            lower[k, i - k] = l0
            for d in range(1, i - k):
                tail[d] -= l0 * lower[k, d]
            k += 1
        if not pivot > 0.0:
            return False
        lower[i, 0] = 1.0 / np.sqrt(pivot)
    return True


@njit_reassociating
def substitute(last, lower, count, vector):
    """Solve L Lᵀ x = b in place by forward and backward substitution."""
    for k in range(count):
        value = vector[k] * lower[k, 0]
        vector[k] = value
        below, rest = lower[k, 1 : last[k] - k + 1], vector[k + 1 : last[k] + 1]
        for d in range(last[k] - k):
            rest[d] -= value * below[d]
    for k in range(count - 1, -1, -1):
        below, rest = lower[k, 1 : last[k] - k + 1], vector[k + 1 : last[k] + 1]
        inner = 0.0
        for d in range(last[k] - k):
            inner += below[d] * rest[d]
        vector[k] = (vector[k] - inner) * lower[k, 0]
