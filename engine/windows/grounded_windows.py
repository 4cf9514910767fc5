"""Currents in many small windows of one raster, each grounded at its target, as loops over cells.

The cells that are joined to the target are numbered row by row, the target left out, and the grounded Laplacian is
factored as L Lᵀ within its envelope: a row of L begins at the first cell that it is joined to, about one row of the
window before itself. In a disc that is narrower above and below its middle, that is half of what a band would hold.
"""

import numpy as np

from ..compiled import compiled, compiled_sums


@compiled
def feed(strengths, there, disc, corner, blank, strength, layers, wanted, limits, counted, feeding):
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


@compiled
def join(conductances, steps, disc, corner, target, joined, number, cells):
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


@compiled_sums
def factor(conductances, steps, corner, joined, number, cells, count, first, start, lower):
    """Factor the grounded Laplacian within its envelope; False if it is not positive to working precision.

    Parameters
    ----------
    conductances, steps, corner, joined, number, cells, count
        As `join` left them.
    first, start, lower
        Filled: first column of each row of L, where the row begins, and its entries, the diagonal inverted.
    """
    height, width = joined.shape
    place_of_row = 0
    for i in range(count):
        row, place = cells[i, 0], cells[i, 1]
        at, along = corner[0] + row, corner[1] + place
        earliest = i
        for step in range(steps.shape[0]):
            to_row, to_place = row + steps[step, 0], place + steps[step, 1]
            if 0 <= to_row < height and 0 <= to_place < width and conductances[at, along, step] > 0:
                j = number[to_row, to_place]
                if 0 <= j < earliest:
                    earliest = j
        first[i], start[i] = earliest, place_of_row
        lower[place_of_row : place_of_row + i - earliest + 1] = 0.0
        around = 0.0
        for step in range(steps.shape[0]):
            to_row, to_place = row + steps[step, 0], place + steps[step, 1]
            if 0 <= to_row < height and 0 <= to_place < width and joined[to_row, to_place]:
                conductance = conductances[at, along, step]
                around += conductance
                j = number[to_row, to_place]
                if 0 <= j < i and conductance > 0:
                    lower[place_of_row + j - earliest] = -conductance
        own = place_of_row - earliest
        left = around
        for j in range(earliest, i):
            begin = max(earliest, first[j])
            mine, other = own + begin, start[j] - first[j] + begin
            inner = 0.0
            for k in range(j - begin):
                inner += lower[mine + k] * lower[other + k]
            entry = (lower[own + j] - inner) * lower[start[j] - first[j] + j]
            lower[own + j] = entry
            left -= entry * entry
        if not left > 0.0:
            return False
        lower[own + i] = 1.0 / np.sqrt(left)
        place_of_row += i - earliest + 1
    return True


@compiled_sums
def substitute(first, start, lower, count, vector):
    """Solve L Lᵀ x = b in place."""
    for i in range(count):
        own, begin = start[i], first[i]
        inner = 0.0
        for k in range(i - begin):
            inner += lower[own + k] * vector[begin + k]
        vector[i] = (vector[i] - inner) * lower[own + i - begin]
    for i in range(count - 1, -1, -1):
        own, begin = start[i], first[i]
        vector[i] *= lower[own + i - begin]
        value = vector[i]
        for k in range(i - begin):
            vector[begin + k] -= lower[own + k] * value


@compiled
def flow(conductances, steps, corner, joined, target, potential, feeding, current):
    """Find the current through every cell.

    Parameters
    ----------
    conductances, steps, corner, joined, target
        As for `join`.
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


@compiled
def pull(conductances, steps, corner, joined, potential, least, weights, pulled):
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


@compiled
def slopes(conductances, steps, corner, joined, target, potential, adjoint, least, weights, gradient, by_feeding):
    """Add the derivative by every conductance, half to each of its directions, and find that by every feeding.

    Parameters
    ----------
    conductances, steps, corner, joined, target, potential, least, weights
        As for `flow` and `pull`.
    adjoint
        The grounded Laplacian's solution for what `pull` found.
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


@compiled
def slopes_of_strengths(counted, feeding, by_feeding, strengths, corner, total, strength, block, gradient):
    """Add the derivative by every source strength: as a share of the current, and as a part of the target's block.

    Parameters
    ----------
    counted, feeding, total, strength
        As `feed` left them, and was given.
    by_feeding
        As `slopes` left it.
    strengths, corner
        As for `feed`.
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


@compiled
def envelope(disc):
    """Return how many entries the factor of a window has at most, whichever of its cells are joined."""
    height, width = disc.shape
    entries, before = 0, 0
    for row in range(height):
        count = 0
        for place in range(width):
            if disc[row, place]:
                count += 1
        # A cell's first neighbour stands one row above and one place to the left.
        entries += count * (max(before, count) + 3)
        before = count
    return entries
