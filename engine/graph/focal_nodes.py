"""Focal nodes: the places between which movement is asked for, each a cell or a region, by an id."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Bool, Int

from .grid_graph import ArrayInput, GridGraph


class HasNodes(Protocol):
    """A circuit, which knows the nodes of its cells."""

    def nodes_at(self, cells: np.ndarray) -> np.ndarray:
        """Return the nodes of some cells, each once."""


@dataclass(frozen=True)
class FocalNodes:
    """Focal nodes by their ids, in the order of the ids.

    Parameters
    ----------
    ids
        All different.
    places
        For each, the places it is made of, flat: one is a focal point, several are a focal region.

    Examples
    --------
    >>> focal = FocalNodes.from_raster(np.array([[7, 0, 3], [3, 0, -9999]]))
    >>> focal.ids, focal.places
    (array([3, 7]), (array([2, 3]), array([0])))
    """

    ids: Int[np.ndarray, "n"]
    places: tuple[np.ndarray, ...]

    def __post_init__(self):
        if len(self.ids) != len(self.places):
            raise ValueError(f"there are {len(self.ids)} ids, but places for {len(self.places)} focal nodes")
        values, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(f"{(counts > 1).sum()} ids are given more than once, the first is {values[counts > 1][0]}")
        if any(len(places) == 0 for places in self.places):
            raise ValueError("a focal node has no place")

    @classmethod
    def from_raster(cls, ids: np.ndarray) -> "FocalNodes":
        """Take every cell with an id above 0; cells of one id are one region."""
        flat = np.asarray(ids).ravel()
        regions = regions_of(flat)
        return cls(np.array([flat[cells[0]] for cells in regions], dtype=np.int64), tuple(regions))

    @classmethod
    def from_cells(cls, ids: ArrayInput, rows: ArrayInput, columns: ArrayInput, shape: tuple[int, int]) -> "FocalNodes":
        """Take cells by row and column, counted from 0; cells of one id are one region.

        Raises
        ------
        ValueError
            A cell lies outside the raster.

        Examples
        --------
        >>> FocalNodes.from_cells([5, 5, 2], [0, 0, 1], [0, 1, 1], (2, 2)).places
        (array([3]), array([0, 1]))
        """
        ids, rows, columns = (np.asarray(values, dtype=np.int64) for values in (ids, rows, columns))
        outside = (rows < 0) | (rows >= shape[0]) | (columns < 0) | (columns >= shape[1])
        if outside.any():
            first = int(np.argmax(outside))
            raise ValueError(
                f"{outside.sum()} of {outside.size} focal cells lie outside the raster of {shape[0]} × {shape[1]} "
                f"cells, the first (id {ids[first]}) at row {rows[first]}, column {columns[first]}"
            )
        cells = rows * shape[1] + columns
        values = np.unique(ids)
        return cls(values, tuple(np.unique(cells[ids == value]) for value in values))

    def __len__(self) -> int:
        return len(self.ids)

    def nodes(self, circuit: HasNodes) -> list[np.ndarray]:
        """Return the nodes of a circuit that each is made of; none for one without a place in the landscape."""
        return [circuit.nodes_at(places) for places in self.places]

    def without(self, ids: np.ndarray) -> "FocalNodes":
        """Return the others."""
        kept = np.flatnonzero(~np.isin(self.ids, ids))
        return FocalNodes(self.ids[kept], tuple(self.places[number] for number in kept))


def pairs_of(asked: Bool[np.ndarray, "n n"]) -> list[tuple[int, int]]:
    """Return the pairs of positions that a symmetric matrix marks, each once.

    Examples
    --------
    >>> pairs_of(np.array([[False, True], [True, False]]))
    [(0, 1)]
    """
    return [(int(one), int(other)) for one, other in np.argwhere(np.triu(asked))]


def require_two_nodes(focal: FocalNodes, circuit: HasNodes) -> None:
    """Raise if there are not two focal nodes with a place in the landscape."""
    if len(focal) < 2:
        raise ValueError(f"current flows between two or more focal nodes; there {_are(len(focal))}")
    placed = [len(nodes) > 0 for nodes in focal.nodes(circuit)]
    if not any(placed):
        raise ValueError(f"none of {len(focal)} focal nodes has a cell in the landscape: all lie on nodata or barriers")


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def regions_of(ids: np.ndarray) -> list[np.ndarray]:
    """Return the cells of every region of a raster of ids, in the order of the ids; 0 and less is no region.

    Examples
    --------
    >>> regions_of(np.array([[2, 0], [1, 2]]))
    [array([2]), array([0, 3])]
    """
    flat = np.asarray(ids).ravel()
    places = np.flatnonzero(flat > 0)
    order = places[np.argsort(flat[places], kind="stable")]
    cuts = np.flatnonzero(np.diff(flat[order])) + 1
    return np.split(order, cuts) if order.size else []


def vertices_of_nodes(grid: GridGraph, focal: FocalNodes) -> list[np.ndarray]:
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
    >>> vertices_of_nodes(grid, FocalNodes(np.array([4, 7]), (np.array([0, 1]), np.array([2]))))
    [array([0]), array([1])]
    """
    if len(focal) < 2:
        raise ValueError(f"a barrier lies between two or more focal nodes; there {'is 1' if len(focal) else 'are 0'}")
    numbers = np.asarray(grid.vertex_numbers).ravel()
    found = [numbers[places] for places in focal.places]
    found = [mine[mine < grid.n_vertices].astype(np.int64) for mine in found]
    empty = focal.ids[[len(mine) == 0 for mine in found]]
    if len(empty):
        raise ValueError(
            f"{len(empty)} of {len(focal)} focal nodes have no cell that can be entered, the first is {empty[0]}: all "
            "of its cells are nodata or have a permeability of 0; move or remove them"
        )
    return found


def vertices_of_points(grid: GridGraph, focal: FocalNodes, what: str) -> np.ndarray:
    """Return the vertex of each focal node, which must be a single cell.

    Parameters
    ----------
    grid, focal
        As of `vertices_of_nodes`.
    what
        What needs points, for the message.

    Raises
    ------
    ValueError
        A focal node is a region; two are the same cell.
    """
    found = vertices_of_nodes(grid, focal)
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
