"""The loops of the minimal-residual search: apply a matrix, make vectors orthogonal, add them up.

Vectors in double precision are rows of cells, those from a cycle flat and framed in single precision. Rows first …
last − 1 are done, or cells.
"""

import numpy as np

from ....parallel.numba_jit import njit_cached, njit_reassociating

#: Numbers that stay in the processor's cache while several vectors pass.
PART = 2048


@njit_cached
def apply(center, edges, offsets, x, out, width, first, last):
    """Put A x into out; x is framed."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        to, on, here = out[cell : cell + columns], center[cell : cell + columns], x[at : at + columns]
        for j in range(columns):
            to[j] = on[j] * here[j]
        for d in range(offsets.size):
            edge = edges[d, cell : cell + columns]
            there = x[at + offsets[d] : at + offsets[d] + columns]
            for j in range(columns):
                to[j] += edge[j] * there[j]


@njit_cached
def residual(center, edges, offsets, b, x, out, width, first, last):
    """Put b − A x into out, and return the largest entry of it beside what its row adds up; x is framed."""
    columns = width - 1
    worst = 0.0
    size = np.empty(columns)
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        to, on, here = out[cell : cell + columns], center[cell : cell + columns], x[at : at + columns]
        given = b[cell : cell + columns]
        for j in range(columns):
            to[j] = given[j] - on[j] * here[j]
            size[j] = abs(given[j]) + abs(on[j] * here[j])
        for d in range(offsets.size):
            edge = edges[d, cell : cell + columns]
            there = x[at + offsets[d] : at + offsets[d] + columns]
            for j in range(columns):
                term = edge[j] * there[j]
                to[j] -= term
                size[j] += abs(term)
        for j in range(columns):
            # Anything that is not a number counts as infinitely far off.
            if not abs(to[j]) <= worst * size[j]:
                worst = abs(to[j]) / size[j] if size[j] > 0 and to[j] == to[j] else np.inf
    return worst


@njit_cached
def scale_into_preconditioner(vector, size, factor, b, unit, width, first, last):
    """Put a vector over its size into unit, and that over a factor into the frame of a cycle."""
    columns = width - 1
    for row in range(first, last):
        at, cell = (row + 1) * width + 1, row * columns
        given, here = vector[cell : cell + columns], unit[cell : cell + columns]
        scale, to = factor[at : at + columns], b[at : at + columns]
        for j in range(columns):
            here[j] = given[j] / size
            to[j] = here[j] / scale[j]


@njit_cached
def scale_from_preconditioner(x, factor, direction, width, first, last):
    """Put what a cycle found, times a factor, into a direction."""
    for p in range((first + 1) * width, (last + 1) * width):
        direction[p] = factor[p] * x[p]


@njit_reassociating
def dots(basis, vector, first, last):
    """Return the products of the vectors of a basis with a vector, over some cells."""
    result = np.zeros(len(basis))
    for begin in range(first, last, PART):
        end = min(begin + PART, last)
        v = vector[begin:end]
        for n in range(len(basis)):
            u = basis[n][begin:end]
            total = 0.0
            for j in range(end - begin):
                total += u[j] * v[j]
            result[n] += total
    return result


@njit_reassociating
def orthogonalize(basis, factors, vector, first, last):
    """Subtract multiples of the vectors of a basis from a vector; return the sum of its squares."""
    square = 0.0
    for begin in range(first, last, PART):
        end = min(begin + PART, last)
        v = vector[begin:end]
        for n in range(len(basis)):
            u, factor = basis[n][begin:end], factors[n]
            for j in range(end - begin):
                v[j] -= factor * u[j]
        for j in range(end - begin):
            square += v[j] * v[j]
    return square


@njit_cached
def combine(directions, factors, x, first, last):
    """Add multiples of directions, in single precision, to x; all are framed."""
    for begin in range(first, last, PART):
        end = min(begin + PART, last)
        to = x[begin:end]
        for n in range(len(directions)):
            u, factor = directions[n][begin:end], factors[n]
            for j in range(end - begin):
                to[j] += factor * u[j]


@njit_reassociating
def image_from_residual(residual, left, first, last):
    """Turn what a direction would leave of a residual into its image; return its square, and its product with it."""
    square = product = 0.0
    for n in range(first, last):
        left[n] = residual[n] - left[n]
        square += left[n] * left[n]
        product += left[n] * residual[n]
    return square, product


@njit_cached
def update(factor, direction, image, x, residual, first, last):
    """Go along a direction; return the largest entry of what is left."""
    largest = 0.0
    for n in range(first, last):
        x[n] += factor * direction[n]
        residual[n] -= factor * image[n]
        largest = max(largest, abs(residual[n]))
    return largest
