"""Barrier Mapper's improvement score: the cost saved by restoring a strip across a search window (McRae 2012)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.ndimage import minimum_filter1d

from ..graph import GridGraph
from .least_cost import LeastCostRestoration


@dataclass(frozen=True)
class ImprovementScore:
    """Improvement scores of search windows around every cell.

    Attributes
    ----------
    maximum, total
        The maximum score of a pair of focal nodes, and the sum over all pairs, in units of cost: 0 where there is no
        improvement, infinite where the window connects focal nodes without a path, NaN in cells without a window.
    """

    maximum: Float[np.ndarray, "rows columns"]
    total: Float[np.ndarray, "rows columns"]


def improvement_score(
    least_costs: LeastCostRestoration,
    radius: float,
    resistance: float = 1.0,
    candidates: Bool[np.ndarray, "rows columns"] | None = None,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> ImprovementScore:
    """Return Barrier Mapper's improvement score of a circular search window around every cell.

        score(x) = d(s, t) − ( min d_s + min d_t + 2 r R' ),

    with minima over the cells of the window: the least costs to its most accessible cells from either side, plus the
    cost of a strip of restored land across it. Negative scores are set to 0.

    Parameters
    ----------
    least_costs
        The least costs of a landscape between focal nodes.
    radius
        Radius r of the windows, in map units. A cell belongs to a window if its centre is no further from the window's
        centre.
    resistance
        R', the cost of a unit of length of restored land.
    candidates
        The cells that have a window; by default the active cells. Windows contain other cells as well.
    progress
        Called with the number of focal nodes and pairs processed and their total.

    Raises
    ------
    ValueError
        A radius or a resistance that is not a positive number.

    Notes
    -----
    The score is not a change of distance: the two most accessible cells may lie on the same side of the window, and
    restored land beyond the strip does not count. Barrier Mapper divides it by 2 r to give the improvement per length
    of restored land, and takes the minima over the boundary of the window, one map unit wide.

    References
    ----------
    McRae, B. H. (2012). Barrier Mapper connectivity analysis software. The Nature Conservancy, Seattle. And: McRae,
    B. H., Hall, S. A., Beier, P., Theobald, D. M. (2012). PLoS ONE 7, e52604. Eq. 1.

    Examples
    --------
    >>> from permea.engine.graph import FocalNodes
    >>> grid = GridGraph(np.array([[1.0, 1.0, 0.1, 1.0, 1.0]]), edge_rule="resistance")
    >>> ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([4])))
    >>> improvement_score(LeastCostRestoration(grid, ends), radius=1.0).maximum
    array([[0. , 4.5, 9. , 4.5, 0. ]])
    """
    for name, value in (("radius", radius), ("resistance", resistance)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"the {name} of a search window must be a positive number, not {value:g}")
    grid = least_costs.grid
    window = disc_mask(grid, radius)
    symmetric = least_costs.symmetric
    costs = [*least_costs.costs_from, *([] if symmetric else least_costs.costs_to)]
    steps, minima = len(costs) + len(least_costs.pairs), []
    for done, of_node in enumerate(costs, 1):
        minima.append(_window_minimum(of_node, window))
        progress(done, steps)
    least_from, least_to = minima[: len(least_costs.costs_from)], minima[-len(least_costs.costs_to) :]
    maximum, total = np.zeros((2, *grid.shape))
    for done, (source, target) in enumerate(least_costs.pairs, len(costs) + 1):
        restored = least_from[source] + least_to[target] + 2 * radius * resistance
        # Where no path leads to the window the cost remains infinite, and there is no improvement.
        current, reachable = least_costs.between(source, target), np.isfinite(restored)
        score = np.where(reachable, np.maximum(current - np.where(reachable, restored, 0.0), 0.0), 0.0)
        np.maximum(maximum, score, out=maximum)
        total += score
        progress(done, steps)
    reported = np.asarray(grid.active) if candidates is None else candidates
    return ImprovementScore(np.where(reported, maximum, np.nan), np.where(reported, total, np.nan))


def disc_mask(grid: GridGraph, radius: float) -> Bool[np.ndarray, "height width"]:
    """Return the mask of a disc around a cell, with a radius in map units; it is no larger than the raster requires.

    Examples
    --------
    >>> disc_mask(GridGraph(np.ones((9, 9)), pixel_size=(1.0, 2.0)), 2.0).astype(int)
    array([[0, 1, 0],
           [0, 1, 0],
           [1, 1, 1],
           [0, 1, 0],
           [0, 1, 0]])
    """
    # Between two cells of a raster lie fewer rows and columns than it has.
    radius_in_cells = [
        int(min(radius / side, cells - 1)) for side, cells in zip(grid.pixel_size, grid.shape, strict=True)
    ]
    down, right = (np.arange(-n, n + 1) * side for n, side in zip(radius_in_cells, grid.pixel_size, strict=True))
    return np.hypot(down[:, None], right[None]) <= radius * (1 + 1e-12)


def _window_minimum(costs: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the minimum over a disc around every cell: the minimum over its rows, each of which is an interval.

    A filter by the whole disc would need memory for each cell of the disc times each cell of the raster.
    """
    result, radius = np.full_like(costs, np.inf), len(window) // 2
    for down in range(radius + 1):
        across = np.count_nonzero(window[radius + down])
        if across:
            least = minimum_filter1d(costs, across, axis=1, mode="constant", cval=np.inf)
            above, below = slice(None, len(costs) - down), slice(down, None)
            np.minimum(result[above], least[below], out=result[above])
            np.minimum(result[below], least[above], out=result[below])
    return result
