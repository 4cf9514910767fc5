"""Effective resistances in many windows of one raster, differentiable: one call to the host for all of them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..linalg.solver_stats import log_solve
from ..linalg.stencil_matrix import neighbour_offsets
from ..parallel.blas_threads import blas_limited_pool
from ..parallel.chunks import chunk_ranges, directions_first, directions_last
from .block_tridiagonal_kernels import resistance_gradient, resistances

#: Windows whose gradients are added up by one thread. Fixed, so that sums do not depend on the number of threads.
TOGETHER = 4

#: How much a row of A G may miss 1.
ACCURATE = 1e-6

#: The widest windows that are eliminated row by row; the time grows like the fourth power of the width, and with the
#: third by nested dissection, which takes each window by itself.
MAX_WINDOW_WIDTH = 120


@partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def resistances_in_windows(
    conductances: Float[Array, "directions rows columns"],
    corners: Int[Array, "windows 2"],
    seeds: Int[Array, "windows"],
    shape: tuple[int, int],
    threads: int,
) -> Float[Array, "windows height width"]:
    """Return the effective resistance between a seed and every cell of its window, the rest of the raster cut off.

    Parameters
    ----------
    conductances
        Of each edge, the same both ways; 0 where there is none.
    corners
        Row and column of the raster at which each window begins.
    seeds
        Place in the window (row · columns + column); −1 for a window in which nothing is reached.
    shape
        (rows, columns) of a window.
    threads
        How many to use; the result does not depend on it.

    Notes
    -----
    The same values and derivatives as `ResistanceDistance` on each window by itself.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> chain = GridGraph([[1.0, 1.0, 1.0]])
    >>> resistances_in_windows(chain.edges, jnp.array([[0, 0], [0, 1]]), jnp.array([0, 1]), (1, 2), 1).round(9)
    Array([[[0., 1.]],
    <BLANKLINE>
           [[1., 0.]]], dtype=float64)
    """
    return _forward(conductances, corners, seeds, shape, threads)


def _forward(conductances, corners, seeds, shape, threads):
    result = jax.ShapeDtypeStruct((seeds.shape[0], *shape), jnp.float64)
    return jax.pure_callback(partial(_resistances, shape, threads), result, conductances, corners, seeds)


def _remember(conductances, corners, seeds, shape, threads):
    return _forward(conductances, corners, seeds, shape, threads), (conductances, corners, seeds)


def _falls(shape, threads, remembered, cotangent):
    conductances = remembered[0]
    result = jax.ShapeDtypeStruct(conductances.shape, conductances.dtype)
    return jax.pure_callback(partial(_gradient, threads), result, *remembered, cotangent), None, None


resistances_in_windows.defvjp(_remember, _falls)


def _resistances(shape, threads, conductances, corners, seeds):
    corners, seeds = np.asarray(corners), np.asarray(seeds)
    cells, steps = directions_last(np.asarray(conductances)), np.array(neighbour_offsets(len(conductances)))
    found, missed = np.empty((seeds.size, *shape)), np.empty(seeds.size)
    with blas_limited_pool(), ThreadPoolExecutor(threads) as pool:
        parts = chunk_ranges(seeds.size, TOGETHER)
        list(pool.map(lambda part: resistances(cells, steps, corners, seeds, *part, found, missed), parts))
    worst = missed.max(initial=0.0)
    if not worst <= ACCURATE:
        raise ValueError(
            f"the resistances of {int((~(missed <= ACCURATE)).sum())} windows miss their equations by up to "
            f"{worst:.1e}: the permeability spans too many orders of magnitude there; name a solver, "
            "ResistanceDistance(NestedDissection(symmetric=True)), which is slower and loses less"
        )
    log_solve("resistance in windows (block elimination)", int((seeds >= 0).sum()), 0, float(worst))
    return found


def _gradient(threads, conductances, corners, seeds, cotangent):
    corners, seeds = np.asarray(corners), np.asarray(seeds)
    pull = np.nan_to_num(np.asarray(cotangent), nan=0.0, posinf=0.0, neginf=0.0)
    cells, steps = directions_last(np.asarray(conductances)), np.array(neighbour_offsets(len(conductances)))

    def gradient_of(part):
        gradient = np.zeros(cells.shape)
        resistance_gradient(cells, steps, corners, seeds, pull, *part, gradient)
        return gradient

    total = np.zeros(cells.shape)
    with blas_limited_pool(), ThreadPoolExecutor(threads) as pool:
        for part in pool.map(gradient_of, chunk_ranges(seeds.size, TOGETHER)):
            total += part
    return directions_first(total)
