"""Cache of factors, by the content of the matrix."""

import hashlib
from collections import OrderedDict
from threading import Lock

import numpy as np

from ...stencil_matrix import neighbour_offsets, shift
from ..symbolic import analyze
from .factorization import Factor, factor

#: Largest number of cached factors, and of their bytes if there are several. A gradient needs the factor of its forward
#: pass, and blocks of sources all need the same one. More would only fill memory where every target has another matrix.
CACHE_SIZE = 2
CACHE_BYTES = 4_000_000_000

_factors: OrderedDict[bytes, Factor] = OrderedDict()
_lock = Lock()


def cached_factor(center: np.ndarray, edges: np.ndarray, symmetric: bool | None) -> Factor:
    """Return the factor of a matrix, from an earlier call if it is cached.

    Parameters
    ----------
    center, edges
        As in `StencilMatrix`.
    symmetric
        Whether the matrix equals its transpose; None to compare the values.

    Raises
    ------
    SingularMatrixError
        The matrix is singular to working precision.
    """
    digest = hashlib.blake2b(np.ascontiguousarray(center), digest_size=16)
    digest.update(np.ascontiguousarray(edges))
    key = digest.digest() + repr((edges.shape, symmetric)).encode()
    with _lock:
        if key in _factors:
            _factors.move_to_end(key)
            return _factors[key]
        if symmetric is None:
            symmetric = is_symmetric(edges)
        expected = 8 * analyze(center.shape).factor_nnz(symmetric)
        while len(_factors) >= CACHE_SIZE or (
            _factors and expected + sum(cached.nbytes for cached in _factors.values()) > CACHE_BYTES
        ):
            _factors.popitem(last=False)
        # Inside the lock: two threads with the same matrix must not both compute a factor of a gigabyte.
        _factors[key] = factor(center, edges, symmetric=symmetric)
        return _factors[key]


def clear_factors() -> None:
    """Release the memory of all cached factors."""
    with _lock:
        _factors.clear()


def is_symmetric(edges: np.ndarray) -> bool:
    """Return whether a matrix equals its transpose exactly."""
    directions = len(edges)
    return all(
        np.array_equal(edges[d], shift(edges[directions - 1 - d], step))
        for d, step in enumerate(neighbour_offsets(directions))
    )
