"""Barrier Mapper's improvement score: what a strip of restored land across a search window would save."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import minimum_filter

from ..graph.grid_graph import GridGraph
from .least_cost import LeastCostRestoration


@dataclass(frozen=True)
class ImprovementScore:
    """Improvement scores of search windows around every cell.

    Parameters
    ----------
    largest, total
        The largest score of a pair of focal nodes, and the sum over all pairs, in units of cost: 0 where a window
        improves nothing, infinite where it joins what no way joins, NaN where no window is looked at.
    """

    largest: Float[np.ndarray, "rows columns"]
    total: Float[np.ndarray, "rows columns"]


def improvement_score(
    least_costs: LeastCostRestoration,
    radius: float,
    resistance: float = 1.0,
    looked_at: Bool[np.ndarray, "rows columns"] | None = None,
) -> ImprovementScore:
    """Return Barrier Mapper's improvement score of a circular search window around every cell.

        score(x) = d(s, t) − ( min d_s + min d_t + 2 r R' ),

    the minima being taken over the cells of the window: the least costs to its most accessible cells on either side,
    and a strip across it with the resistance of restored land. Scores below 0 are 0.

    Parameters
    ----------
    least_costs
        The least costs of a landscape between focal nodes.
    radius
        r, in map units; cells whose centres are no further from the centre of a cell belong to its window.
    resistance
        R', cost of a unit of length of restored land.
    looked_at
        Which cells have a window; by default those that are active. Windows reach beyond them.

    Raises
    ------
    ValueError
        A radius or a resistance that is not a positive number.

    Notes
    -----
    It is a score, not a distance: the two most accessible cells may lie on one side of the window, and restored land
    beyond the strip counts for nothing. Barrier Mapper divides it by 2 r, for the improvement by length of restored
    land, and takes the minima over the rim of the window, one map unit wide.

    References
    ----------
    McRae, B. H. (2012). Barrier Mapper connectivity analysis software. The Nature Conservancy, Seattle. And: McRae,
    B. H., Hall, S. A., Beier, P., Theobald, D. M. (2012). PLoS ONE 7, e52604. Eq. 1.

    Examples
    --------
    >>> from ..graph.focal_nodes import FocalNodes
    >>> grid = GridGraph(np.array([[1.0, 1.0, 0.1, 1.0, 1.0]]), edge_rule="resistance")
    >>> ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([4])))
    >>> improvement_score(LeastCostRestoration(grid, ends), radius=1.0).largest
    array([[0. , 4.5, 9. , 4.5, 0. ]])
    """
    for name, value in (("radius", radius), ("resistance", resistance)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"the {name} of a search window must be a positive number, not {value:g}")
    grid = least_costs.grid
    disc = window_of(grid, radius)
    nearest_from = [_nearest(costs, disc) for costs in least_costs.costs_from]
    alike = least_costs.both_ways_alike
    nearest_to = nearest_from if alike else [_nearest(costs, disc) for costs in least_costs.costs_to]
    largest, total = np.zeros((2, *grid.shape))
    for source, target in least_costs.pairs:
        then = nearest_from[source] + nearest_to[target] + 2 * radius * resistance
        # What no window reaches from either side stays infinitely far.
        now, reached = least_costs.between(source, target), np.isfinite(then)
        score = np.where(reached, np.maximum(now - np.where(reached, then, 0.0), 0.0), 0.0)
        np.maximum(largest, score, out=largest)
        total += score
    where = np.asarray(grid.active) if looked_at is None else looked_at
    return ImprovementScore(np.where(where, largest, np.nan), np.where(where, total, np.nan))


def _nearest(costs: np.ndarray, disc: np.ndarray) -> np.ndarray:
    return minimum_filter(costs, footprint=disc, mode="constant", cval=np.inf)


def window_of(grid: GridGraph, radius: float) -> Bool[np.ndarray, "height width"]:
    """Return which cells around a cell lie within a radius, in map units.

    Examples
    --------
    >>> window_of(GridGraph(np.ones((9, 9)), pixel_size=(1.0, 2.0)), 2.0).astype(int)
    array([[0, 1, 0],
           [0, 1, 0],
           [1, 1, 1],
           [0, 1, 0],
           [0, 1, 0]])
    """
    down, right = (np.arange(-int(radius / side), int(radius / side) + 1) * side for side in grid.pixel_size)
    return np.hypot(down[:, None], right[None]) <= radius * (1 + 1e-12)
