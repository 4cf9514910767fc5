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
def continue_from_surroundings(
    steps,
    corner,
    paths,
    near,
    local_corner,
    local_paths,
    starts,
    start_quality,
    quality,
    alpha,
    gradients,
):
    """Return Σ_s q_s Σ_j q_j exp(−d_sj / α) of one window over the starts s of its block; add its gradient.

    Parameters
    ----------
    steps
        (rows, columns) of each direction.
    corner
        Row and column of the raster at which the window begins.
    paths
        Distances, last steps and order of the cells from the centre of the block, for one window.
    near
        Cells as marked by `near_cells`.
    local_corner
        First row and column of the surroundings in the window.
    local_paths
        Distances, last steps and order in the surroundings, for each start.
    starts, start_quality
        Flat index in the window of each start, all of them near; its quality.
    quality
        Quality of the window's cells.
    alpha
        Dispersal distance.
    gradients
        Derivatives with respect to the costs, (rows, columns, directions), and to the quality, (rows, columns) of the
        raster; changed in place.

    Notes
    -----
    A_j = Σ_s q_s exp(−d_sj / α) arrives in a near cell j, by the distances within the surroundings, and in another
    cell the mean over its predecessors p of A_p exp(−(D_j − D_p) / α), with D the distances from the centre. The sum
    is Σ_j q_j A_j. Its adjoint is the same recursion in the reverse order.
    """
    height, width = near.shape
    directions = steps.shape[0]
    distance, window_steps, window_order = paths[0].ravel(), paths[1].ravel(), paths[2].ravel()
    is_near, habitat = near.ravel(), quality.ravel()
    local_height, local_width = local_paths[0].shape[1:]
    cost_gradient, quality_gradient = gradients
    arriving = np.zeros(height * width)
    adjoint = habitat.copy()
    for start in range(starts.size):
        for top in range(local_height):
            for left in range(local_width):
                cell = (top + local_corner[0]) * width + left + local_corner[1]
                if is_near[cell] and local_paths[0][start, top, left] < np.inf:
                    proximity = math.exp(-local_paths[0][start, top, left] / alpha)
                    arriving[cell] += start_quality[start] * proximity
    total = 0.0
    n_settled = 0
    for number in range(window_order.size):
        cell = window_order[number]
        if cell < 0:
            break
        n_settled += 1
        if not is_near[cell]:
            row, column = cell // width, cell % width
            count = 0
            for step in range(directions):
                if (window_steps[cell] >> step) & 1:
                    previous = (row - steps[step, 0]) * width + column - steps[step, 1]
                    arriving[cell] += arriving[previous] * math.exp((distance[previous] - distance[cell]) / alpha)
                    count += 1
            arriving[cell] /= count
        total += habitat[cell] * arriving[cell]
        quality_gradient[corner[0] + cell // width, corner[1] + cell % width] += arriving[cell]
    for number in range(n_settled - 1, -1, -1):
        cell = window_order[number]
        if is_near[cell] or adjoint[cell] == 0.0:
            continue
        row, column = cell // width, cell % width
        count = 0
        for step in range(directions):
            count += (window_steps[cell] >> step) & 1
        for step in range(directions):
            if (window_steps[cell] >> step) & 1:
                previous_row, previous_column = row - steps[step, 0], column - steps[step, 1]
                previous = previous_row * width + previous_column
                flow = adjoint[cell] * math.exp((distance[previous] - distance[cell]) / alpha) / count
                adjoint[previous] += flow
                cost_gradient[corner[0] + previous_row, corner[1] + previous_column, step] -= (
                    flow * arriving[previous] / alpha
                )
    cotangent = np.empty(local_height * local_width)
    for start in range(starts.size):
        from_start = 0.0
        local_distance = local_paths[0][start].ravel()
        local_steps, local_order = local_paths[1][start].ravel(), local_paths[2][start].ravel()
        for local in range(cotangent.size):
            cell = (local // local_width + local_corner[0]) * width + local % local_width + local_corner[1]
            cotangent[local] = 0.0
            if is_near[cell] and local_distance[local] < np.inf:
                weight = math.exp(-local_distance[local] / alpha) * adjoint[cell]
                from_start += weight
                cotangent[local] = -start_quality[start] * weight / alpha
        row, column = starts[start] // width, starts[start] % width
        quality_gradient[corner[0] + row, corner[1] + column] += from_start
        if start_quality[start] == 0.0:
            continue
        top, left = corner[0] + local_corner[0], corner[1] + local_corner[1]
        for number in range(local_order.size - 1, -1, -1):
            local = local_order[number]
            if local < 0 or local_steps[local] == 0 or cotangent[local] == 0.0:
                continue
            row, column = local // local_width, local % local_width
            count = 0
            for step in range(directions):
                count += (local_steps[local] >> step) & 1
            flow = cotangent[local] / count
            for step in range(directions):
                if (local_steps[local] >> step) & 1:
                    previous_row, previous_column = row - steps[step, 0], column - steps[step, 1]
                    cost_gradient[top + previous_row, left + previous_column, step] += flow
                    cotangent[previous_row * local_width + previous_column] += flow
    return total
