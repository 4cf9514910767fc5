"""Pinch points: concentrated current within least-cost corridors (McRae 2012)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..circuits import GridCircuit, Pairwise, accumulate
from ..distances import LCPDistance
from ..graph import FocalNodes, GridGraph, require_two_nodes
from ..paths import corridor

#: Relative rounding error of a sum of costs: cells of the least-cost path may exceed its cost by as much.
ROUNDING = 1e-12


@dataclass(frozen=True)
class PinchPoints:
    """Currents within the corridors between focal nodes.

    Attributes
    ----------
    total
        Sum over the pairs of the current through each cell, in ampere, with 1 A for each pair; 0 outside all corridors,
        NaN in inactive cells.
    maximum
        Maximum over the pairs: near 1 where all paths of a corridor pass through one cell.
    pairs, unreachable_pairs
        Numbers of connected and of unconnected pairs of focal nodes.
    residual
        Largest residual of Kirchhoff's current law, relative to the largest current.
    """

    total: Float[np.ndarray, "rows columns"]
    maximum: Float[np.ndarray, "rows columns"]
    pairs: int
    unreachable_pairs: int
    residual: float


def pinch_points(
    grid: GridGraph,
    focal: FocalNodes,
    cutoff: float,
    *,
    distance: LCPDistance | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PinchPoints:
    """Return the current between focal nodes that is confined to their least-cost corridors.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal nodes, points or regions.
    cutoff
        Width of the corridor: the excess over the least cost that the cheapest path through a cell may have.
    distance
        The least-cost distance that defines corridors; resistance times length by default.
    progress
        Called with the number of pairs processed and their total.

    Raises
    ------
    ValueError
        A negative cutoff; fewer than two focal nodes; a directed graph; no connected pair.

    Notes
    -----
    As in Linkage Mapper, 1 A flows between each pair through the landscape of the cells with
    d(s, x) + d(x, t) − d(s, t) ≤ cutoff. A wide cutoff spreads the current; a cutoff of 0 confines it to the cells of
    least-cost paths.

    References
    ----------
    McRae, B. H. (2012). Pinchpoint Mapper connectivity analysis software. The Nature Conservancy, Seattle.

    Examples
    --------
    >>> grid = GridGraph(np.array([[1.0, 1.0, 1.0], [0.5, 0.0, 0.5], [0.5, 0.5, 0.5]]), neighbors="rook")
    >>> ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2])))
    >>> pinch_points(grid, ends, cutoff=1.0).total
    array([[ 1.,  1.,  1.],
           [ 0., nan,  0.],
           [ 0.,  0.,  0.]])
    """
    if not (np.isfinite(cutoff) and cutoff >= 0):
        raise ValueError(f"the cutoff of a corridor must be 0 or more, not {cutoff:g}")
    circuit = GridCircuit(grid)
    require_two_nodes(focal, circuit)
    components = [set(circuit.components[nodes].tolist()) for nodes in focal.nodes(circuit)]
    pairs = [(i, j) for i in range(len(focal)) for j in range(i + 1, len(focal))]
    connected = [(i, j) for i, j in pairs if components[i] & components[j]]
    if not connected:
        raise ValueError(
            f"no focal node can reach another: all {len(focal):,} lie in different connected components of the "
            "landscape, so there is no corridor between them"
        )
    vertex_numbers = np.asarray(grid.vertex_numbers).ravel()

    def current_maps():
        """Yield the current map within the corridor of each pair."""
        for done, (i, j) in enumerate(connected, 1):
            vertices = (vertex_numbers[focal.cells[node]] for node in (i, j))
            sources, targets = (numbers[numbers < grid.n_vertices] for numbers in vertices)
            paths = corridor(grid, sources, targets, distance=distance)
            inside = paths.excess <= max(cutoff, ROUNDING * paths.least_cost)
            yield _current_within(grid, inside, [focal.cells[i], focal.cells[j]])
            if progress is not None:
                progress(done, len(connected))

    sums = accumulate(np.where(np.asarray(grid.active), 0.0, np.nan), current_maps())
    return PinchPoints(sums.total, sums.maximum, len(connected), len(pairs) - len(connected), sums.residual)


def _current_within(grid: GridGraph, inside: np.ndarray, nodes: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return the current between two focal nodes through a part of the landscape, and its residual."""
    # Rounding errors may leave a focal node just outside of a corridor of width 0.
    for cells in nodes:
        inside.ravel()[cells] |= np.asarray(grid.active).ravel()[cells]
    part = GridGraph(grid.permeability, inside, int(inside.sum()), grid.neighbors, grid.edge_rule, grid.pixel_size)
    (pair,) = Pairwise(GridCircuit(part), FocalNodes(np.array([1, 2]), tuple(nodes))).maps()
    return pair.currents, pair.residual
