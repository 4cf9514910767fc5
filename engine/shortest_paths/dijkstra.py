"""Dijkstra's algorithm on a raster, and the way back along the paths that it found, as loops over cells.

The queue is a heap in which every node has four children. Its root stands at position 3, so that the children of a node
stand at a multiple of four, in one line of the processor's cache: what is below position i starts at 4 (i − 2), what is
above it is at i // 4 + 2. Unused positions hold infinity, so that a node always has four children to choose from.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int32, Int64, UInt8

from ..linalg.stencil_matrix import neighbour_offsets
from ..parallel.numba_jit import njit_cached, parallel_starmap

#: Two routes count as equally cheap when they differ by less than this part of their cost: far above the rounding of
#: sums over thousands of steps, far below any difference a raster could mean.
TIE_RTOL = 1e-12

#: Where the heap begins.
ROOT = 3

#: How a cell was arrived at: the number of the step (0 to 7), or one of these.
SOURCE = 32
UNREACHED = 33
#: Added to the step where another way is about as cheap; whether it is a tie is only known in the end.
NEAR_TIE = 64

#: An index that cannot be negative is not looked at twice; in the loop that is run most it matters.
at = np.uint64


class StencilOffsets(NamedTuple):
    """Step d from cell i leads to cell i + offsets[d]; what it costs stands at costs[edge_offsets[d] + i].

    A step over the rim leads to the other side of the raster or before its first or after its last cell. The former
    costs infinity, as any step over the rim does.
    """

    edge_offsets: Int64[np.ndarray, "directions"]
    offsets: Int64[np.ndarray, "directions"]


class ShortestPathForest(NamedTuple):
    """For each search: what it costs to reach a cell, by which step one arrives there, and in which order; −1 fills up.

    A step is a number from 0 on, with `NEAR_TIE` or without, or `SOURCE` or `UNREACHED`.
    """

    distance: Float64[np.ndarray, "searches cells"]
    arrival: UInt8[np.ndarray, "searches cells"]
    order: Int32[np.ndarray, "searches cells"]


def stencil_offsets(shape: tuple[int, int, int], *, reverse: bool, undirected: bool) -> StencilOffsets:
    """Say where steps lead and where in a stack of costs, of shape (stored, rows, columns), their costs stand.

    Parameters
    ----------
    shape
        Of the stack; costs[d, i] is what it costs to leave cell i by step d, infinite where there is no edge.
    reverse
        True to walk every edge backwards.
    undirected
        Only the first half of the steps is stored; each costs the same backwards.
    """
    stored, rows, columns = shape
    directions = 2 * stored if undirected else stored
    offsets = np.array([down * columns + right for down, right in neighbour_offsets(directions)])
    number = np.arange(directions)
    # The step opposite to number d has number directions − 1 − d, and its cost stands with the cell that it leaves.
    backwards = number >= stored if undirected else np.full(directions, reverse)
    opposite = (directions - 1 - number) * (rows * columns) + offsets
    return StencilOffsets(np.where(backwards, opposite, number * (rows * columns)), offsets)


def validate_costs(costs: Float[np.ndarray, "stored rows columns"]) -> Float64[np.ndarray, "edges"]:
    """Return the costs in a row.

    Raises
    ------
    ValueError
        One is negative or not a number.
    """
    flat = costs.reshape(-1).view()
    # For Numba arrays that may not be written to, as JAX's, are of another type, for which it would compile anew.
    flat.flags.writeable = False
    wrong = _wrong(flat)
    if wrong:
        raise ValueError(
            f"{wrong} edges have a negative or undefined cost; the cost "
            "function must be zero or more for every conductance of this landscape"
        )
    return flat


def dijkstra_search(
    costs: Float64[np.ndarray, "edges"],
    steps: StencilOffsets,
    size: int,
    starts: Sequence[tuple[Int[np.ndarray, "_"], Float[np.ndarray, "_"]]],
) -> ShortestPathForest:
    """Search from each of several sets of starts.

    Parameters
    ----------
    costs, steps
        From `validate_costs` and `stencil_offsets`.
    size
        Number of cells.
    starts
        Flat raster indices and what it costs to start there, which stays as it is even where another start is near;
        cells beyond the raster are none, and a cell given twice counts once.
    """
    shape = (len(starts), size)
    ways = ShortestPathForest(np.full(shape, np.inf), np.full(shape, UNREACHED, np.uint8), np.empty(shape, np.int32))
    own = [(np.asarray(cells, np.int64), np.asarray(values, np.float64)) for cells, values in starts]
    parallel_starmap(_search, [(costs, *steps, *start, *way) for start, *way in zip(own, *ways, strict=True)])
    return ways


@njit_cached
def _wrong(costs):
    count = 0
    for cost in costs:
        count += not cost >= 0
    return count


@njit_cached
def _sift_up(keys, cells, places, position, key, cell):
    """Put a cell where it belongs, from a position upwards."""
    while position > ROOT:
        above = (position >> 2) + 2
        if keys[above] <= key:
            break
        keys[position] = keys[above]
        moved = cells[above]
        cells[position] = moved
        places[moved] = position
        position = above
    keys[position] = key
    cells[position] = cell
    places[cell] = position


@njit_cached
def _sift_down(keys, cells, places, end, key, cell):
    """Put a cell where it belongs, from the root downwards."""
    position = ROOT
    while True:
        below = 4 * (position - 2)
        if below >= end:
            break
        # The least of four without a branch that the processor could only guess.
        one = below + np.int64(keys[at(below + 1)] < keys[at(below)])
        other = below + 2 + np.int64(keys[at(below + 3)] < keys[at(below + 2)])
        least = other if keys[at(other)] < keys[at(one)] else one
        if keys[at(least)] >= key:
            break
        keys[at(position)] = keys[at(least)]
        moved = cells[at(least)]
        cells[at(position)] = moved
        places[at(moved)] = position
        position = least
    keys[position] = key
    cells[position] = cell
    places[cell] = position


@njit_cached
def _search(costs, places, offsets, starts, values, distance, arrival, order):
    size, directions = distance.size, offsets.size
    room = 1024
    keys, cells = np.full(room, np.inf), np.empty(room, np.int32)
    # Where in the heap a cell stands; 0 if it has not been there.
    standing = np.zeros(size, np.int32)
    end = ROOT
    for number in range(starts.size):
        cell = starts[number]
        if 0 <= cell < size and arrival[cell] == UNREACHED:
            if end + 4 > room:
                keys, cells, room = _grow(keys, cells)
            distance[cell] = values[number]
            arrival[cell] = SOURCE
            end += 1
            _sift_up(keys, cells, standing, end - 1, values[number], cell)

    better, there, by = np.empty(directions), np.empty(directions, np.int64), np.empty(directions, np.uint8)
    settled = 0
    while end > ROOT:
        cost, here = keys[ROOT], np.int64(cells[ROOT])
        order[settled] = here
        settled += 1
        # First look at all neighbours without a branch, then go to those that are better reached from here: that the
        # processor guesses wrong half of the time would cost more than all the rest.
        found = 0
        for step in range(directions):
            cell = here + offsets[step]
            if np.uint64(cell) < np.uint64(size):
                key, known = cost + costs[places[step] + here], distance[cell]
                if (key > (1 - 2 * TIE_RTOL) * known) & (key < (1 + 2 * TIE_RTOL) * known):
                    arrival[cell] |= NEAR_TIE
                better[found], there[found], by[found] = key, cell, step
                found += np.int64(key < known)
        if end + directions + 4 > room:
            keys, cells, room = _grow(keys, cells)
        # The first newcomer takes the root's place, which saves moving the last of the heap there.
        heir = -1
        for number in range(found):
            key, cell = better[number], there[number]
            how = arrival[cell]
            if how & ~np.uint8(NEAR_TIE) == SOURCE:
                continue
            distance[cell] = key
            arrival[cell] = by[number] | (how & np.uint8(NEAR_TIE))
            position = np.int64(standing[cell])
            if position == 0:
                if heir < 0:
                    heir = number
                    continue
                position = end
                end += 1
            _sift_up(keys, cells, standing, position, key, cell)
        if heir >= 0:
            _sift_down(keys, cells, standing, end, better[heir], there[heir])
        else:
            end -= 1
            key, cell = keys[end], np.int64(cells[end])
            keys[end] = np.inf
            if end > ROOT:
                _sift_down(keys, cells, standing, end, key, cell)
    order[settled:] = -1


@njit_cached
def _grow(keys, cells):
    room = keys.size
    more_keys, more_cells = np.full(2 * room, np.inf), np.empty(2 * room, np.int32)
    # One by one: a slice takes Numba two seconds more to compile.
    for n in range(room):
        more_keys[n], more_cells[n] = keys[n], cells[n]
    return more_keys, more_cells, 2 * room


@njit_cached
def mark_ties(costs, places, offsets, distance, arrival):
    """Replace how one arrives at a cell by all steps by which a cheapest path does: bit d is set for step d."""
    for cell in range(arrival.size):
        how = arrival[cell]
        step = how & ~np.uint8(NEAR_TIE)
        if step >= SOURCE:
            arrival[cell] = 0
            continue
        bits = 1 << step
        if how & NEAR_TIE:
            farther = distance[cell]
            for other in range(offsets.size):
                before = cell - offsets[other]
                if np.uint64(before) < np.uint64(arrival.size):
                    nearer, price = distance[before], costs[places[other] + before]
                    slack = abs(nearer + price - farther)
                    # The order by cost must be strict, and the tie not an artefact of a step cheaper than the
                    # tolerance.
                    if slack <= TIE_RTOL * farther and nearer < farther and slack <= 1e-3 * price:
                        bits |= 1 << other
        arrival[cell] = bits


@njit_cached
def backpropagate(places, offsets, tied, order, pull, gradient):
    """Let what every cell pulls run back along its cheapest paths, and add what crosses an edge to its gradient.

    Parameters
    ----------
    places, offsets
        As in `StencilOffsets`.
    tied
        From `mark_ties`; the steps of a cell share its flow evenly.
    order
        From `ShortestPathForest`.
    pull
        A number for every cell; what is not finite counts as 0.
    gradient
        Laid out as the costs, changed in place.
    """
    through = np.empty(pull.size)
    for cell in range(pull.size):
        through[cell] = pull[cell] if np.isfinite(pull[cell]) else 0.0
    last = order.size - 1
    while last >= 0 and order[last] < 0:
        last -= 1
    for number in range(last, -1, -1):
        cell = np.int64(order[number])
        bits, flow = np.int64(tied[cell]), through[cell]
        if bits == 0 or flow == 0:
            continue
        if bits & (bits - 1):
            count = 0
            for step in range(offsets.size):
                count += bits >> step & 1
            flow /= count
        for step in range(offsets.size):
            if bits >> step & 1:
                before = cell - offsets[step]
                through[before] += flow
                gradient[places[step] + before] += flow


@njit_cached
def trace_sources(offsets, arrival, order, starts, allocation, previous):
    """Write down for every cell which of the starts it belongs to, and the cell before it; −1 where there is none."""
    allocation[:] = -1
    previous[:] = -1
    for number in range(starts.size - 1, -1, -1):
        if 0 <= starts[number] < allocation.size:
            allocation[starts[number]] = number
    for cell in order:
        if cell < 0:
            break
        step = arrival[cell] & ~np.uint8(NEAR_TIE)
        if step < SOURCE:
            previous[cell] = cell - offsets[step]
            allocation[cell] = allocation[previous[cell]]


@njit_cached
def backtrace(offsets, arrival, cell):
    """Return the cells from one to where the search that reached it started, both included."""
    count, here = 1, cell
    while arrival[here] & ~np.uint8(NEAR_TIE) < SOURCE:
        here -= offsets[arrival[here] & ~np.uint8(NEAR_TIE)]
        count += 1
    way = np.empty(count, np.int64)
    here = cell
    for number in range(count - 1):
        way[number] = here
        here -= offsets[arrival[here] & ~np.uint8(NEAR_TIE)]
    way[count - 1] = here
    return way
