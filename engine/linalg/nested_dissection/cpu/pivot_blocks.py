"""Inverses of batches of dense diagonal blocks: the pivots of a block elimination.

A Schur complement of an M-matrix is an M-matrix, so its diagonal blocks can be inverted without pivoting, and the
inverse has no negative entry. Multiplying by an inverse is one matrix product, where triangular solves with small
matrices would be slow on every device.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

#: Largest block that Gauss–Jordan elimination inverts, all blocks of a batch at once; above, LAPACK is faster.
GAUSS_JORDAN_MAX_SIZE = 12


@dataclass(frozen=True)
class PivotInverses:
    """The inverses of a batch of blocks, and the sum of the logarithms of their determinants.

    The sum is NaN if a pivot is not positive.
    """

    inverse: np.ndarray
    log_determinant: float


def invert_pivots(blocks: np.ndarray, symmetric: bool) -> PivotInverses:
    """Invert every block of a batch of M-matrices.

    Parameters
    ----------
    blocks
        Shape (..., s, s).
    symmetric
        Whether every block equals its transpose.

    Examples
    --------
    >>> invert_pivots(np.array([[[2.0]], [[4.0]]]), symmetric=True).inverse.ravel()
    array([0.5 , 0.25])
    """
    size = blocks.shape[-1]
    flat = blocks.reshape(-1, size, size)
    if size <= GAUSS_JORDAN_MAX_SIZE:
        inverse, pivots = _gauss_jordan(flat)
    else:
        inverse, pivots = np.empty_like(flat), np.empty(flat.shape[:2])
        invert = _invert_cholesky if symmetric else _invert_lu
        for number, block in enumerate(flat):
            inverse[number], pivots[number] = invert(block)
    log_determinant = float(np.log(pivots).sum()) if (pivots > 0).all() else np.nan
    return PivotInverses(inverse.reshape(blocks.shape), log_determinant)


def _gauss_jordan(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Invert all blocks pivot by pivot, the batch along the last axis, where it is contiguous."""
    size = blocks.shape[-1]
    work = np.ascontiguousarray(blocks.transpose(1, 2, 0))
    pivots = np.empty((size, work.shape[-1]), work.dtype)
    for k in range(size):
        pivots[k] = work[k, k]
        work[k, k] = 1
        work[k] /= pivots[k]
        column = work[:, k].copy()
        column[k] = 0
        work[:k, k] = 0
        work[k + 1 :, k] = 0
        work -= column[:, None] * work[k]
    return np.ascontiguousarray(work.transpose(2, 0, 1)), pivots


def _invert_cholesky(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the inverse of a symmetric block and its pivots; NaN and 0 if it is not positive definite."""
    # A symmetric block equals its transpose: no copy into Fortran's order.
    factor, failed = lapack.dpotrf(block.T, lower=1)
    if failed:
        return np.full(block.shape, np.nan), np.zeros(len(block))
    inverse, _ = lapack.dpotri(factor, lower=1)
    return np.where(_lower_triangle(len(block)), inverse, inverse.T), factor.diagonal() ** 2


@lru_cache(maxsize=64)
def _lower_triangle(size: int) -> np.ndarray:
    return np.tri(size, dtype=bool)


def _invert_lu(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the inverse of a block and pivots whose product is right; NaN and 0 if it is singular."""
    factor, permutation, failed = lapack.dgetrf(block.T)
    if failed:
        return np.full(block.shape, np.nan), np.zeros(len(block))
    inverse, _ = lapack.dgetri(factor, permutation)
    # Row exchanges flip the signs of pivots: only the sign of their product is known, and it must be positive.
    odd = np.count_nonzero(permutation != np.arange(len(permutation))) % 2
    pivots = factor.diagonal()
    sign = (-1) ** (odd + np.count_nonzero(pivots < 0))
    return inverse.T, np.abs(pivots) * np.where(np.arange(len(pivots)) == 0, sign, 1)
