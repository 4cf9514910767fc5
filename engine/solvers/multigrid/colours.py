"""A raster taken apart into four colours, so that cells of one colour are never neighbours.

Every block of 2 × 2 cells holds one cell of each colour:

    C H        C: the cells that make the next coarser raster, V, H: between two of them, X: between four.
    V X

All neighbours of a cell have other colours than its own. So the cells of one colour can be updated at once, and what
they read lies as densely in memory as they do: four small rasters instead of strides through a large one.
Rasters have shape (rows, k, columns): with k in the middle, a row of the matrix serves all k right-hand sides while it
is in the cache, and the innermost loop still runs along the columns.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ...stencil import QUEEN

#: Row and column of a colour in its block.
PLACES = ((0, 0), (0, 1), (1, 0), (1, 1))
C, H, V, X = range(4)


class Link(NamedTuple):
    """Where a cell's neighbour is found: its colour, and how many blocks away."""

    colour: int
    block: tuple[int, int]


def _link(colour: int, step: tuple[int, int]) -> Link:
    row, column = PLACES[colour][0] + step[0], PLACES[colour][1] + step[1]
    return Link(2 * (row % 2) + column % 2, (row // 2, column // 2))


#: LINKS[colour][d]: the neighbour of a cell of that colour at the step number d of the 8.
LINKS = tuple(tuple(_link(colour, step) for step in QUEEN) for colour in range(4))


def split(raster: Array) -> list[Array]:
    """Take a raster (rows, ..., columns) apart into its four colours; an odd side gets a row or column of zeros.

    Examples
    --------
    >>> [part.tolist() for part in split(jnp.array([[1, 2, 3]]))]
    [[[1, 3]], [[2, 0]], [[0, 0]], [[0, 0]]]
    """
    rows, columns = raster.shape[0], raster.shape[-1]
    frame = [(0, rows % 2)] + [(0, 0)] * (raster.ndim - 2) + [(0, columns % 2)]
    even = jnp.pad(raster, frame)
    return [even[row::2, ..., column::2] for row, column in PLACES]


def join(parts: list[Array], rows: int, columns: int) -> Array:
    """Put four colours together again: the inverse of `split` for a raster of that many rows and columns."""
    upper, lower = (
        jnp.stack(pair, -1).reshape(*pair[0].shape[:-1], -1) for pair in ((parts[C], parts[H]), (parts[V], parts[X]))
    )
    whole = jnp.stack([upper, lower], 1).reshape(-1, *upper.shape[1:])
    return whole[:rows, ..., :columns]


def framed(raster: Array) -> Array:
    """Put a frame of zeros around a raster (rows, ..., columns), once, for `shifted` to read from."""
    frame = [(1, 1)] + [(0, 0)] * (raster.ndim - 2) + [(1, 1)]
    # Without the barrier XLA computes the raster anew in each of the shifted reads.
    return jax.lax.optimization_barrier(jnp.pad(raster, frame))


def shifted(frame: Array, block: tuple[int, int]) -> Array:
    """Give every block the value of the block at that step; `frame` is what `framed` returned."""
    rows, columns = frame.shape[0] - 2, frame.shape[-1] - 2
    top, left = 1 + block[0], 1 + block[1]
    return frame[top : top + rows, ..., left : left + columns]
