"""Sparse matrices on a raster, stored as one array per neighbour.

Row i of the matrix belongs to cell i and has entries for the cell and its 4 or 8 neighbours only, so the matrix is a
stack of rasters. Applying it takes a few shifted multiply-adds, without index arrays.
"""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..parallel import njit_cached, parallel_starmap

#: Sums over rasters with at least this many values run in a CPU kernel, row by row: XLA would read and copy each raster
#: once for every neighbour.
CPU_SUM_MIN_VALUES = 1 << 22
#: Rows for which one call of that kernel adds up.
ROWS_PER_BAND = 64

#: Offsets (rows, columns) of the neighbours, ordered so that the offset opposite to number d of n is number n − 1 − d.
QUEEN_OFFSETS: tuple[tuple[int, int], ...] = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))
ROOK_OFFSETS: tuple[tuple[int, int], ...] = ((-1, 0), (0, -1), (0, 1), (1, 0))


def neighbour_offsets(directions: int) -> tuple[tuple[int, int], ...]:
    """Return the offsets of a stencil with 4 or 8 directions.

    Examples
    --------
    >>> neighbour_offsets(4)
    ((-1, 0), (0, -1), (0, 1), (1, 0))
    """
    return {4: ROOK_OFFSETS, 8: QUEEN_OFFSETS}[directions]


def shift(raster: Array | np.ndarray, offset: tuple[int, int], fill: bool | int | float = 0) -> Array | np.ndarray:
    """Shift rasters so that every cell has the value of its neighbour at `offset`.

    Parameters
    ----------
    raster
        Shape (..., rows, columns).
    offset
        (rows, columns), each −1, 0 or 1.
    fill
        Value of the cells whose neighbour lies outside the raster.

    Returns
    -------
    Array | np.ndarray
        `result[..., i, j] = raster[..., i + offset[0], j + offset[1]]`, of the same shape and kind of array.

    Examples
    --------
    >>> shift(jnp.array([[1, 2, 3]]), (0, 1))
    Array([[2, 3, 0]], dtype=int64)
    >>> shift(np.array([[1.0, 2.0]]), (0, 1), np.inf)
    array([[ 2., inf]])
    """
    if isinstance(raster, np.ndarray):
        return _shift_numpy(raster, offset, fill)
    rows, columns = raster.shape[-2:]
    padding = [(0, 0)] * (raster.ndim - 2) + [(1, 1), (1, 1)]
    padded = jnp.pad(raster, padding, constant_values=fill)
    return _slice(padded, offset, rows, columns)


def shifts(raster: Array, directions: int, fill: bool | int | float = 0) -> Array:
    """Return the values of all neighbours of every cell.

    Parameters
    ----------
    raster
        Shape (..., rows, columns).
    directions
        Number of neighbours of a cell, 4 or 8.
    fill
        Value of the neighbours outside the raster.

    Returns
    -------
    Array
        Shape (directions, ..., rows, columns), in the order of `neighbour_offsets(directions)`.
    """
    rows, columns = raster.shape[-2:]
    padding = [(0, 0)] * (raster.ndim - 2) + [(1, 1), (1, 1)]
    padded = jnp.pad(raster, padding, constant_values=fill)
    return jnp.stack([_slice(padded, offset, rows, columns) for offset in neighbour_offsets(directions)])


def mirror_half(half: Float[Array, "half rows columns"]) -> Float[Array, "directions rows columns"]:
    """Return edge values in all directions from those in the first half, for values that are equal both ways.

    Examples
    --------
    >>> mirror_half(jnp.array([[[0.0, 0.0]], [[0.0, 3.0]]]))[2]
    Array([[3., 0.]], dtype=float64)
    """
    directions = 2 * half.shape[0]
    forward = [
        shift(half[directions - 1 - d], neighbour_offsets(directions)[d]) for d in range(half.shape[0], directions)
    ]
    return jnp.concatenate([half, jnp.stack(forward)])


def _shift_numpy(raster: np.ndarray, offset: tuple[int, int], fill: bool | int | float) -> np.ndarray:
    result = np.full_like(raster, fill)
    target, source = zip(
        *(_overlap(length, distance) for length, distance in zip(raster.shape[-2:], offset, strict=True)), strict=True
    )
    result[(..., *target)] = raster[(..., *source)]
    return result


def _overlap(length: int, offset: int) -> tuple[slice, slice]:
    """Return the cells of one axis that have a neighbour at `offset`, and those neighbours."""
    return slice(max(0, -offset), length - max(0, offset)), slice(max(0, offset), length - max(0, -offset))


def _slice(padded: Array, offset: tuple[int, int], rows: int, columns: int) -> Array:
    top, left = 1 + offset[0], 1 + offset[1]
    return padded[..., top : top + rows, left : left + columns]


class StencilMatrix(eqx.Module):
    """A square matrix over the cells of a raster that couples each cell to its neighbours only.

    (A x)_i = center_i x_i + Σ_d edges_d,i x_{i + offset_d}.

    Cells that are no vertices (barriers, nodata) have center 1 and no edges: an identity row and column.

    Parameters
    ----------
    center
        The diagonal.
    edges
        `edges[d]` holds the entries A[i, i + offset_d]; 0 where there is no neighbour.

    Examples
    --------
    >>> edges = jnp.zeros((4, 1, 3)).at[1, 0, 1:].set(-1).at[2, 0, :-1].set(-1)
    >>> chain = StencilMatrix(jnp.array([[1.0, 2.0, 1.0]]), edges)
    >>> chain.apply(jnp.array([[0.0, 1.0, 2.0]]))
    Array([[-1.,  0.,  1.]], dtype=float64)
    """

    center: Float[Array, "rows columns"]
    edges: Float[Array, "directions rows columns"]

    @property
    def directions(self) -> int:
        """Number of neighbours of a cell, 4 or 8."""
        return self.edges.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns) of the raster."""
        return self.center.shape

    def apply(self, raster: Float[Array, "*batch rows columns"]) -> Float[Array, "*batch rows columns"]:
        """Return A x for one raster or a batch of rasters."""
        # Without the barrier XLA inlines the computation of the operand into each of the shifted reads, and a chain
        # of applications costs exponentially many operations (24 times slower at 512²).
        rows, columns = self.shape
        padding = [(0, 0)] * (raster.ndim - 2) + [(1, 1), (1, 1)]
        padded = jax.lax.optimization_barrier(jnp.pad(raster, padding))
        result = self.center * raster
        for d, offset in enumerate(neighbour_offsets(self.directions)):
            result = result + self.edges[d] * _slice(padded, offset, rows, columns)
        return result

    def transpose(self) -> "StencilMatrix":
        """Return Aᵀ."""
        return StencilMatrix(self.center, transposed_edges(self.edges))

    def dense(self, cells: Int[Array, " n"]) -> Float[Array, "n n"]:
        """Return the matrix over some cells as a dense array; differentiable.

        Parameters
        ----------
        cells
            Flat indices (row · columns + column), all distinct.
        """
        rows, columns = self.shape
        size = rows * columns
        position = jnp.full(size + 1, cells.shape[0]).at[cells].set(jnp.arange(cells.shape[0]), mode="drop")
        number = position[:size].reshape(rows, columns)
        index = jnp.arange(cells.shape[0])
        matrix = jnp.zeros((cells.shape[0],) * 2).at[index, index].set(self.center.ravel()[cells])
        for d, offset in enumerate(neighbour_offsets(self.directions)):
            neighbour = shift(number, offset, fill=cells.shape[0]).ravel()[cells]
            matrix = matrix.at[index, neighbour].add(self.edges[d].ravel()[cells], mode="drop")
        return matrix


def transposed_edges(edges: Array | np.ndarray) -> Array | np.ndarray:
    """Return the edges of Aᵀ: entry (i, j) becomes entry (j, i).

    Examples
    --------
    >>> transposed_edges(np.array([[[0.0, 0.0]], [[0.0, 3.0]], [[2.0, 0.0]], [[0.0, 0.0]]]))[2]
    array([[3., 0.]])
    """
    stack = np.stack if isinstance(edges, np.ndarray) else jnp.stack
    offsets = neighbour_offsets(len(edges))
    return stack([shift(edges[len(edges) - 1 - d], offset) for d, offset in enumerate(offsets)])


def outer_product(
    left: Float[Array, "k rows columns"],
    right: Float[Array, "k rows columns"],
    directions: int,
    *,
    cpu_min_values: int = CPU_SUM_MIN_VALUES,
) -> StencilMatrix:
    """Return the entries of Σ_k left_k right_kᵀ on a stencil: the diagonal and the pairs of neighbours.

    This is the gradient of a solve with respect to its matrix: for x = A⁻¹ b with cotangent λ = A⁻ᵀ x̄,
    Ā = −λ xᵀ, of which only the entries that exist in A matter.

    Parameters
    ----------
    left, right
        k rasters each.
    directions
        Number of neighbours of a cell, 4 or 8.
    cpu_min_values
        Number of values of `left` from which a CPU kernel computes the sums, where JAX runs on the CPU.

    Examples
    --------
    >>> product = outer_product(jnp.array([[[1.0, 2.0]]]), jnp.array([[[3.0, 5.0]]]), 4)
    >>> product.center, product.edges[2]
    (Array([[ 3., 10.]], dtype=float64), Array([[5., 0.]], dtype=float64))
    """
    if left.size >= cpu_min_values and jax.default_backend() == "cpu":
        shape = left.shape[1:]
        like = jax.ShapeDtypeStruct(shape, left.dtype), jax.ShapeDtypeStruct((directions, *shape), left.dtype)
        return StencilMatrix(
            *jax.pure_callback(
                partial(_outer_product_cpu, directions=directions), like, left, right, vmap_method="sequential"
            )
        )
    shifted = [shift(right, offset) for offset in neighbour_offsets(directions)]
    return StencilMatrix((left * right).sum(0), jnp.stack([(left * neighbour).sum(0) for neighbour in shifted]))


def _outer_product_cpu(left: Array, right: Array, *, directions: int) -> tuple[np.ndarray, np.ndarray]:
    left, right = np.asarray(left), np.asarray(right)
    center, edges = np.zeros(left.shape[1:], left.dtype), np.zeros((directions, *left.shape[1:]), left.dtype)
    rows, offsets = len(center), np.array(neighbour_offsets(directions))
    bands = [(first, min(first + ROWS_PER_BAND, rows)) for first in range(0, rows, ROWS_PER_BAND)]
    parallel_starmap(_accumulate_outer_product, [(left, right, offsets, center, edges, *band) for band in bands])
    return center, edges


@njit_cached
def _accumulate_outer_product(left, right, offsets, center, edges, first, last):
    """Add the products of all rasters to some rows; each raster is read once, not once for every direction."""
    rows, columns = center.shape
    for row in range(first, last):
        for rhs in range(left.shape[0]):
            left_row = left[rhs, row]
            center_row, neighbour = center[row], right[rhs, row]
            for j in range(columns):
                center_row[j] += left_row[j] * neighbour[j]
            for d in range(offsets.shape[0]):
                down, across = offsets[d, 0], offsets[d, 1]
                if 0 <= row + down < rows:
                    neighbour, edge_row = right[rhs, row + down], edges[d, row]
                    for j in range(max(0, -across), columns - max(0, across)):
                        edge_row[j] += left_row[j] * neighbour[j + across]
