"""The minimum planar graph of links between patches (Fall et al. 2007)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..parallel.numba_jit import njit_cached
from .shortest_path_tree import ShortestPathSolver, ShortestPathTree


@dataclass(frozen=True)
class Link:
    """The cheapest way between two neighbouring patches that stays on their own ground.

    Parameters
    ----------
    one, other
        Numbers of the patches, the smaller first.
    cost
        Accumulated from rim to rim.
    here, there
        The two cells, flat raster indices, between which the way goes from the ground of one to that of the other.
    """

    one: int
    other: int
    cost: float
    here: int
    there: int


def links_between(searches: ShortestPathSolver, tree: ShortestPathTree, places: Sequence[np.ndarray]) -> list[Link]:
    """Return the links of the minimum planar graph.

    Every cell belongs to the patch that it is cheapest to reach it from. Two patches are linked where their ground
    meets, by the cheapest way over the border: with d the cost from a cell to its own patch,

    cost(p, q) = min over neighbouring cells i of p and j of q of d_i + w_ij + d_j.

    Parameters
    ----------
    searches
        The landscape; undirected.
    tree
        From all places together.
    places
        The cells of each patch, flat raster indices.

    Returns
    -------
    list
        Ordered by the patches' numbers.

    Notes
    -----
    The graph holds a minimum spanning tree of the patches, and the nearest neighbour of each. A link keeps to the
    ground of its two patches, so it may cost more than a way through the ground of a third. With eight neighbours two
    links may cross in the middle of four cells.

    References
    ----------
    Fall, A., Fortin, M.-J., Manseau, M., O'Brien, D. (2007). Spatial graphs: principles and applications for habitat
    connectivity. Ecosystems 10, 448–461.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..graph.grid_graph import GridGraph
    >>> places, searches = [np.array([0]), np.array([3])], ShortestPathSolver(GridGraph(jnp.ones((1, 4))))
    >>> links_between(searches, searches.together(places), places)
    [Link(one=0, other=1, cost=3.0, here=1, there=2)]
    """
    ground = tree.allocation(places)[0].astype(np.int32)
    steps = searches.steps()
    half = len(steps.cell_offsets) // 2
    one, other, cost, here, there = crossings(
        searches.costs, steps.edge_offsets[:half], steps.cell_offsets[:half], tree.cost, ground
    )
    order = np.lexsort((cost, other, one))
    first = np.ones(order.size, bool)
    first[1:] = (np.diff(one[order]) != 0) | (np.diff(other[order]) != 0)
    return [Link(int(one[n]), int(other[n]), float(cost[n]), int(here[n]), int(there[n])) for n in order[first]]


@njit_cached
def crossings(costs, places, offsets, distance, ground):
    """Return what it costs to go from patch to patch over every border between two cells, and which cells those are."""
    count = 0
    for filling in range(2):
        one, other = np.empty(count, np.int64), np.empty(count, np.int64)
        here, there = np.empty(count, np.int64), np.empty(count, np.int64)
        total = np.empty(count)
        found = 0
        for step in range(offsets.size):
            for cell in range(ground.size):
                beyond = cell + offsets[step]
                if ground[cell] < 0 or not 0 <= beyond < ground.size:
                    continue
                price = costs[places[step] + cell]
                if ground[beyond] < 0 or ground[beyond] == ground[cell] or not np.isfinite(price):
                    continue
                if filling:
                    near, far = (cell, beyond) if ground[cell] < ground[beyond] else (beyond, cell)
                    one[found], other[found] = ground[near], ground[far]
                    here[found], there[found] = near, far
                    total[found] = distance[cell] + price + distance[beyond]
                found += 1
        count = found
    return one, other, total, here, there
