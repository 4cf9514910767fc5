"""Least-cost corridors: excess cost of paths constrained to pass through each cell."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from ..counts import count_of
from ..distances import LCPDistance
from ..graph import GridGraph
from ..parallel import cpu_count, equal_ranges, njit_cached, parallel_starmap
from .minimum_planar_graph import links_between
from .shortest_path_tree import NodeCells, ShortestPathSolver, concatenated, node_cells

#: The reason why there is no relative excess.
_ZERO_COST = "share cells, so that their least cost is 0 and no excess can be divided by it"


@dataclass(frozen=True)
class Corridor:
    """A least-cost corridor.

    Parameters
    ----------
    excess
        Cost of the cheapest path through each cell minus the least cost; NaN beyond the truncation and in cells that
        no path reaches.
    least_cost
        Cost of the least-cost path; for several corridors, the smallest.
    """

    excess: Float[np.ndarray, "rows columns"]
    least_cost: float


@dataclass(frozen=True)
class Corridors(Corridor):
    """The mosaic of the corridors between several nodes.

    Parameters
    ----------
    pairs
        Positions of the nodes of each corridor.
    costs
        Least cost of each corridor.
    coincident
        Positions of connected nodes that share a cell; with a relative excess they have no corridor.
    """

    pairs: Int[np.ndarray, "pairs 2"]
    costs: Float[np.ndarray, " pairs"]
    coincident: Int[np.ndarray, "coincident 2"] = field(default_factory=lambda: np.empty((0, 2), np.int64))


def corridor(
    grid: GridGraph,
    sources: NodeCells,
    targets: NodeCells,
    *,
    distance: LCPDistance | None = None,
    relative: bool = False,
    truncate_at: float | None = None,
) -> Corridor:
    """Return the least-cost corridor between two sets of nodes.

    excess(x) = d(sources, x) + d(x, targets) − d(sources, targets)

    Parameters
    ----------
    grid
        The landscape.
    sources, targets
        Vertices, or focal nodes; each set may be the cells of one patch, or of many.
    distance
        Least-cost distance, which gives the cost of a step; resistance times length by default.
    relative
        Whether to divide the excess by the least cost.
    truncate_at
        Largest excess that belongs to the corridor, in the units of the result.

    Raises
    ------
    ValueError
        Sources and targets are not connected; the truncation is negative; the least cost is 0 and the excess relative.

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
    _require_nonnegative(truncate_at)
    solver = ShortestPathSolver(grid, distance)
    source_cells, target_cells = node_cells(grid, sources, "sources"), node_cells(grid, targets, "targets")
    through = solver.multi_source(source_cells).cost + solver.multi_source(target_cells, reverse=True).cost
    least = float(through.min())
    if not np.isfinite(least):
        raise ValueError(
            f"no path joins the {count_of(len(source_cells), 'source')} with the "
            f"{count_of(len(target_cells), 'target')}: they lie in different components"
        )
    if relative and least == 0:
        raise ValueError(f"sources and targets {_ZERO_COST}")
    excess = (through - least) / (least if relative else 1.0)
    return Corridor(_truncated(excess, truncate_at).reshape(grid.shape), least)


def corridors(
    grid: GridGraph,
    nodes: NodeCells,
    *,
    distance: LCPDistance | None = None,
    which: Literal["all", "minimum_planar_graph"] = "all",
    relative: bool = False,
    truncate_at: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    pair_progress: Callable[[float], None] = lambda pairs: None,
) -> Corridors:
    """Return the mosaic of the least-cost corridors between several nodes: the least excess of all pairs.

    excess(x) = min of d(p, x) + d(x, q) − d(p, q) over the pairs (p, q)

    Parameters
    ----------
    grid
        The landscape.
    nodes
        Vertices, or focal nodes.
    distance
        Least-cost distance, which gives the cost of a step; resistance times length by default.
    which
        "all" pairs, or those of the "minimum_planar_graph", whose zones touch in the cost allocation of the landscape.
    relative
        Whether to divide the excess of a pair by its least cost. Pairs that share a cell, whose least cost is 0, are
        then left out.
    truncate_at
        Largest excess that belongs to a corridor, in the units of the result.
    progress
        Called with the number of finished and of all searches.
    pair_progress
        Called with the fraction of the pairs whose corridors have been joined after the searches.

    Raises
    ------
    ValueError
        There are fewer than two nodes; no two of them are connected; the graph is directed; the truncation is
        negative; or the excess is relative and all least costs are 0.

    Notes
    -----
    The accumulated costs from all nodes are in memory at once. In Linkage Mapper this is the mosaic of normalised
    least-cost corridors, except that Linkage Mapper joins neighbours only and lets no corridor pass through a third
    core area.

    References
    ----------
    McRae, B. H., Kavanagh, D. M. (2011). Linkage Mapper connectivity analysis software. The Nature Conservancy.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.ones((2, 5)), neighbors="rook")
    >>> mosaic = corridors(grid, [0, 2, 4])
    >>> mosaic.pairs.tolist(), mosaic.costs, mosaic.excess
    ([[0, 1], [0, 2], [1, 2]], array([2., 4., 2.]), array([[0., 0., 0., 0., 0.],
           [2., 2., 2., 2., 2.]]))
    """
    _require_nonnegative(truncate_at)
    if which not in ("all", "minimum_planar_graph"):
        raise ValueError(f'which must be "all" or "minimum_planar_graph", not {which!r}')
    solver = ShortestPathSolver(grid, distance)
    if not solver.undirected:
        raise ValueError(
            "corridors between several nodes need an undirected graph, but this edge rule gives the two directions of "
            'an edge different costs; use edge_rule="mean" or "resistance"'
        )
    cells = node_cells(grid, nodes, "nodes")
    if len(cells) < 2:
        raise ValueError("corridors lead between two or more nodes; there is 1")
    cost = np.empty((len(cells), grid.active.size))
    for number, tree in enumerate(solver.trees(cells)):
        cost[number] = tree.cost
        if progress:
            progress(number + 1, len(cells))
    pairs = _pairs(solver, cells, cost, which)
    # The minimum of the same sum, not the cost at the other node: rounding would make some excess negative.
    least, excess = np.empty(len(pairs)), np.full(cost.shape[1], np.inf)
    _in_parallel(_minima_of_sums, len(pairs), (cost, pairs, least), lambda done: pair_progress(0.5 * done))
    coincident = pairs[least == 0]
    if relative and len(coincident):
        if len(coincident) == len(pairs):
            raise ValueError(f"all connected nodes {_ZERO_COST}")
        pairs, least = pairs[least > 0], least[least > 0]
    scale = 1 / least if relative else np.ones(len(pairs))
    args = (cost, pairs, least, scale, excess)
    _in_parallel(_mosaic_minimum, excess.size, args, lambda done: pair_progress(0.5 + 0.5 * done))
    mosaic = _truncated(excess, truncate_at).reshape(grid.shape)
    return Corridors(mosaic, float(least.min()), pairs, least, coincident)


def _pairs(
    solver: ShortestPathSolver, cells: Sequence[np.ndarray], cost: np.ndarray, which: str
) -> Int[np.ndarray, "p 2"]:
    """Return the connected pairs of nodes."""
    if which == "all":
        at_nodes, owners = concatenated(cells)
        starts = np.searchsorted(owners, np.arange(len(cells)))
        reached = np.stack([np.isfinite(np.minimum.reduceat(of_one[at_nodes], starts)) for of_one in cost])
        pairs = np.argwhere(np.triu(reached, 1))
    else:
        links = links_between(solver, solver.multi_source(cells), cells)
        pairs = np.array([(link.source, link.target) for link in links], np.int64).reshape(-1, 2)
    if not len(pairs):
        raise ValueError(
            f"no path joins any two of the {count_of(len(cells), 'node')}: all lie in different components"
        )
    return pairs


def _in_parallel(
    kernel: Callable[..., None], size: int, args: tuple[np.ndarray, ...], progress: Callable[[float], None]
) -> None:
    """Call a kernel for ranges of pairs or cells in parallel, and report the fraction that is done."""
    ranges = equal_ranges(size, cpu_count())
    done = np.zeros((len(ranges), 1))
    calls = [(*args, *limits, of_range) for limits, of_range in zip(ranges, done, strict=True)]
    parallel_starmap(kernel, calls, while_waiting=lambda: progress(float(done.mean())))


def _truncated(excess: np.ndarray, truncate_at: float | None) -> np.ndarray:
    """Return the excess, NaN beyond the truncation and where it is infinite."""
    outside = ~np.isfinite(excess) if truncate_at is None else ~(excess <= truncate_at)
    return np.where(outside, np.nan, excess)


def _require_nonnegative(truncate_at: float | None) -> None:
    if truncate_at is not None and not truncate_at >= 0:
        raise ValueError(f"truncate_at must be 0 or more, not {truncate_at}")


@njit_cached
def _minima_of_sums(cost, pairs, least, begin, end, done):
    """Write the minimum of the sum of two rasters for the pairs from begin to end; done becomes 1 step by step."""
    for n in range(begin, end):
        first, second = cost[pairs[n, 0]], cost[pairs[n, 1]]
        smallest = np.inf
        for cell in range(first.size):
            total = first[cell] + second[cell]
            if total < smallest:
                smallest = total
        least[n] = smallest
        done[0] = (n + 1 - begin) / (end - begin)


@njit_cached
def _mosaic_minimum(cost, pairs, least, scale, excess, begin, end, done):
    """Write the least excess of all pairs into the cells from begin to end; done becomes 1 step by step."""
    for n in range(len(pairs)):
        first, second = cost[pairs[n, 0]], cost[pairs[n, 1]]
        for cell in range(begin, end):
            value = (first[cell] + second[cell] - least[n]) * scale[n]
            if value < excess[cell]:
                excess[cell] = value
        done[0] = (n + 1) / len(pairs)
