"""Currents in many small windows of one raster, each grounded at its target, as loops over cells.

The cells that are joined to the target are numbered row by row, the target left out, and the grounded Laplacian is
factored as L Lᵀ within its envelope: a row of L begins at the first cell that it is joined to, about one row of the
window before itself. In a disc that is narrower above and below its middle, that is half of what a band would hold.
"""

import numpy as np

from ..parallel.numba_jit import njit_cached, njit_reassociating


@njit_cached
def distribute_injection(strengths, there, disc, corner, blank, strength, layers, wanted, limits, counted, feeding):
    """Share out the current of a target among the sources around it.

    Parameters
    ----------
    strengths, there
        Of the tile: how strong a source each cell is, and which cells lie in the raster.
    disc, corner
        Which cells of the window may be sources, and where in the tile it begins.
    blank
        First and last row, first and last column of the tile whose sources do not count.
    strength
        Current of the target, in ampere.
    layers, wanted, limits
        Conditions: a raster each, NaN where unknown; the value at the target; by how much a source may lie below and
        above it.
    counted, feeding
        Filled: which cells share the current, and with how much; those that do not meet the conditions lose theirs.

    Returns
    -------
    float
        Sum of the strengths of all that share.
    """
    height, width = disc.shape
    total = 0.0
    for row in range(height):
        for place in range(width):
            counted[row, place] = False
            feeding[row, place] = 0.0
            at, along = corner[0] + row, corner[1] + place
            if not disc[row, place] or not there[at, along]:
                continue
            if blank[0] <= at <= blank[1] and blank[2] <= along <= blank[3]:
                continue
            if strengths[at, along] > 0:
                counted[row, place] = True
                total += strengths[at, along]
    for row in range(height):
        for place in range(width):
            if not counted[row, place]:
                continue
            at, along = corner[0] + row, corner[1] + place
            meets = True
            for layer in range(layers.shape[0]):
                above = layers[layer, at, along] - wanted[layer]
                if above < limits[layer, 0] or above > limits[layer, 1]:
                    meets = False
            if meets:
                feeding[row, place] = strengths[at, along] * strength / total
    return total


@njit_cached
def label_component(conductances, steps, disc, corner, target, joined, number, cells):
    """Mark the cells of a disc that are joined to the target, and number them row by row, the target left out.

    Parameters
    ----------
    conductances
        Of the tile's edges, (rows, columns, directions).
    steps
        Where each direction leads.
    disc, corner
        Which cells of the window there are, and where in the tile it begins.
    target
        Row and column in the window.
    joined, number, cells
        Filled: which cells are joined; their number, −1 for others and the target; row and column of each number.

    Returns
    -------
    int
        How many are numbered.
    """
    height, width = disc.shape
    joined[:] = False
    number[:] = -1
    joined[target[0], target[1]] = True
    cells[0, 0], cells[0, 1] = target[0], target[1]
    waiting = 1
    while waiting > 0:
        waiting -= 1
        row, place = cells[waiting, 0], cells[waiting, 1]
        for step in range(steps.shape[0]):
            to_row, to_place = row + steps[step, 0], place + steps[step, 1]
            if to_row < 0 or to_row >= height or to_place < 0 or to_place >= width:
                continue
            if not disc[to_row, to_place] or joined[to_row, to_place]:
                continue
            if conductances[corner[0] + row, corner[1] + place, step] > 0:
                joined[to_row, to_place] = True
                cells[waiting, 0], cells[waiting, 1] = to_row, to_place
                waiting += 1
    count = 0
    for row in range(height):
        for place in range(width):
            if joined[row, place] and (row != target[0] or place != target[1]):
                number[row, place] = count
                cells[count, 0], cells[count, 1] = row, place
                count += 1
    return count


@njit_reassociating
def factor(conductances, steps, corner, joined, number, cells, count, first, last, lower, row_of):
    """Factor the grounded Laplacian, row by row within its envelope; False if it is not positive to working precision.

    Parameters
    ----------
    conductances, steps, corner, joined, number, cells, count
        As `label_component` left them.
    first, last
        Filled: first column of each row of L, and last row of each column.
    lower
        Filled: L by columns, `lower[k, d]` that of row k + d; the diagonal inverted.
    row_of
        Room for a row.

    Notes
    -----
    Four columns are taken off a row at a time: each number of the row is then read once for four products.
    """
    height, width = joined.shape
    for i in range(count):
        row, place = cells[i, 0], cells[i, 1]
        earliest = i
        for step in range(steps.shape[0]):
            to_row, to_place = row + steps[step, 0], place + steps[step, 1]
            if 0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]:
                if conductances[corner[0] + row, corner[1] + place, step] > 0:
                    j = number[to_row, to_place]
                    if 0 <= j < earliest:
                        earliest = j
        first[i], last[i] = earliest, i
        last[earliest] = i
    for i in range(1, count):
        # A row that begins early fills those below it.
        last[i] = max(last[i], last[i - 1])
    for i in range(count):
        # Of four columns together the first ones are read as far as the last one goes.
        lower[i, : last[min(i + 3, count - 1)] - i + 1] = 0.0
    for i in range(count):
        row, place = cells[i, 0], cells[i, 1]
        begin = first[i]
        x = row_of[: i - begin + 1]
        x[:] = 0.0
        around = 0.0
        for step in range(steps.shape[0]):
            to_row, to_place = row + steps[step, 0], place + steps[step, 1]
            if 0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]:
                conductance = conductances[corner[0] + row, corner[1] + place, step]
                around += conductance
                j = number[to_row, to_place]
                if 0 <= j < i and conductance > 0:
                    x[j - begin] = -conductance
        left = around
        k = begin
        while k + 4 <= i:
            own = x[k - begin : i - begin]
            own[0] *= lower[k, 0]
            own[1] = (own[1] - own[0] * lower[k, 1]) * lower[k + 1, 0]
            own[2] = (own[2] - own[0] * lower[k, 2] - own[1] * lower[k + 1, 1]) * lower[k + 2, 0]
            own[3] -= own[0] * lower[k, 3] + own[1] * lower[k + 1, 2] + own[2] * lower[k + 2, 1]
            own[3] *= lower[k + 3, 0]
            one, two, three, four = own[0], own[1], own[2], own[3]
            left -= one * one + two * two + three * three + four * four
            for d in range(4):
                lower[k + d, i - k - d] = own[d]
            length = min(i - k, last[k + 3] - k + 1) - 4
            rest = own[4 : 4 + length]
            below, second = lower[k, 4 : 4 + length], lower[k + 1, 3 : 3 + length]
            third, fourth = lower[k + 2, 2 : 2 + length], lower[k + 3, 1 : 1 + length]
            for d in range(length):
                rest[d] -= one * below[d] + two * second[d] + three * third[d] + four * fourth[d]
            k += 4
        while k < i:
            own = x[k - begin : i - begin]
            one = own[0] * lower[k, 0]
            left -= one * one
            lower[k, i - k] = one
            for d in range(1, i - k):
                own[d] -= one * lower[k, d]
            k += 1
        if not left > 0.0:
            return False
        lower[i, 0] = 1.0 / np.sqrt(left)
    return True


@njit_reassociating
def substitute(last, lower, count, vector):
    """Solve L Lᵀ x = b in place."""
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


@njit_cached
def flow(conductances, steps, corner, joined, target, potential, feeding, current):
    """Find the current through every cell.

    Parameters
    ----------
    conductances, steps, corner, joined, target
        As for `label_component`.
    potential, feeding
        Of the cells of the window.
    current
        Filled; 0 where a cell is not joined.

    Returns
    -------
    tuple[float, float]
        Below which a current along an edge is none, and by how much what leaves a cell misses what enters, at most.
    """
    height, width = joined.shape
    largest = 0.0
    for row in range(height):
        for place in range(width):
            if not joined[row, place]:
                continue
            for step in range(steps.shape[0]):
                to_row, to_place = row + steps[step, 0], place + steps[step, 1]
                if 0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]:
                    conductance = conductances[corner[0] + row, corner[1] + place, step]
                    along = abs(conductance * (potential[row, place] - potential[to_row, to_place]))
                    largest = max(largest, along)
    least = 1e-8 * largest
    missed, fed = 0.0, 0.0
    for row in range(height):
        for place in range(width):
            current[row, place] = 0.0
            if not joined[row, place]:
                continue
            grounded = row == target[0] and place == target[1]
            if not grounded:
                fed += feeding[row, place]
            through, leaving = 0.0, 0.0
            for step in range(steps.shape[0]):
                to_row, to_place = row + steps[step, 0], place + steps[step, 1]
                if 0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]:
                    conductance = conductances[corner[0] + row, corner[1] + place, step]
                    along = conductance * (potential[row, place] - potential[to_row, to_place])
                    leaving += along
                    if abs(along) >= least:
                        through += abs(along)
            current[row, place] = 0.5 * (through + (0.0 if grounded else feeding[row, place]))
            if not grounded:
                missed = max(missed, abs(leaving - feeding[row, place]))
    current[target[0], target[1]] += 0.5 * fed
    return least, missed


@njit_cached
def current_cotangent(conductances, steps, corner, joined, potential, least, weights, pulled):
    """Find the derivative of Σ weights · current by the potential of every cell, the currents along edges following."""
    height, width = joined.shape
    pulled[:] = 0.0
    for row in range(height):
        for place in range(width):
            if not joined[row, place]:
                continue
            for step in range(steps.shape[0]):
                to_row, to_place = row + steps[step, 0], place + steps[step, 1]
                if 0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]:
                    conductance = conductances[corner[0] + row, corner[1] + place, step]
                    along = conductance * (potential[row, place] - potential[to_row, to_place])
                    if along != 0.0 and abs(along) >= least:
                        both = 0.5 * (weights[row, place] + weights[to_row, to_place])
                        pulled[row, place] += both * conductance * np.sign(along)


@njit_cached
def conductance_gradient(
    conductances, steps, corner, joined, target, potential, adjoint, least, weights, gradient, by_feeding
):
    """Add the derivative by every conductance, half to each of its directions, and find that by every feeding.

    Parameters
    ----------
    conductances, steps, corner, joined, target, potential, least, weights
        As for `flow` and `current_cotangent`.
    adjoint
        The grounded Laplacian's solution for what `current_cotangent` found.
    gradient
        By the conductances of the tile's edges; added to.
    by_feeding
        Filled; 0 where nothing that is fed reaches the target.
    """
    height, width = joined.shape
    for row in range(height):
        for place in range(width):
            by_feeding[row, place] = 0.0
            if not joined[row, place]:
                continue
            if row != target[0] or place != target[1]:
                own = weights[row, place] + weights[target[0], target[1]]
                by_feeding[row, place] = adjoint[row, place] + 0.5 * own
            for step in range(steps.shape[0]):
                to_row, to_place = row + steps[step, 0], place + steps[step, 1]
                if not (0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]):
                    continue
                conductance = conductances[corner[0] + row, corner[1] + place, step]
                if conductance == 0.0:
                    continue
                fall = potential[row, place] - potential[to_row, to_place]
                slope = -fall * (adjoint[row, place] - adjoint[to_row, to_place])
                if abs(conductance * fall) >= least:
                    slope += 0.5 * abs(fall) * (weights[row, place] + weights[to_row, to_place])
                gradient[corner[0] + row, corner[1] + place, step] += 0.5 * slope


@njit_cached
def strength_gradient(counted, feeding, by_feeding, strengths, corner, total, strength, block, gradient):
    """Add the derivative by every source strength: as a share of the current, and as a part of the target's block.

    Parameters
    ----------
    counted, feeding, total, strength
        As `distribute_injection` left them, and was given.
    by_feeding
        As `conductance_gradient` left it.
    strengths, corner
        As for `distribute_injection`.
    block
        First and last row, first and last column of the tile whose strengths make the target's.
    gradient
        By the strengths of the tile; added to.
    """
    height, width = counted.shape
    mean = 0.0
    for row in range(height):
        for place in range(width):
            mean += by_feeding[row, place] * feeding[row, place]
    for row in range(height):
        for place in range(width):
            if counted[row, place]:
                share = by_feeding[row, place] * strength if feeding[row, place] > 0 else 0.0
                gradient[corner[0] + row, corner[1] + place] += (share - mean) / total
    for at in range(block[0], block[1] + 1):
        for along in range(block[2], block[3] + 1):
            if strengths[at, along] > 0:
                gradient[at, along] += mean / strength
