"""The host's view of a stencil: a SciPy matrix over the cells that take part."""

import numpy as np
import scipy.sparse as sp

from ..linalg.stencil_matrix import neighbour_offsets


def edge_list(edges: np.ndarray, exists: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the edges of a stencil.

    Parameters
    ----------
    edges
        Shape (directions, rows, columns): a value per cell and step.
    exists
        The same shape: which of them to list; must be False where the step leaves the raster.

    Returns
    -------
    sources, targets
        Flat raster indices of the cell that is left and of the cell that is entered.
    values
        The listed values, in the same order: direction by direction, row by row.
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
    """Return the edges as a matrix over the cells that have any, and the flat raster indices of those cells."""
    sources, targets, values = edge_list(edges, exists)
    joined = np.zeros(exists[0].size, bool)
    joined[sources] = joined[targets] = True
    cells = np.flatnonzero(joined)
    number = np.empty(joined.size, np.int32)
    number[cells] = np.arange(cells.size, dtype=np.int32)
    return sp.csr_array((values, (number[sources], number[targets])), shape=(cells.size,) * 2), cells
