"""Cache of the most recent hierarchies."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import count
from threading import Lock
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from .hierarchy import Hierarchy

#: Number of hierarchies in the cache: a gradient needs the one of its forward pass.
CACHE_SIZE = 2


class ScaledHierarchy(NamedTuple):
    """A hierarchy, and the diagonal similarity scaling that takes the matrix to the one that it was built for.

    Parameters
    ----------
    hierarchy
        Of S⁻¹ A S.
    scaling
        Diagonal of S, padded.
    """

    hierarchy: Hierarchy
    scaling: Float32[np.ndarray, " padded"]


class HierarchyCache:
    """The most recent hierarchies by key; the oldest is dropped first. Safe to use from several threads.

    Parameters
    ----------
    size
        Largest number of hierarchies.

    Examples
    --------
    >>> cache = HierarchyCache(size=1)
    >>> first, second = cache.new_key(), cache.new_key()
    >>> cache.store(first, None)
    >>> cache.store(second, None)
    >>> first in cache, second in cache
    (False, True)
    """

    def __init__(self, size: int = CACHE_SIZE):
        self._size, self._lock, self._keys = size, Lock(), count(1)
        self._entries: OrderedDict[Hashable, ScaledHierarchy] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def new_key(self) -> int:
        """Return a positive integer that no other hierarchy has as its key."""
        return next(self._keys)

    def store(self, key: Hashable, entry: ScaledHierarchy | None) -> None:
        """Store a hierarchy under a key."""
        with self._lock:
            self._store(key, entry)

    def get(self, key: Hashable) -> ScaledHierarchy | None:
        """Return the hierarchy stored under a key; None if it is not (or no longer) in the cache."""
        with self._lock:
            return self._entries.get(key)

    def get_or_build(self, key: Hashable, build: Callable[[], ScaledHierarchy]) -> ScaledHierarchy:
        """Return the hierarchy stored under a key; build and store it if there is none."""
        with self._lock:
            if key not in self._entries:
                self._store(key, build())
            return self._entries[key]

    def clear(self) -> None:
        """Remove all hierarchies; `new_key` does not repeat their keys."""
        with self._lock:
            self._entries.clear()

    def _store(self, key: Hashable, entry: ScaledHierarchy | None) -> None:
        self._entries[key] = entry
        while len(self._entries) > self._size:
            self._entries.popitem(last=False)


#: The process-wide cache. Integer keys can pass through JAX programs, so all solvers share one cache.
HIERARCHY_CACHE = HierarchyCache()
