"""Connected components: which places can reach each other at all."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from jaxtyping import Array, Bool, Float, Int
from scipy.sparse.csgraph import connected_components as _label

from ..linalg.stencil_matrix import neighbour_offsets
from ..parallel.numba_jit import njit_cached
from .edge_list import sparse_adjacency
from .grid_graph import GridGraph

#: Which cells of a 3 × 3 block count as neighbours of the middle one, by the number of directions.
ROOK_OR_QUEEN = {4: ndi.generate_binary_structure(2, 1), 8: ndi.generate_binary_structure(2, 2)}


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
    return jax.pure_callback(_on_host, shape, exists, grid.active, vmap_method="sequential")


def largest_component(grid: GridGraph) -> Bool[Array, "rows columns"]:
    """Return True in the cells of the largest connected component."""
    return connected_components(grid) == 1


def representative_cells(
    components: Int[Array, "rows columns"], rank: Float[Array, "rows columns"]
) -> Bool[Array, "rows columns"]:
    """Return True in one cell of each component: where `rank` is largest, the first of equals.

    Examples
    --------
    >>> representative_cells(jnp.array([[1, 1, 0, 2]]), jnp.array([[1.0, 3.0, 9.0, 1.0]]))
    Array([[False,  True, False,  True]], dtype=bool)
    """
    shape = jax.ShapeDtypeStruct(components.shape, jnp.bool_)
    return jax.pure_callback(_representative_cells, shape, components, rank, vmap_method="sequential")


def _representative_cells(components: jax.Array, rank: jax.Array) -> np.ndarray:
    labels, rank = np.asarray(components).ravel(), np.asarray(rank).ravel()
    best = _highest(labels, rank, np.full(labels.max(initial=0) + 1, -1))[1:]
    chosen = np.zeros(labels.size, bool)
    chosen[best[best >= 0]] = True
    return chosen.reshape(components.shape)


@njit_cached
def _highest(labels, rank, best):
    for place in range(labels.size):
        label = labels[place]
        if best[label] < 0 or rank[place] > rank[best[label]]:
            best[label] = place
    return best


def _on_host(exists: jax.Array, active: jax.Array) -> np.ndarray:
    exists, active = np.asarray(exists), np.asarray(active)
    if _joins_all_neighbours(exists, active):
        # Patches of a mask are found twenty times faster than components of a graph.
        labels = ndi.label(active, ROOK_OR_QUEEN[len(exists)])[0].ravel()
    else:
        matrix, cells = sparse_adjacency(exists, exists)
        found = _label(matrix, directed=True, connection="strong")[1] if cells.size else np.empty(0, int)
        labels = np.zeros(active.size, int)
        labels[cells] = 1 + found
        alone = np.flatnonzero((labels == 0) & active.ravel())
        labels[alone] = 1 + found.max(initial=-1) + 1 + np.arange(alone.size)
    return _largest_first(labels).reshape(active.shape)


def _joins_all_neighbours(exists: np.ndarray, active: np.ndarray) -> bool:
    """Tell whether every two neighbouring active cells have an edge, both ways; edges elsewhere there are none."""
    rows, columns = active.shape
    pairs = 0
    for down, right in neighbour_offsets(len(exists))[: len(exists) // 2]:
        here = active[max(0, -down) :, max(0, -right) : columns - max(0, right)]
        there = active[: rows + min(0, down), max(0, right) : columns + min(0, right)]
        pairs += 2 * np.count_nonzero(here & there)
    return bool(np.count_nonzero(exists) == pairs)


def _largest_first(labels: np.ndarray) -> np.ndarray:
    """Renumber labels 1, 2, … by falling size, ties by first appearance; 0 stays."""
    size = np.bincount(labels)
    first = np.zeros(size.size, int)
    first[labels[::-1]] = np.arange(labels.size)[::-1]
    order = 1 + np.lexsort((first[1:], -size[1:]))
    rank = np.zeros(size.size, np.int64)
    rank[order] = np.arange(1, size.size)
    return rank[labels]
