"""Kernels over the transitions of a random walk: log probabilities, edge energies, scaled weights, costs.

The transition from a cell in direction d is at edge_offsets[d] + cell, for cells below edge_ends[d]; directions[d] is
its number in `QUEEN_OFFSETS`, and offsets[d] the distance to the neighbour in a padded array (see `TransitionData`).

Kernels work on cells, or rows, first … last − 1. Those that take the `width` of padded arrays work on rows; there
`log_scale`, `delta`, `scaled`, `expected` and `target` are padded, everything else is not.
"""

import numpy as np

from ..parallel import njit_cached

#: Cells per block: their transitions stay in the processor's cache in either layout.
BLOCK = 256

#: Smallest |x| at which exp(x) − 1 is as accurate as expm1(x), but for one bit.
EXPM1_LIMIT = np.log(2)


@njit_cached
def compute_log_probabilities(
    conductances, costs, edge_offsets, edge_ends, directions, theta, out, mean_energy, first, last
):
    """Compute out = log P of the transitions, −inf where there is no edge, and the mean energy Σ P θC of every cell.

    Returns
    -------
    int
        Number of edges whose cost is negative or NaN.
    """
    invalid = 0
    degree, log_degree = np.empty(BLOCK), np.empty(BLOCK)
    for begin in range(first, last, BLOCK):
        size = min(BLOCK, last - begin)
        out[begin : begin + size] = -np.inf
        degree[:] = 0
        for d in range(edge_offsets.size):
            conductance = conductances[edge_offsets[d] + begin : edge_offsets[d] + begin + size]
            for n in range(min(size, edge_ends[d] - begin)):
                degree[n] += conductance[n]
        for n in range(size):
            log_degree[n] = np.log(degree[n])
            mean_energy[begin + n] = 0
        for d in range(edge_offsets.size):
            conductance = conductances[edge_offsets[d] + begin : edge_offsets[d] + begin + size]
            cost = costs[edge_offsets[d] + begin : edge_offsets[d] + begin + size]
            for n in range(min(size, edge_ends[d] - begin)):
                if conductance[n] > 0:
                    energy = theta * cost[n]
                    invalid += not energy >= 0
                    out[begin + n, directions[d]] = np.log(conductance[n]) - log_degree[n]
                    mean_energy[begin + n] += conductance[n] / degree[n] * energy
    return invalid


@njit_cached
def compute_edge_energies(
    log_probabilities, costs, edge_offsets, edge_ends, directions, theta, entropy_fraction, energies, first, last
):
    """Compute θC − entropy_fraction · log P of the transitions, infinite where there is no edge."""
    for begin in range(first, last, BLOCK):
        for d in range(edge_offsets.size):
            for cell in range(begin, min(begin + BLOCK, last)):
                log_probability = log_probabilities[cell, directions[d]]
                cost = costs[edge_offsets[d] + min(cell, edge_ends[d] - 1)]
                # Rounding can make the log probability of a certain transition slightly positive.
                energy = max(theta * cost - entropy_fraction[cell] * log_probability, 0.0)
                energies[d, cell] = energy if log_probability > -np.inf else np.inf


@njit_cached
def subtract_energies(log_probabilities, costs, edge_offsets, edge_ends, directions, theta, first, last):
    """Turn log P into log W = log P − θC, in place."""
    for begin in range(first, last, BLOCK):
        for d in range(edge_offsets.size):
            for cell in range(begin, min(begin + BLOCK, last, edge_ends[d])):
                log_probabilities[cell, directions[d]] -= theta * costs[edge_offsets[d] + cell]


@njit_cached
def compute_off_diagonals(log_weights, offsets, directions, target, log_scale, edges, width, first, last):
    """Compute the off-diagonals −W_ij exp(φ_i − φ_j) of the system; 0 in the row of the target."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        for d in range(offsets.size):
            for j in range(columns):
                log_weight, scale = log_weights[cell + j, directions[d]], log_scale[at + j]
                usable = log_weight > -np.inf and scale < np.inf and at + j != target
                edges[d, cell + j] = -np.exp(log_weight + (scale - log_scale[at + j + offsets[d]])) if usable else 0.0


@njit_cached
def compute_cost_rhs(edges, costs, edge_offsets, edge_ends, offsets, scaled, out, width, first, last):
    """Compute the right-hand side Σ_j W̃_ij C_ij z̃_j of the accumulated cost, from the off-diagonals −W̃."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        out[cell : cell + columns] = 0
        for d in range(offsets.size):
            neighbour = scaled[at + offsets[d] : at + offsets[d] + columns]
            for j in range(min(columns, edge_ends[d] - cell)):
                out[cell + j] -= edges[d, cell + j] * costs[edge_offsets[d] + cell + j] * neighbour[j]


@njit_cached
def compute_free_energy_residual(
    conductances,
    costs,
    edge_offsets,
    edge_ends,
    offsets,
    theta,
    target,
    log_scale,
    delta,
    out,
    scale,
    width,
    first,
    last,
):
    """Compute the residual of the free energy (see `residuals`), and θ times the mean cost of a step.

    Both are 0 at the target and where it cannot be reached, where the log scale is infinite.

    Returns
    -------
    float
        Largest |residual| / scale.
    """
    columns = width - 1
    worst = 0.0
    for row in range(first, last):
        for j in range(columns):
            p, cell = (row + 1) * width + 1 + j, row * columns + j
            out[cell] = scale[cell] = 0
            if p == target or log_scale[p] == np.inf:
                continue
            degree = residual = mean = 0.0
            for d in range(offsets.size):
                edge = edge_offsets[d] + cell
                if cell < edge_ends[d] and conductances[edge] > 0:
                    degree += conductances[edge]
                    q = p + offsets[d]
                    if log_scale[q] < np.inf:
                        x = ((log_scale[p] - log_scale[q]) - theta * costs[edge]) + (delta[p] - delta[q])
                        # Where |x| is large, exp(x) − 1 loses nothing and is faster by several times.
                        change = np.expm1(x) if abs(x) < EXPM1_LIMIT else np.exp(x) - 1
                        residual -= conductances[edge] * change
                        mean += conductances[edge] * (1 + change) * theta * costs[edge]
                    else:
                        residual += conductances[edge]
            out[cell], scale[cell] = residual / degree, mean / degree
            worst = max(worst, _ratio(out[cell], scale[cell]))
    return worst


@njit_cached
def compute_expected_cost_residual(
    edges, costs, edge_offsets, edge_ends, offsets, scaled, expected, b, out, width, first, last
):
    """Compute z̃_i times the residual of the expected cost (see `residuals`), from the off-diagonals −W̃.

    The right-hand side b of `compute_cost_rhs` is z̃_i times the mean cost of a step.

    Returns
    -------
    float
        Largest |residual| / b.
    """
    columns = width - 1
    worst = 0.0
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        out[cell : cell + columns] = 0
        for d in range(offsets.size):
            q = at + offsets[d]
            for j in range(min(columns, edge_ends[d] - cell)):
                change = costs[edge_offsets[d] + cell + j] + (expected[q + j] - expected[at + j])
                out[cell + j] -= edges[d, cell + j] * scaled[q + j] * change
        for j in range(columns):
            worst = max(worst, _ratio(out[cell + j], b[cell + j]))
    return worst


@njit_cached
def _ratio(residual, scale):
    """Return |residual| / scale; infinity if it is not a number, which a maximum would ignore."""
    if scale > 0 and not np.isnan(residual):
        return abs(residual) / scale
    return 0.0 if residual == 0 else np.inf
