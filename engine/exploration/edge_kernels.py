"""Kernels over the edges of a raster: conductances and costs, currents, and derivatives by permeability.

Every edge has the same conductance in both directions, so arrays of costs, flows and derivatives hold the first half of
the directions only: entry (d, i, j) belongs to the edge from cell (i, j) to its neighbour at offset d, which lies above
or to the left.
"""

import numpy as np

from ..parallel import njit_cached

#: Numbers by which the kernels know the edge rules.
RULES = {"mean": 0, "resistance": 1}


@njit_cached
def update_edges(permeability, rule, lengths, offsets, cost_factor, edges, center, costs, top, bottom, left, right):
    """Compute the edges of the cells in a window.

    Parameters
    ----------
    permeability
        Permeability of each cell; 0 in barriers.
    rule
        A number of `RULES`.
    lengths, offsets
        Length of a step, and its rows and columns, in each direction.
    cost_factor
        Product of cost and conductance of an edge.
    edges, center
        The graph Laplacian, as in `StencilMatrix`; changed in place.
    costs
        Cost of each edge, infinite where there is none; changed in place.
    top, bottom, left, right
        The window: rows top to bottom − 1, columns left to right − 1.
    """
    rows, columns = permeability.shape
    half = costs.shape[0]
    for i in range(top, bottom):
        for j in range(left, right):
            here, total = permeability[i, j], 0.0
            for d in range(lengths.size):
                k, m = i + offsets[d, 0], j + offsets[d, 1]
                conductance = 0.0
                if here > 0 and 0 <= k < rows and 0 <= m < columns and permeability[k, m] > 0:
                    there = permeability[k, m]
                    mean = (here + there) / 2 if rule == 0 else 2 / (1 / here + 1 / there)
                    conductance = mean / lengths[d]
                edges[d, i, j] = -conductance
                total += conductance
                if d < half:
                    costs[d, i, j] = cost_factor / conductance if conductance > 0 else np.inf
            center[i, j] = total


def currents(edges, offsets, potential, out):
    """Put the current along each edge into out, from the cell to its neighbour."""
    _multiply_drops(edges, offsets, potential, False, out)


def derivatives_of_power(edges, offsets, potential, out):
    """Put −(v_i − v_j)², the derivative of the dissipated power by the conductance of each edge, into out."""
    _multiply_drops(edges, offsets, potential, True, out)


@njit_cached
def _multiply_drops(edges, offsets, potential, squared, out):
    """Put the voltage drop along each edge into out, times the conductance of the edge, or times its own negative."""
    half, rows, columns = out.shape
    for d in range(half):
        down, across = offsets[d, 0], offsets[d, 1]
        for i in range(rows):
            k = i + down
            for j in range(columns):
                m = j + across
                value = 0.0
                if 0 <= k < rows and 0 <= m < columns and edges[d, i, j] < 0:
                    drop = potential[i, j] - potential[k, m]
                    value = (-drop if squared else -edges[d, i, j]) * drop
                out[d, i, j] = value


@njit_cached
def derivatives_of_cost(costs, flows, cost_factor, out):
    """Put the derivative of Σ flow · cost by the conductance of each edge into out: −flow cost² / cost_factor."""
    flat_costs, flat_flows, flat_out = costs.reshape(-1), flows.reshape(-1), out.reshape(-1)
    for n in range(flat_out.size):
        flow = flat_flows[n]
        flat_out[n] = -flow * flat_costs[n] * (flat_costs[n] / cost_factor) if flow > 0 else 0.0


@njit_cached
def add_flow_through_cells(flows, offsets, out):
    """Add half of the magnitude of each flow along an edge to both of its cells."""
    half, rows, columns = flows.shape
    for d in range(half):
        down, across = offsets[d, 0], offsets[d, 1]
        for i in range(rows):
            k = i + down
            for j in range(columns):
                flow = abs(flows[d, i, j]) / 2
                if flow > 0:
                    out[i, j] += flow
                    out[k, j + across] += flow


@njit_cached
def add_derivatives_of_cells(permeability, rule, lengths, offsets, derivatives, out):
    """Add the derivatives by the permeability of each cell to out, given those by the conductance of each edge."""
    half, rows, columns = derivatives.shape
    for d in range(half):
        down, across, length = offsets[d, 0], offsets[d, 1], lengths[d]
        for i in range(rows):
            k = i + down
            for j in range(columns):
                derivative = derivatives[d, i, j] / length
                if derivative != 0:
                    m = j + across
                    if rule == 0:
                        out[i, j] += derivative / 2
                        out[k, m] += derivative / 2
                    else:
                        # The derivative of 2 p q / (p + q) by p is 2 (q / (p + q))².
                        total = permeability[i, j] + permeability[k, m]
                        there, here = permeability[k, m] / total, permeability[i, j] / total
                        out[i, j] += 2 * derivative * there * there
                        out[k, m] += 2 * derivative * here * here
