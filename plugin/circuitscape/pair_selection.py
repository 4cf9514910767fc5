"""The pairs of focal nodes that a file of pairs leaves out."""

from __future__ import annotations

import numpy as np

from .pairs import Pairs


def excluded_pairs(pairs: Pairs, ids: np.ndarray) -> np.ndarray:
    """Return the pairs of ids that take no part in a run, int64 (k, 2).

    Parameters
    ----------
    pairs
        Pairs to include or to exclude.
    ids
        Ids of the focal nodes, ascending.
    """
    listed = np.array(list(pairs.listed), np.int64).reshape(-1, 2)
    position = np.minimum(np.searchsorted(ids, listed), len(ids) - 1)
    first, second = position[(ids[position] == listed).all(1)].T
    is_listed = np.zeros((len(ids),) * 2, bool)
    is_listed[first, second] = is_listed[second, first] = True
    return ids[np.argwhere(np.triu(is_listed != pairs.include, 1))]
