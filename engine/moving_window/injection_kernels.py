"""Injection of a target's current at the sources around it, and its derivative: kernels for the CPU.

A target of current T injects b_i = s_i T / Σ_j s_j at each source i within the radius, in proportion to its strength s.
Sources that do not meet the conditions keep their part of the sum, and their current is not injected.
"""

from ..parallel import njit_cached


@njit_cached
def distribute_injection(
    strengths,
    inside,
    disc,
    corner,
    excluded_block,
    target_current,
    condition_values,
    target_values,
    limits,
    selected,
    injected,
):
    """Distribute the current of a target among the sources around it in proportion to their strengths.

    Parameters
    ----------
    strengths, inside
        Source strength of each cell of the tile, and mask of its cells that lie in the raster.
    disc, corner
        Mask of the window's cells that may be sources, and the row and column of the tile at which the window begins.
    excluded_block
        First and last row, first and last column of the tile whose sources do not count.
    target_current
        Current of the target, in ampere.
    condition_values, target_values, limits
        Conditions: one raster each, NaN where unknown; the value at the target; the lower and upper limit of the
        difference, source minus target.
    selected, injected
        Filled: mask of the cells that share the current, and the current injected into each; 0 for those that do not
        meet the conditions.

    Returns
    -------
    float
        Sum of the strengths of the selected cells.
    """
    height, width = disc.shape
    total = 0.0
    for row in range(height):
        for column in range(width):
            selected[row, column] = False
            injected[row, column] = 0.0
            tile_row, tile_column = corner[0] + row, corner[1] + column
            if not disc[row, column] or not inside[tile_row, tile_column]:
                continue
            if (
                excluded_block[0] <= tile_row <= excluded_block[1]
                and excluded_block[2] <= tile_column <= excluded_block[3]
            ):
                continue
            if strengths[tile_row, tile_column] > 0:
                selected[row, column] = True
                total += strengths[tile_row, tile_column]
    for row in range(height):
        for column in range(width):
            if not selected[row, column]:
                continue
            tile_row, tile_column = corner[0] + row, corner[1] + column
            meets_conditions = True
            for condition in range(condition_values.shape[0]):
                difference = condition_values[condition, tile_row, tile_column] - target_values[condition]
                if difference < limits[condition, 0] or difference > limits[condition, 1]:
                    meets_conditions = False
            if meets_conditions:
                injected[row, column] = strengths[tile_row, tile_column] * target_current / total
    return total


@njit_cached
def strength_gradient(
    selected, injected, by_injection, strengths, corner, total, target_current, target_block, gradient
):
    """Add the derivative with respect to every strength: as a source, and as a part of the target's current.

    Parameters
    ----------
    selected, injected, total, target_current
        Results and arguments of `distribute_injection`; `total` is the sum that it returns.
    by_injection
        Derivative with respect to the injected current, from `conductance_gradient`.
    strengths, corner
        As for `distribute_injection`.
    target_block
        First and last row, first and last column of the tile whose strengths add up to the target's current.
    gradient
        Derivative with respect to the strengths of the tile; added to.
    """
    height, width = selected.shape
    weighted_sum = 0.0
    for row in range(height):
        for column in range(width):
            weighted_sum += by_injection[row, column] * injected[row, column]
    for row in range(height):
        for column in range(width):
            if selected[row, column]:
                derivative = by_injection[row, column] * target_current if injected[row, column] > 0 else 0.0
                gradient[corner[0] + row, corner[1] + column] += (derivative - weighted_sum) / total
    for row in range(target_block[0], target_block[1] + 1):
        for column in range(target_block[2], target_block[3] + 1):
            if strengths[row, column] > 0:
                gradient[row, column] += weighted_sum / target_current
