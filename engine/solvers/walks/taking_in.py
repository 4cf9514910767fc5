"""Loops that read a problem: prices of steps, a matrix in single precision, and what tells matrices apart."""

import numpy as np

from ...compiled import compiled

#: What is sent with less than this chance does not count in a preconditioner; its products stay in single precision.
NEGLIGIBLE = 1e-20


@compiled
def mean_energies(log_transitions, costs, theta, means, first, last):
    """Put Σ P θC into means, over some cells; count costs that no step may have."""
    wrong = 0
    means[first:last] = 0
    for d in range(len(log_transitions)):
        transition, cost = log_transitions[d], costs[d]
        for cell in range(first, last):
            if transition[cell] > -np.inf:
                wrong += not theta * cost[cell] >= 0
                means[cell] += np.exp(transition[cell]) * theta * cost[cell]
    return wrong


@compiled
def price_steps(log_transitions, costs, theta, shares, prices, first, last):
    """Put θC − share · log P into prices, infinite where there is no step."""
    for d in range(len(log_transitions)):
        transition, cost, to = log_transitions[d], costs[d], prices[d]
        for cell in range(first, last):
            # A transition that is certain may carry a little less than no information.
            price = max(theta * cost[cell] - shares[cell] * transition[cell], 0.0)
            to[cell] = price if transition[cell] > -np.inf else np.inf


@compiled
def weigh_steps(log_transitions, costs, theta, numbers, logarithms, first, last):
    """Put log W = log P − θC into logarithms, in the eight directions of `QUEEN`; −inf where there is no step."""
    part = 256
    for begin in range(first, last, part):
        end = min(begin + part, last)
        logarithms[begin:end] = -np.inf
        for d in range(len(log_transitions)):
            transition, cost, number = log_transitions[d], costs[d], numbers[d]
            for cell in range(begin, end):
                if transition[cell] > -np.inf:
                    logarithms[cell, number] = transition[cell] - theta * cost[cell]


@compiled
def take_in(edges, offsets, numbers, rank, nowhere, k, ground, inverse, width, first, last):
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


@compiled
def fingerprint(words):
    """Return a number that changes with any of some words of 64 bits."""
    total = np.uint64(14695981039346656037)
    for word in words:
        total = (total ^ word) * np.uint64(1099511628211)
        total ^= total >> np.uint64(29)
    return total
