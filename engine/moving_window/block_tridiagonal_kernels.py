"""Effective resistances in many small windows of one raster by block-tridiagonal elimination: kernels for the CPU.

A window's Laplacian couples each row of cells to the rows above and below it. With A_i the block of row i and B_i the
coupling between rows i and i + 1, elimination from above and from below gives the Schur complements

    S_i = A_i − B_{i−1}ᵀ S_{i−1}⁻¹ B_{i−1},    T_i = A_i − B_i T_{i+1}⁻¹ B_iᵀ,

and the inverse G of the matrix has the blocks G_ii = (S_i + T_i − A_i)⁻¹ and G_{i,i+1} = −S_i⁻¹ B_i G_{i+1,i+1}.
B has three diagonals, so that products with it are cheap; a few dense products for each row dominate the time.
"""

import numpy as np

from ..parallel import njit_cached


@njit_cached
def resistances(conductances, steps, corners, seeds, first, last, resistance, residual):
    """Compute the resistance between a seed and every cell, R_cj = G_cc + G_jj − 2 G_cj.

    Parameters
    ----------
    conductances
        Edge conductances of the raster, (rows, columns, directions), symmetric; 0 where there is no edge.
    steps, corners, seeds
        As for `windowed_dijkstra.search`.
    first, last
        The windows to compute: from `first` to below `last`.
    resistance
        Filled, (windows, rows, columns); infinite where a cell is not connected to the seed.
    residual
        Filled: the largest |(A G)_ii − 1| of each window.
    """
    height, width = resistance.shape[1:]
    for window in range(first, last):
        resistance[window] = np.inf
        residual[window] = 0.0
        if seeds[window] < 0:
            continue
        corner = corners[window]
        connected = _connected(conductances, steps, corner, seeds[window], height, width)
        diagonal, coupling = _laplacian_blocks(conductances, steps, corner, connected, height, width)
        above, _, inverse = _eliminate(diagonal, coupling)
        unit = np.zeros((height, width))
        unit.ravel()[seeds[window]] = 1.0
        potential = _solve(above, coupling, unit)
        at_seed = potential.ravel()[seeds[window]]
        for row in range(height):
            for column in range(width):
                if connected[row, column]:
                    resistance[window, row, column] = (
                        at_seed + inverse[row, column, column] - 2 * potential[row, column]
                    )
        # From the seed to itself the difference would be a rounding error.
        resistance[window].ravel()[seeds[window]] = 0.0
        residual[window] = _inverse_residual(diagonal, coupling, above, inverse, connected)


@njit_cached
def resistance_gradient(conductances, steps, corners, seeds, cotangent, first, last, gradient):
    """Add the derivative with respect to every conductance to the gradient, half to each direction of an edge.

    Parameters
    ----------
    conductances, steps, corners, seeds, first, last
        As for `resistances`.
    cotangent
        Cotangent g of the resistances, (windows, rows, columns).
    gradient
        Of the shape of `conductances`; added to.

    Notes
    -----
    The derivative of R_cj with respect to the conductance between a and b is −(v_a − v_b)² with v = G (e_c − e_j).
    Its sum over j with the weights g_j needs G e_c, G g, and of M = G diag(g) G the diagonal and the entries between
    neighbours. M is the derivative of (A − t diag(g))⁻¹ with respect to t at t = 0, so that forward differentiation of
    the elimination gives it.
    """
    height, width = cotangent.shape[1:]
    for window in range(first, last):
        if seeds[window] < 0:
            continue
        corner = corners[window]
        connected = _connected(conductances, steps, corner, seeds[window], height, width)
        diagonal, coupling = _laplacian_blocks(conductances, steps, corner, connected, height, width)
        weight = np.where(connected, cotangent[window], 0.0)
        weight.ravel()[seeds[window]] = 0.0
        above, below, inverse = _eliminate(diagonal, coupling)
        unit = np.zeros((height, width))
        unit.ravel()[seeds[window]] = 1.0
        potential, weighted_potential = _solve(above, coupling, unit), _solve(above, coupling, weight)
        row_blocks, next_row_entries = _inverse_derivative(coupling, above, below, inverse, weight)
        total = weight.sum()
        for row in range(height):
            for column in range(width):
                for step in range(steps.shape[0]):
                    to_row, to_column = row + steps[step, 0], column + steps[step, 1]
                    # Each pair once: to the right, or downwards.
                    if steps[step, 0] < 0 or (steps[step, 0] == 0 and steps[step, 1] < 0):
                        continue
                    if to_row >= height or to_column < 0 or to_column >= width or not connected[row, column]:
                        continue
                    if conductances[corner[0] + row, corner[1] + column, step] == 0.0:
                        continue
                    if to_row == row:
                        off_diagonal = row_blocks[row, column, to_column]
                    else:
                        off_diagonal = next_row_entries[row, column, to_column - column + 1]
                    drop = potential[row, column] - potential[to_row, to_column]
                    weighted_drop = weighted_potential[row, column] - weighted_potential[to_row, to_column]
                    at_ends = row_blocks[row, column, column] + row_blocks[to_row, to_column, to_column]
                    quadratic_form = at_ends - 2 * off_diagonal
                    half = -0.5 * (total * drop * drop - 2 * drop * weighted_drop + quadratic_form)
                    gradient[corner[0] + row, corner[1] + column, step] += half
                    gradient[corner[0] + to_row, corner[1] + to_column, steps.shape[0] - 1 - step] += half


@njit_cached
def _connected(conductances, steps, corner, seed, height, width):
    """Mark the cells that are connected to the seed inside the window."""
    connected = np.zeros((height, width), np.bool_)
    stack = np.empty(height * width, np.int64)
    connected.ravel()[seed] = True
    stack[0] = seed
    count = 1
    while count > 0:
        count -= 1
        row, column = stack[count] // width, stack[count] % width
        for step in range(steps.shape[0]):
            to_row, to_column = row + steps[step, 0], column + steps[step, 1]
            if to_row < 0 or to_row >= height or to_column < 0 or to_column >= width or connected[to_row, to_column]:
                continue
            if conductances[corner[0] + row, corner[1] + column, step] > 0:
                connected[to_row, to_column] = True
                stack[count] = to_row * width + to_column
                count += 1
    return connected


@njit_cached
def _laplacian_blocks(conductances, steps, corner, connected, height, width):
    """Return the Laplacian of the connected cells, grounded at one of them: A of each row, and B to the next row.

    Cells that are not connected are rows of the identity. `coupling[row, column, k]` couples a cell to the cell in the
    next row and column + k − 1.
    """
    diagonal = np.zeros((height, width, width))
    coupling = np.zeros((height, width, 3))
    largest, grounded = -1.0, 0
    for row in range(height):
        for column in range(width):
            if not connected[row, column]:
                diagonal[row, column, column] = 1.0
                continue
            degree = 0.0
            for step in range(steps.shape[0]):
                to_row, to_column = row + steps[step, 0], column + steps[step, 1]
                if to_row < 0 or to_row >= height or to_column < 0 or to_column >= width:
                    continue
                conductance = conductances[corner[0] + row, corner[1] + column, step]
                degree += conductance
                if to_row == row:
                    diagonal[row, column, to_column] = -conductance
                elif to_row > row:
                    coupling[row, column, to_column - column + 1] = -conductance
            diagonal[row, column, column] = degree if degree > 0 else 1.0
            if degree > largest:
                largest, grounded = degree, row * width + column
    # The cell of the largest degree: a weaker one would add its own large resistance to every potential.
    diagonal[grounded // width, grounded % width, grounded % width] *= 2.0
    return diagonal, coupling


@njit_cached
def _eliminate(diagonal, coupling):
    """Return S⁻¹, T⁻¹ and the diagonal blocks of the inverse."""
    height, width = diagonal.shape[:2]
    above, below, inverse = np.empty_like(diagonal), np.empty_like(diagonal), np.empty_like(diagonal)
    for row in range(height):
        block = diagonal[row].copy()
        if row > 0:
            _add_from_above(block, above[row - 1], coupling[row - 1], -1.0)
        above[row] = np.linalg.inv(block)
    for row in range(height - 1, -1, -1):
        block = diagonal[row].copy()
        if row < height - 1:
            _add_from_below(block, below[row + 1], coupling[row], -1.0)
        below[row] = np.linalg.inv(block)
        if row > 0:
            _add_from_above(block, above[row - 1], coupling[row - 1], -1.0)
        inverse[row] = np.linalg.inv(block)
    return above, below, inverse


@njit_cached
def _add_from_above(block, inner, coupling, sign):
    """Add ± Bᵀ X B, with B from the row above to this one."""
    width = block.shape[0]
    product = np.zeros((width, width))
    for column in range(width):
        for k in range(3):
            to = column + k - 1
            if coupling[column, k] != 0.0:
                product[to] += coupling[column, k] * inner[column]
    for column in range(width):
        for k in range(3):
            to = column + k - 1
            if coupling[column, k] != 0.0:
                for row in range(width):
                    block[row, to] += sign * product[row, column] * coupling[column, k]


@njit_cached
def _add_from_below(block, inner, coupling, sign):
    """Add ± B X Bᵀ, with B from this row to the one below."""
    width = block.shape[0]
    product = np.zeros((width, width))
    for column in range(width):
        for k in range(3):
            if coupling[column, k] != 0.0:
                product[column] += coupling[column, k] * inner[column + k - 1]
    for column in range(width):
        for k in range(3):
            if coupling[column, k] != 0.0:
                for row in range(width):
                    block[row, column] += sign * product[row, column + k - 1] * coupling[column, k]


@njit_cached
def _solve(above, coupling, raster):
    """Solve A x = b with the elimination from above."""
    height, width = raster.shape
    solution = raster.copy()
    for row in range(1, height):
        previous = np.dot(above[row - 1], solution[row - 1])
        for column in range(width):
            for k in range(3):
                if coupling[row - 1, column, k] != 0.0:
                    solution[row, column + k - 1] -= coupling[row - 1, column, k] * previous[column]
    for row in range(height - 1, -1, -1):
        if row < height - 1:
            for column in range(width):
                for k in range(3):
                    if coupling[row, column, k] != 0.0:
                        solution[row, column] -= coupling[row, column, k] * solution[row + 1, column + k - 1]
        solution[row] = np.dot(above[row], solution[row])
    return solution


@njit_cached
def _inverse_derivative(coupling, above, below, inverse, weight):
    """Return M = G diag(g) G: its diagonal blocks, and its entries between each cell and those of the next row."""
    height, width = weight.shape
    row_blocks = np.empty_like(inverse)
    next_row_entries = np.zeros((height, width, 3))
    # U_i is minus the derivative of S_i; that of S_i⁻¹ is S_i⁻¹ U_i S_i⁻¹, and so for T from below.
    upper = np.zeros_like(inverse)
    above_derivative = np.empty_like(inverse)
    for row in range(height):
        for column in range(width):
            upper[row, column, column] = weight[row, column]
        if row > 0:
            _add_from_above(upper[row], above_derivative[row - 1], coupling[row - 1], 1.0)
        above_derivative[row] = np.dot(np.dot(above[row], upper[row]), above[row])
    below_derivative = np.zeros((width, width))
    for row in range(height - 1, -1, -1):
        lower = np.zeros((width, width))
        if row < height - 1:
            _add_from_below(lower, below_derivative, coupling[row], 1.0)
        upper_and_lower = upper[row] + lower
        row_blocks[row] = np.dot(np.dot(inverse[row], upper_and_lower), inverse[row])
        if row < height - 1:
            _add_coupled_entries(next_row_entries[row], coupling[row], above_derivative[row], inverse[row + 1], -1.0)
            _add_coupled_entries(next_row_entries[row], coupling[row], above[row], row_blocks[row + 1], -1.0)
        for column in range(width):
            lower[column, column] += weight[row, column]
        if row > 0:
            below_derivative = np.dot(np.dot(below[row], lower), below[row])
    return row_blocks, next_row_entries


@njit_cached
def _add_coupled_entries(entries, coupling, left, right, sign):
    """Add the entries of ± X B Y that lie between a cell of a row and the three nearest cells of the next row."""
    width = left.shape[0]
    product = np.zeros((width, width))
    for column in range(width):
        for k in range(3):
            if coupling[column, k] != 0.0:
                product[column] += coupling[column, k] * right[column + k - 1]
    columns = np.ascontiguousarray(product.T)
    for column in range(width):
        for k in range(3):
            to = column + k - 1
            if 0 <= to < width:
                entries[column, k] += sign * (left[column] * columns[to]).sum()


@njit_cached
def _inverse_residual(diagonal, coupling, above, inverse, connected):
    """Return the largest |(A G)_ii − 1|."""
    height, width = connected.shape
    next_row_entries = np.zeros((height, width, 3))
    product = np.zeros((height, width))
    for row in range(height):
        for column in range(width):
            product[row, column] = (diagonal[row, column] * inverse[row, column]).sum()
    for row in range(height - 1):
        _add_coupled_entries(next_row_entries[row], coupling[row], above[row], inverse[row + 1], -1.0)
        for column in range(width):
            for k in range(3):
                if coupling[row, column, k] != 0.0:
                    entry = coupling[row, column, k] * next_row_entries[row, column, k]
                    product[row, column] += entry
                    product[row + 1, column + k - 1] += entry
    return np.abs(product - 1.0).max()
