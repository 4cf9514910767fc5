"""Independent reference: small landscapes for restoration, and distances in them by textbook formulas."""

import jax.numpy as jnp
import numpy as np
import reference_dense

from permea.engine import GridGraph
from permea.engine.graph.focal_nodes import FocalNodes

RESTORED = 2.5
#: Flat indices in a landscape of 7 × 8 cells.
POINTS = (0, 13, 40, 55)
REGION = np.array([16, 17, 24])


def rough(seed=3):
    landscape = np.exp(np.random.default_rng(seed).normal(size=(7, 8)))
    landscape[2:5, 3] = 0.0
    landscape[5, 5] = 0.0
    landscape.ravel()[list(POINTS)] = 1.0
    return landscape


def walled():
    """A wall one cell wide, with isolated land behind it as well."""
    landscape = rough()
    landscape[:, 4] = 0.0
    landscape[6, 2] = landscape[5, 3] = 0.0
    landscape[6, 3] = 0.7
    return landscape


def focal(*nodes):
    return FocalNodes(np.arange(1, len(nodes) + 1), tuple(np.atleast_1d(cells) for cells in nodes))


def grid_of(landscape, neighbors="queen", edge_rule="mean"):
    return GridGraph(jnp.asarray(landscape), neighbors=neighbors, edge_rule=edge_rule, pixel_size=(2.0, 3.0))


def pairwise(landscape, quantity, nodes, neighbors="queen", edge_rule="mean"):
    """Return the distances between nodes by textbook formulas; between regions, those of the nearest cells."""
    matrix = reference_dense.conductances(landscape, neighbors, edge_rule, (2.0, 3.0))
    number = np.cumsum(landscape.ravel() > 0) - 1
    every = quantity(matrix)
    cells = [np.atleast_1d(node) for node in nodes]
    vertices = [number[of_node[landscape.ravel()[of_node] > 0]] for of_node in cells]
    return np.array([[every[np.ix_(one, other)].min() for other in vertices] for one in vertices])


def restoration_gains(landscape, distances, restored):
    """Return the mean gain of restoring each cell, and how many pairs of nodes it newly connects, by new searches.

    Parameters
    ----------
    distances
        Function from a landscape to the matrix of distances between the nodes.
    restored
        Function from a cell to the landscape in which it, or a disc around it, is restored.
    """
    before = distances(landscape)
    connected = np.isfinite(before) & ~np.eye(len(before), dtype=bool)
    gain, n_newly_connected = np.zeros(landscape.shape), np.zeros(landscape.shape, int)
    for cell in np.ndindex(*landscape.shape):
        after = distances(restored(cell))
        gain[cell] = (before - after)[connected].mean() if connected.any() else 0.0
        n_newly_connected[cell] = (np.isinf(before) & np.isfinite(after)).sum() // 2
    return np.where(n_newly_connected > 0, np.inf, gain), n_newly_connected


EVERYWHERE = np.ones((7, 8), bool)
GRAPHS = [("queen", "mean"), ("rook", "mean"), ("queen", "resistance")]
LANDSCAPES = {"rough": rough, "walled": walled}
