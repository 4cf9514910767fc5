"""Cost allocation: the nearest source of every cell by accumulated cost, and the direction of the path back to it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from ..distances import LCPDistance
from ..graph import GridGraph
from .shortest_path_tree import NodeCells, ShortestPathSolver, node_cells


@dataclass(frozen=True)
class CostAllocation:
    """Cost allocation of a landscape to sources.

    Parameters
    ----------
    nearest
        Position of the source with the least accumulated cost; −1 in cells that no source reaches.
    direction
        Backlink: direction of the next step towards that source, 1 for east, 2 for south-east, clockwise to 8 for
        north-east; 0 in sources, −1 in cells that no source reaches.
    cost
        Accumulated cost; infinite in cells that no source reaches.
    """

    nearest: Int[np.ndarray, "rows columns"]
    direction: Int[np.ndarray, "rows columns"]
    cost: Float[np.ndarray, "rows columns"]


def allocate(grid: GridGraph, sources: NodeCells, *, distance: LCPDistance | None = None) -> CostAllocation:
    """Allocate every cell to the source from which it is cheapest to reach.

    Parameters
    ----------
    grid
        The landscape.
    sources
        Vertices, or focal nodes.
    distance
        Least-cost distance, which gives the cost of a step; resistance times length by default.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> allocation = allocate(GridGraph(jnp.ones((1, 4))), [0, 3])
    >>> allocation.nearest, allocation.direction
    (array([[0, 0, 1, 1]]), array([[0, 5, 1, 0]]))
    """
    cells = node_cells(grid, sources, "sources")
    tree = ShortestPathSolver(grid, distance).multi_source(cells)
    nearest, backlink = tree.allocation(cells)
    direction = np.where(nearest < 0, -1, 0)
    linked = np.flatnonzero(backlink >= 0)
    down, right = np.subtract(np.divmod(backlink[linked], grid.width), np.divmod(linked, grid.width))
    direction[linked] = np.rint(np.degrees(np.arctan2(down, right)) % 360 / 45).astype(int) + 1
    return CostAllocation(nearest.reshape(grid.shape), direction.reshape(grid.shape), tree.cost.reshape(grid.shape))
