"""Least costs in many windows of one raster, differentiable: one call to the CPU kernels for all of them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..counts import count_of
from ..linalg import log_solve, neighbour_offsets
from ..parallel import chunk_ranges, directions_first, directions_last
from ..shortest_paths import backpropagate_windows, search_windows

#: Windows whose gradients one thread adds up. Fixed, so that sums do not depend on the number of threads.
WINDOWS_PER_CHUNK = 16


@partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5))
def least_costs_in_windows(
    costs: Float[Array, "directions rows columns"],
    corners: Int[Array, "windows 2"],
    seeds: Int[Array, " windows"],
    shape: tuple[int, int],
    reverse: bool,
    threads: int,
) -> Float[Array, "windows height width"]:
    """Return the least cost between a seed and every cell of its window, along paths inside the window.

    Parameters
    ----------
    costs
        Cost of each step from a cell of the raster to its neighbour; infinite where there is no edge.
    corners
        Row and column of the raster at which each window begins.
    seeds
        Flat index of the seed in each window (row · columns + column); −1 for a window that is skipped, whose costs
        are infinite.
    shape
        (rows, columns) of a window.
    reverse
        False: from the seed to the cell; True: from the cell to the seed.
    threads
        Number of threads; the result does not depend on it.

    Notes
    -----
    The same values and derivatives as `least_costs` on each window: the derivative of a distance with respect to the
    cost of an edge is 1 on the shortest path and 0 elsewhere. The edge costs of the raster are computed once for all
    windows that share them, and so is their gradient.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> costs = 1 / GridGraph([[1.0, 0.5, 0.25]]).edges
    >>> least_costs_in_windows(costs, jnp.array([[0, 0], [0, 1]]), jnp.array([0, 0]), (1, 2), False, 1).round(3)
    Array([[[0.   , 1.333]],
    <BLANKLINE>
           [[0.   , 2.667]]], dtype=float64)
    """
    return _shortest_paths(costs, corners, seeds, shape, reverse, threads)[0]


def _shortest_paths(costs, corners, seeds, shape, reverse, threads):
    shapes = (seeds.shape[0], *shape)
    result = tuple(jax.ShapeDtypeStruct(shapes, dtype) for dtype in (jnp.float64, jnp.uint8, jnp.int32))
    return jax.pure_callback(partial(_compute, shape, reverse, threads), result, costs, corners, seeds)


def _fwd(costs, corners, seeds, shape, reverse, threads):
    distance, last_steps, order = _shortest_paths(costs, corners, seeds, shape, reverse, threads)
    return distance, (costs, corners, distance, last_steps, order)


def _bwd(shape, reverse, threads, residuals, cotangent):
    costs, *paths = residuals
    result = jax.ShapeDtypeStruct(costs.shape, costs.dtype)
    gradient = partial(_compute_gradient, reverse, threads, costs.shape)
    return jax.pure_callback(gradient, result, *paths, cotangent), None, None


least_costs_in_windows.defvjp(_fwd, _bwd)


def _compute(shape, reverse, threads, costs, corners, seeds):
    """Search all windows on the CPU; return distances, last steps and the order of the cells."""
    costs, corners, seeds = np.asarray(costs), np.asarray(corners), np.asarray(seeds)
    require_valid_costs(costs)
    shapes = (seeds.size, *shape)
    distance, last_steps, order = np.empty(shapes), np.empty(shapes, np.uint8), np.empty(shapes, np.int32)
    edges, steps = (
        directions_last(_reversed(costs, np.inf) if reverse else costs),
        np.array(neighbour_offsets(len(costs))),
    )
    with ThreadPoolExecutor(threads) as pool:
        chunks = chunk_ranges(seeds.size, WINDOWS_PER_CHUNK)
        paths = (distance, last_steps, order)
        list(pool.map(lambda chunk: search_windows(edges, steps, corners, seeds, *chunk, *paths), chunks))
    log_solve("shortest paths in windows (Dijkstra)", int((seeds >= 0).sum()), 0, None)
    return distance, last_steps, order


def _compute_gradient(reverse, threads, shape, corners, distance, last_steps, order, cotangent):
    """Backpropagate the cotangents of all windows along their shortest-path trees, on the CPU."""
    corners, distance, cotangent = np.asarray(corners), np.asarray(distance), np.asarray(cotangent)
    last_steps, order, steps = np.asarray(last_steps), np.asarray(order), np.array(neighbour_offsets(shape[0]))
    cotangent = np.where(np.isfinite(distance) & np.isfinite(cotangent), cotangent, 0.0)

    def gradient_of(chunk):
        """Return the gradient from a chunk of windows."""
        gradient = np.zeros((*shape[1:], shape[0]))
        backpropagate_windows(steps, corners, last_steps, order, cotangent, *chunk, gradient)
        return gradient

    total = np.zeros((*shape[1:], shape[0]))
    with ThreadPoolExecutor(threads) as pool:
        for gradient in pool.map(gradient_of, chunk_ranges(len(cotangent), WINDOWS_PER_CHUNK)):
            total += gradient
    gradient = directions_first(total)
    return _reversed(gradient, 0.0) if reverse else gradient


def require_valid_costs(costs: Float[np.ndarray, "directions rows columns"]) -> None:
    """Raise a `ValueError` where the cost of an edge is negative or undefined."""
    invalid = int((costs < 0).sum() + np.isnan(costs).sum())
    if invalid:
        raise ValueError(
            f"{count_of(invalid, 'edge has', 'edges have')} a negative or undefined cost; the cost function must be "
            "zero or more for every conductance of this landscape"
        )


def _reversed(values: np.ndarray, fill: float) -> np.ndarray:
    """Return each step's value of the opposite direction; `fill` where that would begin beyond the raster."""
    opposite = np.full(values.shape, fill)
    rows, columns = values.shape[1:]
    for step, (down, right) in enumerate(neighbour_offsets(len(values))):
        cells = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), columns - max(0, right)))
        neighbours = (slice(max(0, down), rows + min(0, down)), slice(max(0, right), columns + min(0, right)))
        opposite[step][cells] = values[len(values) - 1 - step][neighbours]
    return opposite
