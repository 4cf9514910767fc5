"""Cheapest paths as lines through the centres of cells."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from ..compiled import compiled
from ..distances import LCPDistance
from ..grid import GridGraph, Numbers


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
    sources: Numbers,
    targets: Numbers | None = None,
    *,
    distance: LCPDistance | None = None,
    which: Literal["all", "nearest"] = "all",
) -> list[LeastCostPath]:
    """Return the cheapest paths between places, one search for each of the sources or of the targets.

    Parameters
    ----------
    grid
        The landscape.
    sources, targets
        Vertex numbers; without targets, the paths between every two sources.
    distance
        What a step costs; resistance times length by default.
    which
        "all": from every source to every target; "nearest": from every source to the target that costs least, or
        without targets to the nearest other source.

    Returns
    -------
    list
        Paths ordered by source, then target. Where there is no way there is no path.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.array([[1.0, 0.1, 1.0], [1.0, 1.0, 1.0]]), neighbors="rook", edge_rule="resistance")
    >>> path = least_cost_paths(grid, [0], [2])[0]
    >>> path.rows, path.columns, path.length, path.cost
    (array([0, 1, 1, 1, 0]), array([0, 0, 1, 2, 2]), 4.0, 4.0)
    """
    distance = LCPDistance() if distance is None else distance
    if which not in ("all", "nearest"):
        raise ValueError(f'which must be "all" or "nearest", not {which!r}')
    sources = np.atleast_1d(np.asarray(sources))
    if targets is None:
        return _among(grid, sources, distance, which)
    targets = np.atleast_1d(np.asarray(targets))
    if which == "nearest":
        tree = _Tree(grid, distance, targets, towards=True)
        paths = [tree.path(number, None, vertex) for number, vertex in enumerate(sources)]
    elif len(sources) <= len(targets):
        trees = [_Tree(grid, distance, sources[[number]], towards=False) for number in range(len(sources))]
        paths = [
            tree.path(number, other, end) for number, tree in enumerate(trees) for other, end in enumerate(targets)
        ]
    else:
        trees = [_Tree(grid, distance, targets[[number]], towards=True) for number in range(len(targets))]
        paths = [
            tree.path(number, other, end) for number, end in enumerate(sources) for other, tree in enumerate(trees)
        ]
    return [path for path in paths if path is not None]


def _among(grid: GridGraph, places: np.ndarray, distance: LCPDistance, which: str) -> list[LeastCostPath]:
    found = []
    for number in range(len(places)):
        rest = np.arange(number + 1, len(places)) if which == "all" else np.delete(np.arange(len(places)), number)
        if not len(rest):
            continue
        tree = _Tree(grid, distance, places[[number]], towards=False)
        paths = [tree.path(number, int(other), places[other]) for other in rest]
        paths = [path for path in paths if path is not None]
        found += paths if which == "all" else sorted(paths, key=lambda path: path.cost)[:1]
    return found


class _Tree:
    """Cheapest ways between every cell and the nearest of some roots."""

    def __init__(self, grid: GridGraph, distance: LCPDistance, roots: np.ndarray, *, towards: bool):
        cost, allocation, backlink = distance.allocation(grid, roots, reverse=towards)
        self.cost, self.root, self.next = (np.asarray(values) for values in (cost, allocation, backlink))
        self.cells, self.grid, self.towards = np.asarray(grid.cells), grid, towards

    def path(self, source: int, target: int | None, vertex: int | np.integer) -> LeastCostPath | None:
        """Return the path between the root and a vertex, None if there is none."""
        if not np.isfinite(self.cost[vertex]):
            return None
        walked = np.empty(len(self.next), np.int64)
        count = walk(self.next.astype(np.int64), int(vertex), walked)
        chain = walked[:count] if self.towards else walked[:count][::-1]
        rows, columns = np.divmod(self.cells[chain], self.grid.width)
        end = int(self.root[vertex]) if target is None else target
        return LeastCostPath(source, end, rows, columns, length_of(self.grid, rows, columns), float(self.cost[vertex]))


@compiled
def walk(onward, start, path):
    """Write down the vertices from a start to where no link leads on; return how many they are."""
    count, here = 0, start
    while here >= 0:
        path[count] = here
        count += 1
        here = onward[here]
    return count


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
