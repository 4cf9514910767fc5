"""Kernels of flexible GMRES: matrix–vector product, residual, orthogonalization, linear combinations.

Vectors in double precision hold the cells in one row; those that the preconditioner works on are padded and in single
precision. `first` and `last` limit the rows, or the entries, that a call works on.
"""

import numpy as np

from ....parallel import njit_cached, njit_reassociating

#: Entries of a vector that stay in the processor's cache while those of the basis vectors are read.
BLOCK = 2048


@njit_cached
def apply(center, edges, offsets, x, out, width, first, last):
    """Compute out = A x for padded x."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        out_row, diagonal, x_row = out[cell : cell + columns], center[cell : cell + columns], x[at : at + columns]
        for j in range(columns):
            out_row[j] = diagonal[j] * x_row[j]
        for d in range(offsets.size):
            edge = edges[d, cell : cell + columns]
            neighbour = x[at + offsets[d] : at + offsets[d] + columns]
            for j in range(columns):
                out_row[j] += edge[j] * neighbour[j]


@njit_cached
def residual(center, edges, offsets, b, x, out, width, first, last):
    """Compute out = b − A x for padded x; return the largest componentwise backward error."""
    columns = width - 1
    worst = 0.0
    magnitude = np.empty(columns)
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        out_row, diagonal, x_row = out[cell : cell + columns], center[cell : cell + columns], x[at : at + columns]
        b_row = b[cell : cell + columns]
        for j in range(columns):
            out_row[j] = b_row[j] - diagonal[j] * x_row[j]
            magnitude[j] = abs(b_row[j]) + abs(diagonal[j] * x_row[j])
        for d in range(offsets.size):
            edge = edges[d, cell : cell + columns]
            neighbour = x[at + offsets[d] : at + offsets[d] + columns]
            for j in range(columns):
                term = edge[j] * neighbour[j]
                out_row[j] -= term
                magnitude[j] += abs(term)
        for j in range(columns):
            # NaN fails every comparison, and counts as an infinite error.
            if not abs(out_row[j]) <= worst * magnitude[j]:
                worst = abs(out_row[j]) / magnitude[j] if magnitude[j] > 0 and out_row[j] == out_row[j] else np.inf
    return worst


@njit_cached
def scale_into_preconditioner(vector, norm, scaling, right_hand_side, basis_vector, width, first, last):
    """Store v / |v| as a basis vector, and S⁻¹ v / |v| as the right-hand side of the preconditioner."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        vector_row, basis_row = vector[cell : cell + columns], basis_vector[cell : cell + columns]
        scaling_row, right_row = scaling[at : at + columns], right_hand_side[at : at + columns]
        for j in range(columns):
            basis_row[j] = vector_row[j] / norm
            right_row[j] = basis_row[j] / scaling_row[j]


@njit_cached
def scale_from_preconditioner(solution, scaling, direction, width, first, last):
    """Store S z, z being the solution of the preconditioner, as a direction."""
    for p in range((first + 1) * width, (last + 1) * width):
        direction[p] = scaling[p] * solution[p]


@njit_reassociating
def dots(basis, vector, first, last):
    """Return the dot products of each basis vector with a vector, over entries first … last − 1."""
    result = np.zeros(len(basis))
    for begin in range(first, last, BLOCK):
        end = min(begin + BLOCK, last)
        v = vector[begin:end]
        for n in range(len(basis)):
            u = basis[n][begin:end]
            total = 0.0
            for j in range(end - begin):
                total += u[j] * v[j]
            result[n] += total
    return result


@njit_reassociating
def orthogonalize(basis, coefficients, vector, first, last):
    """Subtract multiples of the basis vectors from a vector in place; return the squared norm of these entries."""
    square = 0.0
    for begin in range(first, last, BLOCK):
        end = min(begin + BLOCK, last)
        v = vector[begin:end]
        for n in range(len(basis)):
            u, coefficient = basis[n][begin:end], coefficients[n]
            for j in range(end - begin):
                v[j] -= coefficient * u[j]
        for j in range(end - begin):
            square += v[j] * v[j]
    return square


@njit_cached
def combine(directions, coefficients, x, first, last):
    """Add a linear combination of the directions to x in place; all are padded."""
    for begin in range(first, last, BLOCK):
        end = min(begin + BLOCK, last)
        x_block = x[begin:end]
        for n in range(len(directions)):
            u, coefficient = directions[n][begin:end], coefficients[n]
            for j in range(end - begin):
                x_block[j] += coefficient * u[j]
