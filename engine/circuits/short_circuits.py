"""Which places are one node of a circuit: a cell each, or all cells of a short-circuit region together."""

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float, Int
from scipy.sparse.csgraph import connected_components as _label

#: The places of several nodes to be joined, each an array of flat indices.
Groups = Iterable[np.ndarray]


def sum_by_node(number: Int[np.ndarray, "m"], values: Float[np.ndarray, "m"], count: int) -> Float[np.ndarray, "count"]:
    """Return the sum of the values of every number from 0 on.

    Examples
    --------
    >>> sum_by_node(np.array([0, 2, 0]), np.array([1.0, 2.0, 3.0]), 3)
    array([4., 0., 2.])
    """
    # Of nothing, NumPy counts in integers.
    return np.bincount(number, values, count).astype(float)


def merge_nodes(there: Bool[np.ndarray, "places"], groups: Groups) -> Int[np.ndarray, "places"]:
    """Number the nodes when the places of each group are one.

    Parameters
    ----------
    there
        Which places exist.
    groups
        Places that are short-circuited, group by group; groups that share a place are one, be it one that does not
        exist. A group of which a place exists claims those that do not, too; one of which none exists is no node.

    Returns
    -------
    Int[np.ndarray, "places"]
        Number of the node of every place, in the order of the nodes' first places; −1 where there is none.

    Examples
    --------
    >>> merge_nodes(np.array([True, True, False, True]), [np.array([0, 2])])
    array([0, 1, 0, 2])
    """
    size = len(there)
    own = [group for group in (np.asarray(each, np.int64) for each in groups) if group.size]
    exists = there.copy()
    number = np.full(size, -1)
    if own:
        members = np.concatenate(own)
        first = np.repeat([group[0] for group in own], [group.size for group in own])
        places, position = np.unique(np.concatenate([members, first]), return_inverse=True)
        one, other = np.split(position, 2)
        links = sp.coo_array((np.ones(one.size), (one, other)), shape=(places.size,) * 2)
        label = _label(links, directed=False)[1]
        # Every place of a group speaks for the first place of its group.
        speaker = np.full(label.max() + 1, size)
        np.minimum.at(speaker, label, places)
        representative = np.arange(size)
        representative[places] = speaker[label]
        real = np.zeros(label.max() + 1, bool)
        real[label[there[places]]] = True
        exists[places[real[label]]] = True
    else:
        representative = np.arange(size)
    alone = exists & (representative == np.arange(size))
    number[alone] = np.arange(np.count_nonzero(alone))
    number[exists] = number[representative[exists]]
    return number
