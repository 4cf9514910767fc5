"""The entries of the inverse on the diagonal and between neighbours, exactly, without the inverse.

The factor is walked from the last separator down to the leaves. If Z_ff, the inverse's entries on a frame, is known,

    Z_sf = −K Z_ff,   Z_fs = −Z_ff H,   Z_ss = F_ss⁻¹ − Z_sf H

and the frames of the two halves are parts of s and f. At the end every pair of neighbouring cells lies in a leaf.

References
----------
Erisman, A. M., Tinney, W. F. (1975). On computing certain elements of the inverse of a sparse matrix. CACM 18, 177–179.
Lin, L. et al. (2011). SelInv: an algorithm for selected inversion of a sparse symmetric matrix. ACM TOMS 37, 40.
"""

import numpy as np

from ....parallel.blas_threads import blas_limited_pool
from ..assembly import entry_positions, scatter_fronts, unshift_entries
from ..symbolic import Runs
from .factorization import Factor, FrontFactor, halves


def invert_selected(factored: Factor, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the entries of A⁻¹ that a stencil keeps.

    Returns
    -------
    tuple
        (A⁻¹)_ii, shape (rows, columns), and (A⁻¹)_{i, i + step_d}, shape (directions, rows, columns).
    """
    dissection = factored.dissection
    dtype = factored.tiles[0][0].inverse.dtype
    entries = np.zeros((1 + directions, *dissection.padded), dtype)
    tile_frame = len(dissection.levels[-1].frame)
    known: dict = {}

    def invert_node(item) -> None:
        number, node, kept = item
        front = _front(kept, known.pop(("node", number)), factored.symmetric)
        for part, runs in zip(node.parts, node.children, strict=True):
            size = tile_frame if part[0] == "tile" else factored.nodes[part[1]].right.shape[-1]
            known[part] = np.zeros((size, size), dtype)
            _restrict(front, runs, known[part])

    def invert_tile(number: int) -> None:
        _invert_tile(factored, number, known.pop(("tile", number)), entries)

    last = ("node", len(factored.nodes) - 1) if factored.nodes else ("tile", 0)
    # Nothing lies around the whole raster.
    known[last] = np.zeros((0, 0), dtype)
    with blas_limited_pool() as on_each:
        end = len(factored.nodes)
        for group in reversed(dissection.nodes):
            start = end - len(group)
            on_each(invert_node, list(zip(range(start, end), group, factored.nodes[start:end], strict=True)))
            end = start
        on_each(invert_tile, range(len(factored.tiles)))
    return unshift_entries(entries, dissection)


def _invert_tile(factored: Factor, number: int, frame: np.ndarray, entries: np.ndarray) -> None:
    dissection = factored.dissection
    known = frame[None, None]
    for depth in reversed(range(len(dissection.levels))):
        level = dissection.levels[depth]
        front = _front(factored.tiles[number][depth], known, factored.symmetric)
        if level.axis is not None:
            below = dissection.levels[depth - 1]
            known = np.zeros((*below.boxes, len(below.frame), len(below.frame)), front.dtype)
            for child, runs in zip(halves(known, level.axis), level.children, strict=True):
                _restrict(front, runs, child)
    directions = len(entries) - 1
    taken, flat = entry_positions(dissection, directions)
    boxes = dissection.levels[0].boxes
    blocks = np.zeros((*boxes, (1 + directions) * (dissection.leaf[0] + 1) * (dissection.leaf[1] + 1)), front.dtype)
    blocks[..., taken] = front.reshape(*boxes, -1)[..., flat]
    scatter_fronts(blocks, entries, dissection, number)


def _front(kept: FrontFactor, frame: np.ndarray, symmetric: bool) -> np.ndarray:
    """Return the inverse's entries over separator and frame, given those over the frame."""
    inside, outside = kept.right.shape[-2:]
    front = np.empty((*frame.shape[:-2], inside + outside, inside + outside), frame.dtype)
    front[..., inside:, inside:] = frame
    mixed = front[..., :inside, inside:]
    np.matmul(kept.right, frame, out=mixed)
    np.negative(mixed, out=mixed)
    front[..., inside:, :inside] = mixed.mT if symmetric else -(frame @ kept.left)
    front[..., :inside, :inside] = kept.inverse - mixed @ kept.left
    return front


def _restrict(front: np.ndarray, runs: Runs, child: np.ndarray) -> None:
    for here, there in runs:
        for to, from_ in runs:
            child[..., here, to] = front[..., there, from_]
