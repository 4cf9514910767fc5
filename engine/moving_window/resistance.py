"""Effective resistances in many windows of one raster, differentiable: one call to the CPU kernels for all of them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..counts import count_of
from ..linalg import log_solve, neighbour_offsets
from ..parallel import blas_limited_pool, chunk_ranges, directions_first, directions_last
from .block_tridiagonal_kernels import resistance_gradient, resistances

#: Windows whose gradients one thread adds up. Fixed, so that sums do not depend on the number of threads.
WINDOWS_PER_CHUNK = 4

#: Largest accepted |(A G)_ii − 1|.
RESIDUAL_TOL = 1e-6

#: The widest windows that are eliminated row by row. The time of that grows with the fourth power of the width; that of
#: nested dissection, which solves each window separately, with the third.
MAX_ELIMINATED_WIDTH = 120


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def resistances_in_windows(
    conductances: Float[Array, "directions rows columns"],
    corners: Int[Array, "windows 2"],
    seeds: Int[Array, " windows"],
    shape: tuple[int, int],
    threads: int,
) -> Float[Array, "windows height width"]:
    """Return the effective resistance between a seed and every cell of its window, isolated from the rest.

    Parameters
    ----------
    conductances
        Edge conductances of the raster, symmetric; 0 where there is no edge.
    corners
        Row and column of the raster at which each window begins.
    seeds
        Flat index of the seed in each window (row · columns + column); −1 for a window that is skipped, whose
        resistances are infinite.
    shape
        (rows, columns) of a window.
    threads
        Number of threads; the result does not depend on it.

    Notes
    -----
    The same values and derivatives as `ResistanceDistance` on each window. With g the cotangent,

        ∂/∂w_ab Σ_j g_j R_cj = −Σ_j g_j (v_a − v_b)²,    v = G (e_c − e_j).

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> chain = GridGraph([[1.0, 1.0, 1.0]])
    >>> resistances_in_windows(chain.edges, jnp.array([[0, 0], [0, 1]]), jnp.array([0, 1]), (1, 2), 1).round(9)
    Array([[[0., 1.]],
    <BLANKLINE>
           [[1., 0.]]], dtype=float64)
    """
    return _resistances_in_windows(conductances, corners, seeds, shape, threads)


def _resistances_in_windows(conductances, corners, seeds, shape, threads):
    result = jax.ShapeDtypeStruct((seeds.shape[0], *shape), jnp.float64)
    return jax.pure_callback(partial(_compute, shape, threads), result, conductances, corners, seeds)


def _fwd(conductances, corners, seeds, shape, threads):
    return _resistances_in_windows(conductances, corners, seeds, shape, threads), (conductances, corners, seeds)


def _bwd(shape, threads, residuals, cotangent):
    conductances = residuals[0]
    result = jax.ShapeDtypeStruct(conductances.shape, conductances.dtype)
    return jax.pure_callback(partial(_compute_gradient, threads), result, *residuals, cotangent), None, None


resistances_in_windows.defvjp(_fwd, _bwd)


def _compute(shape, threads, conductances, corners, seeds):
    """Compute the resistances of all windows on the CPU, and check their residuals."""
    corners, seeds = np.asarray(corners), np.asarray(seeds)
    edges, steps = directions_last(np.asarray(conductances)), np.array(neighbour_offsets(len(conductances)))
    resistance, residual = np.empty((seeds.size, *shape)), np.empty(seeds.size)
    with blas_limited_pool(), ThreadPoolExecutor(threads) as pool:
        chunks = chunk_ranges(seeds.size, WINDOWS_PER_CHUNK)
        list(pool.map(lambda chunk: resistances(edges, steps, corners, seeds, *chunk, resistance, residual), chunks))
    largest = residual.max(initial=0.0)
    if not largest <= RESIDUAL_TOL:
        raise ValueError(
            f"the resistances of {count_of(int((~(residual <= RESIDUAL_TOL)).sum()), 'window')} violate their "
            f"equations by up to {largest:.1e}: the permeability spans too many orders of magnitude there; choose the "
            "solver ResistanceDistance(NestedDissection(symmetric=True)), which is slower and more accurate"
        )
    log_solve("resistance in windows (block elimination)", int((seeds >= 0).sum()), 0, float(largest))
    return resistance


def _compute_gradient(threads, conductances, corners, seeds, cotangent):
    """Add up the gradients of all windows, on the CPU."""
    corners, seeds = np.asarray(corners), np.asarray(seeds)
    cotangent = np.nan_to_num(np.asarray(cotangent), nan=0.0, posinf=0.0, neginf=0.0)
    edges, steps = directions_last(np.asarray(conductances)), np.array(neighbour_offsets(len(conductances)))

    def gradient_of(chunk):
        """Return the gradient from a chunk of windows."""
        gradient = np.zeros(edges.shape)
        resistance_gradient(edges, steps, corners, seeds, cotangent, *chunk, gradient)
        return gradient

    total = np.zeros(edges.shape)
    with blas_limited_pool(), ThreadPoolExecutor(threads) as pool:
        for gradient in pool.map(gradient_of, chunk_ranges(seeds.size, WINDOWS_PER_CHUNK)):
            total += gradient
    return directions_first(total)
