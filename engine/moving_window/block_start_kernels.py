"""CPU kernel of paths that start in every cell of a block and continue along the least-cost paths of its centre."""

import math

import numpy as np

from ..parallel import njit_cached


@njit_cached
def near_cells(steps, last_steps, order, local_corner, local_shape, near):
    """Mark the cells around a block that least-cost paths from its centre reach without leaving those surroundings.

    Parameters
    ----------
    steps
        (rows, columns) of each direction.
    last_steps, order
        Results of `search_windows` from the centre of the block, for one window.
    local_corner, local_shape
        First row and column of the surroundings in the window; their rows and columns.
    near
        Result, of the window's shape; False on entry.
    """
    width = near.shape[1]
    window_steps, window_order, is_near = last_steps.ravel(), order.ravel(), near.ravel()
    for number in range(window_order.size):
        cell = window_order[number]
        if cell < 0:
            break
        row, column = cell // width, cell % width
        top, left = row - local_corner[0], column - local_corner[1]
        if top < 0 or top >= local_shape[0] or left < 0 or left >= local_shape[1]:
            continue
        if number == 0:
            is_near[cell] = True
            continue
        for step in range(steps.shape[0]):
            if (window_steps[cell] >> step) & 1:
                is_near[cell] |= is_near[(row - steps[step, 0]) * width + column - steps[step, 1]]


@njit_cached
def add_local_inflow(local_distance, start_quality, alpha, local_corner, near, inflow):
    """Add Σ_s q_s exp(−d_sj / α) to every near cell j.

    Parameters
    ----------
    local_distance
        Distances in the surroundings from each start, (starts, rows, columns).
    start_quality
        Quality q_s of each start.
    alpha
        Dispersal distance.
    local_corner
        First row and column of the surroundings in the window.
    near
        Cells as marked by `near_cells`.
    inflow
        Result, of the window's shape; changed in place.
    """
    _, rows, columns = local_distance.shape
    for start in range(start_quality.size):
        if start_quality[start] == 0.0:
            continue
        for row in range(rows):
            for column in range(columns):
                cell = (row + local_corner[0], column + local_corner[1])
                if near[cell] and local_distance[start, row, column] < np.inf:
                    inflow[cell] += start_quality[start] * math.exp(-local_distance[start, row, column] / alpha)


@njit_cached
def continue_from_surroundings(
    steps, corner, distance, last_steps, order, near, quality, alpha, inflow, adjoint, cost_gradient
):
    """Continue from the near cells along the least-cost paths from the centre, and back; return Σ_j q_j A_j.

    Parameters
    ----------
    steps
        (rows, columns) of each direction.
    corner
        Row and column of the raster at which the window begins.
    distance, last_steps, order
        Results of `search_windows` from the centre of the block, for one window.
    near
        Cells as marked by `near_cells`.
    quality
        Quality of the window's cells.
    alpha
        Dispersal distance.
    inflow
        A_j, given in the near cells; set in the others.
    adjoint
        Derivative of the result with respect to A_j; set to `quality` on entry.
    cost_gradient
        Derivative with respect to the costs of the raster, (rows, columns, directions); changed in place.

    Notes
    -----
    A_j of a cell that is not near is the mean over its predecessors p of A_p exp(−(D_j − D_p) / α), with D the
    distances from the centre. The weight of p is its proportion of the least-cost paths from the centre to j. Split
    evenly among the predecessors, as elsewhere, the paths of a uniform landscape would gather in the row, the column
    and the diagonals of the centre, and the blocks show. The adjoint is the same recursion in the reverse order.
    """
    height, width = near.shape
    directions = steps.shape[0]
    window_distance, window_steps, window_order = distance.ravel(), last_steps.ravel(), order.ravel()
    is_near, habitat, flow_in, derivative = near.ravel(), quality.ravel(), inflow.ravel(), adjoint.ravel()
    log_paths = np.zeros(height * width)
    total = 0.0
    n_settled = 0
    for number in range(window_order.size):
        cell = window_order[number]
        if cell < 0:
            break
        n_settled += 1
        row, column = cell // width, cell % width
        largest = -np.inf
        for step in range(directions):
            if (window_steps[cell] >> step) & 1:
                largest = max(largest, log_paths[(row - steps[step, 0]) * width + column - steps[step, 1]])
        paths = 0.0
        for step in range(directions):
            if (window_steps[cell] >> step) & 1:
                previous = (row - steps[step, 0]) * width + column - steps[step, 1]
                paths += math.exp(log_paths[previous] - largest)
        if paths > 0:
            log_paths[cell] = largest + math.log(paths)
        if not is_near[cell]:
            for step in range(directions):
                if (window_steps[cell] >> step) & 1:
                    previous = (row - steps[step, 0]) * width + column - steps[step, 1]
                    exponent = (window_distance[previous] - window_distance[cell]) / alpha
                    share = math.exp(exponent + log_paths[previous] - log_paths[cell])
                    flow_in[cell] += flow_in[previous] * share
        total += habitat[cell] * flow_in[cell]
    for number in range(n_settled - 1, -1, -1):
        cell = window_order[number]
        if is_near[cell] or derivative[cell] == 0.0:
            continue
        row, column = cell // width, cell % width
        for step in range(directions):
            if (window_steps[cell] >> step) & 1:
                previous_row, previous_column = row - steps[step, 0], column - steps[step, 1]
                previous = previous_row * width + previous_column
                exponent = (window_distance[previous] - window_distance[cell]) / alpha
                flow = derivative[cell] * math.exp(exponent + log_paths[previous] - log_paths[cell])
                derivative[previous] += flow
                cost_gradient[corner[0] + previous_row, corner[1] + previous_column, step] -= (
                    flow * flow_in[previous] / alpha
                )
    return total


@njit_cached
def backpropagate_surroundings(local_distance, start_quality, alpha, local_corner, near, adjoint, from_start):
    """Return the cotangents of the local distances; set the derivative with respect to the quality of each start.

    Parameters
    ----------
    local_distance, start_quality, alpha, local_corner, near
        As for `add_local_inflow`.
    adjoint
        As set by `continue_from_surroundings`.
    from_start
        Result: derivative with respect to the quality of each start, as a start.
    """
    cotangent = np.zeros(local_distance.shape)
    n_starts, rows, columns = local_distance.shape
    for start in range(n_starts):
        from_start[start] = 0.0
        for row in range(rows):
            for column in range(columns):
                cell = (row + local_corner[0], column + local_corner[1])
                if near[cell] and local_distance[start, row, column] < np.inf:
                    weight = math.exp(-local_distance[start, row, column] / alpha) * adjoint[cell]
                    from_start[start] += weight
                    cotangent[start, row, column] = -start_quality[start] * weight / alpha
    return cotangent
