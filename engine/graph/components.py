"""Connected components: maximal sets of cells that can reach each other."""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage as ndi
from jaxtyping import Array, Bool, Float, Int
from scipy.sparse import csgraph

from ..linalg import neighbour_offsets, shift
from ..parallel import njit_cached
from .edge_list import sparse_adjacency
from .grid_graph import GridGraph

#: The neighbours of a cell in its 3 × 3 neighbourhood, by the number of directions.
_NEIGHBOURHOODS = {4: ndi.generate_binary_structure(2, 1), 8: ndi.generate_binary_structure(2, 2)}


def connected_components(grid: GridGraph) -> Int[Array, "rows columns"]:
    """Label the connected components of a landscape, the largest first.

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
    return jax.pure_callback(_label_components, shape, exists, grid.active, vmap_method="sequential")


def largest_component(grid: GridGraph) -> Bool[Array, "rows columns"]:
    """Return True in the cells of the largest connected component.

    Examples
    --------
    >>> largest_component(GridGraph(jnp.array([[1.0, 0.0, 1.0, 1.0]])))
    Array([[False, False,  True,  True]], dtype=bool)
    """
    return connected_components(grid) == 1


def representative_cells(
    components: Int[Array, "rows columns"], priority: Float[Array, "rows columns"]
) -> Bool[Array, "rows columns"]:
    """Return True in one cell of each component: the first of those with the highest priority.

    Examples
    --------
    >>> representative_cells(jnp.array([[1, 1, 0, 2]]), jnp.array([[1.0, 3.0, 9.0, 1.0]]))
    Array([[False,  True, False,  True]], dtype=bool)
    """
    shape = jax.ShapeDtypeStruct(components.shape, jnp.bool_)
    return jax.pure_callback(_representative_cells, shape, components, priority, vmap_method="sequential")


def _label_components(exists: jax.Array, active: jax.Array) -> np.ndarray:
    exists, active = np.asarray(exists), np.asarray(active)
    if _has_all_edges(exists, active):
        # Labelling the regions of a mask is twenty times faster than labelling the components of a graph.
        labels = ndi.label(active, _NEIGHBOURHOODS[len(exists)])[0].ravel()
    else:
        labels = _label_graph(exists, active.ravel())
    return _relabel_by_size(labels).reshape(active.shape)


def _has_all_edges(exists: np.ndarray, active: np.ndarray) -> bool:
    """Return whether every two neighbouring active cells, and no others, have an edge in both directions."""
    count = 0
    for step in neighbour_offsets(len(exists))[: len(exists) // 2]:
        count += 2 * np.count_nonzero(active & shift(active, step, fill=False))
    return bool(np.count_nonzero(exists) == count)


def _label_graph(exists: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Label the strongly connected components of a directed graph; vertices without edges are components."""
    adjacency, cells = sparse_adjacency(exists, exists)
    components = np.empty(0, int)
    if cells.size:
        components = csgraph.connected_components(adjacency, directed=True, connection="strong")[1]
    labels = np.zeros(active.size, int)
    labels[cells] = 1 + components
    isolated = np.flatnonzero((labels == 0) & active)
    labels[isolated] = 1 + components.max(initial=-1) + 1 + np.arange(isolated.size)
    return labels


def _relabel_by_size(labels: np.ndarray) -> np.ndarray:
    """Renumber labels 1, 2, … by decreasing size, ties by first appearance; 0 stays."""
    size = np.bincount(labels)
    first = np.zeros(size.size, int)
    first[labels[::-1]] = np.arange(labels.size)[::-1]
    by_size = 1 + np.lexsort((first[1:], -size[1:]))
    new_label = np.zeros(size.size, np.int64)
    new_label[by_size] = np.arange(1, size.size)
    return new_label[labels]


def _representative_cells(components: jax.Array, priority: jax.Array) -> np.ndarray:
    labels, priority = np.asarray(components).ravel(), np.asarray(priority).ravel()
    best = _argmax_by_label(labels, priority, np.full(labels.max(initial=0) + 1, -1))[1:]
    selected = np.zeros(labels.size, bool)
    selected[best[best >= 0]] = True
    return selected.reshape(components.shape)


@njit_cached
def _argmax_by_label(labels, priority, best):
    for cell in range(labels.size):
        label = labels[cell]
        if best[label] < 0 or priority[cell] > priority[best[label]]:
            best[label] = cell
    return best
