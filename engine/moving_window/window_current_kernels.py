"""Node currents of a window grounded at its target, and their derivatives: kernels for the CPU.

With A v = b the equations of the grounded Laplacian, w the conductances and g the weights of the cells,

    C = Σ_i g_i I_i(v, w, b),    I_i = ½ (Σ_j w_ij |v_i − v_j| + b_i).

The adjoint λ = A⁻¹ ∂C/∂v gives

    ∂C/∂w_ij = ½ (g_i + g_j) |v_i − v_j| − (v_i − v_j)(λ_i − λ_j),    ∂C/∂b_i = λ_i + ½ (g_i + g_target),

because all injected current leaves at the target.
"""

import numpy as np

from ..parallel import njit_cached

#: Branch currents smaller than this fraction of the largest are rounding errors of the potentials and count as 0, as in
#: `circuits.base`. A kernel uses constants of its own file only: a cached kernel would not notice a change in another.
CURRENT_ROUNDING = 1e-8


@njit_cached
def node_currents(conductances, steps, corner, connected, target, potential, injected, current):
    """Compute the current through every cell.

    Parameters
    ----------
    conductances, steps, corner, connected, target
        As for `label_component`.
    potential, injected
        Potential of the window's cells in volt, and current injected into them in ampere.
    current
        Filled; 0 where a cell is not connected to the target.

    Returns
    -------
    tuple[float, float]
        The branch current below which it counts as 0, and the largest violation of Kirchhoff's current law in a cell.
    """
    height, width = connected.shape
    largest = 0.0
    for row in range(height):
        for column in range(width):
            if not connected[row, column]:
                continue
            for step in range(steps.shape[0]):
                to_row, to_column = row + steps[step, 0], column + steps[step, 1]
                if 0 <= to_row < height and 0 <= to_column < width and connected[to_row, to_column]:
                    conductance = conductances[corner[0] + row, corner[1] + column, step]
                    branch = abs(conductance * (potential[row, column] - potential[to_row, to_column]))
                    largest = max(largest, branch)
    threshold = CURRENT_ROUNDING * largest
    kcl_residual, total_injected = 0.0, 0.0
    for row in range(height):
        for column in range(width):
            current[row, column] = 0.0
            if not connected[row, column]:
                continue
            grounded = row == target[0] and column == target[1]
            if not grounded:
                total_injected += injected[row, column]
            absolute, outflow = 0.0, 0.0
            for step in range(steps.shape[0]):
                to_row, to_column = row + steps[step, 0], column + steps[step, 1]
                if 0 <= to_row < height and 0 <= to_column < width and connected[to_row, to_column]:
                    conductance = conductances[corner[0] + row, corner[1] + column, step]
                    branch = conductance * (potential[row, column] - potential[to_row, to_column])
                    outflow += branch
                    if abs(branch) >= threshold:
                        absolute += abs(branch)
            current[row, column] = 0.5 * (absolute + (0.0 if grounded else injected[row, column]))
            if not grounded:
                kcl_residual = max(kcl_residual, abs(outflow - injected[row, column]))
    current[target[0], target[1]] += 0.5 * total_injected
    return threshold, kcl_residual


@njit_cached
def current_cotangent(conductances, steps, corner, connected, potential, threshold, weights, cotangent):
    """Compute ∂C/∂v, the derivative of C = Σ weights · current with respect to the potential of every cell."""
    height, width = connected.shape
    cotangent[:] = 0.0
    for row in range(height):
        for column in range(width):
            if not connected[row, column]:
                continue
            for step in range(steps.shape[0]):
                to_row, to_column = row + steps[step, 0], column + steps[step, 1]
                if 0 <= to_row < height and 0 <= to_column < width and connected[to_row, to_column]:
                    conductance = conductances[corner[0] + row, corner[1] + column, step]
                    branch = conductance * (potential[row, column] - potential[to_row, to_column])
                    if branch != 0.0 and abs(branch) >= threshold:
                        mean_weight = 0.5 * (weights[row, column] + weights[to_row, to_column])
                        cotangent[row, column] += mean_weight * conductance * np.sign(branch)


@njit_cached
def conductance_gradient(
    conductances, steps, corner, connected, target, potential, adjoint, threshold, weights, gradient, by_injection
):
    """Add ∂C/∂w to a gradient, half to each direction of an edge, and compute ∂C/∂b.

    Parameters
    ----------
    conductances, steps, corner, connected, target, potential, threshold, weights
        As for `node_currents` and `current_cotangent`.
    adjoint
        λ, the solution of the grounded Laplacian for the right-hand side of `current_cotangent`.
    gradient
        ∂C/∂w of the tile's edges; added to.
    by_injection
        Filled with ∂C/∂b; 0 where injected current does not reach the target.
    """
    height, width = connected.shape
    for row in range(height):
        for column in range(width):
            by_injection[row, column] = 0.0
            if not connected[row, column]:
                continue
            if row != target[0] or column != target[1]:
                end_weights = weights[row, column] + weights[target[0], target[1]]
                by_injection[row, column] = adjoint[row, column] + 0.5 * end_weights
            for step in range(steps.shape[0]):
                to_row, to_column = row + steps[step, 0], column + steps[step, 1]
                if not (0 <= to_row < height and 0 <= to_column < width and connected[to_row, to_column]):
                    continue
                conductance = conductances[corner[0] + row, corner[1] + column, step]
                if conductance == 0.0:
                    continue
                drop = potential[row, column] - potential[to_row, to_column]
                derivative = -drop * (adjoint[row, column] - adjoint[to_row, to_column])
                if abs(conductance * drop) >= threshold:
                    derivative += 0.5 * abs(drop) * (weights[row, column] + weights[to_row, to_column])
                gradient[corner[0] + row, corner[1] + column, step] += 0.5 * derivative
