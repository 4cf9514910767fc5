"""Matrices of distances between nodes of one or more cells."""

from functools import singledispatch

import equinox as eqx
import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float
from scipy.spatial import KDTree

from ..circuits import GridCircuit, Pairwise
from ..counts import agreeing, count_of
from ..distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance, entry_of
from ..graph import FocalNodes, GridGraph, connected_components
from ..storage import ProgressCallback, ResultCache, no_progress
from .shortest_path_tree import NodeCells, ShortestPathSolver, concatenated, node_cells


def distance_matrix(
    grid: GridGraph,
    sources: NodeCells,
    distance: AbstractDistance,
    targets: NodeCells | None = None,
    *,
    cache: ResultCache | None = None,
    on_partial: ProgressCallback = no_progress,
) -> Float[np.ndarray, "n m"]:
    """Return the distances from sources to targets; entry [i, j] is the distance from source i to target j.

    Between nodes of several cells, the least-cost and Euclidean distance is that of the nearest cells, and the
    resistance that of a circuit in which each of the two is a single node.

    Parameters
    ----------
    grid
        The landscape.
    sources
        Vertices, or focal nodes.
    distance
        The distance.
    targets
        Vertices, or focal nodes; the sources by default.
    cache
        Cache of searches and solves, from which an interrupted run resumes; nothing is cached by default.
    on_partial
        Called with the number of finished and of all searches or solves, and a function that returns the partial
        matrix.

    Returns
    -------
    Float[np.ndarray, "n m"]
        In the unit of the distance; infinite between components (a survival probability is 0 there).

    Raises
    ------
    ValueError
        Nodes have several cells, but the distance is defined between single cells only, such as that of randomized
        shortest paths; nodes do not exist.

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
    source_cells = node_cells(grid, sources, "sources")
    target_cells = None if targets is None else node_cells(grid, targets, "targets")
    return _distances(distance, grid, source_cells, target_cells, cache or ResultCache(), on_partial)


def connected(grid: GridGraph, sources: NodeCells, targets: NodeCells | None = None) -> Bool[np.ndarray, "n m"]:
    """Return whether sources and targets touch a common connected component; targets are the sources by default.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> connected(GridGraph(jnp.array([[1.0, 0.0, 1.0]])), [0, 1])
    array([[ True, False],
           [False,  True]])
    """
    component = np.asarray(connected_components(grid)).ravel()

    def components_of(nodes: NodeCells, name: str) -> sp.csr_array:
        """Return the components that each node touches, as an indicator matrix."""
        cells, owners = concatenated(node_cells(grid, nodes, name))
        shape = (int(owners.max()) + 1, int(component.max()) + 1)
        return sp.coo_array((np.ones(cells.size), (owners, component[cells])), shape=shape).tocsr()

    of_sources = components_of(sources, "sources")
    of_targets = of_sources if targets is None else components_of(targets, "targets")
    return (of_sources @ of_targets.T).toarray() > 0


@singledispatch
def _distances(
    distance: AbstractDistance,
    grid: GridGraph,
    source_cells: list[np.ndarray],
    target_cells: list[np.ndarray] | None,
    cache: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    """Return the distances between nodes of one cell each, target by target: for any distance."""
    for nodes in (source_cells, target_cells or []):
        if several := sum(len(cells) > 1 for cells in nodes):
            entry = entry_of(distance)
            label = entry.label if entry else type(distance).__name__
            raise ValueError(
                f"{several} of {count_of(len(nodes), 'node')} {agreeing(several, 'has', 'have')} more than one cell, "
                f"and the distance “{label}” is defined between single cells; give each node as a point"
            )
    numbers = np.asarray(grid.vertex_numbers).ravel()
    vertices = numbers[np.concatenate(source_cells)]
    targets = vertices if target_cells is None else numbers[np.concatenate(target_cells)]
    matrix = np.full((len(vertices), len(targets)), np.nan)
    # Compiled once for all targets.
    to_target = eqx.filter_jit(lambda grid, target: distance(grid, targets=target)[vertices, 0])
    for number, target in enumerate(targets):
        matrix[:, number] = cache.get_or_compute(
            f"target-{number:06d}", lambda target=target: np.asarray(to_target(grid, target[None]))
        )
        on_partial(number + 1, len(targets), matrix.copy)
    return matrix


@_distances.register(LCPDistance)
def _least_costs(
    distance: LCPDistance,
    grid: GridGraph,
    source_cells: list[np.ndarray],
    target_cells: list[np.ndarray] | None,
    cache: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    solver = ShortestPathSolver(grid, distance)
    # One search for each source or each target, whichever are fewer.
    reverse = target_cells is not None and len(target_cells) < len(source_cells)
    ends = source_cells if target_cells is None else target_cells
    roots, ends = (ends, source_cells) if reverse else (source_cells, ends)
    is_symmetric = target_cells is None and solver.undirected
    matrix = np.full((len(roots), len(ends)), np.nan)

    def partial_matrix() -> np.ndarray:
        """Return the matrix, NaN where it is not computed yet."""
        if is_symmetric:
            # The same sum taken from its other end differs in the last digit.
            known = np.where(np.isnan(matrix), matrix.T, matrix)
            return (known + known.T) / 2
        return matrix.T if reverse else matrix

    cached = [cache.get(f"search-{number:06d}") for number in range(len(roots))]
    missing = [number for number, row in enumerate(cached) if row is None]
    for number in set(range(len(roots))) - set(missing):
        matrix[number] = cached[number]
    trees = solver.trees([roots[number] for number in missing], reverse=reverse)
    at_ends, owners = concatenated(ends)
    starts = np.searchsorted(owners, np.arange(len(ends)))
    for done, (number, tree) in enumerate(zip(missing, trees, strict=True), len(roots) - len(missing) + 1):
        matrix[number] = np.minimum.reduceat(tree.cost[at_ends], starts)
        cache.put(f"search-{number:06d}", matrix[number])
        on_partial(done, len(roots), partial_matrix)
    return partial_matrix()


@_distances.register(ResistanceDistance)
def _resistances(
    distance: ResistanceDistance,
    grid: GridGraph,
    source_cells: list[np.ndarray],
    target_cells: list[np.ndarray] | None,
    cache: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    count, extra = len(source_cells), target_cells or []
    focal = FocalNodes(np.arange(count + len(extra)), (*source_cells, *extra))
    if len(focal) < 2:
        return np.zeros((1, 1))
    pairs = None if target_cells is None else [(i, count + j) for i in range(count) for j in range(len(extra))]

    def to_targets(matrix: np.ndarray) -> np.ndarray:
        """Return the columns of the targets."""
        return matrix if target_cells is None else matrix[:count, count:]

    pairwise = Pairwise(GridCircuit(grid, solver=distance.solver), focal, pairs, cache=cache)
    resistances = pairwise.resistances(
        on_partial=lambda done, of, matrix: on_partial(done, of, lambda: to_targets(matrix()))
    )
    return to_targets(resistances.matrix)


@_distances.register(EuclideanDistance)
def _euclidean(
    distance: EuclideanDistance,
    grid: GridGraph,
    source_cells: list[np.ndarray],
    target_cells: list[np.ndarray] | None,
    cache: ResultCache,
    on_partial: ProgressCallback,
) -> np.ndarray:
    def centres_of(cells: np.ndarray) -> np.ndarray:
        """Return the map coordinates of the centres of cells, relative to the first cell of the raster."""
        return np.stack(np.divmod(cells, grid.width), 1) * np.array(grid.pixel_size)

    targets = source_cells if target_cells is None else target_cells
    cells, owners = concatenated(source_cells)
    points, starts = centres_of(cells), np.searchsorted(owners, np.arange(len(source_cells)))
    matrix = np.full((len(source_cells), len(targets)), np.nan)
    for number, of_target in enumerate(targets):
        matrix[:, number] = np.minimum.reduceat(KDTree(centres_of(of_target)).query(points)[0], starts)
        on_partial(number + 1, len(targets), matrix.copy)
    return matrix
