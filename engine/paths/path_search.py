"""Least-cost paths between nodes, as lines through the centres of cells."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from ..distances import LCPDistance
from ..graph import GridGraph
from .minimum_planar_graph import links_between
from .shortest_path_tree import NodeCells, ShortestPathSolver, ShortestPathTree, concatenated, node_cells

Which = Literal["all", "nearest", "minimum_planar_graph"]

#: Rows or columns of the points of a line, counted from the centre of the first cell.
Coordinates = Float[np.ndarray, " n"] | Int[np.ndarray, " n"]


@dataclass(frozen=True)
class LeastCostPath:
    """A least-cost path.

    Parameters
    ----------
    source, target
        Positions in the lists of sources and targets.
    rows, columns
        Cells from the source to the target, both included.
    length
        Length along the centres of the cells, in map units.
    cost
        Accumulated cost.
    """

    source: int
    target: int
    rows: Int[np.ndarray, " cells"]
    columns: Int[np.ndarray, " cells"]
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
    """Return least-cost paths between nodes, with one search for each source or each target.

    Parameters
    ----------
    grid
        The landscape.
    sources, targets
        Vertices, or focal nodes; paths of focal nodes with several cells lead between their boundaries. Without
        targets, the paths between all pairs of sources, in both directions on a directed graph.
    distance
        Least-cost distance, which gives the cost of a step; resistance times length by default.
    which
        "all": from every source to every target; "nearest": from every source to the target at the least cost, or
        without targets to the nearest other source; "minimum_planar_graph": between sources that are neighbours in
        the cost allocation of the landscape, see `links_between`.
    progress
        Called with the number of finished and of all searches.

    Returns
    -------
    list
        Paths ordered by source, then target. Unconnected pairs have none.

    Raises
    ------
    ValueError
        `which` is unknown; a minimum planar graph has targets or a directed graph; nodes do not exist.

    References
    ----------
    Adriaensen, F., Chardon, J. P., De Blust, G., Swinnen, E., Villalba, S., Gulinck, H., Matthysen, E. (2003). The
    application of 'least-cost' modelling as a functional landscape model. Landscape and Urban Planning 64, 233–247.

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
        raise ValueError("a minimum planar graph joins the sources only: leave the targets out")
    finder = _PathFinder(grid, ShortestPathSolver(grid, distance), progress or (lambda done, of: None))
    source_cells = node_cells(grid, sources, "sources")
    if targets is not None:
        target_cells = node_cells(grid, targets, "targets")
        find = finder.to_nearest_target if which == "nearest" else finder.to_all_targets
        paths = find(source_cells, target_cells)
    elif which == "all":
        paths = finder.between_all(source_cells)
    elif which == "minimum_planar_graph" or finder.solver.undirected:
        paths = finder.between_neighbours(source_cells)
        if which == "nearest":
            paths = _nearest_of_links(paths, len(source_cells))
    else:
        paths = finder.to_nearest_source(source_cells)
    return sorted(paths, key=lambda path: (path.source, path.target))


@dataclass(frozen=True)
class _PathFinder:
    """The least-cost paths of one landscape."""

    grid: GridGraph
    solver: ShortestPathSolver
    progress: Callable[[int, int], None]

    def to_all_targets(
        self, source_cells: Sequence[np.ndarray], target_cells: Sequence[np.ndarray]
    ) -> Iterator[LeastCostPath]:
        """Yield the paths from every source to every target, with one search for each of the fewer."""
        reverse = len(target_cells) < len(source_cells)
        roots, ends = (target_cells, source_cells) if reverse else (source_cells, target_cells)
        for root, tree in self._trees(roots, reverse=reverse):
            for end, cells in enumerate(ends):
                pair = (end, root) if reverse else (root, end)
                yield from self._path(tree, *pair, tree.cheapest_cell(cells), reverse=reverse)

    def to_nearest_target(
        self, source_cells: Sequence[np.ndarray], target_cells: Sequence[np.ndarray]
    ) -> Iterator[LeastCostPath]:
        """Yield the path from every source to its nearest target, with a single search from all targets."""
        tree = self.solver.multi_source(target_cells, reverse=True)
        self.progress(1, 1)
        cells, owners = concatenated(target_cells)
        order = np.argsort(cells, kind="stable")
        for source, cells_of_source in enumerate(source_cells):
            start = tree.cheapest_cell(cells_of_source)
            if np.isfinite(tree.cost[start]):
                target = owners[order[np.searchsorted(cells, tree.path_to_root(start)[-1], sorter=order)]]
                yield from self._path(tree, source, int(target), start, reverse=True)

    def between_all(self, nodes: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        """Yield the paths between all pairs of nodes, in both directions on a directed graph."""
        for root, tree in self._trees(nodes):
            for end, cells in enumerate(nodes):
                if end > root or (end < root and not self.solver.undirected):
                    yield from self._path(tree, root, end, tree.cheapest_cell(cells))

    def to_nearest_source(self, nodes: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        """Yield the path from every node to the nearest other one, with a search for each.

        On a directed graph the nearest node need not be that of the allocation, which is for one direction only.
        """
        for root, tree in self._trees(nodes):
            costs = [np.inf if end == root else tree.cost[cells].min() for end, cells in enumerate(nodes)]
            nearest = int(np.argmin(costs))
            if np.isfinite(costs[nearest]):
                yield from self._path(tree, root, nearest, tree.cheapest_cell(nodes[nearest]))

    def between_neighbours(self, nodes: Sequence[np.ndarray]) -> Iterator[LeastCostPath]:
        """Yield the paths of the minimum planar graph, with a single search from all nodes."""
        if not self.solver.undirected:
            raise ValueError(
                "a minimum planar graph needs an undirected graph, but this edge rule gives the two directions of an "
                'edge different costs; use edge_rule="mean" or "resistance"'
            )
        tree = self.solver.multi_source(nodes)
        self.progress(1, 1)
        for link in links_between(self.solver, tree, nodes):
            cells = np.concatenate([tree.path_to_root(link.source_cell)[::-1], tree.path_to_root(link.target_cell)])
            yield self._line(link.source, link.target, cells, link.cost)

    def _trees(self, roots: Sequence[np.ndarray], *, reverse: bool = False) -> Iterator[tuple[int, ShortestPathTree]]:
        """Yield the number of each root with its tree, and report progress."""
        for number, tree in enumerate(self.solver.trees(roots, reverse=reverse)):
            yield number, tree
            self.progress(number + 1, len(roots))

    def _path(
        self, tree: ShortestPathTree, source: int, target: int, cell: int, *, reverse: bool = False
    ) -> Iterator[LeastCostPath]:
        """Yield the path between the root and a cell, if there is one."""
        if np.isfinite(tree.cost[cell]):
            cells = tree.path_to_root(cell)
            yield self._line(source, target, cells if reverse else cells[::-1], float(tree.cost[cell]))

    def _line(self, source: int, target: int, cells: np.ndarray, cost: float) -> LeastCostPath:
        """Return the path through some cells, from source to target."""
        rows, columns = np.divmod(cells, self.grid.width)
        return LeastCostPath(source, target, rows, columns, path_length(self.grid, rows, columns), cost)


def _nearest_of_links(links: Iterator[LeastCostPath], count: int) -> list[LeastCostPath]:
    """Return the cheapest link of each node: on an undirected graph, it leads to the nearest other node."""
    best: dict[int, LeastCostPath] = {}
    for link in links:
        reverse = LeastCostPath(link.target, link.source, link.rows[::-1], link.columns[::-1], link.length, link.cost)
        for path in (link, reverse):
            if path.source not in best or path.cost < best[path.source].cost:
                best[path.source] = path
    return [best[node] for node in range(count) if node in best]


def path_length(grid: GridGraph, rows: Coordinates, columns: Coordinates) -> float:
    """Return the length of a line through the centres of cells, in map units.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> path_length(GridGraph(jnp.ones((2, 2)), pixel_size=(3.0, 4.0)), np.array([0, 1]), np.array([0, 1]))
    5.0
    """
    height, width = grid.pixel_size
    return float(np.hypot(np.diff(rows) * height, np.diff(columns) * width).sum())
