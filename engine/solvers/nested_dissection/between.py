"""Entries of an inverse between any chosen cells, exactly, by half a solve that stays out of the rest of the raster.

With A = L D Lᵀ, D being the blocks F_ss that were eliminated, and Y = L⁻¹ E for unit vectors E,

    Eᵀ A⁻¹ E = Σ over fronts Y_sᵀ F_ss⁻¹ Y_s,

and the column of a cell is zero in every front that does not lie on the cell's way up to the last separator. Thousands
of columns, each of which would take as long as a solve, so cost about as much as the factor.
"""

import numpy as np
from jaxtyping import Float, Int

from ...stencil import Stencil
from ..journal import note
from .elimination import Factor, halves
from .host import remembered_factor, solve
from .plan import separator_places
from .substitution import add_child
from .workers import workers

#: How far an entry may be from the same entry by a whole solve with a check of its residual, relative to the diagonal.
ACCURATE = 1e-8


def inverse_between(system: Stencil, cells: Int[np.ndarray, "k"]) -> Float[np.ndarray, "k k"]:
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
    >>> chain = Stencil(jnp.array([[2.0, 2.0]]), jnp.zeros((4, 1, 2)).at[2, 0, 0].set(-1).at[1, 0, 1].set(-1))
    >>> inverse_between(chain, np.array([1])).round(12) * 3
    array([[2.]])
    """
    center, edges = np.asarray(system.center), np.asarray(system.edges)
    factored = remembered_factor(center, edges, True)
    inverse = np.zeros((len(cells), len(cells)))
    if not len(cells):
        return inverse
    tiles = columns_by_tile(factored, np.asarray(cells))
    handed: dict = {}

    def tile_up(number: int) -> list:
        columns = tiles.get(number, np.empty(0, int))
        sums, handed["tile", number] = _through_tile(factored, number, cells[columns], columns)
        return sums

    def node_up(item) -> list:
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
        return [(columns, front[:inside].T @ (kept.inverse @ front[:inside]))]

    width = factored.dissection.shape[1]
    starting = starting_in_nodes(factored, np.asarray(cells))
    groups, start = [], 0
    for group in factored.dissection.nodes:
        numbers = range(start, start + len(group))
        groups.append([(n, node, factored.nodes[n]) for n, node in zip(numbers, group, strict=True)])
        start += len(group)
    with workers() as on_each:
        for sums in on_each(tile_up, range(len(factored.tiles))):
            _gather(inverse, sums)
        for group in groups:
            for sums in on_each(node_up, group):
                _gather(inverse, sums)
    _check(center, edges, np.asarray(cells), inverse)
    note("nested dissection", len(cells), 0, None)
    return (inverse + inverse.T) / 2


def _gather(inverse: np.ndarray, sums: list) -> None:
    for columns, block in sums:
        inverse[np.ix_(columns, columns)] += block


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


def _through_tile(factored: Factor, number: int, cells: np.ndarray, columns: np.ndarray):
    """Eliminate through one tile; return the tile's share of the sum, and the columns on its frame."""
    dissection = factored.dissection
    if not len(cells):
        return [], (columns, np.zeros((len(dissection.levels[-1].frame), 0)))
    # As in substitution, one row and column before the raster.
    padded = np.zeros(tuple(n + 1 for n in dissection.padded), int)
    row, column = np.divmod(cells, dissection.shape[1])
    padded[1 + row, 1 + column] = 1 + np.arange(len(cells))
    total, outside = np.zeros((len(cells), len(cells))), None
    for depth, (level, kept) in enumerate(zip(dissection.levels, factored.tiles[number], strict=True)):
        inside = len(level.separator)
        front = np.zeros((*level.boxes, inside + len(level.frame), len(cells)))
        if level.axis is not None:
            for child, runs in zip(halves(outside, level.axis), level.children, strict=True):
                add_child(front, child, runs)
        starting = padded[separator_places(dissection, number, depth)]
        places = np.nonzero(starting)
        front[(*places, starting[places] - 1)] = 1.0
        solved = front[..., :inside, :]
        outside = front[..., inside:, :] - kept.left @ solved
        total += np.tensordot(solved, kept.inverse @ solved, axes=((0, 1, 2), (0, 1, 2)))
    return [(columns, total)], (columns, outside[0, 0])


def _check(center: np.ndarray, edges: np.ndarray, cells: np.ndarray, inverse: np.ndarray) -> None:
    """Compare the column of the cell with the largest diagonal with a solve, which checks its own residual."""
    worst = int(np.argmax(np.diagonal(inverse)))
    unit = np.zeros((1, center.size))
    unit[0, cells[worst]] = 1.0
    column = solve(center, edges, unit.reshape(1, *center.shape), True, False).ravel()[cells]
    missed = np.abs(column - inverse[:, worst]).max() / np.abs(column).max()
    if not missed <= ACCURATE:
        raise RuntimeError(
            f"entries of the inverse of {center.size} cells miss those of a solve by {missed:.1e}: the values of the "
            "raster may span too many orders of magnitude"
        )
