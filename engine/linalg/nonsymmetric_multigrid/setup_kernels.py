"""Kernels that set up the finest level: the matrix in single precision, and a checksum of it."""

import numpy as np

from ...parallel import njit_cached

#: Off-diagonal entries of smaller magnitude are dropped from the preconditioner, whose products stay in the range of
#: single precision.
NEGLIGIBLE = 1e-20


@njit_cached
def load_matrix(
    edges, offsets, directions, position, unordered, off_diagonals, row_sums, inverse_diagonal, width, first, last
):
    """Load rows first … last − 1 of A = I − W into padded arrays.

    Entries that lead to identity rows, those without a position in the ordering, are added to the row sums.
    """
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        for j in range(columns):
            row_sums[at + j] = 0
        for d in range(offsets.size):
            target = off_diagonals[directions[d]]
            for j in range(columns):
                p = at + j
                weight = -edges[d, cell + j]
                if weight < NEGLIGIBLE:
                    target[p] = 0
                elif position[p + offsets[d]] < unordered:
                    target[p] = weight
                else:
                    target[p] = 0
                    row_sums[p] += weight
        for j in range(columns):
            diagonal = np.float64(row_sums[at + j])
            for d in range(8):
                diagonal += off_diagonals[d][at + j]
            inverse_diagonal[at + j] = 1 / diagonal if diagonal > 0 else 0.0


@njit_cached
def checksum(words):
    """Return a 64-bit checksum of an array of 64-bit words, in the manner of FNV-1a."""
    total = np.uint64(14695981039346656037)
    for word in words:
        total = (total ^ word) * np.uint64(1099511628211)
        total ^= total >> np.uint64(29)
    return total
