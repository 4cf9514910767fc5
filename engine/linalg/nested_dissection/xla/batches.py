"""Gathers and reshapes between the batches of fronts of two levels, and between rasters and leaves."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ...stencil_matrix import StencilMatrix, neighbour_offsets, shift
from ..assembly import cell_of_pair, entry_positions
from ..symbolic import SlicePairs, SymbolicFactorization


def gather_matrices(matrices: Array, slices: SlicePairs, size: int) -> Array:
    """Return matrices (..., size, size) with the entries that `slices` selects, 0 elsewhere."""
    source = _source_positions(slices, size)
    exists = (source >= 0)[:, None] & (source >= 0)
    return jnp.where(exists, matrices[..., source[:, None], source], 0.0)


def gather_rows(vectors: Array, slices: SlicePairs, size: int) -> Array:
    """Return vectors (..., size, k) with the rows that `slices` selects, 0 elsewhere."""
    source = _source_positions(slices, size)
    return jnp.where((source >= 0)[:, None], vectors[..., source, :], 0.0)


def reversed_slices(slices: SlicePairs) -> SlicePairs:
    """Return the pairs of slices from the parent's front to the child's boundary."""
    return tuple((in_front, in_child) for in_child, in_front in slices)


def _source_positions(slices: SlicePairs, size: int) -> np.ndarray:
    """Return the source position of every target position, −1 for none."""
    source = np.full(size, -1)
    for from_slice, to_slice in slices:
        source[to_slice] = np.arange(from_slice.start, from_slice.stop)
    return source


def interleave(children: list[Array], axis: int) -> Array:
    """Join first and second children into one batch; inverse of `halves`."""
    both = jnp.stack(children, axis=axis + 1)
    down, across, *rest = children[0].shape
    return both.reshape(*((2 * down, across) if axis == 0 else (down, 2 * across)), *rest)


def pad_to_tile(rasters: Array, dissection: SymbolicFactorization, fill: float) -> Array:
    """Pad rasters to the whole tile: one row and column before the raster, the rest behind it."""
    after = [dissection.padded[axis] - 1 - dissection.shape[axis] for axis in (0, 1)]
    padding = [(0, 0)] * (rasters.ndim - 2) + [(1, after[0]), (1, after[1])]
    return jnp.pad(rasters, padding, constant_values=fill)


def leaf_blocks(system: StencilMatrix, dissection: SymbolicFactorization) -> Array:
    """Return every leaf's entries, moved to the upper left cells of their squares (see `assembly`)."""
    edges = [pad_to_tile(edge, dissection, 0.0) for edge in system.edges]
    steps = neighbour_offsets(system.directions)
    moved = [shift(edge, cell_of_pair(step)) for edge, step in zip(edges, steps, strict=True)]
    stack = jnp.stack([pad_to_tile(system.center, dissection, 1.0), *moved])
    (down, across), leaf = dissection.levels[0].boxes, dissection.leaf
    blocks = stack.reshape(len(stack), down, leaf[0] + 1, across, leaf[1] + 1)
    return blocks.transpose(1, 3, 0, 2, 4).reshape(down, across, -1)


def stencil_of_leaves(fronts: Array, dissection: SymbolicFactorization, directions: int) -> StencilMatrix:
    """Return the matrix whose entries are those of the leaves' fronts; inverse of `leaf_blocks`."""
    in_block, in_front = entry_positions(dissection, directions)
    (down, across), leaf = dissection.levels[0].boxes, dissection.leaf
    block_size = (1 + directions) * (leaf[0] + 1) * (leaf[1] + 1)
    entries = fronts.reshape(down, across, -1)[..., in_front]
    blocks = jnp.zeros((down, across, block_size), fronts.dtype).at[..., in_block].set(entries)
    blocks = blocks.reshape(down, across, 1 + directions, leaf[0] + 1, leaf[1] + 1).transpose(2, 0, 3, 1, 4)
    stack = blocks.reshape(1 + directions, *dissection.padded)
    rows, columns = dissection.shape
    in_raster = jnp.pad(jnp.ones((rows, columns), bool), 1)
    edges = []
    for moved, step in zip(stack[1:], neighbour_offsets(directions), strict=True):
        down_in_square, right_in_square = cell_of_pair(step)
        edge = shift(moved, (-down_in_square, -right_in_square))[1 : 1 + rows, 1 : 1 + columns]
        exists = in_raster[1 + step[0] : 1 + step[0] + rows, 1 + step[1] : 1 + step[1] + columns]
        edges.append(jnp.where(exists, edge, 0.0))
    return StencilMatrix(stack[0, 1 : 1 + rows, 1 : 1 + columns], jnp.stack(edges))
