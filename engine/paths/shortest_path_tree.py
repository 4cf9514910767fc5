"""Cheapest ways between places and every cell: searched once for each place, followed cell by cell."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..distances import LCPDistance
from ..distances.cost_functions import edge_costs
from ..distances.least_cost import has_symmetric_costs
from ..graph.focal_nodes import FocalNodes
from ..graph.grid_graph import ArrayInput, GridGraph
from ..linalg.solver_stats import log_solve
from ..parallel.numba_jit import cpu_count
from ..shortest_paths.dijkstra import (
    ShortestPathForest,
    StencilOffsets,
    backtrace,
    dijkstra_search,
    stencil_offsets,
    trace_sources,
    validate_costs,
)

#: Places as the user has them: vertex numbers, each a place of one cell, or focal nodes of one or more cells.
NodeCells = ArrayInput | FocalNodes


def node_cells(grid: GridGraph, given: NodeCells, name: str) -> list[np.ndarray]:
    """Return the cells of each place, as flat raster indices; cells that are not active are left out.

    Raises
    ------
    ValueError
        There are none; a vertex number that does not exist; a focal node without an active cell.
    """
    if isinstance(given, FocalNodes):
        active = np.asarray(grid.active).ravel()
        found = [np.asarray(cells)[active[cells]] for cells in given.cells]
        lost = [number for number, cells in zip(given.ids, found, strict=True) if not len(cells)]
        if lost:
            raise ValueError(
                f"{len(lost)} of {len(found)} {name} lie on nodata or barriers with all of their cells, the first has "
                f"the id {lost[0]}"
            )
    else:
        found = list(np.asarray(grid.cells)[np.asarray(grid.vertex_indices(given, name))][:, None])
    if not found:
        raise ValueError(f"there are no {name}")
    return found


@dataclass(frozen=True)
class ShortestPathTree:
    """Cheapest ways between the cells of a place, or of several, and every cell.

    Parameters
    ----------
    cost
        Of every cell of the raster, flat; infinite where there is no way.
    arrival, order, offsets
        How the search went; see `ShortestPathForest` and `StencilOffsets`.
    """

    cost: Float[np.ndarray, "cells"]
    arrival: np.ndarray
    order: np.ndarray
    offsets: np.ndarray

    def best_of(self, cells: Int[np.ndarray, "k"]) -> int:
        """Return which of some cells costs least."""
        return int(cells[np.argmin(self.cost[cells])])

    def way(self, cell: int) -> Int[np.ndarray, "n"]:
        """Return the cells from one to the nearest cell of the place, flat raster indices."""
        return backtrace(self.offsets, self.arrival, cell)

    def allocation(self, starts: Sequence[np.ndarray]) -> tuple[Int[np.ndarray, "cells"], Int[np.ndarray, "cells"]]:
        """Say for every cell which place is nearest, and which cell is next on the way there.

        Parameters
        ----------
        starts
            The cells of each place, as they were searched from together.

        Returns
        -------
        allocation
            Number of the place; −1 where none is reached.
        backlink
            Flat raster index; −1 in a place and where none is reached.
        """
        cells, owners = concatenated(starts)
        nearest, before = np.empty((2, self.cost.size), np.int32)
        trace_sources(self.offsets, self.arrival, self.order, cells, nearest, before)
        return np.where(nearest < 0, -1, owners[nearest]), before.astype(np.int64)


class ShortestPathSolver:
    """Searches for cheapest ways in one landscape, whose steps are priced once.

    Parameters
    ----------
    grid
        The landscape.
    distance
        What a step costs; resistance times length by default.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> tree = next(ShortestPathSolver(GridGraph(jnp.ones((1, 4)))).trees([np.array([0])]))
    >>> tree.cost, tree.way(3)
    (array([0., 1., 2., 3.]), array([3, 2, 1, 0]))
    """

    def __init__(self, grid: GridGraph, distance: LCPDistance | None = None):
        self.undirected = has_symmetric_costs(grid)
        prices = np.asarray(edge_costs(grid, (distance or LCPDistance()).cost, half=self.undirected))
        self.costs, self._shape = validate_costs(prices), prices.shape

    def steps(self, *, towards: bool = False) -> StencilOffsets:
        """Return where steps lead and where their costs stand."""
        return stencil_offsets(self._shape, reverse=towards, undirected=self.undirected)

    def trees(self, starts: Sequence[np.ndarray], *, towards: bool = False) -> Iterator[ShortestPathTree]:
        """Search from each of several places, as many at a time as there are cores.

        Parameters
        ----------
        starts
            The cells of each place, flat raster indices.
        towards
            True for ways from every cell to the place, which only makes a difference on a directed graph.

        Yields
        ------
        Tree
            In the order of the places.
        """
        steps, size = self.steps(towards=towards), self._shape[1] * self._shape[2]
        for first in range(0, len(starts), cpu_count()):
            part = starts[first : first + cpu_count()]
            ways: ShortestPathForest = dijkstra_search(
                self.costs, steps, size, [(cells, np.zeros(len(cells))) for cells in part]
            )
            log_solve("shortest paths (Dijkstra)", len(part), 0, None)
            for distance, arrival, order in zip(*ways, strict=True):
                yield ShortestPathTree(distance, arrival, order, steps.cell_offsets)

    def together(self, starts: Sequence[np.ndarray], *, towards: bool = False) -> ShortestPathTree:
        """Search from several places at once, for the nearest of them."""
        return next(self.trees([concatenated(starts)[0]], towards=towards))


def concatenated(starts: Sequence[np.ndarray]) -> tuple[Int[np.ndarray, "k"], Int[np.ndarray, "k"]]:
    """Return all cells of several places, and the number of the place of each.

    Examples
    --------
    >>> concatenated([np.array([4, 5]), np.array([9])])
    (array([4, 5, 9]), array([0, 0, 1]))
    """
    owners = np.repeat(np.arange(len(starts)), [len(cells) for cells in starts])
    return np.concatenate(starts).astype(np.int64), owners
