"""Least accumulated costs by Dijkstra's algorithm, and their exact gradient along the shortest paths."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..linalg import log_solve
from ..parallel import parallel_starmap
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
    sources: Int[Array, " k"],
    reverse: bool,
    multi_source: bool,
    undirected: bool = False,
) -> Float[Array, "k_or_1 rows columns"]:
    """Return the cost of the least-cost path between sources and every cell.

    Parameters
    ----------
    costs
        Cost of stepping from a cell to its neighbour, zero or more; infinite where there is no edge.
    sources
        Flat raster indices; nothing is reached from an index beyond the raster.
    reverse
        False: from the source to the cell; True: from the cell to the source.
    multi_source
        False: one raster for each source; True: one raster, for the nearest source.
    undirected
        True: every edge costs the same in both directions, and `costs` holds only the first half of the directions.

    Returns
    -------
    Float[Array, "k_or_1 rows columns"]
        Accumulated cost; infinite where there is no path.

    Raises
    ------
    ValueError
        A cost is negative or NaN.

    Notes
    -----
    The derivative of a least cost with respect to the cost of an edge is 1 if the shortest path uses the edge and 0 if
    not. Where several paths are equally cheap, each cell splits its derivative evenly among the tied predecessors. This
    is one element of the (Clarke) subdifferential, and gives a symmetric landscape a symmetric gradient.

    References
    ----------
    Dijkstra, E. W. (1959). A note on two problems in connexion with graphs. Numerische Mathematik 1, 269–271.

    Examples
    --------
    >>> chain = jnp.full((4, 1, 3), jnp.inf).at[2, 0, :2].set(2.0).at[1, 0, 1:].set(2.0)
    >>> least_costs(chain, jnp.array([0]), False, False)
    Array([[[0., 2., 4.]]], dtype=float64)
    """
    result = jax.ShapeDtypeStruct((1 if multi_source else sources.shape[0], *costs.shape[1:]), jnp.float64)
    on_cpu = partial(_distances, reverse=reverse, multi_source=multi_source, undirected=undirected)
    return jax.pure_callback(on_cpu, result, costs, sources, vmap_method="sequential")


def _fwd(costs, sources, reverse, multi_source, undirected):
    count, shape = 1 if multi_source else sources.shape[0], costs.shape[1:]
    dtypes = (jnp.float64, jnp.uint8, jnp.int32)
    result = tuple(jax.ShapeDtypeStruct((count, *shape), dtype) for dtype in dtypes)
    on_cpu = partial(_paths, reverse=reverse, multi_source=multi_source, undirected=undirected)
    distance, last_steps, order = jax.pure_callback(on_cpu, result, costs, sources, vmap_method="sequential")
    return distance, (costs, last_steps, order)


def _bwd(reverse, multi_source, undirected, residuals, cotangent):
    # Only the shape of the costs is used, so that a compiled program need not keep them.
    costs, last_steps, order = residuals
    on_cpu = partial(_gradient, stored=costs.shape[0], reverse=reverse, undirected=undirected)
    result = jax.ShapeDtypeStruct(costs.shape, costs.dtype)
    gradient = jax.pure_callback(on_cpu, result, last_steps, order, cotangent, vmap_method="sequential")
    return gradient, None


least_costs.defvjp(_fwd, _bwd)


def nearest_source(
    costs: Float[Array, "stored rows columns"], sources: Int[Array, " k"], reverse: bool, undirected: bool = False
) -> tuple[Float[Array, "rows columns"], Int[Array, "rows columns"], Int[Array, "rows columns"]]:
    """Return the cost to the nearest source, which source that is, and the next cell towards it; not differentiable.

    Parameters
    ----------
    costs, sources, reverse, undirected
        As for `least_costs`.

    Returns
    -------
    cost
        Accumulated cost; infinite where there is no path.
    allocation
        Index into `sources`; −1 where no source can be reached.
    backlink
        Flat raster index of the next cell on the path to the source; −1 at sources and where none can be reached.

    Examples
    --------
    >>> chain = jnp.full((4, 1, 3), jnp.inf).at[2, 0, :2].set(2.0).at[1, 0, 1:].set(2.0)
    >>> nearest_source(chain, jnp.array([0]), False)[2]
    Array([[-1,  0,  1]], dtype=int32)
    """
    dtypes = (jnp.float64, jnp.int32, jnp.int32)
    result = tuple(jax.ShapeDtypeStruct(costs.shape[1:], dtype) for dtype in dtypes)
    on_cpu = partial(_nearest, reverse=reverse, undirected=undirected)
    return jax.pure_callback(on_cpu, result, jax.lax.stop_gradient(costs), sources, vmap_method="sequential")


def _distances(costs, sources, *, reverse: bool, multi_source: bool, undirected: bool) -> np.ndarray:
    """Return the least costs, as NumPy rasters."""
    costs = np.asarray(costs)
    _, forest = _search(costs, sources, reverse, multi_source, undirected)
    return forest.distance.reshape(-1, *costs.shape[1:])


def _paths(costs, sources, *, reverse: bool, multi_source: bool, undirected: bool) -> tuple[np.ndarray, ...]:
    """Return the least costs, the last steps of all shortest paths as bit masks, and the order of the cells."""
    costs = np.asarray(costs)
    offsets, forest = _search(costs, sources, reverse, multi_source, undirected)
    trees = zip(forest.distance, forest.last_step, strict=True)
    parallel_starmap(mark_ties, [(validate_costs(costs), *offsets, *tree) for tree in trees])
    return tuple(rasters.reshape(-1, *costs.shape[1:]) for rasters in forest)


def _nearest(costs, sources, *, reverse: bool, undirected: bool) -> tuple[np.ndarray, ...]:
    """Return cost, allocation and backlink, as NumPy rasters."""
    costs = np.asarray(costs)
    offsets, forest = _search(costs, sources, reverse, True, undirected)
    allocation, backlink = np.empty((2, costs[0].size), np.int32)
    trace_sources(offsets.cell_offsets, forest.last_step[0], forest.order[0], np.array(sources), allocation, backlink)
    return tuple(raster.reshape(costs.shape[1:]) for raster in (forest.distance, allocation, backlink))


def _search(
    costs, sources, reverse: bool, multi_source: bool, undirected: bool
) -> tuple[StencilOffsets, ShortestPathForest]:
    """Search from each source, or from all at once."""
    sources = np.asarray(sources)
    offsets = stencil_offsets(costs.shape, reverse=reverse, undirected=undirected)
    cells = sources[None] if multi_source else sources[:, None]
    initial_costs = np.zeros(cells.shape)
    starts = list(zip(cells, initial_costs, strict=True))
    forest = dijkstra_search(validate_costs(costs), offsets, costs[0].size, starts)
    log_solve("shortest paths (Dijkstra)", sources.size, 0, None)
    return offsets, forest


def _gradient(last_steps, order, cotangent, *, stored: int, reverse: bool, undirected: bool) -> np.ndarray:
    """Return the gradient with respect to the costs, given the cotangent of the least costs."""
    last_steps, order, cotangent = (np.asarray(array) for array in (last_steps, order, cotangent))
    shape = (stored, *cotangent.shape[1:])
    offsets = stencil_offsets(shape, reverse=reverse, undirected=undirected)
    gradient = np.zeros(shape)
    for bits, cells, values in zip(last_steps, order, cotangent, strict=True):
        backpropagate(*offsets, bits.ravel(), cells.ravel(), values.ravel(), gradient.reshape(-1))
    return gradient
