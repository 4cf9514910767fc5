"""Kernels over the transitions of a random walk: log probabilities, edge energies, scaled weights, costs."""

import numpy as np

from ..parallel.numba_jit import njit_cached

#: Cells whose steps stay in the processor's cache, however they are laid out.
PART = 256


@njit_cached
def log_probabilities(conductances, costs, places, ends, numbers, theta, logarithms, means, first, last):
    """Put log P in the directions of `QUEEN` into logarithms, −inf where there is no step, and Σ P θC into means.

    Returns
    -------
    int
        How many steps have a cost that no step may have.
    """
    wrong = 0
    out, log_out = np.empty(PART), np.empty(PART)
    for begin in range(first, last, PART):
        size = min(PART, last - begin)
        logarithms[begin : begin + size] = -np.inf
        out[:] = 0
        for d in range(places.size):
            there = conductances[places[d] + begin : places[d] + begin + size]
            for n in range(min(size, ends[d] - begin)):
                out[n] += there[n]
        for n in range(size):
            log_out[n] = np.log(out[n])
            means[begin + n] = 0
        for d in range(places.size):
            there = conductances[places[d] + begin : places[d] + begin + size]
            cost = costs[places[d] + begin : places[d] + begin + size]
            for n in range(min(size, ends[d] - begin)):
                if there[n] > 0:
                    energy = theta * cost[n]
                    wrong += not energy >= 0
                    logarithms[begin + n, numbers[d]] = np.log(there[n]) - log_out[n]
                    means[begin + n] += there[n] / out[n] * energy
    return wrong


@njit_cached
def edge_energies(logarithms, costs, places, ends, numbers, theta, shares, prices, first, last):
    """Put θC − share · log P into prices, infinite where there is no step."""
    for begin in range(first, last, PART):
        for d in range(places.size):
            for cell in range(begin, min(begin + PART, last)):
                logarithm = logarithms[cell, numbers[d]]
                # A transition that is certain may carry a little less than no information.
                cost = costs[places[d] + min(cell, ends[d] - 1)]
                price = max(theta * cost - shares[cell] * logarithm, 0.0)
                prices[d, cell] = price if logarithm > -np.inf else np.inf


@njit_cached
def log_weights(logarithms, costs, places, ends, numbers, theta, first, last):
    """Turn log P into log W = log P − θC."""
    for begin in range(first, last, PART):
        for d in range(places.size):
            for cell in range(begin, min(begin + PART, last, ends[d])):
                logarithms[cell, numbers[d]] -= theta * costs[places[d] + cell]


@njit_cached
def scaled_weights(logarithms, offsets, numbers, target, potential, edges, width, first, last):
    """Put −W_ij exp(φ_i − φ_j) into edges; none leave the target."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        for d in range(offsets.size):
            for j in range(columns):
                logarithm, mine = logarithms[cell + j, numbers[d]], potential[at + j]
                usable = logarithm > -np.inf and mine < np.inf and at + j != target
                edges[d, cell + j] = -np.exp(logarithm + (mine - potential[at + j + offsets[d]])) if usable else 0.0


@njit_cached
def cost_rhs(edges, costs, places, ends, offsets, scaled, out, width, first, last):
    """Put Σ_j W̃_ij C_ij z̃_j into out; edges are −W̃."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        out[cell : cell + columns] = 0
        for d in range(offsets.size):
            there = scaled[at + offsets[d] : at + offsets[d] + columns]
            for j in range(min(columns, ends[d] - cell)):
                out[cell + j] -= edges[d, cell + j] * costs[places[d] + cell + j] * there[j]
