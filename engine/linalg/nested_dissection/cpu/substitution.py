"""Forward and backward substitution with a factor: from the leaves to the root of the elimination tree, and back.

    forward:  b_b ← b_b − H b_s          backward:  x_s = F_ss⁻¹ b_s − K x_b

With the transposed matrix Hᵀ and K exchange their roles.
"""

from functools import lru_cache

import numpy as np

from ....parallel import blas_limited_pool
from ..symbolic import SeparatorNode, SlicePairs, SymbolicFactorization, separator_positions
from .factorization import Factor, FrontFactor
from .substitution_kernels import backward_level, forward_level


def substitute(
    factored: Factor, right_hand_sides: np.ndarray, transposed: bool, out: np.ndarray | None = None
) -> np.ndarray:
    """Solve A x = b, or Aᵀ x = b.

    Parameters
    ----------
    factored
        A.
    right_hand_sides
        b, shape (k, rows, columns).
    transposed
        Whether to solve with Aᵀ.
    out
        Array for x; a new one by default.
    """
    x = np.empty_like(right_hand_sides) if out is None else out
    dissection = factored.dissection
    count = len(right_hand_sides)
    # Updates on boundaries (forward), solutions on boundaries (backward); b_s after forward substitution.
    boundary_values: dict = {}
    eliminated: dict = {}
    transposed = transposed and not factored.symmetric

    def forward_tile(number: int) -> None:
        """Eliminate the interior of one tile."""
        eliminated["tile", number], boundary_values["tile", number] = _forward_tile(
            factored, right_hand_sides, number, transposed
        )

    def forward_node(item) -> None:
        """Add up the contributions of the children and eliminate one separator."""
        number, node, front_factor = item
        front = np.zeros((len(node.separator) + len(node.boundary), count), right_hand_sides.dtype)
        for child, slices in zip(node.children, node.child_maps, strict=True):
            extend_add_rows(front, boundary_values.pop(child), slices)
        s = len(node.separator)
        rows, columns = np.array(node.separator).T
        front[:s] += right_hand_sides[:, rows, columns].T
        left = front_factor.right.mT if transposed else front_factor.left
        eliminated["node", number] = front[:s]
        boundary_values["node", number] = front[s:] - left @ front[:s]

    def backward_node(item) -> None:
        """Solve for the values on one separator, given those on its boundary."""
        number, node, front_factor = item
        inverse, right = (
            (front_factor.inverse.mT, front_factor.left.mT)
            if transposed
            else (front_factor.inverse, front_factor.right)
        )
        boundary = boundary_values.pop(("node", number))
        solution = inverse @ eliminated.pop(("node", number)) - right @ boundary
        rows, columns = np.array(node.separator).T
        x[:, rows, columns] = solution.T
        front = np.concatenate([solution, boundary])
        for child, slices in zip(node.children, node.child_maps, strict=True):
            size = len(dissection.levels[-1].boundary) if child[0] == "tile" else boundary_size(child[1])
            boundary_values[child] = _restrict_rows(front, slices, size)

    def boundary_size(number: int) -> int:
        """Return the number of cells in the boundary of a node."""
        return factored.nodes[number].right.shape[-1]

    def backward_tile(number: int) -> None:
        """Solve for the values in one tile, given those on its boundary."""
        local, boundary = eliminated.pop(("tile", number)), boundary_values.pop(("tile", number))
        _backward_tile(factored, local, boundary, number, transposed)
        _scatter_tile(dissection, local, x, number)

    groups = node_groups(factored)
    with blas_limited_pool() as parallel_map:
        parallel_map(forward_tile, range(len(factored.tiles)))
        for group in groups:
            parallel_map(forward_node, group)
        for group in reversed(groups):
            parallel_map(backward_node, group)
        parallel_map(backward_tile, range(len(factored.tiles)))
    return x


def node_groups(factored: Factor) -> list[list[tuple[int, SeparatorNode, FrontFactor]]]:
    """Return the groups of independent nodes above the tiles: number, node and factor of each node."""
    groups, start = [], 0
    for group in factored.dissection.nodes:
        numbers = range(start, start + len(group))
        groups.append([(n, node, factored.nodes[n]) for n, node in zip(numbers, group, strict=True)])
        start += len(group)
    return groups


@lru_cache(maxsize=16)
def tile_level_indices(dissection: SymbolicFactorization) -> list[tuple[np.ndarray, int, np.ndarray, np.ndarray]]:
    """Return the index arrays of the substitution kernels, for every level of a tile.

    Returns
    -------
    list
        Rows of the tile's cells of every separator, (down, across, s); the axis along which children lie, −1 for none;
        and the positions of a first and a second child's boundary in a front, −1 for cells outside it.
    """
    result, child_size = [], 0
    for depth, level in enumerate(dissection.levels):
        rows, columns = separator_positions(dissection, 0, depth)
        cells = (rows - 1) * dissection.pitch[1] + columns - 1
        positions_of_children = np.full((2, child_size), -1)
        for positions, slices in zip(positions_of_children, level.child_maps, strict=False):
            for in_child, in_front in slices:
                positions[in_child] = np.arange(in_front.start, in_front.stop)
        axis = -1 if level.axis is None else level.axis
        result.append((np.ascontiguousarray(cells), axis, *positions_of_children))
        child_size = len(level.boundary)
    return result


def extend_add_rows(front: np.ndarray, child: np.ndarray, slices: SlicePairs) -> None:
    """Add the rows of a child's boundary to those of a front."""
    for in_child, in_front in slices:
        front[..., in_front, :] += child[..., in_child, :]


def _forward_tile(
    factored: Factor, right_hand_sides: np.ndarray, number: int, transposed: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Return a tile's right-hand sides after forward substitution, (cells, k), and the update on its boundary."""
    dissection = factored.dissection
    (rows, columns), count = _tile_slices(dissection, number), len(right_hand_sides)
    local = np.zeros((*dissection.pitch, count))
    tile_values = right_hand_sides[:, rows, columns]
    if not tile_values.any():
        return local.reshape(-1, count), np.zeros((len(dissection.levels[-1].boundary), count))
    local[: tile_values.shape[1], : tile_values.shape[2]] = tile_values.transpose(1, 2, 0)
    local = local.reshape(-1, count)
    update = np.zeros((1, 1, 0, count))
    levels = zip(dissection.levels, factored.tiles[number], tile_level_indices(dissection), strict=True)
    for level, front_factor, (cells, *child_positions) in levels:
        child_updates, update = update, np.empty((*level.boxes, len(level.boundary), count))
        left = front_factor.right if transposed else front_factor.left.mT
        forward_level(left, cells, local, child_updates, *child_positions, update)
    return local, update[0, 0]


def _backward_tile(factored: Factor, local: np.ndarray, boundary: np.ndarray, number: int, transposed: bool) -> None:
    """Replace a tile's right-hand sides by its solution, given the solution on its boundary."""
    dissection, indices = factored.dissection, tile_level_indices(factored.dissection)
    boundary, count = boundary[None, None], local.shape[1]
    for depth in reversed(range(len(dissection.levels))):
        front_factor, (cells, *child_positions) = factored.tiles[number][depth], indices[depth]
        inverse, right = (
            (np.ascontiguousarray(front_factor.inverse.mT), front_factor.left.mT)
            if transposed
            else (front_factor.inverse, front_factor.right)
        )
        child_boundary = np.empty((1, 1, 0, count))
        if depth:
            level = dissection.levels[depth - 1]
            child_boundary = np.empty((*level.boxes, len(level.boundary), count))
        backward_level(inverse, right, cells, local, boundary, *child_positions, child_boundary)
        boundary = child_boundary


def _scatter_tile(dissection: SymbolicFactorization, local: np.ndarray, x: np.ndarray, number: int) -> None:
    """Write the solution in a tile's interior, (cells, k), into the rasters x."""
    rows, columns = _tile_slices(dissection, number)
    solution = local.reshape(*dissection.pitch, -1)[: rows.stop - rows.start, : columns.stop - columns.start]
    # The last row and column of a pitch belong to the separator before the next tile.
    interior = solution[: dissection.pitch[0] - 1, : dissection.pitch[1] - 1]
    bottom, right = rows.start + interior.shape[0], columns.start + interior.shape[1]
    x[:, rows.start : bottom, columns.start : right] = interior.transpose(2, 0, 1)


def _tile_slices(dissection: SymbolicFactorization, number: int) -> tuple[slice, slice]:
    """Return the part of the raster that a tile covers, with the separators below and to the right of it."""
    row, column = divmod(number, dissection.tiles[1])
    top, left = row * dissection.pitch[0], column * dissection.pitch[1]
    return (
        slice(top, min(top + dissection.pitch[0], dissection.shape[0])),
        slice(left, min(left + dissection.pitch[1], dissection.shape[1])),
    )


def _restrict_rows(front: np.ndarray, slices: SlicePairs, size: int) -> np.ndarray:
    """Return a front's rows on a child's boundary."""
    child = np.zeros((size, front.shape[-1]), front.dtype)
    for in_child, in_front in slices:
        child[in_child] = front[in_front]
    return child
