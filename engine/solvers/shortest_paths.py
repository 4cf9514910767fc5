"""Least accumulated costs by Dijkstra's algorithm, and their exact gradient along the shortest paths."""

from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sp
from jaxtyping import Array, Float, Int
from scipy.sparse.csgraph import dijkstra
from scipy.sparse.linalg import spsolve_triangular

from ..stencil import steps_of
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
    result = (jax.ShapeDtypeStruct(shape, jnp.float64), *(jax.ShapeDtypeStruct(shape, jnp.int32),) * 2)
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
    size = costs[0].size
    graph = _graph(costs)
    if reverse:
        graph = graph.T.tocsr()
    count = 1 if together else seeds.size
    distance = np.full((count, size), np.inf)
    previous = np.full((count, size), -1, np.int32)
    allocation = np.full((count, size), -1, np.int32)
    starts = np.flatnonzero((seeds >= 0) & (seeds < size))
    if starts.size:
        # An explicit zero is an edge of cost zero for csgraph's Dijkstra, as it must be; nothing is dropped.
        found = dijkstra(graph, indices=seeds[starts], return_predecessors=True, min_only=together)
        rows = slice(0, 1) if together else starts
        distance[rows], before = found[:2]
        # Where there is none csgraph says −9999.
        previous[rows] = np.maximum(before, -1)
        if together:
            position_of = np.full(size, -1)
            position_of[seeds[starts][::-1]] = starts[::-1]
            allocation[0] = np.where(np.isfinite(found[0]), position_of[np.maximum(found[2], 0)], -1)
    if not together:
        np.copyto(allocation, np.arange(count, dtype=np.int32)[:, None], where=np.isfinite(distance))
    note("shortest paths (Dijkstra)", seeds.size, 0, None)
    shape = (count, *costs.shape[1:])
    return distance.reshape(shape), previous.reshape(shape), allocation.reshape(shape)


def _graph(costs: np.ndarray) -> sp.csr_matrix:
    """Return the edges over all cells of the raster; a row holds its directions in order, without sorting anything."""
    exists = np.isfinite(costs)
    wrong = int((costs < 0).sum() + np.isnan(costs).sum())
    if wrong:
        raise ValueError(
            f"{wrong} edges have a negative or undefined cost; the cost "
            "function must be zero or more for every conductance of this landscape"
        )
    directions, rows, columns = costs.shape
    kept = np.ascontiguousarray(exists.reshape(directions, -1).T)
    offsets = np.array([down * columns + right for down, right in steps_of(directions)], np.int32)
    ends = np.zeros(rows * columns + 1, np.int32)
    np.cumsum(np.count_nonzero(kept, axis=1), out=ends[1:])
    targets = (np.arange(rows * columns, dtype=np.int32)[:, None] + offsets)[kept]
    prices = np.ascontiguousarray(costs.reshape(directions, -1).T)[kept]
    return sp.csr_matrix((prices, targets, ends), shape=(rows * columns,) * 2)


def _flow_back(costs, distance, previous, cotangent, *, reverse: bool) -> np.ndarray:
    """Let the cotangent of every cell run back along its cheapest paths; what crosses an edge is its gradient."""
    costs, distance, previous = np.asarray(costs), np.asarray(distance), np.asarray(previous)
    gradient = np.zeros(costs.shape)
    for cost, before, pull in zip(distance, previous, np.asarray(cotangent), strict=True):
        pull = np.where(np.isfinite(cost) & np.isfinite(pull), pull, 0.0)
        if pull.any():
            _add_flow(gradient, costs, cost, before, pull, reverse)
    return gradient


def _add_flow(gradient, costs, cost, before, pull, reverse: bool) -> None:
    used = list(_used_edges(costs, cost, before, reverse))
    late = np.concatenate([edge.late for edge in used])
    if late.size == np.count_nonzero(before >= 0):
        through = _sums_over_subtrees(before.ravel(), pull.ravel())
        share = np.ones(late.size)
    else:
        early = np.concatenate([edge.early for edge in used])
        share = 1.0 / np.bincount(late, minlength=cost.size)[late]
        order = _outward(cost.ravel(), before.ravel())
        rank = np.empty(cost.size, np.int64)
        rank[order] = np.arange(cost.size)
        inward = sp.csr_matrix((-share, (rank[early], rank[late])), shape=(cost.size,) * 2)
        system = inward + sp.identity(cost.size, format="csr")
        through = spsolve_triangular(system, pull.ravel()[order], lower=False, unit_diagonal=True)[rank]
    flow = share * through[late]
    start = 0
    for raster, edge in zip(gradient, used, strict=True):
        raster.ravel()[edge.late if reverse else edge.early] += flow[start : start + edge.late.size]
        start += edge.late.size


class _Used(NamedTuple):
    """Edges of one direction on cheapest paths: flat indices of the end nearer to the seed, and of the other."""

    early: np.ndarray
    late: np.ndarray


def _used_edges(costs: np.ndarray, cost: np.ndarray, before: np.ndarray, reverse: bool) -> Iterator[_Used]:
    rows, columns = cost.shape
    place = np.arange(cost.size, dtype=np.int32).reshape(cost.shape)
    for price, (down, right) in zip(costs, steps_of(len(costs)), strict=True):
        here = (_inside(rows, -down), _inside(columns, -right))
        there = (_inside(rows, down), _inside(columns, right))
        early, late = (there, here) if reverse else (here, there)
        price, nearer, farther = price[here], cost[early], cost[late]
        with np.errstate(invalid="ignore"):
            slack = np.abs(nearer + price - farther)
            # The order by cost must be strict, and the tie not an artefact of a step cheaper than the tolerance.
            tied = (slack <= TIE * farther) & (nearer < farther) & (slack <= 1e-3 * price)
        # A seed has no predecessor and gets none; what is not reached has none either.
        on_path = (before[late] == place[early]) | (tied & (before[late] >= 0))
        yield _Used(place[early][on_path], place[late][on_path])


def _inside(length: int, step: int) -> slice:
    """Return the places along a side of the raster that have been arrived at by a step."""
    return slice(max(0, step), length + min(0, step))


def _sums_over_subtrees(before: np.ndarray, pull: np.ndarray) -> np.ndarray:
    """Add up, for every cell, its own pull and that of all cells whose path leads through it, by doubling the jumps."""
    sink = pull.size
    jump = np.append(np.where(before >= 0, before, sink), sink)
    total = np.append(pull, 0.0)
    while (jump != sink).any():
        total += np.bincount(jump, total, sink + 1)
        # What jumped beyond a seed is complete.
        total[sink] = 0.0
        jump = jump[jump]
    return total[:sink]


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
