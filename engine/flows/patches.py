"""Distances between places of one or more cells, and whose ground every cell is."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from ..components import connected_components
from ..distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance, RSPDistance
from ..grid import GridGraph
from .focal import FocalNodes
from .grid_circuit import GridCircuit
from .pairwise import Pairwise
from .trees import Places, Searches, places_of

Progress = Callable[[int, int], None]


def distances_between(
    grid: GridGraph, places: Places, distance: AbstractDistance, *, progress: Progress | None = None
) -> Float[np.ndarray, "n n"]:
    """Return the distances between places; entry [i, j] is that from i to j.

    Between places of many cells it is that of the cells which are nearest to each other (least cost, Euclidean), or
    that between the places as single nodes (resistance).

    Parameters
    ----------
    grid
        The landscape.
    places
        Vertex numbers, or focal nodes.
    distance
        Which.
    progress
        Told how many of how many searches or solves are done.

    Returns
    -------
    Float[np.ndarray, "n n"]
        In the unit of the distance; infinite where there is no way (a survival is 0 there).

    Raises
    ------
    ValueError
        Randomized shortest paths between places of more than one cell; a distance that is none of these; places that
        do not exist.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.ones((1, 5)))
    >>> distances_between(grid, FocalNodes(np.array([1, 2]), (np.array([0, 1]), np.array([4]))), LCPDistance())
    array([[0., 3.],
           [3., 0.]])
    """
    cells = places_of(grid, places, "places")
    tell = progress or (lambda done, of: None)
    if isinstance(distance, LCPDistance):
        return _least_costs(grid, cells, distance, tell)
    if isinstance(distance, EuclideanDistance):
        return _straight(grid, cells)
    if isinstance(distance, ResistanceDistance):
        circuit = GridCircuit(grid)
        if len(cells) < 2:
            return np.zeros((len(cells),) * 2)
        return Pairwise(circuit, FocalNodes(np.arange(len(cells)), tuple(cells))).resistances().matrix
    if isinstance(distance, RSPDistance):
        return _randomized(grid, cells, distance, tell)
    raise ValueError(f"there is no distance between places by a {type(distance).__name__}")


def connected(grid: GridGraph, places: Places) -> Bool[np.ndarray, "n n"]:
    """Say which places share a connected component of the landscape.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> connected(GridGraph(jnp.array([[1.0, 0.0, 1.0]])), [0, 1])
    array([[ True, False],
           [False,  True]])
    """
    component = np.asarray(connected_components(grid)).ravel()
    own = [set(component[cells].tolist()) for cells in places_of(grid, places, "places")]
    return np.array([[bool(one & other) for other in own] for one in own])


@dataclass(frozen=True)
class Allocation:
    """Whose ground every cell is, by the cost of reaching it.

    Parameters
    ----------
    nearest
        Position of the place from which the cell is cheapest to reach; −1 where none does.
    direction
        Of the next step back to it: 1 east, 2 south-east, and on clockwise to 8 north-east; 0 in a place, −1 where no
        place reaches.
    cost
        Of reaching the cell; infinite where no place does.
    """

    nearest: Int[np.ndarray, "rows columns"]
    direction: Int[np.ndarray, "rows columns"]
    cost: Float[np.ndarray, "rows columns"]


def allocate(grid: GridGraph, places: Places, *, distance: LCPDistance | None = None) -> Allocation:
    """Return the cost-weighted allocation of a landscape to places, and the way back from every cell.

    Parameters
    ----------
    grid
        The landscape.
    places
        Vertex numbers, or focal nodes.
    distance
        What a step costs; resistance times length by default.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> found = allocate(GridGraph(jnp.ones((1, 4))), [0, 3])
    >>> found.nearest, found.direction
    (array([[0, 0, 1, 1]]), array([[0, 5, 1, 0]]))
    """
    cells = places_of(grid, places, "places")
    tree = Searches(grid, distance).together(cells)
    nearest, backlink = tree.allocation(cells)
    direction = np.where(nearest < 0, -1, 0)
    going = np.flatnonzero(backlink >= 0)
    down, right = np.subtract(np.divmod(backlink[going], grid.width), np.divmod(going, grid.width))
    direction[going] = np.rint(np.degrees(np.arctan2(down, right)) % 360 / 45).astype(int) + 1
    return Allocation(nearest.reshape(grid.shape), direction.reshape(grid.shape), tree.cost.reshape(grid.shape))


def _least_costs(grid: GridGraph, cells: list[np.ndarray], distance: LCPDistance, tell: Progress) -> np.ndarray:
    matrix = np.zeros((len(cells),) * 2)
    searches = Searches(grid, distance)
    for number, tree in enumerate(searches.trees(cells)):
        matrix[number] = [tree.cost[other].min() for other in cells]
        tell(number + 1, len(cells))
    # The same sum taken from its other end differs in the last digit.
    return (matrix + matrix.T) / 2 if searches.undirected else matrix


def _straight(grid: GridGraph, cells: list[np.ndarray]) -> np.ndarray:
    centres = [np.stack(np.divmod(each, grid.width), 1) * np.array(grid.pixel_size) for each in cells]
    matrix = np.zeros((len(cells),) * 2)
    for one, tree in enumerate(KDTree(places) for places in centres):
        for other in range(one + 1, len(cells)):
            matrix[one, other] = matrix[other, one] = tree.query(centres[other])[0].min()
    return matrix


def _randomized(grid: GridGraph, cells: list[np.ndarray], distance: RSPDistance, tell: Progress) -> np.ndarray:
    wide = sum(len(each) > 1 for each in cells)
    if wide:
        raise ValueError(
            f"{wide} of {len(cells)} places have more than one cell: randomized shortest paths lead from cell to cell; "
            "give each place as a point"
        )
    vertices = np.asarray(grid.vertex_numbers).ravel()[np.concatenate(cells)]
    matrix = np.empty((len(cells),) * 2)
    for number, target in enumerate(vertices):
        matrix[:, number] = np.asarray(distance(grid, targets=np.array([target])))[vertices, 0]
        tell(number + 1, len(cells))
    return matrix
