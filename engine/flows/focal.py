"""Focal nodes: the places between which movement is asked for, each a cell or a region, by an id."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int

from ..grid import Numbers
from .interface import Circuit
from .nodes import regions_of


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
    def from_cells(cls, ids: Numbers, rows: Numbers, columns: Numbers, shape: tuple[int, int]) -> "FocalNodes":
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

    def nodes(self, circuit: Circuit) -> list[np.ndarray]:
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


def refuse_fewer_than_two(focal: FocalNodes, circuit: Circuit) -> None:
    """Raise if there are not two focal nodes with a place in the landscape."""
    if len(focal) < 2:
        raise ValueError(f"current flows between two or more focal nodes; there {_are(len(focal))}")
    placed = [len(nodes) > 0 for nodes in focal.nodes(circuit)]
    if not any(placed):
        raise ValueError(f"none of {len(focal)} focal nodes has a cell in the landscape: all lie on nodata or barriers")


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"
