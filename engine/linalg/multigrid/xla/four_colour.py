"""Four-colour ordering of a raster: cells of one colour are never neighbours.

Every block of 2 × 2 cells holds one cell of each colour:

    C H        C: coarse points; H and V: horizontally and vertically between two of them; X: centre of four.
    V X

All neighbours of a cell have other colours, so the cells of one colour can be updated at once. Each colour is a dense
raster of its own: four small rasters instead of strided access to a large one.

Rasters have shape (rows, m, columns), where m counts right-hand sides, directions or weights. So a row of the matrix
serves all right-hand sides while it is in the cache, and the innermost loop still runs along the columns.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...stencil_matrix import QUEEN_OFFSETS

C, H, V, X = range(4)

#: Row and column of a colour in its block.
BLOCK_OFFSETS = ((0, 0), (0, 1), (1, 0), (1, 1))


class NeighbourRef(NamedTuple):
    """Colour of a cell's neighbour, and the offset to its block."""

    colour: int
    block: tuple[int, int]


def _neighbour_ref(colour: int, step: tuple[int, int]) -> NeighbourRef:
    row, column = BLOCK_OFFSETS[colour][0] + step[0], BLOCK_OFFSETS[colour][1] + step[1]
    return NeighbourRef(2 * (row % 2) + column % 2, (row // 2, column // 2))


#: NEIGHBOURS[colour][d]: the neighbour of a cell of that colour at the step QUEEN_OFFSETS[d].
NEIGHBOURS = tuple(tuple(_neighbour_ref(colour, step) for step in QUEEN_OFFSETS) for colour in range(4))


def split(raster: Array) -> list[Array]:
    """Split a raster (rows, m, columns) into its four colours; an odd side is padded with zeros.

    Examples
    --------
    >>> [part.tolist() for part in split(jnp.array([[[1, 2, 3]]]))]
    [[[[1, 3]]], [[[2, 0]]], [[[0, 0]]], [[[0, 0]]]]
    """
    rows, _, columns = raster.shape
    evened = jnp.pad(raster, ((0, rows % 2), (0, 0), (0, columns % 2)))
    return [jax.lax.optimization_barrier(evened[row::2, :, column::2]) for row, column in BLOCK_OFFSETS]


def join(by_colour: list[Array], rows: int, columns: int) -> Array:
    """Join four colours: the inverse of `split` for a raster of the given shape."""
    m = by_colour[C].shape[1]
    upper, lower = (
        jnp.stack([by_colour[left], by_colour[right]], -1).reshape(-1, m, 2 * by_colour[left].shape[2])
        for left, right in ((C, H), (V, X))
    )
    return jnp.stack([upper, lower], 1).reshape(-1, m, upper.shape[2])[:rows, :, :columns]


def pad(raster: Array) -> Array:
    """Pad a raster (rows, m, columns) with one row and column of zeros on each side, for `shift_padded`."""
    # Without the barrier XLA recomputes the raster in each of the shifted reads.
    return jax.lax.optimization_barrier(jnp.pad(raster, ((1, 1), (0, 0), (1, 1))))


def shift_padded(padded: Array, step: tuple[int, int]) -> Array:
    """Return the value of the neighbour at an offset, for every cell of a raster padded by `pad`.

    Examples
    --------
    >>> shift_padded(pad(jnp.array([[[1, 2, 3]]])), (0, 1)).tolist()
    [[[2, 3, 0]]]
    """
    rows, columns = padded.shape[0] - 2, padded.shape[2] - 2
    return padded[1 + step[0] : 1 + step[0] + rows, :, 1 + step[1] : 1 + step[1] + columns]


def stack(rasters: Iterable[Array]) -> Array:
    """Stack n rasters (rows, columns) into one of shape (rows, n, columns)."""
    # Without the barrier XLA fuses all of them into one loop, with a branch in each step.
    return jnp.stack([jax.lax.optimization_barrier(raster) for raster in rasters], 1)
