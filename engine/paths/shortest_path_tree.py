"""Shortest-path trees between nodes and all cells of a landscape."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..counts import agreeing
from ..distances import LCPDistance, edge_costs, has_symmetric_costs
from ..graph import ArrayInput, FocalNodes, GridGraph
from ..linalg import log_solve
from ..parallel import cpu_count
from ..shortest_paths import (
    ShortestPathForest,
    StencilOffsets,
    backtrace,
    dijkstra_search,
    stencil_offsets,
    trace_sources,
    validate_costs,
)

#: Nodes: vertices, each a node of one cell, or focal nodes of one or more cells.
NodeCells = ArrayInput | FocalNodes


def node_cells(grid: GridGraph, nodes: NodeCells, name: str) -> list[np.ndarray]:
    """Return the active cells of each node, as flat raster indices.

    Parameters
    ----------
    grid
        The landscape.
    nodes
        Vertices, or focal nodes.
    name
        Plural noun for the nodes, for error messages.

    Raises
    ------
    ValueError
        There are no nodes; a vertex does not exist; a focal node has no active cell.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> node_cells(GridGraph(jnp.array([[1.0, 0.0, 1.0]])), [0, 1], "sources")
    [array([0]), array([2])]
    """
    if isinstance(nodes, FocalNodes):
        active = np.asarray(grid.active).ravel()
        result = [np.asarray(cells)[active[cells]] for cells in nodes.cells]
        inactive = [identity for identity, cells in zip(nodes.ids, result, strict=True) if not len(cells)]
        if inactive:
            raise ValueError(
                f"{len(inactive)} of {len(result)} {name} {agreeing(len(inactive), 'has', 'have')} all cells on nodata "
                f"or barriers, the first has the id {inactive[0]}"
            )
    else:
        result = list(np.asarray(grid.cells)[np.asarray(grid.vertex_indices(nodes, name))][:, None])
    if not result:
        raise ValueError(f"there are no {name}")
    return result


@dataclass(frozen=True)
class ShortestPathTree:
    """Shortest paths between the cells of one or several nodes (the roots) and every cell.

    Parameters
    ----------
    cost
        Accumulated cost of every cell, flat; infinite in cells that are not reached.
    last_step, order
        As in `ShortestPathForest`, of one search.
    cell_offsets
        As in `StencilOffsets`.
    """

    cost: Float[np.ndarray, " cells"]
    last_step: np.ndarray
    order: np.ndarray
    cell_offsets: np.ndarray

    def cheapest_cell(self, cells: Int[np.ndarray, " k"]) -> int:
        """Return the cell of least accumulated cost among some cells."""
        return int(cells[np.argmin(self.cost[cells])])

    def path_to_root(self, cell: int) -> Int[np.ndarray, " n"]:
        """Return the cells of the path from a cell to the nearest root, as flat raster indices."""
        return backtrace(self.cell_offsets, self.last_step, cell)

    def allocation(self, nodes: Sequence[np.ndarray]) -> tuple[Int[np.ndarray, " cells"], Int[np.ndarray, " cells"]]:
        """Return the nearest node of every cell, and the next cell on the path to it.

        Parameters
        ----------
        nodes
            The cells of each node, as passed to `ShortestPathSolver.multi_source`.

        Returns
        -------
        nearest
            Number of the nearest node; −1 in cells that are not reached.
        backlink
            Flat raster index of the next cell; −1 in nodes and in cells that are not reached.
        """
        cells, owners = concatenated(nodes)
        nearest, predecessor = np.empty((2, self.cost.size), np.int32)
        trace_sources(self.cell_offsets, self.last_step, self.order, cells, nearest, predecessor)
        return np.where(nearest < 0, -1, owners[nearest]), predecessor.astype(np.int64)


class ShortestPathSolver:
    """Dijkstra searches in one landscape, whose edge costs are computed once.

    Parameters
    ----------
    grid
        The landscape.
    distance
        Least-cost distance, which gives the cost of a step; resistance times length by default.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> tree = next(ShortestPathSolver(GridGraph(jnp.ones((1, 4)))).trees([np.array([0])]))
    >>> tree.cost, tree.path_to_root(3)
    (array([0., 1., 2., 3.]), array([3, 2, 1, 0]))
    """

    def __init__(self, grid: GridGraph, distance: LCPDistance | None = None):
        self.undirected = has_symmetric_costs(grid)
        costs = np.asarray(edge_costs(grid, (distance or LCPDistance()).cost, half=self.undirected))
        self.costs, self._shape = validate_costs(costs), costs.shape

    def offsets(self, *, reverse: bool = False) -> StencilOffsets:
        """Return the offsets of the steps and of their costs."""
        return stencil_offsets(self._shape, reverse=reverse, undirected=self.undirected)

    def trees(self, nodes: Sequence[np.ndarray], *, reverse: bool = False) -> Iterator[ShortestPathTree]:
        """Search from each of several nodes, in parallel.

        Parameters
        ----------
        nodes
            The cells of each node, as flat raster indices.
        reverse
            Whether to search for paths towards the nodes instead of away from them; this matters on directed graphs
            only.

        Yields
        ------
        ShortestPathTree
            In the order of the nodes.
        """
        offsets, size = self.offsets(reverse=reverse), self._shape[1] * self._shape[2]
        for start in range(0, len(nodes), cpu_count()):
            block = nodes[start : start + cpu_count()]
            forest: ShortestPathForest = dijkstra_search(
                self.costs, offsets, size, [(cells, np.zeros(len(cells))) for cells in block]
            )
            log_solve("shortest paths (Dijkstra)", len(block), 0, None)
            for distance, last_step, order in zip(*forest, strict=True):
                yield ShortestPathTree(distance, last_step, order, offsets.cell_offsets)

    def multi_source(self, nodes: Sequence[np.ndarray], *, reverse: bool = False) -> ShortestPathTree:
        """Search from several nodes at once; each cell belongs to the nearest of them."""
        return next(self.trees([concatenated(nodes)[0]], reverse=reverse))


def concatenated(nodes: Sequence[np.ndarray]) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " k"]]:
    """Return the cells of all nodes, and the number of the node of each.

    Examples
    --------
    >>> concatenated([np.array([4, 5]), np.array([9])])
    (array([4, 5, 9]), array([0, 0, 1]))
    """
    owners = np.repeat(np.arange(len(nodes)), [len(cells) for cells in nodes])
    return np.concatenate(nodes).astype(np.int64), owners
