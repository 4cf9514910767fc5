"""Loops that read a problem: prices of steps, a matrix in single precision, and what tells matrices apart."""

import numpy as np

from ...parallel.numba_jit import njit_cached

#: What is sent with less than this chance does not count in a preconditioner; its products stay in single precision.
NEGLIGIBLE = 1e-20

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


@njit_cached
def load_matrix(edges, offsets, numbers, rank, nowhere, k, ground, inverse, width, first, last):
    """Put a walk into k, ground and the inverse of the diagonal: it ends in cells without a rank."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        for j in range(columns):
            ground[at + j] = 0
        for d in range(offsets.size):
            to = k[numbers[d]]
            for j in range(columns):
                p = at + j
                sent = -edges[d, cell + j]
                if sent < NEGLIGIBLE:
                    to[p] = 0
                elif rank[p + offsets[d]] < nowhere:
                    to[p] = sent
                else:
                    to[p] = 0
                    ground[p] += sent
        for j in range(columns):
            diagonal = np.float64(ground[at + j])
            for d in range(8):
                diagonal += k[d][at + j]
            inverse[at + j] = 1 / diagonal if diagonal > 0 else 0.0


@njit_cached
def checksum(words):
    """Return a number that changes with any of some words of 64 bits."""
    total = np.uint64(14695981039346656037)
    for word in words:
        total = (total ^ word) * np.uint64(1099511628211)
        total ^= total >> np.uint64(29)
    return total
