"""Conjugate gradients in loops: the matrix applied in double precision, and the vectors of the iteration.

Vectors that the stencil is applied to are flat and framed, the others are plain rows of cells. Forward conductances are
those of the matrix, as it was given. Rows first … last − 1 are done for one right-hand side; sums are of these rows.
"""

import numpy as np

from ...compiled import compiled, compiled_sums


@compiled
def take_in(edges, center, half, rounding, unit, forward, inverse, ground, width, first, last):
    """Lay a symmetric M-matrix out as a framed network, divided by unit; return how unequal its halves are.

    Puts the conductances into the four forward arrays, 1 / diagonal into inverse (0 for a row of its own) and what a
    row adds up to, not divided, into ground. Returned is the largest difference between entries that should be equal,
    relative to the diagonal.
    """
    columns = width - 1
    worst = 0.0
    for row in range(first, last):
        for j in range(columns):
            p, q = (row + 1) * width + 1 + j, row * columns + j
            out = 0.0
            for d in range(2 * half):
                out -= edges[d, q]
            center_here = center[q]
            if out > 0:
                rest = center_here - out
                ground[q] = rest if rest > rounding * center_here else 0.0
                inverse[p] = 1 / (center_here * unit)
            else:
                ground[q] = 0.0
                inverse[p] = 0
            for d in range(half):
                # East, (southwest,) south(, southeast), and the neighbour there.
                down = 0 if d == 0 else 1
                right = (1, 0)[d] if half == 2 else (1, -1, 0, 1)[d]
                there = edges[half + d, q]
                forward[d if half == 4 else 2 * d][p] = -there * unit
                if there != 0:
                    back = edges[half - 1 - d, q + down * columns + right]
                    worst = max(worst, abs(there - back) / center_here)
    return worst


@compiled_sums
def apply(forward, ground, p, out, side, width, first, last):
    """Put A p into out and return p · A p; `forward` are the entries of A, negative, as rows of cells.

    What flows out of a cell flows into its neighbour, to the last bit.
    """
    columns = width - 1
    to_east, to_southwest, to_south, to_southeast = forward
    total = 0.0
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        here, below = p[side, at - 1 : at + columns + 1], p[side, at + width - 1 : at + width + columns + 1]
        east, southwest = to_east[place : place + columns], to_southwest[place : place + columns]
        south, southeast = to_south[place : place + columns], to_southeast[place : place + columns]
        g = ground[place : place + columns]
        to = out[side, place : place + columns]
        for j in range(columns):
            x = here[j + 1]
            to[j] = (
                g[j] * x - east[j] * (x - here[j + 2]) - southwest[j] * (x - below[j])
                - south[j] * (x - below[j + 1]) - southeast[j] * (x - below[j + 2])
            )  # fmt: skip
        for j in range(1, columns):
            to[j] -= east[j - 1] * (here[j + 1] - here[j])
        if row > 0:
            above = p[side, at - width - 1 : at - width + columns + 1]
            before = place - columns
            south_, southwest_ = to_south[before:place], to_southwest[before:place]
            southeast_ = to_southeast[before:place]
            for j in range(columns):
                to[j] -= south_[j] * (here[j + 1] - above[j + 1])
            for j in range(1, columns):
                to[j] -= southeast_[j - 1] * (here[j + 1] - above[j])
            for j in range(columns - 1):
                to[j] -= southwest_[j + 1] * (here[j + 1] - above[j + 2])
        for j in range(columns):
            total += here[j + 1] * to[j]
    return total


@compiled_sums
def advance(alpha, p, applied, x, residual, unit, b, inverse, side, width, first, last):
    """Add α p to x, take α A p from the residual, hand that to the cycle as b; return Σ r² / diagonal."""
    columns = width - 1
    total = 0.0
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        step, applied_ = p[side, at : at + columns], applied[side, place : place + columns]
        x_, r = x[side, place : place + columns], residual[side, place : place + columns]
        b_, scale = b[side, at : at + columns], inverse[at : at + columns]
        for j in range(columns):
            x_[j] += alpha * step[j]
            rest = r[j] - alpha * applied_[j]
            r[j] = rest
            b_[j] = rest * unit
            total += rest * rest * scale[j]
    return total


@compiled_sums
def product(values, framed, side, width, first, last):
    """Return the sum of the products of rows of cells with a framed array, in double precision."""
    columns = width - 1
    total = 0.0
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        a, b = values[side, place : place + columns], framed[side, at : at + columns]
        for j in range(columns):
            total += a[j] * np.float64(b[j])
    return total


@compiled
def turn(beta, z, p, side, width, first, last):
    """Replace the direction p of the search by z + β p."""
    columns = width - 1
    for row in range(first, last):
        at = (row + 1) * width + 1
        z_, p_ = z[side, at : at + columns], p[side, at : at + columns]
        for j in range(columns):
            p_[j] = z_[j] + beta * p_[j]


@compiled
def put_into_frame(values, out, side, width, first, last):
    """Copy rows of cells into a framed array."""
    columns = width - 1
    for row in range(first, last):
        at, place = (row + 1) * width + 1, row * columns
        given, to = values[side, place : place + columns], out[side, at : at + columns]
        for j in range(columns):
            to[j] = given[j]
