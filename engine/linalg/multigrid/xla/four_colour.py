"""A raster taken apart into four colours, so that cells of one colour are never neighbours.

Every block of 2 × 2 cells holds one cell of each colour:

    C H        C: the cells that make the next coarser raster, V, H: between two of them, X: between four.
    V X

All neighbours of a cell have other colours than its own. So the cells of one colour can be updated at once, and what
they read lies as densely in memory as they do: four small rasters instead of strides through a large one.

Rasters have shape (rows, m, columns) here, m counting right-hand sides, directions or weights. A row of the matrix
then serves all right-hand sides while it is in the cache, and the innermost loop still runs along the columns.
"""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...stencil_matrix import QUEEN_OFFSETS

C, H, V, X = range(4)

#: Row and column of a colour in its block.
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))


class NeighbourRef(NamedTuple):
    """Where a cell's neighbour is found: its colour, and how many blocks away."""

    colour: int
    block: tuple[int, int]


def _link(colour: int, step: tuple[int, int]) -> NeighbourRef:
    row, column = PLACES[colour][0] + step[0], PLACES[colour][1] + step[1]
    return NeighbourRef(2 * (row % 2) + column % 2, (row // 2, column // 2))


#: NEIGHBOURS[colour][d]: the neighbour of a cell of that colour at the step QUEEN_OFFSETS[d].
NEIGHBOURS = tuple(tuple(_link(colour, step) for step in QUEEN_OFFSETS) for colour in range(4))


def split(raster: Array) -> list[Array]:
    """Take a raster (rows, m, columns) apart into its four colours; an odd side gets a row or column of zeros.

    Examples
    --------
    >>> [part.tolist() for part in split(jnp.array([[[1, 2, 3]]]))]
    [[[[1, 3]]], [[[2, 0]]], [[[0, 0]]], [[[0, 0]]]]
    """
    rows, _, columns = raster.shape
    even = jnp.pad(raster, ((0, rows % 2), (0, 0), (0, columns % 2)))
    return [jax.lax.optimization_barrier(even[row::2, :, column::2]) for row, column in PLACES]


def join(parts: list[Array], rows: int, columns: int) -> Array:
    """Put four colours together again: the inverse of `split` for a raster of that many rows and columns."""
    m = parts[C].shape[1]
    upper, lower = (
        jnp.stack([parts[left], parts[right]], -1).reshape(-1, m, 2 * parts[left].shape[2])
        for left, right in ((C, H), (V, X))
    )
    return jnp.stack([upper, lower], 1).reshape(-1, m, upper.shape[2])[:rows, :, :columns]


def pad(raster: Array) -> Array:
    """Put a frame of zeros around a raster (rows, m, columns), once, for `shift_padded` to read from."""
    # Without the barrier XLA computes the raster anew in each of the shifted reads.
    return jax.lax.optimization_barrier(jnp.pad(raster, ((1, 1), (0, 0), (1, 1))))


def shift_padded(frame: Array, step: tuple[int, int]) -> Array:
    """Give every place the value at that step from it; `frame` is what `pad` returned.

    Examples
    --------
    >>> shift_padded(pad(jnp.array([[[1, 2, 3]]])), (0, 1)).tolist()
    [[[2, 3, 0]]]
    """
    rows, columns = frame.shape[0] - 2, frame.shape[2] - 2
    return frame[1 + step[0] : 1 + step[0] + rows, :, 1 + step[1] : 1 + step[1] + columns]


def stack(rasters: Iterable[Array]) -> Array:
    """Lay rasters (rows, columns) side by side: (rows, how many, columns)."""
    # Without the barrier XLA puts the computation of all into one loop and decides in each step which one it is at.
    return jnp.stack([jax.lax.optimization_barrier(raster) for raster in rasters], 1)
