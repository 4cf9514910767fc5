"""Selected inversion: the entries of the inverse on the diagonal and between neighbours, exactly.

The elimination tree is traversed from the root to the leaves. With Z_bb, the inverse's entries on a front's boundary,

    Z_sb = −K Z_bb,   Z_bs = −Z_bb H,   Z_ss = F_ss⁻¹ − Z_sb H,

and the boundaries of the two children are parts of s and b. Every pair of neighbouring cells lies in a leaf.

References
----------
Erisman, A. M., Tinney, W. F. (1975). On computing certain elements of the inverse of a sparse matrix. CACM 18, 177–179.
Lin, L. et al. (2011). SelInv: an algorithm for selected inversion of a sparse symmetric matrix. ACM TOMS 37, 40.
"""

from collections.abc import Callable

import numpy as np

from ....parallel import blas_limited_pool
from ..assembly import entry_positions, halves, scatter_fronts, unshift_entries
from ..symbolic import SeparatorNode, SlicePairs, SymbolicFactorization
from .factorization import Factor, FrontFactor, FrontPosition

#: Inverts a batch of fronts at a position of the tree, given the inverse's entries over their boundaries.
FrontInversion = Callable[[FrontPosition, np.ndarray], np.ndarray]


def invert_selected(factored: Factor, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ on the pattern of a stencil.

    Returns
    -------
    tuple
        (A⁻¹)_ii, shape (rows, columns), and (A⁻¹)_{i, i + step_d}, shape (directions, rows, columns).
    """
    return invert_tree(
        factored.dissection,
        directions,
        lambda position, boundary: _inverse_front(factored.front(position), boundary, factored.symmetric),
    )


def invert_tree(
    dissection: SymbolicFactorization, directions: int, invert: FrontInversion, matrices: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Invert all fronts, from the root to the leaves of the elimination tree, and return entries on a stencil.

    Parameters
    ----------
    dissection
        The elimination tree.
    directions
        Number of neighbours of a cell.
    invert
        Inverts a batch of fronts; shapes (..., b, b) and (..., s + b, s + b), or (..., matrices, b, b) and so on.
    matrices
        Number of matrices whose entries are computed together; those of the last one are returned. None for one
        matrix, without an axis for the matrices.
    """
    entries = np.zeros((1 + directions, *dissection.padded))
    several = () if matrices is None else (matrices,)
    nodes = [node for group in dissection.nodes for node in group]
    # Z_bb of the nodes and tiles whose parent has been inverted.
    boundary_inverses: dict = {}

    def invert_node(item: tuple[int, SeparatorNode]) -> None:
        """Invert the front of one separator and restrict the inverse to its children's boundaries."""
        number, node = item
        front = invert(FrontPosition("node", number, 0), boundary_inverses.pop(("node", number)))
        for child, slices in zip(node.children, node.child_maps, strict=True):
            boundary = dissection.levels[-1].boundary if child[0] == "tile" else nodes[child[1]].boundary
            boundary_inverses[child] = np.zeros((*several, len(boundary), len(boundary)))
            _restrict(front, slices, boundary_inverses[child])

    def invert_tile(number: int) -> None:
        """Write the inverse's entries in one tile, given those over its boundary."""
        _invert_tile(dissection, number, boundary_inverses.pop(("tile", number)), invert, entries)

    root = ("node", len(nodes) - 1) if nodes else ("tile", 0)
    # The whole raster has no boundary.
    boundary_inverses[root] = np.zeros((*several, 0, 0))
    with blas_limited_pool() as parallel_map:
        end = len(nodes)
        for group in reversed(dissection.nodes):
            start = end - len(group)
            parallel_map(invert_node, list(enumerate(group, start)))
            end = start
        parallel_map(invert_tile, range(dissection.tiles[0] * dissection.tiles[1]))
    return unshift_entries(entries, dissection)


def _invert_tile(
    dissection: SymbolicFactorization,
    number: int,
    boundary_inverse: np.ndarray,
    invert: FrontInversion,
    entries: np.ndarray,
) -> None:
    """Write the inverse's entries in a tile into `entries`, given those over its boundary."""
    boundary_inverse = boundary_inverse[None, None]
    several = boundary_inverse.shape[2:-2]
    for depth in reversed(range(len(dissection.levels))):
        level = dissection.levels[depth]
        front = invert(FrontPosition("tile", number, depth), boundary_inverse)
        if level.axis is not None:
            below = dissection.levels[depth - 1]
            boundary_inverse = np.zeros((*below.boxes, *several, len(below.boundary), len(below.boundary)))
            for child, slices in zip(halves(boundary_inverse, level.axis), level.child_maps, strict=True):
                _restrict(front, slices, child)
    if several:
        front = front[:, :, -1]
    directions = len(entries) - 1
    in_block, in_front = entry_positions(dissection, directions)
    boxes = dissection.levels[0].boxes
    blocks = np.zeros((*boxes, (1 + directions) * (dissection.leaf[0] + 1) * (dissection.leaf[1] + 1)))
    blocks[..., in_block] = front.reshape(*boxes, -1)[..., in_front]
    scatter_fronts(blocks, entries, dissection, number)


def _inverse_front(front_factor: FrontFactor, boundary_inverse: np.ndarray, symmetric: bool) -> np.ndarray:
    """Return the inverse's entries over separator and boundary, given those over the boundary."""
    s, b = front_factor.right.shape[-2:]
    front = np.empty((*boundary_inverse.shape[:-2], s + b, s + b))
    front[..., s:, s:] = boundary_inverse
    mixed = front[..., :s, s:]
    np.matmul(front_factor.right, boundary_inverse, out=mixed)
    np.negative(mixed, out=mixed)
    front[..., s:, :s] = mixed.mT if symmetric else -(boundary_inverse @ front_factor.left)
    front[..., :s, :s] = front_factor.inverse - mixed @ front_factor.left
    return front


def _restrict(front: np.ndarray, slices: SlicePairs, child: np.ndarray) -> None:
    """Copy a front's entries over a child's boundary into `child`; transpose of `extend_add`."""
    for child_rows, front_rows in slices:
        for child_columns, front_columns in slices:
            child[..., child_rows, child_columns] = front[..., front_rows, front_columns]
