"""Merging of short-circuited cells into the nodes of a circuit."""

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import connected_components as _label

#: The cells of several nodes, each an array of flat indices.
Groups = Iterable[np.ndarray]


def merge_nodes(active: Bool[np.ndarray, " cells"], groups: Groups) -> Int[np.ndarray, " cells"]:
    """Number the nodes of a circuit in which the cells of each group are short-circuited.

    Parameters
    ----------
    active
        Whether a cell is part of the landscape.
    groups
        Short-circuited cells, group by group. Groups that share a cell are one node, whether or not that cell is
        active. A group with an active cell includes its inactive cells; a group without one is not part of the
        circuit.

    Returns
    -------
    Int[np.ndarray, "cells"]
        Node of every cell, in the order of the nodes' first cells; −1 for cells outside the circuit.

    Examples
    --------
    >>> merge_nodes(np.array([True, True, False, True]), [np.array([0, 2])])
    array([0, 1, 0, 2])
    """
    size = len(active)
    nonempty = [group for group in (np.asarray(group, np.int64) for group in groups) if group.size]
    exists = active.copy()
    number = np.full(size, -1)
    representative = np.arange(size)
    if nonempty:
        members = np.concatenate(nonempty)
        first = np.repeat([group[0] for group in nonempty], [group.size for group in nonempty])
        cells, position = np.unique(np.concatenate([members, first]), return_inverse=True)
        source, target = np.split(position, 2)
        links = sp.coo_array((np.ones(source.size), (source, target)), shape=(cells.size,) * 2)
        label = _label(links, directed=False)[1]
        # The first cell of each set of overlapping groups represents the whole set.
        first_cell = np.full(label.max() + 1, size)
        np.minimum.at(first_cell, label, cells)
        representative[cells] = first_cell[label]
        is_active = np.zeros(label.max() + 1, bool)
        is_active[label[active[cells]]] = True
        exists[cells[is_active[label]]] = True
    is_first = exists & (representative == np.arange(size))
    number[is_first] = np.arange(np.count_nonzero(is_first))
    number[exists] = number[representative[exists]]
    return number


def sum_by_node(
    nodes: Int[np.ndarray, " m"], values: Float[np.ndarray, " m"], n_nodes: int
) -> Float[np.ndarray, " n_nodes"]:
    """Return the sum of the values at every node.

    Examples
    --------
    >>> sum_by_node(np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]), 3)
    array([4., 0., 2.])
    """
    # For empty input, NumPy returns integers.
    return np.bincount(nodes, values, n_nodes).astype(float)
