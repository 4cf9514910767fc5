"""Cheapest paths as lines through the centres of cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from ..distances import LCPDistance
from ..graph.grid_graph import GridGraph
from .minimum_planar_graph import links_between
from .shortest_path_tree import NodeCells, ShortestPathSolver, ShortestPathTree, concatenated, node_cells

Which = Literal["all", "nearest", "minimum_planar_graph"]


@dataclass(frozen=True)
class LeastCostPath:
    """A cheapest path.

    Parameters
    ----------
    source, target
        Positions in the lists of sources and targets.
    rows, columns
        Cells from the source to the target, both included.
    length
        In map units, along the centres of the cells.
    cost
        Accumulated cost.
    """

    source: int
    target: int
    rows: Int[np.ndarray, "cells"]
    columns: Int[np.ndarray, "cells"]
    length: float
    cost: float


def least_cost_paths(
    grid: GridGraph,
    sources: NodeCells,
    targets: NodeCells | None = None,
    *,
    distance: LCPDistance | None = None,
    which: Which = "all",
    progress: Callable[[int, int], None] | None = None,
) -> list[LeastCostPath]:
    """Return the cheapest paths between places, one search for each of the sources or of the targets.

    Parameters
    ----------
    grid
        The landscape.
    sources, targets
        Vertex numbers, or focal nodes, which may be of many cells: their paths lead from rim to rim. Without targets,
        the paths between every two sources; both ways where going and coming back differ.
    distance
        What a step costs; resistance times length by default.
    which
        "all": from every source to every target; "nearest": from every source to the target that costs least, or
        without targets to the nearest other source; "minimum_planar_graph": between sources that are neighbours in
        the cost-weighted allocation of the landscape, see `links_between`.
    progress
        Told how many of how many searches are done.

    Returns
    -------
    list
        Paths ordered by source, then target. Where there is no way there is no path.

    Raises
    ------
    ValueError
        An unknown `which`; a minimum planar graph with targets or of a directed graph; places that do not exist.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.array([[1.0, 0.1, 1.0], [1.0, 1.0, 1.0]]), neighbors="rook", edge_rule="resistance")
    >>> path = least_cost_paths(grid, [0], [2])[0]
    >>> path.rows, path.columns, path.length, path.cost
    (array([0, 1, 1, 1, 0]), array([0, 0, 1, 2, 2]), 4.0, 4.0)
    """
    if which not in get_args(Which):
        raise ValueError(f"which must be one of {', '.join(get_args(Which))}, not {which!r}")
    if which == "minimum_planar_graph" and targets is not None:
        raise ValueError("a minimum planar graph is among the sources alone: leave the targets out")
    ways = _PathFinder(grid, ShortestPathSolver(grid, distance), progress or (lambda done, of: None))
    origins = node_cells(grid, sources, "sources")
    if targets is not None:
        ends = node_cells(grid, targets, "targets")
        found = ways.nearest(origins, ends) if which == "nearest" else ways.every(origins, ends)
    elif which == "all":
        found = ways.among(origins)
    elif which == "minimum_planar_graph" or ways.searches.undirected:
        found = ways.neighbours(origins)
        if which == "nearest":
            found = _nearest_among(found, len(origins))
    else:
        found = ways.nearest_other(origins)
    return sorted(found, key=lambda path: (path.source, path.target))


@dataclass(frozen=True)
class _PathFinder:
    """The paths of one landscape."""

    grid: GridGraph
    searches: ShortestPathSolver
    progress: Callable[[int, int], None]

    def every(self, origins: Sequence[np.ndarray], ends: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        backwards = len(ends) < len(origins)
        roots, others = (ends, origins) if backwards else (origins, ends)
        for root, tree in self._trees(roots, towards=backwards):
            for other, cells in enumerate(others):
                pair = (other, root) if backwards else (root, other)
                yield from self._path(tree, *pair, tree.best_of(cells), backwards=backwards)

    def nearest(self, origins: Sequence[np.ndarray], ends: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        """One search, from all targets together."""
        tree = self.searches.together(ends, towards=True)
        self.progress(1, 1)
        cells, owners = concatenated(ends)
        order = np.argsort(cells, kind="stable")
        for number, origin in enumerate(origins):
            best = tree.best_of(origin)
            if np.isfinite(tree.cost[best]):
                end = owners[order[np.searchsorted(cells, tree.way(best)[-1], sorter=order)]]
                yield from self._path(tree, number, int(end), best, backwards=True)

    def among(self, places: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        for root, tree in self._trees(places):
            for other, cells in enumerate(places):
                if other > root or (other < root and not self.searches.undirected):
                    yield from self._path(tree, root, other, tree.best_of(cells))

    def nearest_other(self, places: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        """On a directed graph the nearest is not the neighbour that it is from the other side: a search for each."""
        for root, tree in self._trees(places):
            costs = [np.inf if other == root else tree.cost[cells].min() for other, cells in enumerate(places)]
            best = int(np.argmin(costs))
            if np.isfinite(costs[best]):
                yield from self._path(tree, root, best, tree.best_of(places[best]))

    def neighbours(self, places: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        """One search, from all places together; two places are joined where their ground meets."""
        if not self.searches.undirected:
            raise ValueError(
                "a minimum planar graph needs an undirected graph, but this edge rule gives the two directions of an "
                'edge different costs; use edge_rule="mean" or "resistance"'
            )
        tree = self.searches.together(places)
        self.progress(1, 1)
        for link in links_between(self.searches, tree, places):
            cells = np.concatenate([tree.way(link.here)[::-1], tree.way(link.there)])
            yield self._line(link.one, link.other, cells, link.cost)

    def _trees(self, roots: Sequence[np.ndarray], *, towards: bool = False) -> Iterator[tuple[int, ShortestPathTree]]:
        for number, tree in enumerate(self.searches.trees(roots, towards=towards)):
            yield number, tree
            self.progress(number + 1, len(roots))

    def _path(
        self, tree: ShortestPathTree, source: int, target: int, cell: int, *, backwards: bool = False
    ) -> Iterator[LeastCostPath]:
        """One path, or none where there is no way."""
        if np.isfinite(tree.cost[cell]):
            cells = tree.way(cell)
            yield self._line(source, target, cells if backwards else cells[::-1], float(tree.cost[cell]))

    def _line(self, source: int, target: int, cells: np.ndarray, cost: float) -> LeastCostPath:
        rows, columns = np.divmod(cells, self.grid.width)
        return LeastCostPath(source, target, rows, columns, length_of(self.grid, rows, columns), cost)


def _nearest_among(links: Iterator[LeastCostPath], count: int) -> list[LeastCostPath]:
    """The cheapest way from each place to another begins on its own ground and ends on that of the next."""
    best: dict[int, LeastCostPath] = {}
    for link in links:
        turned = LeastCostPath(link.target, link.source, link.rows[::-1], link.columns[::-1], link.length, link.cost)
        for path in (link, turned):
            if path.source not in best or path.cost < best[path.source].cost:
                best[path.source] = path
    return [best[number] for number in range(count) if number in best]


def length_of(grid: GridGraph, rows: Float[np.ndarray, "n"] | Int[np.ndarray, "n"], columns) -> float:
    """Return the length of a line through the centres of cells, in map units.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> length_of(GridGraph(jnp.ones((2, 2)), pixel_size=(3.0, 4.0)), np.array([0, 1]), np.array([0, 1]))
    5.0
    """
    height, width = grid.pixel_size
    return float(np.hypot(np.diff(rows) * height, np.diff(columns) * width).sum())
