"""Entries of an inverse between any selected cells, exactly, by a forward substitution that skips zero columns.

With A = L D Lᵀ, where D are the eliminated blocks F_ss, and Y = L⁻¹ E for unit vectors E,

    Eᵀ A⁻¹ E = Σ over fronts Y_sᵀ F_ss⁻¹ Y_s,

and the column of a cell is zero in every front that is not an ancestor of the cell. Thousands of columns, each of which
would take a solve of its own, therefore cost about as much as the factor.
"""

import numpy as np
from jaxtyping import Float, Int

from ....counts import count_of
from ....parallel import blas_limited_pool
from ...base import require_solved
from ...solver_stats import SolveError, log_solve
from ...stencil_matrix import StencilMatrix
from .backend import solve
from .factor_cache import cached_factor
from .factorization import Factor
from .substitution import extend_add_rows, node_groups, tile_level_indices
from .substitution_kernels import forward_level

#: Columns of the inverse, and the two matrices whose product (the first one transposed) is added to the entries between
#: these columns.
Product = tuple[Int[np.ndarray, " _"], Float[np.ndarray, "_ _"], Float[np.ndarray, "_ _"]]

#: Rows of a product that one thread computes at a time.
PRODUCT_ROWS = 256

#: Largest difference between an entry and the same entry from a solve with checked residual, relative to the diagonal.
MAX_COLUMN_DIFFERENCE = 1e-8


def inverse_submatrix(system: StencilMatrix, cells: Int[np.ndarray, " k"]) -> Float[np.ndarray, "k k"]:
    """Return the entries of A⁻¹ between k cells, for a symmetric A.

    Parameters
    ----------
    system
        A, a nonsingular M-matrix, symmetric.
    cells
        Flat raster indices, all different.

    Raises
    ------
    RuntimeError
        A is singular to working precision.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> chain = StencilMatrix(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> inverse_submatrix(chain, np.array([1])).round(12) * 3
    array([[2.]])
    """
    center, edges = np.asarray(system.center), np.asarray(system.edges)
    factored = cached_factor(center, edges, True)
    inverse = np.zeros((len(cells), len(cells)))
    if not len(cells):
        return inverse
    by_tile, by_node = columns_by_tile(factored, np.asarray(cells)), columns_by_node(factored, np.asarray(cells))
    width = factored.dissection.shape[1]
    updates: dict = {}

    def forward_tile(number: int) -> Product:
        """Eliminate the unit columns of the cells of one tile."""
        columns = by_tile.get(number, np.empty(0, int))
        product, updates["tile", number] = _forward_tile(factored, number, cells[columns], columns)
        return product

    def forward_node(item) -> Product:
        """Eliminate one separator from the columns of cells below it in the tree, and of those in it."""
        number, node, front_factor = item
        child_updates = [updates.pop(child) for child in node.children]
        columns = np.concatenate([child_columns for child_columns, _ in child_updates])
        front = np.zeros((len(node.separator) + len(node.boundary), len(columns)))
        first = 0
        for (child_columns, update), slices in zip(child_updates, node.child_maps, strict=True):
            extend_add_rows(front[:, first : first + len(child_columns)], update, slices)
            first += len(child_columns)
        # The columns of cells in this separator start here.
        row_of_cell = {cell: row for row, cell in enumerate(node.separator)}
        starting = by_node.get(("node", number), np.empty(0, int))
        unit_columns = np.zeros((len(front), len(starting)))
        for column, cell in enumerate(cells[starting]):
            unit_columns[row_of_cell[divmod(int(cell), width)], column] = 1.0
        columns, front = np.concatenate([columns, starting]), np.concatenate([front, unit_columns], axis=1)
        s = len(node.separator)
        updates["node", number] = columns, front[s:] - front_factor.left @ front[:s]
        return columns, front[:s], front_factor.inverse @ front[:s]

    def multiply(block: tuple[np.ndarray, np.ndarray, np.ndarray, slice]) -> None:
        """Add the product of one block of columns to the inverse."""
        columns, left, right, rows = block
        inverse[np.ix_(columns[rows], columns)] += left[:, rows].T @ right

    with blas_limited_pool() as parallel_map:
        # Columns of different tiles are different, and so are those of different nodes of a group.
        parallel_map(multiply, _row_blocks(parallel_map(forward_tile, range(len(factored.tiles)))))
        for group in node_groups(factored):
            parallel_map(multiply, _row_blocks(parallel_map(forward_node, group)))
    _check_column(center, edges, np.asarray(cells), inverse)
    log_solve("nested dissection", len(cells), 0, None)
    return (inverse + inverse.T) / 2


def _row_blocks(products: list[Product]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, slice]]:
    """Split products into blocks of rows, to keep all cores busy."""
    return [
        (*product, slice(begin, begin + PRODUCT_ROWS))
        for product in products
        for begin in range(0, len(product[0]), PRODUCT_ROWS)
    ]


def columns_by_tile(factored: Factor, cells: np.ndarray) -> dict[int, np.ndarray]:
    """Return, for every tile, the indices of the cells inside it (not on separators between tiles)."""
    dissection = factored.dissection
    row, column = np.divmod(cells, dissection.shape[1])
    inside = (row % dissection.pitch[0] != dissection.pitch[0] - 1) & (
        column % dissection.pitch[1] != dissection.pitch[1] - 1
    )
    tile = row // dissection.pitch[0] * dissection.tiles[1] + column // dissection.pitch[1]
    return {int(number): np.flatnonzero(inside & (tile == number)) for number in np.unique(tile[inside])}


def columns_by_node(factored: Factor, cells: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Return, for every node above the tiles, the indices of the cells in its separator."""
    dissection, number, result = factored.dissection, 0, {}
    index_of_cell = {int(cell): index for index, cell in enumerate(cells)}
    for group in dissection.nodes:
        for node in group:
            flat = (row * dissection.shape[1] + column for row, column in node.separator)
            indices = [index_of_cell[cell] for cell in flat if cell in index_of_cell]
            if indices:
                result["node", number] = np.array(indices)
            number += 1
    return result


def _forward_tile(
    factored: Factor, number: int, cells: np.ndarray, columns: np.ndarray
) -> tuple[Product, tuple[np.ndarray, np.ndarray]]:
    """Return the product that a tile contributes to the sum, and its columns with their updates on the boundary."""
    dissection = factored.dissection
    local = np.zeros((dissection.pitch[0] * dissection.pitch[1], len(cells)))
    if not len(cells):
        return (columns, local, local), (columns, np.zeros((len(dissection.levels[-1].boundary), 0)))
    rows, across = np.divmod(cells, dissection.shape[1])
    local[rows % dissection.pitch[0] * dissection.pitch[1] + across % dissection.pitch[1], np.arange(len(cells))] = 1.0
    update = np.zeros((1, 1, 0, len(cells)))
    front_factors, indices = factored.tiles[number], tile_level_indices(dissection)
    levels = zip(dissection.levels, front_factors, indices, strict=True)
    for level, front_factor, (separators, *child_positions) in levels:
        child_updates, update = update, np.empty((*level.boxes, len(level.boundary), len(cells)))
        forward_level(front_factor.left.mT, separators, local, child_updates, *child_positions, update)
    nonzero = local.any(1)
    scaled = np.zeros_like(local)
    for front_factor, (separators, *_) in zip(front_factors, indices, strict=True):
        boxes = nonzero[separators].any(-1)
        scaled[separators[boxes]] = front_factor.inverse[boxes] @ local[separators[boxes]]
    return (columns, local[nonzero], scaled[nonzero]), (columns, update[0, 0])


def _check_column(center: np.ndarray, edges: np.ndarray, cells: np.ndarray, inverse: np.ndarray) -> None:
    """Compare the column with the largest diagonal entry with a solve, whose residual is checked."""
    worst = int(np.argmax(np.diagonal(inverse)))
    unit = np.zeros((1, center.size))
    unit[0, cells[worst]] = 1.0
    column = require_solved(solve(center, edges, unit.reshape(1, *center.shape), True, False)).ravel()[cells]
    difference = np.abs(column - inverse[:, worst]).max() / np.abs(column).max()
    if not difference <= MAX_COLUMN_DIFFERENCE:
        raise SolveError(
            f"entries of the inverse of {count_of(center.size, 'cell')} differ from those of a solve by "
            f"{difference:.1e}: the values of the raster may span too many orders of magnitude"
        )
