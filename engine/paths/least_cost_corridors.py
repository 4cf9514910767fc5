"""Least-cost corridors: how much longer the way is if it must pass through a cell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from ..distances import LCPDistance
from ..graph.grid_graph import GridGraph
from ..parallel.numba_jit import cpu_count, njit_cached, parallel_starmap
from .minimum_planar_graph import links_between
from .shortest_path_tree import NodeCells, ShortestPathSolver, node_cells


@dataclass(frozen=True)
class Corridor:
    """A least-cost corridor.

    Parameters
    ----------
    excess
        By how much the cheapest way through a cell costs more than the cheapest way; NaN beyond the truncation and
        where no way leads.
    least_cost
        Of the cheapest way; of several corridors the least of all.
    """

    excess: Float[np.ndarray, "rows columns"]
    least_cost: float


@dataclass(frozen=True)
class Corridors(Corridor):
    """The corridors between several places, laid over each other.

    Parameters
    ----------
    pairs
        Positions of the places that corridors join.
    costs
        Of the cheapest way of each.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    costs: Float[np.ndarray, "pairs"]


def corridor(
    grid: GridGraph,
    sources: NodeCells,
    targets: NodeCells,
    *,
    distance: LCPDistance | None = None,
    relative: bool = False,
    truncate_at: float | None = None,
) -> Corridor:
    """Return the corridor between two sets of places.

    excess(x) = d(sources, x) + d(x, targets) − d(sources, targets)

    Parameters
    ----------
    grid
        The landscape.
    sources, targets
        Vertex numbers, or focal nodes: each set may be the cells of a patch, or of many.
    distance
        What a step costs; resistance times length by default.
    relative
        Whether the excess is divided by the least cost.
    truncate_at
        The largest excess that still belongs to the corridor, in the units of the result.

    Raises
    ------
    ValueError
        No way leads from the sources to the targets; a truncation that is negative; a relative excess of a way that
        costs nothing.

    References
    ----------
    McRae, B. H., Kavanagh, D. M. (2011). Linkage Mapper connectivity analysis software. The Nature Conservancy.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.ones((2, 3)), neighbors="rook")
    >>> corridor(grid, [0], [2]).excess
    array([[0., 0., 0.],
           [2., 2., 2.]])
    >>> corridor(grid, [0], [2], truncate_at=1.0).excess
    array([[ 0.,  0.,  0.],
           [nan, nan, nan]])
    """
    _refuse_negative(truncate_at)
    searches = ShortestPathSolver(grid, distance)
    origins, ends = node_cells(grid, sources, "sources"), node_cells(grid, targets, "targets")
    through = searches.together(origins).cost + searches.together(ends, towards=True).cost
    least = float(through.min())
    if not np.isfinite(least):
        raise ValueError(
            f"no way leads from the {len(origins)} sources to the {len(ends)} targets: they lie in different components"
        )
    if relative:
        _refuse_free_ways(np.array([least]))
    excess = (through - least) / (least if relative else 1.0)
    return Corridor(_truncated(excess, truncate_at).reshape(grid.shape), least)


def corridors(
    grid: GridGraph,
    places: NodeCells,
    *,
    distance: LCPDistance | None = None,
    which: Literal["all", "minimum_planar_graph"] = "all",
    relative: bool = False,
    truncate_at: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Corridors:
    """Return the corridors between several places, in every cell that of the pair which it serves best.

    excess(x) = min over pairs (p, q) of d(p, x) + d(x, q) − d(p, q)

    Parameters
    ----------
    grid
        The landscape.
    places
        Vertex numbers, or focal nodes.
    distance
        What a step costs; resistance times length by default.
    which
        "all" pairs, or the "minimum_planar_graph" of neighbours in the cost-weighted allocation of the landscape.
    relative
        Whether the excess of a pair is divided by its least cost.
    truncate_at
        The largest excess that still belongs to a corridor, in the units of the result.
    progress
        Told how many of how many searches are done.

    Raises
    ------
    ValueError
        Fewer than two places; no two of them joined by a way; a directed graph; and as `corridor`.

    Notes
    -----
    All searches are kept, one number for every cell and place. Linkage Mapper calls this the mosaic of normalised
    least-cost corridors; it joins neighbours and lets no corridor pass through a third place.

    References
    ----------
    McRae, B. H., Kavanagh, D. M. (2011). Linkage Mapper connectivity analysis software. The Nature Conservancy.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.ones((2, 5)), neighbors="rook")
    >>> found = corridors(grid, [0, 2, 4])
    >>> found.pairs.tolist(), found.costs, found.excess
    ([[0, 1], [0, 2], [1, 2]], array([2., 4., 2.]), array([[0., 0., 0., 0., 0.],
           [2., 2., 2., 2., 2.]]))
    """
    _refuse_negative(truncate_at)
    if which not in ("all", "minimum_planar_graph"):
        raise ValueError(f'which must be "all" or "minimum_planar_graph", not {which!r}')
    searches = ShortestPathSolver(grid, distance)
    if not searches.undirected:
        raise ValueError(
            "corridors between several places need an undirected graph, but this edge rule gives the two directions of "
            'an edge different costs; use edge_rule="mean" or "resistance"'
        )
    cells = node_cells(grid, places, "places")
    if len(cells) < 2:
        raise ValueError("corridors lead between two or more places; there is 1")
    cost = np.empty((len(cells), grid.active.size))
    for number, tree in enumerate(searches.trees(cells)):
        cost[number] = tree.cost
        if progress:
            progress(number + 1, len(cells))
    pairs = _pairs(searches, cells, cost, which)
    # The least sum, not the cost at the other place: rounding would make some excess negative.
    least = np.array(parallel_starmap(least_sum, [(cost[one], cost[other]) for one, other in pairs]))
    excess = np.full(cost.shape[1], np.inf)
    if relative:
        _refuse_free_ways(least)
    scale = 1 / least if relative else np.ones(len(pairs))
    bounds = np.linspace(0, excess.size, cpu_count() + 1).astype(int)
    parallel_starmap(
        lay_over, [(cost, pairs, least, scale, a, b, excess) for a, b in zip(bounds, bounds[1:], strict=False)]
    )
    return Corridors(_truncated(excess, truncate_at).reshape(grid.shape), float(least.min()), pairs, least)


def _pairs(
    searches: ShortestPathSolver, cells: Sequence[np.ndarray], cost: np.ndarray, which: str
) -> Int[np.ndarray, "p 2"]:
    if which == "all":
        pairs = np.argwhere(np.triu(np.ones((len(cells),) * 2, bool), 1))
        joined = [bool(np.isfinite(cost[one, cells[other]]).any()) for one, other in pairs]
        pairs = pairs[joined]
    else:
        links = links_between(searches, searches.together(cells), cells)
        pairs = np.array([(link.one, link.other) for link in links], np.int64).reshape(-1, 2)
    if not len(pairs):
        raise ValueError(f"no way joins any two of the {len(cells)} places: all lie in different components")
    return pairs


def _truncated(excess: np.ndarray, truncate_at: float | None) -> np.ndarray:
    hidden = ~np.isfinite(excess) if truncate_at is None else ~(excess <= truncate_at)
    return np.where(hidden, np.nan, excess)


def _refuse_negative(truncate_at: float | None) -> None:
    if truncate_at is not None and not truncate_at >= 0:
        raise ValueError(f"truncate_at must be 0 or more, not {truncate_at}")


def _refuse_free_ways(least: np.ndarray) -> None:
    if (least == 0).any():
        raise ValueError("two places touch: their least cost is 0, and no excess is relative to it")


@njit_cached
def least_sum(one, other):
    """Return the least of the sums of two rasters."""
    least = np.inf
    for cell in range(one.size):
        both = one[cell] + other[cell]
        if both < least:
            least = both
    return least


@njit_cached
def lay_over(cost, pairs, least, scale, begin, end, excess):
    """Write into some cells the least excess of all pairs."""
    for number in range(len(pairs)):
        one, other = cost[pairs[number, 0]], cost[pairs[number, 1]]
        for cell in range(begin, end):
            more = (one[cell] + other[cell] - least[number]) * scale[number]
            if more < excess[cell]:
                excess[cell] = more
