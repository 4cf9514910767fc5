"""Edges of a grid as lists of sources and targets, or as a SciPy adjacency matrix."""

import numpy as np
import scipy.sparse as sp

from ..linalg import neighbour_offsets


def edge_list(edges: np.ndarray, exists: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the edges of a grid, direction by direction, row by row.

    Parameters
    ----------
    edges
        Shape (directions, rows, columns): a value per cell and direction.
    exists
        The same shape: True where there is an edge. Must be False where the step leaves the raster.

    Returns
    -------
    sources, targets
        Flat raster indices of the edges' source and target cells.
    values
        Values of the edges.

    Examples
    --------
    >>> edges = np.array([[[0.0, 0.0]], [[0.0, 3.0]], [[2.0, 0.0]], [[0.0, 0.0]]])
    >>> edge_list(edges, edges > 0)
    (array([1, 0]), array([0, 1]), array([3., 2.]))
    """
    directions, rows, columns = edges.shape
    sources, targets, values = [], [], []
    for d, (down, right) in enumerate(neighbour_offsets(directions)):
        cells = np.flatnonzero(exists[d])
        sources.append(cells)
        targets.append(cells + down * columns + right)
        values.append(edges[d].ravel()[cells])
    return np.concatenate(sources), np.concatenate(targets), np.concatenate(values)


def sparse_adjacency(edges: np.ndarray, exists: np.ndarray) -> tuple[sp.csr_array, np.ndarray]:
    """Return the adjacency matrix of the cells that have edges, and the flat raster indices of those cells.

    Parameters
    ----------
    edges, exists
        As for `edge_list`.

    Examples
    --------
    >>> edges = np.array([[[0.0, 0.0]], [[0.0, 3.0]], [[2.0, 0.0]], [[0.0, 0.0]]])
    >>> sparse_adjacency(edges, edges > 0)[0].toarray()
    array([[0., 2.],
           [3., 0.]])
    """
    sources, targets, values = edge_list(edges, exists)
    has_edges = np.zeros(exists[0].size, bool)
    has_edges[sources] = has_edges[targets] = True
    cells = np.flatnonzero(has_edges)
    number = np.empty(has_edges.size, np.int32)
    number[cells] = np.arange(cells.size, dtype=np.int32)
    return sp.csr_array((values, (number[sources], number[targets])), shape=(cells.size,) * 2), cells
