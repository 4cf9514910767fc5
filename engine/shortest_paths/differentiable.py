"""Least accumulated costs by Dijkstra's algorithm, and their exact gradient along the shortest paths."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..linalg.solver_stats import log_solve
from ..parallel.numba_jit import parallel_starmap
from .dijkstra import (
    ShortestPathForest,
    StencilOffsets,
    backpropagate,
    dijkstra_search,
    mark_ties,
    stencil_offsets,
    trace_sources,
    validate_costs,
)


@partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def least_costs(
    costs: Float[Array, "stored rows columns"],
    seeds: Int[Array, "k"],
    reverse: bool,
    together: bool,
    undirected: bool = False,
) -> Float[Array, "k_or_1 rows columns"]:
    """Return the cost of the cheapest path between seeds and every cell.

    Parameters
    ----------
    costs
        Cost of stepping from a cell to its neighbour; infinite where there is no edge.
    seeds
        Flat raster indices; one beyond the raster reaches nothing.
    reverse
        False: from the seed to the cell; True: from the cell to the seed.
    together
        False: one raster per seed; True: one raster, for the nearest seed.
    undirected
        True: every edge costs the same both ways, and `costs` holds only the first half of the steps.

    Returns
    -------
    Float[Array, "k_or_1 rows columns"]
        Accumulated cost; infinite where there is no path.

    Notes
    -----
    The derivative of a least cost with respect to the cost of an edge is 1 if the cheapest path uses the edge and
    0 if not. Where several paths are equally cheap each cell divides its share evenly among its tied predecessors,
    which is one element of the (Clarke) subdifferential, and a symmetric landscape gets a symmetric gradient.

    References
    ----------
    Dijkstra, E. W. (1959). A note on two problems in connexion with graphs. Numerische Mathematik 1, 269–271.
    """
    result = jax.ShapeDtypeStruct((1 if together else seeds.shape[0], *costs.shape[1:]), jnp.float64)
    on_host = partial(_distances, reverse=reverse, together=together, undirected=undirected)
    return jax.pure_callback(on_host, result, costs, seeds, vmap_method="sequential")


def _remember(costs, seeds, reverse, together, undirected):
    count, shape = 1 if together else seeds.shape[0], costs.shape[1:]
    kinds = (jnp.float64, jnp.uint8, jnp.int32)
    result = tuple(jax.ShapeDtypeStruct((count, *shape), kind) for kind in kinds)
    on_host = partial(_paths, reverse=reverse, together=together, undirected=undirected)
    distance, tied, order = jax.pure_callback(on_host, result, costs, seeds, vmap_method="sequential")
    return distance, (costs, tied, order)


def _along_the_paths(reverse, together, undirected, remembered, cotangent):
    # Of the costs nothing but the shape is needed, so that a compiled program need not keep them.
    costs, tied, order = remembered
    on_host = partial(_gradient, stored=costs.shape[0], reverse=reverse, undirected=undirected)
    result = jax.ShapeDtypeStruct(costs.shape, costs.dtype)
    gradient = jax.pure_callback(on_host, result, tied, order, cotangent, vmap_method="sequential")
    return gradient, None


least_costs.defvjp(_remember, _along_the_paths)


def nearest_seed(
    costs: Float[Array, "stored rows columns"], seeds: Int[Array, "k"], reverse: bool, undirected: bool = False
) -> tuple[Float[Array, "rows columns"], Int[Array, "rows columns"], Int[Array, "rows columns"]]:
    """Return the cost to the nearest seed, which seed that is, and the next cell towards it; not differentiable.

    Returns
    -------
    cost
        As `least_costs(…, together=True)`.
    allocation
        Position of the nearest seed in `seeds`, −1 where none can be reached.
    backlink
        Flat raster index of the neighbour on the way to the seed, −1 at seeds and where none can be reached.
    """
    kinds = (jnp.float64, jnp.int32, jnp.int32)
    result = tuple(jax.ShapeDtypeStruct(costs.shape[1:], kind) for kind in kinds)
    on_host = partial(_nearest, reverse=reverse, undirected=undirected)
    return jax.pure_callback(on_host, result, jax.lax.stop_gradient(costs), seeds, vmap_method="sequential")


def _distances(costs, seeds, *, reverse: bool, together: bool, undirected: bool) -> np.ndarray:
    costs = np.asarray(costs)
    _, ways = _searched(costs, seeds, reverse, together, undirected)
    return ways.distance.reshape(-1, *costs.shape[1:])


def _paths(costs, seeds, *, reverse: bool, together: bool, undirected: bool) -> tuple[np.ndarray, ...]:
    costs = np.asarray(costs)
    steps, ways = _searched(costs, seeds, reverse, together, undirected)
    parallel_starmap(
        mark_ties, [(validate_costs(costs), *steps, *way) for way in zip(ways.distance, ways.arrival, strict=True)]
    )
    return tuple(rasters.reshape(-1, *costs.shape[1:]) for rasters in ways)


def _nearest(costs, seeds, *, reverse: bool, undirected: bool) -> tuple[np.ndarray, ...]:
    costs = np.asarray(costs)
    steps, ways = _searched(costs, seeds, reverse, True, undirected)
    allocation, previous = np.empty((2, costs[0].size), np.int32)
    trace_sources(steps.offsets, ways.arrival[0], ways.order[0], np.array(seeds), allocation, previous)
    return tuple(raster.reshape(costs.shape[1:]) for raster in (ways.distance, allocation, previous))


def _searched(
    costs, seeds, reverse: bool, together: bool, undirected: bool
) -> tuple[StencilOffsets, ShortestPathForest]:
    seeds = np.asarray(seeds)
    steps = stencil_offsets(costs.shape, reverse=reverse, undirected=undirected)
    starts = seeds[None] if together else seeds[:, None]
    free = np.zeros(starts.shape)
    ways = dijkstra_search(validate_costs(costs), steps, costs[0].size, list(zip(starts, free, strict=True)))
    log_solve("shortest paths (Dijkstra)", seeds.size, 0, None)
    return steps, ways


def _gradient(tied, order, cotangent, *, stored: int, reverse: bool, undirected: bool) -> np.ndarray:
    tied, order, cotangent = (np.asarray(array) for array in (tied, order, cotangent))
    shape = (stored, *cotangent.shape[1:])
    steps = stencil_offsets(shape, reverse=reverse, undirected=undirected)
    gradient = np.zeros(shape)
    for bits, cells, pull in zip(tied, order, cotangent, strict=True):
        backpropagate(*steps, bits.ravel(), cells.ravel(), pull.ravel(), gradient.reshape(-1))
    return gradient
