"""Least accumulated costs by Dijkstra's algorithm, and their exact gradient along the shortest paths."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import spsolve_triangular

from ..sparse import edge_list, edge_matrix
from .journal import note

#: Two routes count as equally cheap when they differ by less than this part of their cost: far above the rounding of
#: sums over thousands of steps, far below any difference a raster could mean.
TIE = 1e-12


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def least_costs(
    costs: Float[Array, "directions rows columns"], seeds: Int[Array, "k"], reverse: bool, together: bool
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
    return _forward(costs, seeds, reverse, together)[0]


def nearest_seed(
    costs: Float[Array, "directions rows columns"], seeds: Int[Array, "k"], reverse: bool
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
    cost, previous, allocation = _forward(jax.lax.stop_gradient(costs), seeds, reverse, True)
    return cost[0], allocation[0], previous[0]


def _forward(costs, seeds, reverse, together):
    shape = (1 if together else seeds.shape[0], *costs.shape[1:])
    result = (jax.ShapeDtypeStruct(shape, jnp.float64), *(jax.ShapeDtypeStruct(shape, jnp.int64),) * 2)
    on_host = partial(_dijkstra, reverse=reverse, together=together)
    return jax.pure_callback(on_host, result, costs, seeds, vmap_method="sequential")


def _remember(costs, seeds, reverse, together):
    distance, previous, _ = _forward(costs, seeds, reverse, together)
    return distance, (costs, distance, previous)


def _along_the_paths(reverse, together, remembered, cotangent):
    costs, distance, previous = remembered
    on_host = partial(_flow_back, reverse=reverse)
    result = jax.ShapeDtypeStruct(costs.shape, costs.dtype)
    gradient = jax.pure_callback(on_host, result, costs, distance, previous, cotangent, vmap_method="sequential")
    return gradient, None


least_costs.defvjp(_remember, _along_the_paths)


def _dijkstra(costs, seeds, *, reverse: bool, together: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    costs, seeds = np.asarray(costs), np.asarray(seeds)
    exists = np.isfinite(costs)
    if (costs[exists] < 0).any() or np.isnan(costs).any():
        raise ValueError(
            f"{int((costs < 0).sum() + np.isnan(costs).sum())} edges have a negative or undefined cost; the cost "
            "function must be zero or more for every conductance of this landscape"
        )
    matrix, cells = edge_matrix(costs, exists)
    size = costs[0].size
    number = np.full(size + 1, -1)
    number[cells] = np.arange(cells.size)
    count = 1 if together else seeds.size
    distance = np.full((count, size), np.inf)
    previous = np.full((count, size), -1)
    allocation = np.full((count, size), -1)
    for position, seed in enumerate(seeds):
        if 0 <= seed < size:
            distance[0 if together else position, seed] = 0.0
            allocation[0 if together else position, seed] = position
    starts = np.flatnonzero((seeds >= 0) & (seeds < size) & (number[np.clip(seeds, 0, size)] >= 0))
    if starts.size:
        # An explicit zero is an edge of cost zero for csgraph's Dijkstra, as it must be; nothing is dropped.
        graph = sp.csr_matrix(matrix.T) if reverse else sp.csr_matrix(matrix)
        found = dijkstra(graph, indices=number[seeds[starts]], return_predecessors=True, min_only=together)
        rows = [0] if together else starts
        distance[np.ix_(rows, cells)] = found[0]
        before = found[1]
        previous[np.ix_(rows, cells)] = np.where(before >= 0, cells[np.maximum(before, 0)], -1)
        if together:
            position_of = np.full(size, -1)
            position_of[seeds[starts][::-1]] = starts[::-1]
            allocation[0, cells] = np.where(np.isfinite(found[0]), position_of[cells[np.maximum(found[2], 0)]], -1)
    if not together:
        allocation = np.where(np.isfinite(distance), np.arange(count)[:, None], -1)
    note("shortest paths (Dijkstra)", seeds.size, 0, 0.0)
    shape = (count, *costs.shape[1:])
    return distance.reshape(shape), previous.reshape(shape), allocation.reshape(shape)


def _flow_back(costs, distance, previous, cotangent, *, reverse: bool) -> np.ndarray:
    """Let the cotangent of every cell run back along its cheapest paths; what crosses an edge is its gradient."""
    costs, distance, previous = np.asarray(costs), np.asarray(distance), np.asarray(previous)
    cotangent = np.asarray(cotangent).reshape(len(distance), -1)
    exists = np.isfinite(costs)
    leave, enter, price = edge_list(costs, exists)
    if reverse:
        leave, enter = enter, leave
    gradient = np.zeros(price.size)
    for cost, before, pull in zip(distance.reshape(cotangent.shape), previous.reshape(cotangent.shape), cotangent, strict=True):
        reached = np.isfinite(cost)
        pull = np.where(reached & np.isfinite(pull), pull, 0.0)
        if not pull.any():
            continue
        on_path = before[enter] == leave
        with np.errstate(invalid="ignore"):
            slack = np.abs(cost[leave] + price - cost[enter])
            # The order by cost must be strict, and the tie not an artefact of a step cheaper than the tolerance.
            tied = (cost[leave] < cost[enter]) & (slack <= TIE * cost[enter]) & (slack <= 1e-3 * price)
        used = np.flatnonzero((on_path | tied) & reached[leave] & reached[enter] & (before[enter] >= 0))
        start, end = leave[used], enter[used]
        share = 1.0 / np.bincount(end, minlength=cost.size)[end]
        order = _outward(cost, before)
        rank = np.empty(cost.size, np.int64)
        rank[order] = np.arange(cost.size)
        inward = sp.csr_matrix((-share, (rank[start], rank[end])), shape=(cost.size,) * 2)
        system = inward + sp.identity(cost.size, format="csr")
        through = spsolve_triangular(system, pull[order], lower=False, unit_diagonal=True)
        gradient[used] += share * through[rank[end]]
    result = np.zeros(costs.shape)
    result[exists] = gradient
    return result


def _outward(cost: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Order the cells such that each comes after its predecessor, also where a step costs nothing."""
    child = np.flatnonzero(before >= 0)
    if not (cost[before[child]] >= cost[child]).any():
        return np.argsort(cost, kind="stable")
    depth = (before >= 0).astype(np.int64)
    jump = np.where(before >= 0, before, np.arange(cost.size))
    while (jump[jump] != jump).any():
        depth, jump = depth + depth[jump], jump[jump]
    return np.lexsort((depth, cost))
