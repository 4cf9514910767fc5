"""Distances between places of one or more cells, and whose ground every cell is."""

from dataclasses import dataclass
from functools import singledispatch

import equinox as eqx
import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from ..circuits.grid_circuit import GridCircuit
from ..circuits.pairwise import Pairwise
from ..distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance
from ..distances.registry import entry_of
from ..graph.components import connected_components
from ..graph.focal_nodes import FocalNodes
from ..graph.grid_graph import GridGraph
from ..storage.result_cache import ProgressCallback, ResultCache, no_progress
from .shortest_path_tree import NodeCells, ShortestPathSolver, node_cells


def distance_matrix(
    grid: GridGraph,
    places: NodeCells,
    distance: AbstractDistance,
    targets: NodeCells | None = None,
    *,
    cache: ResultCache | None = None,
    on_partial: ProgressCallback = no_progress,
) -> Float[np.ndarray, "n m"]:
    """Return the distances between places, or from places to targets; entry [i, j] is that from i to j.

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
    targets
        Where ways lead to, the same kinds; the places themselves by default.
    cache
        What an earlier run of the same question worked out, and where this one keeps what it works out; nothing is
        kept by default.
    on_partial
        Told how many of how many searches or solves are done, with what gives the distances so far.

    Returns
    -------
    Float[np.ndarray, "n m"]
        In the unit of the distance; infinite where there is no way (a survival is 0 there).

    Raises
    ------
    ValueError
        Places of more than one cell with a distance that is defined between single cells only, such as randomized
        shortest paths; places that do not exist.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = GridGraph(jnp.ones((1, 5)))
    >>> distance_matrix(grid, FocalNodes(np.array([1, 2]), (np.array([0, 1]), np.array([4]))), LCPDistance())
    array([[0., 3.],
           [3., 0.]])
    >>> distance_matrix(grid, [1], EuclideanDistance(), [0, 1, 4])
    array([[1., 0., 3.]])
    """
    cells = node_cells(grid, places, "places")
    ends = None if targets is None else node_cells(grid, targets, "targets")
    return _distances_between_nodes(distance, grid, cells, ends, cache or ResultCache(), on_partial)


def connected(grid: GridGraph, places: NodeCells, targets: NodeCells | None = None) -> Bool[np.ndarray, "n m"]:
    """Say which places share a connected component of the landscape with which places, or targets.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> connected(GridGraph(jnp.array([[1.0, 0.0, 1.0]])), [0, 1])
    array([[ True, False],
           [False,  True]])
    """
    component = np.asarray(connected_components(grid)).ravel()

    def components_of(given: NodeCells, name: str) -> list[set[int]]:
        return [set(component[cells].tolist()) for cells in node_cells(grid, given, name)]

    own = components_of(places, "places")
    theirs = own if targets is None else components_of(targets, "targets")
    return np.array([[bool(one & other) for other in theirs] for one in own])


@dataclass(frozen=True)
class CostAllocation:
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


def allocate(grid: GridGraph, places: NodeCells, *, distance: LCPDistance | None = None) -> CostAllocation:
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
    cells = node_cells(grid, places, "places")
    tree = ShortestPathSolver(grid, distance).together(cells)
    nearest, backlink = tree.allocation(cells)
    direction = np.where(nearest < 0, -1, 0)
    going = np.flatnonzero(backlink >= 0)
    down, right = np.subtract(np.divmod(backlink[going], grid.width), np.divmod(going, grid.width))
    direction[going] = np.rint(np.degrees(np.arctan2(down, right)) % 360 / 45).astype(int) + 1
    return CostAllocation(nearest.reshape(grid.shape), direction.reshape(grid.shape), tree.cost.reshape(grid.shape))


@singledispatch
def _distances_between_nodes(
    distance: AbstractDistance,
    grid: GridGraph,
    cells: list[np.ndarray],
    ends: list[np.ndarray] | None,
    kept: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    """Return the distances between nodes of one cell each, target by target: for any distance."""
    for places in (cells, ends or []):
        if wide := sum(len(each) > 1 for each in places):
            entry = entry_of(distance)
            label = entry.label if entry else type(distance).__name__
            raise ValueError(
                f"{wide} of {len(places)} places have more than one cell, and the distance “{label}” is defined "
                "between single cells; give each place as a point"
            )
    numbers = np.asarray(grid.vertex_numbers).ravel()
    vertices = numbers[np.concatenate(cells)]
    targets = vertices if ends is None else numbers[np.concatenate(ends)]
    matrix = np.full((len(vertices), len(targets)), np.nan)
    # Compiled once for all targets.
    to_one = eqx.filter_jit(lambda grid, target: distance(grid, targets=target)[vertices, 0])
    for number, target in enumerate(targets):
        matrix[:, number] = kept.get_or_compute(
            f"target-{number:06d}", lambda target=target: np.asarray(to_one(grid, target[None]))
        )
        on_partial(number + 1, len(targets), matrix.copy)
    return matrix


@_distances_between_nodes.register(LCPDistance)
def _least_costs(
    distance: LCPDistance,
    grid: GridGraph,
    cells: list[np.ndarray],
    ends: list[np.ndarray] | None,
    kept: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    searches = ShortestPathSolver(grid, distance)
    # A search for each of the fewer.
    backwards = ends is not None and len(ends) < len(cells)
    roots, others = (ends, cells) if backwards else (cells, cells if ends is None else ends)
    both_ways_alike = ends is None and searches.undirected
    matrix = np.full((len(roots), len(others)), np.nan)

    def known() -> np.ndarray:
        if both_ways_alike:
            # The same sum taken from its other end differs in the last digit.
            there = np.where(np.isnan(matrix), matrix.T, matrix)
            return (there + there.T) / 2
        return matrix.T if backwards else matrix

    earlier = [kept.take(f"search-{number:06d}") for number in range(len(roots))]
    left = [number for number, row in enumerate(earlier) if row is None]
    for number in set(range(len(roots))) - set(left):
        matrix[number] = earlier[number]
    trees = searches.trees([roots[number] for number in left], towards=backwards)
    for done, (number, tree) in enumerate(zip(left, trees, strict=True), len(roots) - len(left) + 1):
        matrix[number] = [tree.cost[other].min() for other in others]
        kept.keep(f"search-{number:06d}", matrix[number])
        on_partial(done, len(roots), known)
    return known()


@_distances_between_nodes.register(ResistanceDistance)
def _resistances(
    distance: ResistanceDistance,
    grid: GridGraph,
    cells: list[np.ndarray],
    ends: list[np.ndarray] | None,
    kept: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    count, theirs = len(cells), [] if ends is None else ends
    focal = FocalNodes(np.arange(count + len(theirs)), (*cells, *theirs))
    if len(focal) < 2:
        return np.zeros((1, 1))
    pairs = None if ends is None else [(one, count + other) for one in range(count) for other in range(len(theirs))]

    def part(matrix: np.ndarray) -> np.ndarray:
        return matrix if ends is None else matrix[:count, count:]

    pairwise = Pairwise(GridCircuit(grid), focal, pairs, cache=kept)
    return part(pairwise.resistances(on_partial=lambda done, of, matrix: on_partial(done, of, lambda: part(matrix()))).matrix)


@_distances_between_nodes.register(EuclideanDistance)
def _straight(
    distance: EuclideanDistance,
    grid: GridGraph,
    cells: list[np.ndarray],
    ends: list[np.ndarray] | None,
    kept: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    def centres(places: list[np.ndarray]) -> list[np.ndarray]:
        return [np.stack(np.divmod(each, grid.width), 1) * np.array(grid.pixel_size) for each in places]

    trees = [KDTree(each) for each in centres(cells if ends is None else ends)]
    return np.array([[tree.query(each)[0].min() for tree in trees] for each in centres(cells)])
