"""Kernels over the edges of a raster: conductances and costs, currents, and derivatives of the cells.

Arrays of edges hold the first half of the directions only: entry (d, i, j) belongs to the edge from cell (i, j) to its
neighbour at offset d, which lies above or to the left. Every edge has the same conductance in both directions.
"""

import numpy as np

from ..parallel import njit_cached

#: Numbers of the edge rules in the kernels.
RULES = {"mean": 0, "resistance": 1}


@njit_cached
def update_edges(permeability, rule, lengths, offsets, cost_factor, edges, center, costs, top, bottom, left, right):
    """Compute the edges of the cells in a window of rows top … bottom − 1 and columns left … right − 1.

    Parameters
    ----------
    permeability
        0 in barriers.
    rule
        A number of `RULES`.
    lengths, offsets
        Step length, and rows and columns, of each direction.
    cost_factor
        The cost of an edge is this divided by its conductance.
    edges, center
        The graph Laplacian, as in `StencilMatrix`; changed in place.
    costs
        Cost of each edge, infinite where there is none; changed in place.
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


@njit_cached
def currents(edges, offsets, potential, out):
    """Put the current of each edge into out, from the cell to its neighbour."""
    half, rows, columns = out.shape
    for d in range(half):
        down, across = offsets[d, 0], offsets[d, 1]
        for i in range(rows):
            k = i + down
            for j in range(columns):
                m = j + across
                value = 0.0
                if 0 <= k < rows and 0 <= m < columns and edges[d, i, j] < 0:
                    value = -edges[d, i, j] * (potential[i, j] - potential[k, m])
                out[d, i, j] = value


@njit_cached
def derivatives_of_power(edges, offsets, potential, out):
    """Put −(v_i − v_j)², the derivative of the dissipated power by the conductance of each edge, into out."""
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
                    value = -drop * drop
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
    """Add derivatives by the permeability of the cells to out, given those by the conductances of the edges."""
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
                        # Of 2 p q / (p + q) by p: 2 (q / (p + q))².
                        total = permeability[i, j] + permeability[k, m]
                        there, here = permeability[k, m] / total, permeability[i, j] / total
                        out[i, j] += 2 * derivative * there * there
                        out[k, m] += 2 * derivative * here * here
