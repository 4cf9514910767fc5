"""Least costs in many windows of one raster, differentiable: one call to the host for all of them."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..linalg.solver_stats import log_solve
from ..linalg.stencil_matrix import neighbour_offsets
from ..parallel.chunks import chunk_ranges, directions_first, directions_last
from ..shortest_paths.windowed_dijkstra import flow_back, search

#: Windows whose flows are added up by one thread. Fixed, so that sums do not depend on the number of threads.
TOGETHER = 16


@partial(jax.custom_vjp, nondiff_argnums=(3, 4, 5))
def least_costs_in_windows(
    costs: Float[Array, "directions rows columns"],
    corners: Int[Array, "windows 2"],
    seeds: Int[Array, "windows"],
    shape: tuple[int, int],
    reverse: bool,
    threads: int,
) -> Float[Array, "windows height width"]:
    """Return the least cost between a seed and every cell of its window, along paths inside the window.

    Parameters
    ----------
    costs
        Cost of stepping from a cell of the raster to its neighbour; infinite where there is no edge.
    corners
        Row and column of the raster at which each window begins.
    seeds
        Place in the window (row · columns + column); −1 for a window in which nothing is reached.
    shape
        (rows, columns) of a window.
    reverse
        False: from the seed to the cell; True: from the cell to the seed.
    threads
        How many to use; the result does not depend on it.

    Notes
    -----
    The same values and derivatives as `least_costs` on each window by itself. The raster's edge costs are computed
    once for all the windows that share them, and so is their gradient.

    Examples
    --------
    >>> from permea.engine import GridGraph
    >>> costs = 1 / GridGraph([[1.0, 0.5, 0.25]]).edges
    >>> least_costs_in_windows(costs, jnp.array([[0, 0], [0, 1]]), jnp.array([0, 0]), (1, 2), False, 1).round(3)
    Array([[[0.   , 1.333]],
    <BLANKLINE>
           [[0.   , 2.667]]], dtype=float64)
    """
    return _forward(costs, corners, seeds, shape, reverse, threads)[0]


def _forward(costs, corners, seeds, shape, reverse, threads):
    found = (seeds.shape[0], *shape)
    result = tuple(jax.ShapeDtypeStruct(found, kind) for kind in (jnp.float64, jnp.uint8, jnp.int32))
    return jax.pure_callback(partial(_search, shape, reverse, threads), result, costs, corners, seeds)


def _remember(costs, corners, seeds, shape, reverse, threads):
    distance, ways, order = _forward(costs, corners, seeds, shape, reverse, threads)
    return distance, (costs, corners, distance, ways, order)


def _along_the_paths(shape, reverse, threads, remembered, cotangent):
    costs, *found = remembered
    result = jax.ShapeDtypeStruct(costs.shape, costs.dtype)
    flow = partial(_flow, reverse, threads, costs.shape)
    return jax.pure_callback(flow, result, *found, cotangent), None, None


least_costs_in_windows.defvjp(_remember, _along_the_paths)


def _search(shape, reverse, threads, costs, corners, seeds):
    costs, corners, seeds = np.asarray(costs), np.asarray(corners), np.asarray(seeds)
    wrong = int((costs < 0).sum() + np.isnan(costs).sum())
    if wrong:
        raise ValueError(
            f"{wrong} edges have a negative or undefined cost; the cost function must be zero or more for every "
            "conductance of this landscape"
        )
    found = (seeds.size, *shape)
    distance, ways, order = np.empty(found), np.empty(found, np.uint8), np.empty(found, np.int32)
    cells, steps = (
        directions_last(_turned(costs, np.inf) if reverse else costs),
        np.array(neighbour_offsets(len(costs))),
    )
    with ThreadPoolExecutor(threads) as pool:
        parts = chunk_ranges(seeds.size, TOGETHER)
        list(pool.map(lambda part: search(cells, steps, corners, seeds, *part, distance, ways, order), parts))
    log_solve("shortest paths in windows (Dijkstra)", int((seeds >= 0).sum()), 0, None)
    return distance, ways, order


def _flow(reverse, threads, shape, corners, distance, ways, order, cotangent):
    corners, distance, pull = np.asarray(corners), np.asarray(distance), np.asarray(cotangent)
    ways, order, steps = np.asarray(ways), np.asarray(order), np.array(neighbour_offsets(shape[0]))
    pull = np.where(np.isfinite(distance) & np.isfinite(pull), pull, 0.0)

    def flow_of(part):
        gradient = np.zeros((*shape[1:], shape[0]))
        flow_back(steps, corners, ways, order, pull, *part, gradient)
        return gradient

    total = np.zeros((*shape[1:], shape[0]))
    with ThreadPoolExecutor(threads) as pool:
        for part in pool.map(flow_of, chunk_ranges(len(pull), TOGETHER)):
            total += part
    gradient = directions_first(total)
    return _turned(gradient, 0.0) if reverse else gradient


def _turned(values: np.ndarray, beyond: float) -> np.ndarray:
    """Give each cell and step the value of the way back; `beyond` where that would start beyond the raster."""
    turned = np.full(values.shape, beyond)
    rows, columns = values.shape[1:]
    for number, (down, right) in enumerate(neighbour_offsets(len(values))):
        here = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), columns - max(0, right)))
        there = (slice(max(0, down), rows + min(0, down)), slice(max(0, right), columns + min(0, right)))
        turned[number][here] = values[len(values) - 1 - number][there]
    return turned
