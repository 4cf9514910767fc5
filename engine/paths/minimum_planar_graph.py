"""Minimum planar graph: links between neighbouring patches (Fall et al. 2007)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..parallel import njit_cached
from .shortest_path_tree import ShortestPathSolver, ShortestPathTree


@dataclass(frozen=True)
class Link:
    """Least-cost path between two neighbouring patches that stays within their zones of the cost allocation.

    Parameters
    ----------
    source, target
        Numbers of the patches, the smaller first.
    cost
        Accumulated cost between the boundaries of the patches.
    source_cell, target_cell
        The two cells, flat raster indices, where the path crosses from the zone of one patch to that of the other.
    """

    source: int
    target: int
    cost: float
    source_cell: int
    target_cell: int


def links_between(solver: ShortestPathSolver, tree: ShortestPathTree, patches: Sequence[np.ndarray]) -> list[Link]:
    """Return the links of the minimum planar graph.

    The cost allocation assigns every cell to the patch from which it is cheapest to reach (its zone). Two patches are
    linked if their zones touch, by the cheapest path across the border. With d the cost between a cell and its patch,

    cost(p, q) = min of d_i + w_ij + d_j over neighbouring cells i in the zone of p and j in that of q.

    Parameters
    ----------
    solver
        Searches in the landscape, which must be undirected.
    tree
        Shortest paths from all patches at once.
    patches
        The cells of each patch, as flat raster indices.

    Returns
    -------
    list
        Links, ordered by the numbers of their patches.

    Notes
    -----
    The graph contains a minimum spanning tree of the patches, and the nearest neighbour of each. A link stays within
    the zones of its two patches, so it may cost more than a path through the zone of a third. With eight neighbours,
    two links may cross in the middle of four cells. A cell of several patches is in the zone of the first of them; a
    patch whose cells all belong to earlier patches, too, has no zone and no links.

    References
    ----------
    Fall, A., Fortin, M.-J., Manseau, M., O'Brien, D. (2007). Spatial graphs: principles and applications for habitat
    connectivity. Ecosystems 10, 448–461.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> from ..graph import GridGraph
    >>> patches, solver = [np.array([0]), np.array([3])], ShortestPathSolver(GridGraph(jnp.ones((1, 4))))
    >>> links_between(solver, solver.multi_source(patches), patches)
    [Link(source=0, target=1, cost=3.0, source_cell=1, target_cell=2)]
    """
    zone = tree.allocation(patches)[0].astype(np.int32)
    offsets = solver.offsets()
    half = len(offsets.cell_offsets) // 2
    source, target, cost, source_cell, target_cell = _border_crossings(
        solver.costs, offsets.edge_offsets[:half], offsets.cell_offsets[:half], tree.cost, zone
    )
    order = np.lexsort((cost, target, source))
    is_first = np.ones(order.size, bool)
    is_first[1:] = (np.diff(source[order]) != 0) | (np.diff(target[order]) != 0)
    return [
        Link(int(source[n]), int(target[n]), float(cost[n]), int(source_cell[n]), int(target_cell[n]))
        for n in order[is_first]
    ]


@njit_cached
def _border_crossings(costs, edge_offsets, cell_offsets, distance, zone):
    """Return both patches, the cost and both cells of every step between two zones; a first pass counts them."""
    count = 0
    for filling in range(2):
        source, target = np.empty(count, np.int64), np.empty(count, np.int64)
        source_cell, target_cell = np.empty(count, np.int64), np.empty(count, np.int64)
        total = np.empty(count)
        n = 0
        for step in range(cell_offsets.size):
            for cell in range(zone.size):
                neighbour = cell + cell_offsets[step]
                if zone[cell] < 0 or not 0 <= neighbour < zone.size:
                    continue
                cost = costs[edge_offsets[step] + cell]
                if zone[neighbour] < 0 or zone[neighbour] == zone[cell] or not np.isfinite(cost):
                    continue
                if filling:
                    first, second = (cell, neighbour) if zone[cell] < zone[neighbour] else (neighbour, cell)
                    source[n], target[n] = zone[first], zone[second]
                    source_cell[n], target_cell[n] = first, second
                    total[n] = distance[cell] + cost + distance[neighbour]
                n += 1
        count = n
    return source, target, total, source_cell, target_cell
