"""Effective resistances in many small windows of one raster, compiled for the processor.

A window's Laplacian couples each row of cells to the rows above and below it. With A_i the block of row i and B_i that
between rows i and i + 1, eliminating from above and from below leaves

    S_i = A_i − B_{i−1}ᵀ S_{i−1}⁻¹ B_{i−1},    T_i = A_i − B_i T_{i+1}⁻¹ B_iᵀ,

and the inverse G of the whole has the blocks G_ii = (S_i + T_i − A_i)⁻¹ and G_{i,i+1} = −S_i⁻¹ B_i G_{i+1,i+1}.
B has three diagonals, so products with it cost next to nothing; what counts are a few dense products for each row.
"""

import numpy as np

from ..parallel.numba_jit import njit_cached


@njit_cached
def resistances(conductances, steps, corners, seeds, first, last, resistance, missed):
    """Find the resistance between a seed and every cell, in the windows numbered from `first` to below `last`.

    Parameters
    ----------
    conductances
        Of each edge, of shape (rows, columns, directions), the same both ways; 0 where there is none.
    steps, corners, seeds
        As for `search`.
    resistance
        What is found, of shape (windows, rows, columns); infinite where no way leads.
    missed
        By how much a row of A G misses 1 in each window, at most.
    """
    height, width = resistance.shape[1:]
    for window in range(first, last):
        resistance[window] = np.inf
        missed[window] = 0.0
        if seeds[window] < 0:
            continue
        corner = corners[window]
        joined = _joined(conductances, steps, corner, seeds[window], height, width)
        across, down = _blocks(conductances, steps, corner, joined, height, width)
        above, _, inverse = _eliminate(across, down)
        unit = np.zeros((height, width))
        unit.ravel()[seeds[window]] = 1.0
        column = _solve(above, down, unit)
        own = column.ravel()[seeds[window]]
        for row in range(height):
            for place in range(width):
                if joined[row, place]:
                    resistance[window, row, place] = own + inverse[row, place, place] - 2 * column[row, place]
        # Of a cell with itself the difference would be rounding.
        resistance[window].ravel()[seeds[window]] = 0.0
        missed[window] = _missed(across, down, above, inverse, joined)


@njit_cached
def resistance_gradient(conductances, steps, corners, seeds, pull, first, last, gradient):
    """Add the derivative by every conductance to the gradient, half to each of its two directions.

    Parameters
    ----------
    conductances, steps, corners, seeds, first, last
        As for `resistances`.
    pull
        The derivative g by each resistance, of shape (windows, rows, columns).
    gradient
        Of the shape of `conductances`, added to.

    Notes
    -----
    The derivative of R_cj by the conductance between a and b is −(v_a − v_b)² with v = G (e_c − e_j). Summed over j
    with the weights g_j it needs G e_c, G g, and of M = G diag(g) G the diagonal and the entries between neighbours.
    M is the derivative of (A − t diag(g))⁻¹ by t: the elimination is differentiated forwards, and nothing else kept.
    """
    height, width = pull.shape[1:]
    for window in range(first, last):
        if seeds[window] < 0:
            continue
        corner = corners[window]
        joined = _joined(conductances, steps, corner, seeds[window], height, width)
        across, down = _blocks(conductances, steps, corner, joined, height, width)
        weight = np.where(joined, pull[window], 0.0)
        weight.ravel()[seeds[window]] = 0.0
        above, below, inverse = _eliminate(across, down)
        unit = np.zeros((height, width))
        unit.ravel()[seeds[window]] = 1.0
        column, response = _solve(above, down, unit), _solve(above, down, weight)
        inside, beneath = _tangents(down, above, below, inverse, weight)
        total = weight.sum()
        for row in range(height):
            for place in range(width):
                for step in range(steps.shape[0]):
                    to_row, to_place = row + steps[step, 0], place + steps[step, 1]
                    # Each pair once: to the right, or downwards.
                    if steps[step, 0] < 0 or (steps[step, 0] == 0 and steps[step, 1] < 0):
                        continue
                    if to_row >= height or to_place < 0 or to_place >= width or not joined[row, place]:
                        continue
                    if conductances[corner[0] + row, corner[1] + place, step] == 0.0:
                        continue
                    if to_row == row:
                        between = inside[row, place, to_place]
                    else:
                        between = beneath[row, place, to_place - place + 1]
                    fall = column[row, place] - column[to_row, to_place]
                    mean = response[row, place] - response[to_row, to_place]
                    spread = inside[row, place, place] + inside[to_row, to_place, to_place] - 2 * between
                    half = -0.5 * (total * fall * fall - 2 * fall * mean + spread)
                    gradient[corner[0] + row, corner[1] + place, step] += half
                    gradient[corner[0] + to_row, corner[1] + to_place, steps.shape[0] - 1 - step] += half


@njit_cached
def _joined(conductances, steps, corner, seed, height, width):
    """Mark the cells that can be reached from the seed inside the window."""
    joined = np.zeros((height, width), np.bool_)
    waiting = np.empty(height * width, np.int64)
    joined.ravel()[seed] = True
    waiting[0] = seed
    count = 1
    while count > 0:
        count -= 1
        row, place = waiting[count] // width, waiting[count] % width
        for step in range(steps.shape[0]):
            to_row, to_place = row + steps[step, 0], place + steps[step, 1]
            if to_row < 0 or to_row >= height or to_place < 0 or to_place >= width or joined[to_row, to_place]:
                continue
            if conductances[corner[0] + row, corner[1] + place, step] > 0:
                joined[to_row, to_place] = True
                waiting[count] = to_row * width + to_place
                count += 1
    return joined


@njit_cached
def _blocks(conductances, steps, corner, joined, height, width):
    """Return the Laplacian of the joined cells, one of them tied to the ground: blocks of rows, and what couples them.

    Cells that are not joined are rows of the identity. `down[row, place, k]` couples a cell to the one below it and
    k − 1 to the right.
    """
    across = np.zeros((height, width, width))
    down = np.zeros((height, width, 3))
    most, tied = -1.0, 0
    for row in range(height):
        for place in range(width):
            if not joined[row, place]:
                across[row, place, place] = 1.0
                continue
            around = 0.0
            for step in range(steps.shape[0]):
                to_row, to_place = row + steps[step, 0], place + steps[step, 1]
                if to_row < 0 or to_row >= height or to_place < 0 or to_place >= width:
                    continue
                conductance = conductances[corner[0] + row, corner[1] + place, step]
                around += conductance
                if to_row == row:
                    across[row, place, to_place] = -conductance
                elif to_row > row:
                    down[row, place, to_place - place + 1] = -conductance
            across[row, place, place] = around if around > 0 else 1.0
            if around > most:
                most, tied = around, row * width + place
    # The best connected cell: a weak connection would put its own large resistance into every potential.
    across[tied // width, tied % width, tied % width] *= 2.0
    return across, down


@njit_cached
def _eliminate(across, down):
    """Return S⁻¹, T⁻¹ and the diagonal blocks of the inverse."""
    height, width = across.shape[:2]
    above, below, inverse = np.empty_like(across), np.empty_like(across), np.empty_like(across)
    for row in range(height):
        block = across[row].copy()
        if row > 0:
            _add_from_above(block, above[row - 1], down[row - 1], -1.0)
        above[row] = np.linalg.inv(block)
    for row in range(height - 1, -1, -1):
        block = across[row].copy()
        if row < height - 1:
            _add_from_below(block, below[row + 1], down[row], -1.0)
        below[row] = np.linalg.inv(block)
        if row > 0:
            _add_from_above(block, above[row - 1], down[row - 1], -1.0)
        inverse[row] = np.linalg.inv(block)
    return above, below, inverse


@njit_cached
def _add_from_above(block, inner, coupling, sign):
    """Add ± Bᵀ X B, with B from the row above to this one."""
    width = block.shape[0]
    half = np.zeros((width, width))
    for place in range(width):
        for k in range(3):
            to = place + k - 1
            if coupling[place, k] != 0.0:
                half[to] += coupling[place, k] * inner[place]
    for place in range(width):
        for k in range(3):
            to = place + k - 1
            if coupling[place, k] != 0.0:
                for row in range(width):
                    block[row, to] += sign * half[row, place] * coupling[place, k]


@njit_cached
def _add_from_below(block, inner, coupling, sign):
    """Add ± B X Bᵀ, with B from this row to the one below."""
    width = block.shape[0]
    half = np.zeros((width, width))
    for place in range(width):
        for k in range(3):
            if coupling[place, k] != 0.0:
                half[place] += coupling[place, k] * inner[place + k - 1]
    for place in range(width):
        for k in range(3):
            if coupling[place, k] != 0.0:
                for row in range(width):
                    block[row, place] += sign * half[row, place + k - 1] * coupling[place, k]


@njit_cached
def _solve(above, down, raster):
    """Solve A x = b by the elimination from above."""
    height, width = raster.shape
    solution = raster.copy()
    for row in range(1, height):
        before = np.dot(above[row - 1], solution[row - 1])
        for place in range(width):
            for k in range(3):
                if down[row - 1, place, k] != 0.0:
                    solution[row, place + k - 1] -= down[row - 1, place, k] * before[place]
    for row in range(height - 1, -1, -1):
        if row < height - 1:
            for place in range(width):
                for k in range(3):
                    if down[row, place, k] != 0.0:
                        solution[row, place] -= down[row, place, k] * solution[row + 1, place + k - 1]
        solution[row] = np.dot(above[row], solution[row])
    return solution


@njit_cached
def _tangents(down, above, below, inverse, weight):
    """Return M = G diag(g) G: the blocks of its rows, and its entries between each cell and those below."""
    height, width = weight.shape
    inside = np.empty_like(inverse)
    beneath = np.zeros((height, width, 3))
    # U_i is minus the derivative of S_i; that of S_i⁻¹ is S_i⁻¹ U_i S_i⁻¹, and so for T from below.
    upper = np.zeros_like(inverse)
    change = np.empty_like(inverse)
    for row in range(height):
        for place in range(width):
            upper[row, place, place] = weight[row, place]
        if row > 0:
            _add_from_above(upper[row], change[row - 1], down[row - 1], 1.0)
        change[row] = np.dot(np.dot(above[row], upper[row]), above[row])
    lower = np.zeros((width, width))
    for row in range(height - 1, -1, -1):
        block = np.zeros((width, width))
        if row < height - 1:
            _add_from_below(block, lower, down[row], 1.0)
        both = upper[row] + block
        inside[row] = np.dot(np.dot(inverse[row], both), inverse[row])
        if row < height - 1:
            _between(beneath[row], down[row], change[row], inverse[row + 1], -1.0)
            _between(beneath[row], down[row], above[row], inside[row + 1], -1.0)
        for place in range(width):
            block[place, place] += weight[row, place]
        if row > 0:
            lower = np.dot(np.dot(below[row], block), below[row])
    return inside, beneath


@njit_cached
def _between(entries, coupling, left, right, sign):
    """Add the entries of ± X B Y that lie between a cell of a row and the three below it."""
    width = left.shape[0]
    half = np.zeros((width, width))
    for place in range(width):
        for k in range(3):
            if coupling[place, k] != 0.0:
                half[place] += coupling[place, k] * right[place + k - 1]
    columns = np.ascontiguousarray(half.T)
    for place in range(width):
        for k in range(3):
            to = place + k - 1
            if 0 <= to < width:
                entries[place, k] += sign * (left[place] * columns[to]).sum()


@njit_cached
def _missed(across, down, above, inverse, joined):
    """Return by how much the diagonal of A G misses 1, at most."""
    height, width = joined.shape
    beneath = np.zeros((height, width, 3))
    product = np.zeros((height, width))
    for row in range(height):
        for place in range(width):
            product[row, place] = (across[row, place] * inverse[row, place]).sum()
    for row in range(height - 1):
        _between(beneath[row], down[row], above[row], inverse[row + 1], -1.0)
        for place in range(width):
            for k in range(3):
                if down[row, place, k] != 0.0:
                    entry = down[row, place, k] * beneath[row, place, k]
                    product[row, place] += entry
                    product[row + 1, place + k - 1] += entry
    return np.abs(product - 1.0).max()
