"""Selected inversion: the entries of the inverse on the diagonal and between neighbours, exactly.

The elimination tree is traversed from the root to the leaves. With Z_bb, the inverse's entries on a front's boundary,

    Z_sb = −K Z_bb,   Z_bs = −Z_bb H,   Z_ss = F_ss⁻¹ − Z_sb H,

and the boundaries of the two children are parts of s and b. Every pair of neighbouring cells lies in a leaf.

References
----------
Erisman, A. M., Tinney, W. F. (1975). On computing certain elements of the inverse of a sparse matrix. CACM 18, 177–179.
Lin, L. et al. (2011). SelInv: an algorithm for selected inversion of a sparse symmetric matrix. ACM TOMS 37, 40.
"""

import numpy as np

from ....parallel import blas_limited_pool
from ..assembly import entry_positions, halves, scatter_fronts, unshift_entries
from ..symbolic import SlicePairs
from .factorization import Factor, FrontFactor


def invert_selected(factored: Factor, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ on the pattern of a stencil.

    Returns
    -------
    tuple
        (A⁻¹)_ii, shape (rows, columns), and (A⁻¹)_{i, i + step_d}, shape (directions, rows, columns).
    """
    dissection = factored.dissection
    dtype = factored.tiles[0][0].inverse.dtype
    entries = np.zeros((1 + directions, *dissection.padded), dtype)
    tile_boundary = len(dissection.levels[-1].boundary)
    # Z_bb of the nodes and tiles whose parent has been inverted.
    boundary_inverses: dict = {}

    def invert_node(item) -> None:
        """Invert the front of one separator and restrict the inverse to its children's boundaries."""
        number, node, front_factor = item
        front = _inverse_front(front_factor, boundary_inverses.pop(("node", number)), factored.symmetric)
        for child, slices in zip(node.children, node.child_maps, strict=True):
            size = tile_boundary if child[0] == "tile" else factored.nodes[child[1]].right.shape[-1]
            boundary_inverses[child] = np.zeros((size, size), dtype)
            _restrict(front, slices, boundary_inverses[child])

    def invert_tile(number: int) -> None:
        """Write the inverse's entries in one tile, given those over its boundary."""
        _invert_tile(factored, number, boundary_inverses.pop(("tile", number)), entries)

    root = ("node", len(factored.nodes) - 1) if factored.nodes else ("tile", 0)
    # The whole raster has no boundary.
    boundary_inverses[root] = np.zeros((0, 0), dtype)
    with blas_limited_pool() as parallel_map:
        end = len(factored.nodes)
        for group in reversed(dissection.nodes):
            start = end - len(group)
            parallel_map(invert_node, list(zip(range(start, end), group, factored.nodes[start:end], strict=True)))
            end = start
        parallel_map(invert_tile, range(len(factored.tiles)))
    return unshift_entries(entries, dissection)


def _invert_tile(factored: Factor, number: int, boundary_inverse: np.ndarray, entries: np.ndarray) -> None:
    """Write the inverse's entries in a tile into `entries`, given those over its boundary."""
    dissection = factored.dissection
    boundary_inverse = boundary_inverse[None, None]
    for depth in reversed(range(len(dissection.levels))):
        level = dissection.levels[depth]
        front = _inverse_front(factored.tiles[number][depth], boundary_inverse, factored.symmetric)
        if level.axis is not None:
            below = dissection.levels[depth - 1]
            boundary_inverse = np.zeros((*below.boxes, len(below.boundary), len(below.boundary)), front.dtype)
            for child, slices in zip(halves(boundary_inverse, level.axis), level.child_maps, strict=True):
                _restrict(front, slices, child)
    directions = len(entries) - 1
    in_block, in_front = entry_positions(dissection, directions)
    boxes = dissection.levels[0].boxes
    blocks = np.zeros((*boxes, (1 + directions) * (dissection.leaf[0] + 1) * (dissection.leaf[1] + 1)), front.dtype)
    blocks[..., in_block] = front.reshape(*boxes, -1)[..., in_front]
    scatter_fronts(blocks, entries, dissection, number)


def _inverse_front(front_factor: FrontFactor, boundary_inverse: np.ndarray, symmetric: bool) -> np.ndarray:
    """Return the inverse's entries over separator and boundary, given those over the boundary."""
    s, b = front_factor.right.shape[-2:]
    front = np.empty((*boundary_inverse.shape[:-2], s + b, s + b), boundary_inverse.dtype)
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
