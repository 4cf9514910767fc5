"""Gauss–Seidel relaxation in a given ordering: where the transitions have a direction, downstream rows come first."""

import numpy as np

from ...parallel import njit_cached

#: An unsigned index needs no test for negative values, which Numba would add in the innermost loop.
unsigned = np.uint64


@njit_cached
def permute_rows(off_diagonals, inverse_diagonal, order, entries):
    """Copy the off-diagonals of the cells in `order`, divided by the diagonal, into consecutive rows of `entries`."""
    for n in range(order.size):
        p = unsigned(order[n])
        scale = inverse_diagonal[p]
        for d in range(8):
            entries[n, d] = scale * off_diagonals[d][p]


@njit_cached
def ordered_gauss_seidel(order, entries, inverse_diagonal, b, x, width):
    """Relax A x = b by one Gauss–Seidel sweep over the cells in `order`."""
    row, column = unsigned(width), unsigned(1)
    for n in range(order.size):
        p = unsigned(order[n])
        x[p] = (
            inverse_diagonal[p] * b[p] + entries[n, 0] * x[p - row - column] + entries[n, 1] * x[p - row]
            + entries[n, 2] * x[p - row + column] + entries[n, 3] * x[p - column] + entries[n, 4] * x[p + column]
            + entries[n, 5] * x[p + row - column] + entries[n, 6] * x[p + row] + entries[n, 7] * x[p + row + column]
        )  # fmt: skip
