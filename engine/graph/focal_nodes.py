"""Focal nodes: points or regions of cells, by id, between which distances and currents are computed."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int

from ..counts import agreeing, count_of
from .grid_graph import ArrayInput, GridGraph

#: Number of pairs that exist as tuples at a time.
PAIR_CHUNK = 1 << 16


@runtime_checkable
class _CellToNode(Protocol):
    def nodes_at(self, cells: np.ndarray) -> np.ndarray:
        """Return the distinct nodes of a circuit that contain the cells."""


@dataclass(frozen=True)
class FocalNodes:
    """Focal nodes in ascending order of their ids.

    Parameters
    ----------
    ids
        Distinct integers.
    cells
        For each focal node, the flat raster indices (row · columns + column) of its cells, or the indices of its nodes
        in a network: one for a focal point, several for a focal region.

    Raises
    ------
    ValueError
        The numbers of ids and of focal nodes differ; an id occurs twice; a focal node has no cell.

    Examples
    --------
    >>> focal = FocalNodes.from_raster(np.array([[7, 0, 3], [3, 0, -9999]]))
    >>> focal.ids, focal.cells
    (array([3, 7]), (array([2, 3]), array([0])))
    """

    ids: Int[np.ndarray, " n"]
    cells: tuple[np.ndarray, ...]

    def __post_init__(self):
        if len(self.ids) != len(self.cells):
            raise ValueError(
                f"there are {count_of(len(self.ids), 'id')}, but cells of {count_of(len(self.cells), 'focal node')}"
            )
        values, counts = np.unique(self.ids, return_counts=True)
        if (counts > 1).any():
            raise ValueError(
                f"{count_of((counts > 1).sum(), 'id is', 'ids are')} given more than once, the first is "
                f"{values[counts > 1][0]}"
            )
        if any(len(cells) == 0 for cells in self.cells):
            raise ValueError("a focal node has no cell")

    @classmethod
    def from_raster(cls, ids: np.ndarray) -> "FocalNodes":
        """Make focal nodes of the cells with an id above 0; cells with the same id form a region."""
        flat = np.asarray(ids).ravel()
        regions = region_cells(flat)
        return cls(np.array([flat[cells[0]] for cells in regions], dtype=np.int64), tuple(regions))

    @classmethod
    def from_cells(cls, ids: ArrayInput, rows: ArrayInput, columns: ArrayInput, shape: tuple[int, int]) -> "FocalNodes":
        """Make focal nodes of cells given by row and column, counted from 0; cells with the same id form a region.

        Raises
        ------
        ValueError
            A cell lies outside the raster.

        Examples
        --------
        >>> FocalNodes.from_cells([5, 5, 2], [0, 0, 1], [0, 1, 1], (2, 2)).cells
        (array([3]), array([0, 1]))
        """
        ids, rows, columns = (np.asarray(values, dtype=np.int64) for values in (ids, rows, columns))
        outside = (rows < 0) | (rows >= shape[0]) | (columns < 0) | (columns >= shape[1])
        if outside.any():
            first = int(np.argmax(outside))
            raise ValueError(
                f"{outside.sum()} of {count_of(outside.size, 'focal cell')} {agreeing(outside.sum(), 'lies', 'lie')} "
                f"outside the raster of {shape[0]} × {shape[1]} cells, the first (id {ids[first]}) at row "
                f"{rows[first]}, column {columns[first]}"
            )
        cells = rows * shape[1] + columns
        order = np.lexsort((cells, ids))
        ids, cells = ids[order], cells[order]
        is_new = np.ones(ids.size, bool)
        is_new[1:] = (np.diff(ids) != 0) | (np.diff(cells) != 0)
        values, starts = np.unique(ids[is_new], return_index=True)
        return cls(values, tuple(np.split(cells[is_new], starts[1:])) if values.size else ())

    def __len__(self) -> int:
        return len(self.ids)

    def nodes(self, circuit: _CellToNode) -> list[np.ndarray]:
        """Return each focal node's nodes in a circuit; an empty array where all of its cells are inactive."""
        return [circuit.nodes_at(cells) for cells in self.cells]

    def without(self, ids: np.ndarray) -> "FocalNodes":
        """Return the focal nodes whose ids are not among `ids`."""
        remaining = np.flatnonzero(~np.isin(self.ids, ids))
        return FocalNodes(self.ids[remaining], tuple(self.cells[i] for i in remaining))


def region_cells(ids: np.ndarray) -> list[np.ndarray]:
    """Return the flat indices of the cells of each region of a raster of ids, in ascending order of the ids.

    Cells with an id of 0 or less belong to no region.

    Examples
    --------
    >>> region_cells(np.array([[2, 0], [1, 2]]))
    [array([2]), array([0, 3])]
    """
    flat = np.asarray(ids).ravel()
    labelled = np.flatnonzero(flat > 0)
    by_id = labelled[np.argsort(flat[labelled], kind="stable")]
    cuts = np.flatnonzero(np.diff(flat[by_id])) + 1
    return np.split(by_id, cuts) if by_id.size else []


def pair_indices(selection: Bool[np.ndarray, "n n"]) -> Int[np.ndarray, "pairs 2"]:
    """Return the index pairs i < j (and i = i) that are True in a symmetric matrix.

    Examples
    --------
    >>> pair_indices(np.array([[False, True], [True, False]]))
    array([[0, 1]])
    """
    return np.argwhere(np.triu(selection))


def each_pair(pairs: Int[np.ndarray, "pairs 2"]) -> Iterator[tuple[int, int]]:
    """Yield pairs as tuples of integers, a chunk at a time: tuples of millions of pairs would fill the memory.

    Examples
    --------
    >>> list(each_pair(np.array([[0, 1]])))
    [(0, 1)]
    """
    for start in range(0, len(pairs), PAIR_CHUNK):
        yield from map(tuple, pairs[start : start + PAIR_CHUNK].tolist())


def require_two_nodes(focal: FocalNodes, circuit: _CellToNode) -> None:
    """Raise a ValueError unless there are at least two focal nodes and one of them has a cell in the landscape."""
    if len(focal) < 2:
        count = "is 1" if len(focal) == 1 else f"are {len(focal)}"
        raise ValueError(f"current flows between two or more focal nodes; there {count}")
    if not any(len(nodes) for nodes in focal.nodes(circuit)):
        raise ValueError(
            f"none of {count_of(len(focal), 'focal node')} has a cell in the landscape: all lie on nodata or barriers"
        )


def focal_vertices(grid: GridGraph, focal: FocalNodes) -> list[np.ndarray]:
    """Return the vertices of each focal node's active cells.

    Parameters
    ----------
    grid
        The landscape.
    focal
        Focal nodes by flat raster indices.

    Raises
    ------
    ValueError
        There are fewer than two focal nodes, or one has no active cell (says which).

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.array([[1.0, 0.0, 1.0]]))
    >>> focal_vertices(grid, FocalNodes(np.array([4, 7]), (np.array([0, 1]), np.array([2]))))
    [array([0]), array([1])]
    """
    if len(focal) < 2:
        raise ValueError(f"a barrier lies between two or more focal nodes; there {'is 1' if len(focal) else 'are 0'}")
    vertex_numbers = np.asarray(grid.vertex_numbers).ravel()
    numbers = [vertex_numbers[cells] for cells in focal.cells]
    vertices = [vertex[vertex < grid.n_vertices].astype(np.int64) for vertex in numbers]
    inactive = focal.ids[[len(vertex) == 0 for vertex in vertices]]
    if len(inactive):
        raise ValueError(
            f"{len(inactive)} of {count_of(len(focal), 'focal node')} {agreeing(len(inactive), 'has', 'have')} no cell "
            f"that can be entered, the first is {inactive[0]}: all of its cells are nodata or have a permeability of "
            f"0; move or remove {agreeing(len(inactive), 'it', 'them')}"
        )
    return vertices


def focal_point_vertices(grid: GridGraph, focal: FocalNodes, quantity: str) -> np.ndarray:
    """Return the vertex of each focal node, all of which must be single cells.

    Parameters
    ----------
    grid, focal
        As for `focal_vertices`.
    quantity
        The quantity that is defined between points only, named in the error message.

    Raises
    ------
    ValueError
        As for `focal_vertices`; a focal node is a region; two focal nodes lie in the same cell.
    """
    vertices = focal_vertices(grid, focal)
    regions = focal.ids[[len(vertex) > 1 for vertex in vertices]]
    if len(regions):
        raise ValueError(
            f"{quantity} is known between focal points; {len(regions)} of {count_of(len(focal), 'focal node')} "
            f"{agreeing(len(regions), 'is a region', 'are regions')} of several cells, the first is {regions[0]}: give "
            "points instead, or use the least-cost distance"
        )
    points = np.concatenate(vertices)
    values, counts = np.unique(points, return_counts=True)
    if (counts > 1).any():
        coincident = focal.ids[points == values[counts > 1][0]]
        raise ValueError(f"focal nodes {coincident[0]} and {coincident[1]} lie in the same cell; remove one of them")
    return points
