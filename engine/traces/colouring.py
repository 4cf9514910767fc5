"""Exact divergence of a field with a sparse Jacobian: a few directional derivatives, one for each colour."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Array, Float, Int

from ..parallel import njit_cached
from .sparsity import jacobian_sparsity
from .vector_fields import require_field

#: Dependence of each cell of a raster on itself and its 4 or 8 neighbours.
Neighbourhood = Literal["rook", "queen"]


def sparse_divergence(
    f: Callable[[Array], Array], sparsity: Any = None
) -> Callable[[Float[Array, " *shape"]], Float[Array, ""]]:
    """Return a function of x that is the exact divergence of a field each of whose values depends on few others.

    Parameters
    ----------
    f
        Maps an array to one of the same shape.
    sparsity
        Which values depend on which: "rook" or "queen" for a raster (the last two axes) whose cells depend on
        themselves and their 4 or 8 neighbours, in all of its bands; a matrix, dense or of SciPy, that is not zero
        where f_i depends on x_j; or None to detect it. An entry that is missing there makes the result wrong.

    Returns
    -------
    Callable
        Function of x. It can be differentiated, compiled and vectorized.

    Raises
    ------
    ValueError
        The sparsity does not fit x, or f changes the shape.

    Notes
    -----
    Where no x_j of a set enters f_i of another of the set, one derivative along their sum has all ∂f_i/∂x_i of the
    set as entries. Such sets are the colours of a colouring of the graph with an edge for every entry ∂f_i/∂x_j off
    the diagonal. A raster with 8 neighbours takes 4 directional derivatives at any size, one with 4 neighbours 2.

    References
    ----------
    Gebremedhin, A. H., Manne, F. and Pothen, A. (2005). What color is your Jacobian? Graph coloring for computing
    derivatives. SIAM Review 47, 629-705.

    Examples
    --------
    >>> def laplacian(u):
    ...     padded = jnp.pad(u, 1)
    ...     return padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2] - 4 * u**2
    >>> raster = jnp.ones((20, 30))
    >>> float(sparse_divergence(laplacian)(raster)), float(sparse_divergence(laplacian, "rook")(raster))
    (-4800.0, -4800.0)
    >>> int(diagonal_colouring(jacobian_sparsity(laplacian, raster)).max()) + 1
    2
    """

    def of_field(x: Float[Array, " *shape"]) -> Float[Array, ""]:
        """Return the divergence at x."""
        x = require_field(f, x)
        colours = _colours(f, x, sparsity)
        _, derivative = jax.linearize(f, x)

        @jax.checkpoint
        def add(total: Array, colour: Array) -> tuple[Array, None]:
            """Add the derivatives of one colour."""
            direction = (colours == colour).astype(x.dtype).reshape(x.shape)
            return total + (direction * derivative(direction)).sum(), None

        return jax.lax.scan(add, jnp.zeros((), x.dtype), jnp.arange(int(colours.max(initial=-1)) + 1))[0]

    return of_field


def diagonal_colouring(sparsity: Any) -> Int[np.ndarray, " d"]:
    """Return a colour for each variable, so that no value depends on two variables of its own colour.

    Parameters
    ----------
    sparsity
        A square matrix, dense or of SciPy, that is not zero where f_i depends on x_j.

    Returns
    -------
    Int[np.ndarray, " d"]
        Colours from 0: as many as the largest number of neighbours plus one, at most.

    Examples
    --------
    >>> diagonal_colouring(np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]]))
    array([0, 1, 0])
    """
    pattern = _pattern(sparsity)
    graph = (pattern + pattern.T).tocsr()
    return _greedy_colours(graph.indptr.astype(np.int64), graph.indices.astype(np.int64))


def _colours(f: Callable, x: Float[Array, " *shape"], sparsity: Any) -> Int[np.ndarray, " d"]:
    if isinstance(sparsity, str):
        if sparsity not in get_args(Neighbourhood):
            raise ValueError(f"sparsity must be 'rook', 'queen', a matrix or None, not {sparsity!r}")
        if x.ndim < 2:
            raise ValueError(f"sparsity={sparsity!r} is for rasters, with at least two axes, not for shape {x.shape}")
        return _raster_colours(x.shape, sparsity)
    if sparsity is None:
        return diagonal_colouring(jacobian_sparsity(f, x))
    pattern = _pattern(sparsity)
    if pattern.shape[0] != x.size:
        raise ValueError(f"sparsity is for {pattern.shape[0]:,} values, but x has {x.size:,}")
    return diagonal_colouring(pattern)


def _raster_colours(shape: tuple[int, ...], neighbourhood: Neighbourhood) -> Int[np.ndarray, " d"]:
    """Return the colours of a raster; bands have colours of their own, because each may depend on all others."""
    *bands, rows, columns = shape
    i, j = np.ogrid[:rows, :columns]
    raster, count = ((i + j) % 2, 2) if neighbourhood == "rook" else (2 * (i % 2) + j % 2, 4)
    band = np.arange(int(np.prod(bands))).reshape(-1, 1, 1)
    return (count * band + raster).ravel()


def _pattern(sparsity: Any) -> scipy.sparse.csr_array:
    pattern = scipy.sparse.csr_array(sparsity).astype(bool)
    if pattern.ndim != 2 or pattern.shape[0] != pattern.shape[1]:
        raise ValueError(f"sparsity must be a square matrix, not one of shape {pattern.shape}")
    pattern.eliminate_zeros()
    return pattern


@njit_cached
def _greedy_colours(starts, neighbours):
    """Give each vertex, in order, the first colour that none of its neighbours has."""
    count = starts.shape[0] - 1
    colours = np.full(count, -1, np.int64)
    used_by = np.full(count + 1, -1, np.int64)
    for vertex in range(count):
        for position in range(starts[vertex], starts[vertex + 1]):
            neighbour = neighbours[position]
            if neighbour != vertex and colours[neighbour] >= 0:
                used_by[colours[neighbour]] = vertex
        colour = 0
        while used_by[colour] == vertex:
            colour += 1
        colours[vertex] = colour
    return colours
