"""Dijkstra's algorithm on a raster, and what follows the paths that it finds: ties, gradients, allocation, backtraces.

The priority queue is an indexed heap with four children to a node. Its root is at position 3, so that siblings start at
a multiple of four and share a cache line: the children of position i start at 4 (i − 2), and its parent is at
i // 4 + 2. Unused positions hold infinity, so that every node has four children to compare.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int, Int32, Int64, UInt8

from ..counts import count_of
from ..linalg import neighbour_offsets
from ..parallel import njit_cached, parallel_starmap

#: Relative difference below which two paths count as equally cheap: far above the rounding of sums over thousands of
#: steps, far below any difference that a raster could express.
TIE_RTOL = 1e-12

#: A tie must also be narrower than this fraction of the step's own cost. Otherwise a step that costs less than the
#: tolerance would make a tie of its own.
TIE_STEP_RTOL = 1e-3

#: Position of the heap's root.
ROOT = 3

#: Initial capacity of the heap.
HEAP_CAPACITY = 1024

#: The last step to a cell is the number of its direction (0 to 7), or one of these.
SOURCE = 32
UNREACHED = 33
#: Flag added to the last step of a cell that another path reaches at about the same cost. Whether that is a tie can be
#: decided only when the costs of both predecessors are final.
NEAR_TIE = 64

#: An unsigned index needs no test for negative values, which Numba would add in the innermost loop.
at = np.uint64


class StencilOffsets(NamedTuple):
    """Where steps lead in a flat raster, and where their costs are in a flat array of edge costs.

    The step in direction d from cell i leads to cell i + cell_offsets[d] and costs costs[edge_offsets[d] + i]. A step
    across the boundary of the raster leads to its opposite side, or to an index out of range. The former must have an
    infinite cost.
    """

    edge_offsets: Int64[np.ndarray, " directions"]
    cell_offsets: Int64[np.ndarray, " directions"]


class ShortestPathForest(NamedTuple):
    """Shortest paths of several searches.

    Attributes
    ----------
    distance
        Least accumulated cost of every cell; infinite where it is not reached.
    last_step
        Direction of the last step to a cell, with or without `NEAR_TIE`; `SOURCE` or `UNREACHED`.
    order
        Cells in the order in which they are settled, followed by −1.
    """

    distance: Float64[np.ndarray, "searches cells"]
    last_step: UInt8[np.ndarray, "searches cells"]
    order: Int32[np.ndarray, "searches cells"]


def dijkstra_search(
    costs: Float64[np.ndarray, " edges"],
    offsets: StencilOffsets,
    size: int,
    sources: Sequence[tuple[Int[np.ndarray, " _"], Float[np.ndarray, " _"]]],
) -> ShortestPathForest:
    """Search from each of several sets of sources, in parallel.

    Parameters
    ----------
    costs, offsets
        From `validate_costs` and `stencil_offsets`.
    size
        Number of cells.
    sources
        For each search flat raster indices and their initial costs. The cost of a source is fixed, even where another
        source is near. Indices beyond the raster are ignored, and so are repetitions.

    References
    ----------
    Dijkstra, E. W. (1959). A note on two problems in connexion with graphs. Numerische Mathematik 1, 269–271.

    Examples
    --------
    >>> costs = np.array([[[np.inf, np.inf]], [[np.inf, 2.0]], [[2.0, np.inf]], [[np.inf, np.inf]]])
    >>> offsets = stencil_offsets(costs.shape, reverse=False, undirected=False)
    >>> forest = dijkstra_search(validate_costs(costs), offsets, 2, [(np.array([0]), np.zeros(1))])
    >>> forest.distance, forest.order
    (array([[0., 2.]]), array([[0, 1]], dtype=int32))
    """
    shape = (len(sources), size)
    forest = ShortestPathForest(np.full(shape, np.inf), np.full(shape, UNREACHED, np.uint8), np.empty(shape, np.int32))
    starts = [(np.asarray(cells, np.int64), np.asarray(values, np.float64)) for cells, values in sources]
    parallel_starmap(_search, [(costs, *offsets, *start, *tree) for start, *tree in zip(starts, *forest, strict=True)])
    return forest


def stencil_offsets(shape: tuple[int, int, int], *, reverse: bool, undirected: bool) -> StencilOffsets:
    """Return where the steps lead, and where their costs are in a raster of edge costs.

    Parameters
    ----------
    shape
        Of the costs, (stored, rows, columns): costs[d, i] is the cost of leaving cell i in direction d, infinite where
        there is no edge.
    reverse
        True to follow every edge backwards.
    undirected
        Only the first half of the directions is stored; each edge costs the same in both directions.
    """
    stored, rows, columns = shape
    directions = 2 * stored if undirected else stored
    cell_offsets = np.array([down * columns + right for down, right in neighbour_offsets(directions)])
    direction = np.arange(directions)
    # The direction opposite to d is directions − 1 − d; its cost is stored with the cell that the step leads to.
    backward = direction >= stored if undirected else np.full(directions, reverse)
    opposite = (directions - 1 - direction) * (rows * columns) + cell_offsets
    return StencilOffsets(np.where(backward, opposite, direction * (rows * columns)), cell_offsets)


def validate_costs(costs: Float[np.ndarray, "stored rows columns"]) -> Float64[np.ndarray, " edges"]:
    """Return the edge costs as a flat array.

    Raises
    ------
    ValueError
        A cost is negative or NaN.
    """
    flat = costs.reshape(-1).view()
    # Read-only arrays, such as JAX's, are another type to Numba. All are made read-only, or it would compile twice.
    flat.flags.writeable = False
    invalid = _count_invalid(flat)
    if invalid:
        raise ValueError(
            f"{count_of(invalid, 'edge has', 'edges have')} a negative or undefined cost; the cost "
            "function must be zero or more for every conductance of this landscape"
        )
    return flat


@njit_cached
def _count_invalid(costs):
    count = 0
    for cost in costs:
        count += not cost >= 0
    return count


@njit_cached
def _sift_up(keys, cells, positions, position, key, cell):
    """Insert a cell into the heap, from a position upwards."""
    while position > ROOT:
        parent = (position >> 2) + 2
        if keys[parent] <= key:
            break
        keys[position] = keys[parent]
        moved = cells[parent]
        cells[position] = moved
        positions[moved] = position
        position = parent
    keys[position] = key
    cells[position] = cell
    positions[cell] = position


@njit_cached
def _sift_down(keys, cells, positions, end, key, cell):
    """Insert a cell into the heap, from the root downwards."""
    position = ROOT
    while True:
        child = 4 * (position - 2)
        if child >= end:
            break
        # The least of four children, without branches that the processor would mispredict.
        first = child + np.int64(keys[at(child + 1)] < keys[at(child)])
        second = child + 2 + np.int64(keys[at(child + 3)] < keys[at(child + 2)])
        least = second if keys[at(second)] < keys[at(first)] else first
        if keys[at(least)] >= key:
            break
        keys[at(position)] = keys[at(least)]
        moved = cells[at(least)]
        cells[at(position)] = moved
        positions[at(moved)] = position
        position = least
    keys[position] = key
    cells[position] = cell
    positions[cell] = position


@njit_cached
def _search(costs, edge_offsets, cell_offsets, sources, source_costs, distance, last_step, order):
    """Search from one set of sources; `distance` holds infinity and `last_step` UNREACHED before."""
    size, directions = distance.size, cell_offsets.size
    capacity = HEAP_CAPACITY
    keys, cells = np.full(capacity, np.inf), np.empty(capacity, np.int32)
    # Position of each cell in the heap; 0 before it is inserted.
    positions = np.zeros(size, np.int32)
    end = ROOT
    for number in range(sources.size):
        cell = sources[number]
        if 0 <= cell < size and last_step[cell] == UNREACHED:
            if end + 4 > capacity:
                keys, cells, capacity = _grow(keys, cells)
            distance[cell] = source_costs[number]
            last_step[cell] = SOURCE
            end += 1
            _sift_up(keys, cells, positions, end - 1, source_costs[number], cell)

    new_costs, new_cells = np.empty(directions), np.empty(directions, np.int64)
    new_steps = np.empty(directions, np.uint8)
    settled = 0
    while end > ROOT:
        cost, here = keys[ROOT], np.int64(cells[ROOT])
        order[settled] = here
        settled += 1
        # The first loop compares all neighbours without a branch, the second updates those that are reached at a lower
        # cost. Branches in the first would be mispredicted half of the time, and cost more than all the rest.
        improved = 0
        for step in range(directions):
            cell = here + cell_offsets[step]
            if np.uint64(cell) < np.uint64(size):
                key, known = cost + costs[edge_offsets[step] + here], distance[cell]
                if (key > (1 - 2 * TIE_RTOL) * known) & (key < (1 + 2 * TIE_RTOL) * known):
                    last_step[cell] |= NEAR_TIE
                new_costs[improved], new_cells[improved], new_steps[improved] = key, cell, step
                improved += np.int64(key < known)
        if end + directions + 4 > capacity:
            keys, cells, capacity = _grow(keys, cells)
        # The first new cell replaces the root, so that the last one of the heap need not be moved there.
        replacement = -1
        for number in range(improved):
            key, cell = new_costs[number], new_cells[number]
            code = last_step[cell]
            if code & ~np.uint8(NEAR_TIE) == SOURCE:
                continue
            distance[cell] = key
            last_step[cell] = new_steps[number] | (code & np.uint8(NEAR_TIE))
            position = np.int64(positions[cell])
            if position == 0:
                if replacement < 0:
                    replacement = number
                    continue
                position = end
                end += 1
            _sift_up(keys, cells, positions, position, key, cell)
        if replacement >= 0:
            _sift_down(keys, cells, positions, end, new_costs[replacement], new_cells[replacement])
        else:
            end -= 1
            key, cell = keys[end], np.int64(cells[end])
            keys[end] = np.inf
            if end > ROOT:
                _sift_down(keys, cells, positions, end, key, cell)
    order[settled:] = -1


@njit_cached
def _grow(keys, cells):
    """Double the capacity of the heap."""
    capacity = keys.size
    new_keys, new_cells = np.full(2 * capacity, np.inf), np.empty(2 * capacity, np.int32)
    # Copied in a loop: a slice takes Numba two seconds more to compile.
    for n in range(capacity):
        new_keys[n], new_cells[n] = keys[n], cells[n]
    return new_keys, new_cells, 2 * capacity


@njit_cached
def mark_ties(costs, edge_offsets, cell_offsets, distance, last_step):
    """Replace the last step to each cell by a bit mask, with bit d set if a shortest path ends in direction d."""
    for cell in range(last_step.size):
        code = last_step[cell]
        step = code & ~np.uint8(NEAR_TIE)
        if step >= SOURCE:
            last_step[cell] = 0
            continue
        bits = 1 << step
        if code & NEAR_TIE:
            total = distance[cell]
            for other in range(cell_offsets.size):
                previous = cell - cell_offsets[other]
                if np.uint64(previous) < np.uint64(last_step.size):
                    nearer, cost = distance[previous], costs[edge_offsets[other] + previous]
                    slack = abs(nearer + cost - total)
                    # A predecessor must be strictly nearer, so that the order by distance has no cycles.
                    if slack <= TIE_RTOL * total and nearer < total and slack <= TIE_STEP_RTOL * cost:
                        bits |= 1 << other
        last_step[cell] = bits


@njit_cached
def backpropagate(edge_offsets, cell_offsets, last_steps, order, cotangent, gradient):
    """Propagate cotangents of the distances back along the shortest paths, and add them to the gradient of the costs.

    Parameters
    ----------
    edge_offsets, cell_offsets
        As in `StencilOffsets`.
    last_steps
        Bit masks from `mark_ties`; the cotangent of a cell is split evenly among its last steps.
    order
        From `ShortestPathForest`.
    cotangent
        Of the distance of every cell; what is not finite counts as 0.
    gradient
        Derivative with respect to the costs, in their layout; changed in place.
    """
    accumulated = np.empty(cotangent.size)
    for cell in range(cotangent.size):
        accumulated[cell] = cotangent[cell] if np.isfinite(cotangent[cell]) else 0.0
    last = order.size - 1
    while last >= 0 and order[last] < 0:
        last -= 1
    for number in range(last, -1, -1):
        cell = np.int64(order[number])
        bits, flow = np.int64(last_steps[cell]), accumulated[cell]
        if bits == 0 or flow == 0:
            continue
        if bits & (bits - 1):
            count = 0
            for step in range(cell_offsets.size):
                count += bits >> step & 1
            flow /= count
        for step in range(cell_offsets.size):
            if bits >> step & 1:
                previous = cell - cell_offsets[step]
                accumulated[previous] += flow
                gradient[edge_offsets[step] + previous] += flow


@njit_cached
def trace_sources(cell_offsets, last_step, order, sources, allocation, predecessor):
    """Compute the number of the source of each cell's path, and the cell before it; −1 where there is none."""
    allocation[:] = -1
    predecessor[:] = -1
    for number in range(sources.size - 1, -1, -1):
        if 0 <= sources[number] < allocation.size:
            allocation[sources[number]] = number
    for cell in order:
        if cell < 0:
            break
        step = last_step[cell] & ~np.uint8(NEAR_TIE)
        if step < SOURCE:
            predecessor[cell] = cell - cell_offsets[step]
            allocation[cell] = allocation[predecessor[cell]]


@njit_cached
def backtrace(cell_offsets, last_step, cell):
    """Return the cells of the shortest path from a cell back to its source, both included."""
    count, here = 1, cell
    while last_step[here] & ~np.uint8(NEAR_TIE) < SOURCE:
        here -= cell_offsets[last_step[here] & ~np.uint8(NEAR_TIE)]
        count += 1
    path = np.empty(count, np.int64)
    here = cell
    for number in range(count - 1):
        path[number] = here
        here -= cell_offsets[last_step[here] & ~np.uint8(NEAR_TIE)]
    path[count - 1] = here
    return path
