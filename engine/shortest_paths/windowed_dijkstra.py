"""Dijkstra's algorithm in many small windows of one raster, compiled for the processor."""

import numpy as np

from ..parallel.numba_jit import njit_cached
from .dijkstra import TIE_RTOL


@njit_cached
def search(costs, steps, corners, seeds, first, last, distance, ways, order):
    """Find the least cost from a seed to every cell, in the windows numbered from `first` to below `last`.

    Parameters
    ----------
    costs
        Cost of each step from each cell of the raster, of shape (rows, columns, directions); infinite where there is
        no edge.
    steps
        (rows, columns) of each direction.
    corners
        Row and column at which each window begins.
    seeds
        Place of the seed in each window (row · columns + column); −1 for a window without any.
    distance, ways, order
        What is found, of shape (windows, rows, columns): least costs; bit k set where a cheapest way ends with step k;
        places by rising cost, −1 after the last.
    """
    height, width = distance.shape[1:]
    size = height * width
    directions = steps.shape[0]
    heap_cost = np.empty(directions * size + 1)
    heap_place = np.empty(directions * size + 1, np.int32)
    settled = np.empty(size, np.bool_)
    for window in range(first, last):
        costs_to, last_steps, in_order = distance[window].ravel(), ways[window].ravel(), order[window].ravel()
        costs_to[:] = np.inf
        last_steps[:] = 0
        in_order[:] = -1
        if seeds[window] < 0:
            continue
        settled[:] = False
        top, left = corners[window, 0], corners[window, 1]
        costs_to[seeds[window]] = 0.0
        heap_cost[0], heap_place[0] = 0.0, seeds[window]
        waiting = 1
        found = 0
        while waiting > 0:
            cost, place = heap_cost[0], heap_place[0]
            waiting -= 1
            _sift_down(heap_cost, heap_place, waiting, heap_cost[waiting], heap_place[waiting])
            if settled[place]:
                continue
            settled[place] = True
            in_order[found] = place
            found += 1
            row, column = place // width, place % width
            for step in range(directions):
                down, right = row + steps[step, 0], column + steps[step, 1]
                if down < 0 or down >= height or right < 0 or right >= width:
                    continue
                there = down * width + right
                if settled[there]:
                    continue
                price = costs[top + row, left + column, step]
                further, known = cost + price, costs_to[there]
                # Two ways are equally cheap if they differ by rounding, and not because the step costs less than that.
                if price > 0 and abs(further - known) <= min(TIE_RTOL * known, 1e-3 * price):
                    last_steps[there] |= np.uint8(1 << step)
                elif further < known:
                    last_steps[there] = np.uint8(1 << step)
                if further < known:
                    costs_to[there] = further
                    _sift_up(heap_cost, heap_place, waiting, further, there)
                    waiting += 1


@njit_cached
def flow_back(steps, corners, ways, order, pull, first, last, gradient):
    """Let what pulls at every cell run back along the cheapest paths; add what crosses each edge to the gradient.

    Parameters
    ----------
    steps, corners, first, last
        As for `search`.
    ways, order
        What it found.
    pull
        The derivative by each distance, of shape (windows, rows, columns).
    gradient
        The derivative by each cost, of the shape of `costs`, added to.

    Notes
    -----
    Equally cheap ways share evenly, as in `least_costs`.
    """
    height, width = pull.shape[1:]
    directions = steps.shape[0]
    through = np.empty(height * width)
    for window in range(first, last):
        last_steps, in_order = ways[window].ravel(), order[window].ravel()
        top, left = corners[window, 0], corners[window, 1]
        through[:] = pull[window].ravel()
        for number in range(in_order.size - 1, -1, -1):
            place = in_order[number]
            if place < 0 or last_steps[place] == 0 or through[place] == 0.0:
                continue
            row, column = place // width, place % width
            count = 0
            for step in range(directions):
                count += (last_steps[place] >> step) & 1
            share = through[place] / count
            for step in range(directions):
                if (last_steps[place] >> step) & 1:
                    up, back = row - steps[step, 0], column - steps[step, 1]
                    gradient[top + up, left + back, step] += share
                    through[up * width + back] += share


@njit_cached
def _sift_up(heap_cost, heap_place, hole, cost, place):
    while hole > 0:
        parent = (hole - 1) >> 1
        if heap_cost[parent] <= cost:
            break
        heap_cost[hole], heap_place[hole] = heap_cost[parent], heap_place[parent]
        hole = parent
    heap_cost[hole], heap_place[hole] = cost, place


@njit_cached
def _sift_down(heap_cost, heap_place, size, cost, place):
    hole = 0
    while True:
        child = 2 * hole + 1
        if child >= size:
            break
        if child + 1 < size and heap_cost[child + 1] < heap_cost[child]:
            child += 1
        if cost <= heap_cost[child]:
            break
        heap_cost[hole], heap_place[hole] = heap_cost[child], heap_place[child]
        hole = child
    heap_cost[hole], heap_place[hole] = cost, place
