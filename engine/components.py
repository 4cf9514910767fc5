"""Connected components: which places can reach each other at all."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int
from scipy.sparse.csgraph import connected_components as _label

from .grid import GridGraph
from .sparse import edge_matrix


def connected_components(grid: GridGraph) -> Int[Array, "rows columns"]:
    """Number the connected components of a landscape, the largest first.

    Two cells are in one component if a path leads from each to the other.

    Returns
    -------
    Int[Array, "rows columns"]
        1 for the cells of the largest component, 2 for the next, and so on (ties: the one that comes first, row by
        row); 0 where the cell is not active. An active cell without neighbours is a component of its own.

    Examples
    --------
    >>> connected_components(GridGraph(jnp.array([[1.0, 0.0, 1.0, 1.0]])))
    Array([[2, 0, 1, 1]], dtype=int64)
    """
    exists = jax.lax.stop_gradient(grid.edges) > 0
    shape = jax.ShapeDtypeStruct(grid.shape, jnp.int64)
    return jax.pure_callback(_on_host, shape, exists, grid.activities, vmap_method="sequential")


def largest_component(grid: GridGraph) -> Bool[Array, "rows columns"]:
    """Return True in the cells of the largest connected component."""
    return connected_components(grid) == 1


def _on_host(exists: jax.Array, active: jax.Array) -> np.ndarray:
    exists, active = np.asarray(exists), np.asarray(active)
    matrix, cells = edge_matrix(exists, exists)
    count, found = _label(matrix, directed=True, connection="strong") if cells.size else (0, np.empty(0, int))
    labels = np.full(active.size, -1)
    labels[cells] = found
    alone = np.flatnonzero((labels < 0) & active.ravel())
    labels[alone] = count + np.arange(alone.size)

    inside = np.flatnonzero(labels >= 0)
    _, first, inverse, size = np.unique(labels[inside], return_index=True, return_inverse=True, return_counts=True)
    rank = np.empty(size.size, int)
    rank[np.lexsort((first, -size))] = np.arange(1, size.size + 1)
    result = np.zeros(active.size, np.int64)
    result[inside] = rank[inverse]
    return result.reshape(active.shape)
