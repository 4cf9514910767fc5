"""Entries of an inverse between any chosen cells, exactly, by half a solve that stays out of the rest of the raster.

With A = L D Lᵀ, D being the blocks F_ss that were eliminated, and Y = L⁻¹ E for unit vectors E,

    Eᵀ A⁻¹ E = Σ over fronts Y_sᵀ F_ss⁻¹ Y_s,

and the column of a cell is zero in every front that does not lie on the cell's way up to the last separator. Thousands
of columns, each of which would take as long as a solve, so cost about as much as the factor.
"""

import numpy as np
from jaxtyping import Float, Int

from ....parallel.blas_threads import blas_limited_pool
from ...base import require_solved
from ...solver_stats import log_solve
from ...stencil_matrix import StencilMatrix
from .cached_factor import cached_factor, solve
from .factorization import Factor
from .substitution import add_child, levels_of_tile
from .substitution_kernels import forward_level

#: Columns, and the two matrices whose product, the first one transposed, is added between them.
Halves = tuple[Int[np.ndarray, "_"], Float[np.ndarray, "_ _"], Float[np.ndarray, "_ _"]]

#: Rows of a product that are worked out together.
ROWS = 256

#: How far an entry may be from the same entry by a whole solve with a check of its residual, relative to the diagonal.
ACCURATE = 1e-8


def inverse_submatrix(system: StencilMatrix, cells: Int[np.ndarray, "k"]) -> Float[np.ndarray, "k k"]:
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
    tiles = columns_by_tile(factored, np.asarray(cells))
    handed: dict = {}

    def tile_up(number: int) -> Halves:
        columns = tiles.get(number, np.empty(0, int))
        halves, handed["tile", number] = _through_tile(factored, number, cells[columns], columns)
        return halves

    def node_up(item) -> Halves:
        number, node, kept = item
        parts = [handed.pop(part) for part in node.parts]
        columns = np.concatenate([mine for mine, _ in parts])
        front = np.zeros((len(node.separator) + len(node.frame), len(columns)))
        first = 0
        for (mine, outside), runs in zip(parts, node.children, strict=True):
            add_child(front[:, first : first + len(mine)], outside, runs)
            first += len(mine)
        # A cell that is eliminated here begins here.
        place = {cell: row for row, cell in enumerate(node.separator)}
        own = starting.get(("node", number), np.empty(0, int))
        added = np.zeros((len(front), len(own)))
        for column, cell in enumerate(cells[own]):
            added[place[divmod(int(cell), width)], column] = 1.0
        columns, front = np.concatenate([columns, own]), np.concatenate([front, added], axis=1)
        inside = len(node.separator)
        handed["node", number] = columns, front[inside:] - kept.left @ front[:inside]
        return columns, front[:inside], kept.inverse @ front[:inside]

    def multiply(piece: tuple[np.ndarray, np.ndarray, np.ndarray, slice]) -> None:
        columns, one, other, some = piece
        inverse[np.ix_(columns[some], columns)] += one[:, some].T @ other

    width = factored.dissection.shape[1]
    starting = starting_in_nodes(factored, np.asarray(cells))
    groups, start = [], 0
    for group in factored.dissection.nodes:
        numbers = range(start, start + len(group))
        groups.append([(n, node, factored.nodes[n]) for n, node in zip(numbers, group, strict=True)])
        start += len(group)
    with blas_limited_pool() as on_each:
        # Columns of different tiles are different, and so are those of different nodes of a group.
        on_each(multiply, _in_pieces(on_each(tile_up, range(len(factored.tiles)))))
        for group in groups:
            on_each(multiply, _in_pieces(on_each(node_up, group)))
    _check(center, edges, np.asarray(cells), inverse)
    log_solve("nested dissection", len(cells), 0, None)
    return (inverse + inverse.T) / 2


def _in_pieces(products: list[Halves]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, slice]]:
    """Cut products into pieces for all cores, of some rows each."""
    return [(*product, slice(begin, begin + ROWS)) for product in products for begin in range(0, len(product[0]), ROWS)]


def columns_by_tile(factored: Factor, cells: np.ndarray) -> dict[int, np.ndarray]:
    """Return, for every tile, which of the cells lie in it (and not between tiles)."""
    dissection = factored.dissection
    row, column = np.divmod(cells, dissection.shape[1])
    inside = (row % dissection.pitch[0] != dissection.pitch[0] - 1) & (
        column % dissection.pitch[1] != dissection.pitch[1] - 1
    )
    tile = row // dissection.pitch[0] * dissection.tiles[1] + column // dissection.pitch[1]
    return {int(number): np.flatnonzero(inside & (tile == number)) for number in np.unique(tile[inside])}


def starting_in_nodes(factored: Factor, cells: np.ndarray) -> dict[tuple[str, int], np.ndarray]:
    """Return, for every joint of tiles, which of the cells are eliminated there."""
    dissection, number, found = factored.dissection, 0, {}
    position = {int(cell): place for place, cell in enumerate(cells)}
    for group in dissection.nodes:
        for node in group:
            flat = (row * dissection.shape[1] + column for row, column in node.separator)
            here = [position[cell] for cell in flat if cell in position]
            if here:
                found["node", number] = np.array(here)
            number += 1
    return found


def _through_tile(
    factored: Factor, number: int, cells: np.ndarray, columns: np.ndarray
) -> tuple[Halves, tuple[np.ndarray, np.ndarray]]:
    """Eliminate through one tile; return both halves of its share of the sum, and the columns on its frame."""
    dissection = factored.dissection
    local = np.zeros((dissection.pitch[0] * dissection.pitch[1], len(cells)))
    if not len(cells):
        return (columns, local, local), (columns, np.zeros((len(dissection.levels[-1].frame), 0)))
    rows, across = np.divmod(cells, dissection.shape[1])
    local[rows % dissection.pitch[0] * dissection.pitch[1] + across % dissection.pitch[1], np.arange(len(cells))] = 1.0
    outside = np.zeros((1, 1, 0, len(cells)))
    kept_levels, maps = factored.tiles[number], levels_of_tile(dissection)
    for level, kept, (place, *children) in zip(dissection.levels, kept_levels, maps, strict=True):
        below, outside = outside, np.empty((*level.boxes, len(level.frame), len(cells)))
        forward_level(kept.left.mT, place, local, below, *children, outside)
    reached = local.any(1)
    solved = np.zeros_like(local)
    for kept, (place, *_) in zip(kept_levels, maps, strict=True):
        some = reached[place].any(-1)
        solved[place[some]] = kept.inverse[some] @ local[place[some]]
    return (columns, local[reached], solved[reached]), (columns, outside[0, 0])


def _check(center: np.ndarray, edges: np.ndarray, cells: np.ndarray, inverse: np.ndarray) -> None:
    """Compare the column of the cell with the largest diagonal with a solve, which checks its own residual."""
    worst = int(np.argmax(np.diagonal(inverse)))
    unit = np.zeros((1, center.size))
    unit[0, cells[worst]] = 1.0
    column = require_solved(solve(center, edges, unit.reshape(1, *center.shape), True, False)).ravel()[cells]
    missed = np.abs(column - inverse[:, worst]).max() / np.abs(column).max()
    if not missed <= ACCURATE:
        raise RuntimeError(
            f"entries of the inverse of {center.size} cells miss those of a solve by {missed:.1e}: the values of the "
            "raster may span too many orders of magnitude"
        )
