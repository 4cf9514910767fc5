"""Pinch points: where current concentrates that must keep to a least-cost corridor."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from ..circuits.accumulator import accumulate
from ..circuits.grid_circuit import GridCircuit
from ..circuits.pairwise import Pairwise
from ..distances import LCPDistance
from ..graph.focal_nodes import FocalNodes
from ..graph.grid_graph import GridGraph
from ..paths.least_cost_corridors import corridor


@dataclass(frozen=True)
class PinchPoints:
    """Currents within the corridors between focal nodes.

    Parameters
    ----------
    total
        Sum over the pairs of the current through each cell, 1 A for each pair, in ampere; 0 outside all corridors, NaN
        where the cell is not active.
    largest
        The largest of them: near 1 where a whole corridor must pass.
    pairs, unreachable_pairs
        How many pairs have a corridor, and how many no way joins.
    residual
        Largest current that is not conserved, beside the largest current.
    """

    total: Float[np.ndarray, "rows columns"]
    largest: Float[np.ndarray, "rows columns"]
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
    """Return where current concentrates between focal nodes when it must keep to their least-cost corridors.

    Parameters
    ----------
    grid
        The landscape, undirected.
    focal
        Focal nodes, points or regions.
    cutoff
        By how much the cheapest way through a cell of a corridor may cost more than the cheapest way.
    distance
        What a step costs; resistance times length by default.
    progress
        Called with the number of pairs done and of all.

    Raises
    ------
    ValueError
        A negative cutoff; fewer than two focal nodes; a directed graph; no pair can reach each other.

    Notes
    -----
    As in Linkage Mapper: for each pair, the cells with d(s, x) + d(x, t) − d(s, t) ≤ cutoff become a landscape of their
    own, and 1 A flows through it. A wide cutoff spreads the current; with a cutoff of 0 it keeps to the cells of the
    cheapest paths.

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
    nodes = focal.nodes(circuit)
    # Refuses what is not two focal nodes in the landscape.
    Pairwise(circuit, focal)
    reached = [set(circuit.components[mine].tolist()) for mine in nodes]
    count = len(focal)
    every = [(one, other) for one in range(count) for other in range(one + 1, count)]
    joined = [(one, other) for one, other in every if reached[one] & reached[other]]
    if not joined:
        raise ValueError(
            f"none of the {len(every):,} pairs of focal nodes can reach each other: they lie in different connected "
            "components of the landscape, so there is no corridor between them"
        )
    vertex = np.asarray(grid.vertex_numbers).ravel()

    def maps():
        for done, (one, other) in enumerate(joined, 1):
            ends = [vertex[focal.cells[number]] for number in (one, other)]
            start, end = (places[places < grid.n_vertices] for places in ends)
            inside = np.isfinite(corridor(grid, start, end, distance=distance, truncate_at=cutoff).excess)
            yield _within(grid, inside, [focal.cells[one], focal.cells[other]])
            if progress is not None:
                progress(done, len(joined))

    nothing = np.where(np.asarray(grid.active), 0.0, np.nan)
    sums = accumulate(nothing, maps())
    return PinchPoints(sums.total, sums.largest, len(joined), len(every) - len(joined), sums.residual)


def _within(grid: GridGraph, inside: np.ndarray, ends: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return the current between two focal nodes in a part of the landscape, and its residual."""
    # Rounding may leave an end just outside of a corridor of no width.
    for places in ends:
        inside.ravel()[places] |= np.asarray(grid.active).ravel()[places]
    part = GridGraph(grid.permeability, inside, int(inside.sum()), grid.neighbors, grid.edge_rule, grid.pixel_size)
    (found,) = Pairwise(GridCircuit(part), FocalNodes(np.array([1, 2]), tuple(ends))).maps()
    return found.currents, found.residual
