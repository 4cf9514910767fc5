"""Inverses of many small, or some large, diagonal blocks: the pivots of a block elimination.

A Schur complement of an M-matrix is an M-matrix, so its diagonal blocks can be inverted without looking for pivots,
and the inverse has no negative entry. Multiplying with an inverse is one matrix product, where triangular solves of
small matrices would be slow on every device.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.linalg import lapack

#: Up to this size a block is inverted by hand, all blocks of a batch at once; beyond, LAPACK is faster.
BY_HAND = 12


@dataclass(frozen=True)
class PivotInverses:
    """The inverses of a batch of blocks, and the logarithm of the product of their determinants."""

    inverse: np.ndarray
    log_determinant: float


def invert_pivots(blocks: np.ndarray, symmetric: bool) -> PivotInverses:
    """Invert every block of a batch of M-matrices.

    Parameters
    ----------
    blocks
        Shape (..., s, s), real or complex.
    symmetric
        Whether every block equals its transpose.
    """
    size = blocks.shape[-1]
    flat = blocks.reshape(-1, size, size)
    if size <= BY_HAND or np.iscomplexobj(blocks):
        inverse, pivots = _gauss_jordan(flat) if size <= BY_HAND else (np.linalg.inv(flat), np.ones(1))
    else:
        inverse, pivots = np.empty_like(flat), np.empty(flat.shape[:2])
        one = _cholesky if symmetric else _lu
        for number, block in enumerate(flat):
            inverse[number], pivots[number] = one(block)
    real = np.real(pivots)
    logarithm = float(np.log(real).sum()) if (real > 0).all() else np.nan
    return PivotInverses(inverse.reshape(blocks.shape), logarithm)


def _gauss_jordan(blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Invert in place, one pivot after the other, the batch along the last axis where it is contiguous."""
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


def _cholesky(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # A symmetric block read column by column is the same block: no copy into Fortran's order.
    factor, failed = lapack.dpotrf(block.T, lower=1)
    if failed:
        return np.full(block.shape, np.nan), np.zeros(len(block))
    inverse, _ = lapack.dpotri(factor, lower=1)
    return np.where(_lower_triangle(len(block)), inverse, inverse.T), factor.diagonal() ** 2


@lru_cache(maxsize=64)
def _lower_triangle(size: int) -> np.ndarray:
    return np.tri(size, dtype=bool)


def _lu(block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    factor, rows, failed = lapack.dgetrf(block.T)
    if failed:
        return np.full(block.shape, np.nan), np.zeros(len(block))
    inverse, _ = lapack.dgetri(factor, rows)
    # Exchanging rows turns the sign of pivots: only their product's sign is known, and it must be positive.
    swapped = np.count_nonzero(rows != np.arange(len(rows))) % 2
    pivots = factor.diagonal()
    sign = (-1) ** (swapped + np.count_nonzero(pivots < 0))
    return inverse.T, np.abs(pivots) * np.where(np.arange(len(pivots)) == 0, sign, 1)
