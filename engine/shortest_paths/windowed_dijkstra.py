"""Dijkstra's algorithm in many small windows of one raster.

The binary heap is not shared with `dijkstra`. A compiled kernel may call kernels of its own file only (see
`parallel.numba_jit`), and the indexed heap there, which lowers a key in place, settles cells of equal cost in another
order; here a cell is inserted again at the lower cost and skipped the second time.
"""

import numpy as np

from ..parallel import njit_cached
from .dijkstra import TIE_RTOL, TIE_STEP_RTOL


@njit_cached
def search_windows(costs, steps, corners, sources, first, last, distance, last_steps, order):
    """Find the least cost from a source to every cell in windows first … last − 1.

    Parameters
    ----------
    costs
        Cost of each step from each cell of the raster, of shape (rows, columns, directions); infinite where there is
        no edge.
    steps
        (rows, columns) of each direction.
    corners
        Row and column of the upper left corner of each window.
    sources
        Flat index of the source in each window (row · columns + column); −1 for a window without one.
    distance, last_steps, order
        Results, of shape (windows, rows, columns): least costs; bit masks in which bit d is set if a shortest path to
        the cell ends with a step in direction d; flat indices in the order in which cells are settled, followed by −1.
    """
    height, width = distance.shape[1:]
    size = height * width
    directions = steps.shape[0]
    keys = np.empty(directions * size + 1)
    cells = np.empty(directions * size + 1, np.int32)
    settled = np.empty(size, np.bool_)
    for window in range(first, last):
        window_distance, window_steps = distance[window].ravel(), last_steps[window].ravel()
        window_order = order[window].ravel()
        window_distance[:] = np.inf
        window_steps[:] = 0
        window_order[:] = -1
        if sources[window] < 0:
            continue
        settled[:] = False
        top, left = corners[window, 0], corners[window, 1]
        window_distance[sources[window]] = 0.0
        keys[0], cells[0] = 0.0, sources[window]
        heap_size = 1
        n_settled = 0
        while heap_size > 0:
            cost, cell = keys[0], cells[0]
            heap_size -= 1
            _sift_down(keys, cells, heap_size, keys[heap_size], cells[heap_size])
            if settled[cell]:
                continue
            settled[cell] = True
            window_order[n_settled] = cell
            n_settled += 1
            row, column = cell // width, cell % width
            for step in range(directions):
                down, right = row + steps[step, 0], column + steps[step, 1]
                if down < 0 or down >= height or right < 0 or right >= width:
                    continue
                neighbour = down * width + right
                if settled[neighbour]:
                    continue
                step_cost = costs[top + row, left + column, step]
                new_cost, known = cost + step_cost, window_distance[neighbour]
                if step_cost > 0 and abs(new_cost - known) <= min(TIE_RTOL * known, TIE_STEP_RTOL * step_cost):
                    window_steps[neighbour] |= np.uint8(1 << step)
                elif new_cost < known:
                    window_steps[neighbour] = np.uint8(1 << step)
                if new_cost < known:
                    window_distance[neighbour] = new_cost
                    _sift_up(keys, cells, heap_size, new_cost, neighbour)
                    heap_size += 1


@njit_cached
def backpropagate_windows(steps, corners, last_steps, order, cotangent, first, last, gradient):
    """Propagate cotangents back along the shortest paths of each window; add them to the gradient of the costs.

    Parameters
    ----------
    steps, corners, first, last
        As for `search_windows`.
    last_steps, order
        Its results.
    cotangent
        Of the distances, of shape (windows, rows, columns).
    gradient
        Derivative with respect to the costs, in their layout; changed in place.

    Notes
    -----
    The cotangent of a cell is split evenly among its last steps, as in `least_costs`.
    """
    height, width = cotangent.shape[1:]
    directions = steps.shape[0]
    accumulated = np.empty(height * width)
    for window in range(first, last):
        window_steps, window_order = last_steps[window].ravel(), order[window].ravel()
        top, left = corners[window, 0], corners[window, 1]
        accumulated[:] = cotangent[window].ravel()
        for number in range(window_order.size - 1, -1, -1):
            cell = window_order[number]
            if cell < 0 or window_steps[cell] == 0 or accumulated[cell] == 0.0:
                continue
            row, column = cell // width, cell % width
            count = 0
            for step in range(directions):
                count += (window_steps[cell] >> step) & 1
            flow = accumulated[cell] / count
            for step in range(directions):
                if (window_steps[cell] >> step) & 1:
                    previous_row, previous_column = row - steps[step, 0], column - steps[step, 1]
                    gradient[top + previous_row, left + previous_column, step] += flow
                    accumulated[previous_row * width + previous_column] += flow


@njit_cached
def _sift_up(keys, cells, position, key, cell):
    while position > 0:
        parent = (position - 1) >> 1
        if keys[parent] <= key:
            break
        keys[position], cells[position] = keys[parent], cells[parent]
        position = parent
    keys[position], cells[position] = key, cell


@njit_cached
def _sift_down(keys, cells, size, key, cell):
    position = 0
    while True:
        child = 2 * position + 1
        if child >= size:
            break
        if child + 1 < size and keys[child + 1] < keys[child]:
            child += 1
        if key <= keys[child]:
            break
        keys[position], cells[position] = keys[child], cells[child]
        position = child
    keys[position], cells[position] = key, cell
