"""Loops that read a problem: prices of steps, a matrix in single precision, and what tells matrices apart."""

import numpy as np

from ...compiled import compiled

#: What is sent with less than this chance does not count in a preconditioner; its products stay in single precision.
NEGLIGIBLE = 1e-20


@compiled
def mean_energies(log_transitions, energies, logarithms, means, first, last):
    """Put log W = log P − θC into logarithms and Σ P θC into means; count energies that no step may have."""
    wrong = 0
    means[first:last] = 0
    for d in range(len(log_transitions)):
        transition, energy = log_transitions[d], energies[d]
        to = logarithms[d]
        for cell in range(first, last):
            if transition[cell] > -np.inf:
                wrong += not energy[cell] >= 0
                to[cell] = transition[cell] - energy[cell]
                means[cell] += np.exp(transition[cell]) * energy[cell]
            else:
                to[cell] = -np.inf
    return wrong


@compiled
def price_steps(log_transitions, energies, shares, prices, first, last):
    """Put θC − share · log P into prices, infinite where there is no step."""
    for d in range(len(log_transitions)):
        transition, energy, to = log_transitions[d], energies[d], prices[d]
        for cell in range(first, last):
            if transition[cell] > -np.inf:
                # A transition that is certain may carry a little less than no information.
                to[cell] = max(energy[cell] - shares[cell] * transition[cell], 0.0)
            else:
                to[cell] = np.inf


@compiled
def take_in(edges, offsets, numbers, rank, nowhere, k, ground, width, first, last):
    """Put a walk into k and ground: it ends in cells without a rank."""
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


@compiled
def fingerprint(words):
    """Return a number that changes with any of some words of 64 bits."""
    total = np.uint64(14695981039346656037)
    for word in words:
        total = (total ^ word) * np.uint64(1099511628211)
        total ^= total >> np.uint64(29)
    return total
