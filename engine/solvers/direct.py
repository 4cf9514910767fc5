"""Sparse direct solution by SciPy's SuperLU, on the host."""

import hashlib
from collections import OrderedDict
from threading import Lock

import jax
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float
from scipy.sparse.linalg import SuperLU, splu

from ..sparse import system_matrix
from ..stencil import Stencil
from .interface import AbstractSolver
from .journal import note

#: A relative residual above this is not rounding but a matrix that is singular to working precision.
RESIDUAL_LIMIT = 1e-8

#: Factors kept between calls: a gradient solves with the matrix of its forward pass, chunks of sources with the same.
#: Two, because a factor of a million cells is about a gigabyte.
KEPT_FACTORS = 2


class Direct(AbstractSolver):
    """Solve by a sparse LU factorisation (SuperLU), exact to rounding for any M-matrix, on the CPU.

    Notes
    -----
    Rows of an M-matrix need no pivoting, so the fill-reducing order of AᵀA + A is kept (symmetric mode).
    About 1.5 kB of factor per cell at 10⁵ cells, growing as n log n.

    References
    ----------
    Li, X. S. (2005). An overview of SuperLU. ACM Transactions on Mathematical Software 31, 302–325.
    """

    def prepare(self, system: Stencil) -> Stencil:
        """Keep the matrix; it is factored on the host when first solved with, and the factor is remembered."""
        return system

    def solve_prepared(
        self, prepared: Stencil, right_hand_sides: Float[Array, "k rows columns"], transposed: bool
    ) -> Float[Array, "k rows columns"]:
        """Solve with the remembered factor.

        Raises
        ------
        RuntimeError
            The matrix is singular, or so ill-conditioned that the residual stays above 1e-8.
        """

        def on_host(center, edges, b):
            return _solve(np.asarray(center), np.asarray(edges), np.asarray(b), transposed)

        shape = jax.ShapeDtypeStruct(right_hand_sides.shape, right_hand_sides.dtype)
        return jax.pure_callback(
            on_host, shape, prepared.center, prepared.edges, right_hand_sides, vmap_method="sequential"
        )


_factors: OrderedDict[bytes, tuple[SuperLU | None, sp.csc_array, np.ndarray]] = OrderedDict()
_lock = Lock()


def _factor(center: np.ndarray, edges: np.ndarray) -> tuple[SuperLU | None, sp.csc_array, np.ndarray]:
    digest = hashlib.blake2b(np.ascontiguousarray(center), digest_size=16)
    digest.update(np.ascontiguousarray(edges))
    key = digest.digest() + repr(edges.shape).encode()
    with _lock:
        if key in _factors:
            _factors.move_to_end(key)
            return _factors[key]
        while len(_factors) >= KEPT_FACTORS:
            _factors.popitem(last=False)
    matrix, cells = system_matrix(center, edges)
    factor = None
    if cells.size:
        try:
            factor = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
        except RuntimeError as error:
            raise RuntimeError(f"the linear system of {cells.size} cells is singular ({error})") from error
    with _lock:
        _factors[key] = (factor, matrix, cells)
    return _factors[key]


def _solve(center: np.ndarray, edges: np.ndarray, rasters: np.ndarray, transposed: bool) -> np.ndarray:
    factor, matrix, cells = _factor(center, edges)
    b = rasters.reshape(len(rasters), -1)
    # Cells without edges: a row of its own each.
    x = np.divide(b, center.ravel(), where=center.ravel() != 0, out=np.zeros_like(b))
    if factor is None:
        return x.reshape(rasters.shape)
    inside = np.ascontiguousarray(b[:, cells].T)
    trans, operator = ("T", matrix.T) if transposed else ("N", matrix)
    solution = factor.solve(inside, trans)
    residual = inside - operator @ solution
    solution += factor.solve(residual, trans)
    # Measured against what the rows add up, not against b: potentials may be many orders larger than the injection.
    scale = np.abs(operator) @ np.abs(solution) + np.abs(inside)
    worst = np.max(np.abs(inside - operator @ solution) / np.where(scale > 0, scale, 1), initial=0.0)
    if not worst <= RESIDUAL_LIMIT:
        raise RuntimeError(
            f"the linear system of {cells.size} cells could not be solved: relative residual {worst:.1e} "
            f"(the values of the raster may span too many orders of magnitude)"
        )
    note("direct (SuperLU)", len(rasters), 0, worst)
    x[:, cells] = solution.T
    return x.reshape(rasters.shape)
