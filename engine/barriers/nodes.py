"""Focal nodes as vertices of a landscape."""

import numpy as np

from ..flows import FocalNodes
from ..grid import GridGraph


def vertices_of(grid: GridGraph, focal: FocalNodes) -> list[np.ndarray]:
    """Return the vertices that each focal node is made of, leaving out its cells that are not active.

    Parameters
    ----------
    grid
        The landscape.
    focal
        Focal nodes, their places being flat raster indices.

    Raises
    ------
    ValueError
        There are fewer than two focal nodes, or one has no cell that can be entered: says which.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.array([[1.0, 0.0, 1.0]]))
    >>> vertices_of(grid, FocalNodes(np.array([4, 7]), (np.array([0, 1]), np.array([2]))))
    [array([0]), array([1])]
    """
    if len(focal) < 2:
        raise ValueError(f"a barrier lies between two or more focal nodes; there {'is 1' if len(focal) else 'are 0'}")
    numbers = np.asarray(grid.vertex_numbers).ravel()
    found = [numbers[places] for places in focal.places]
    found = [mine[mine < grid.nb_active].astype(np.int64) for mine in found]
    empty = focal.ids[[len(mine) == 0 for mine in found]]
    if len(empty):
        raise ValueError(
            f"{len(empty)} of {len(focal)} focal nodes have no cell that can be entered, the first is {empty[0]}: all "
            "of its cells are nodata or have a permeability of 0; move or remove them"
        )
    return found


def points_of(grid: GridGraph, focal: FocalNodes, what: str) -> np.ndarray:
    """Return the vertex of each focal node, which must be a single cell.

    Parameters
    ----------
    grid, focal
        As of `vertices_of`.
    what
        What needs points, for the message.

    Raises
    ------
    ValueError
        A focal node is a region; two are the same cell.
    """
    found = vertices_of(grid, focal)
    regions = focal.ids[[len(mine) > 1 for mine in found]]
    if len(regions):
        raise ValueError(
            f"{what} is known between focal points; {len(regions)} of {len(focal)} focal nodes are regions of several "
            f"cells, the first is {regions[0]}: give points instead, or use the least-cost distance"
        )
    points = np.concatenate(found)
    values, counts = np.unique(points, return_counts=True)
    if (counts > 1).any():
        same = focal.ids[points == values[counts > 1][0]]
        raise ValueError(f"focal nodes {same[0]} and {same[1]} lie in the same cell; remove one of them")
    return points
