"""The exact gain from restoring cells one at a time, for the distances for which it is known."""

from collections.abc import Callable
from functools import singledispatch

from ..distances import AbstractDistance, LCPDistance, ResistanceDistance, entry_of
from ..graph import FocalNodes, GridGraph, focal_vertices
from .least_cost import LeastCostRestoration
from .point_resistance import PointResistanceRestoration
from .region_resistance import RegionResistanceRestoration
from .woodbury import AbstractResistanceRestoration

Restoration = LeastCostRestoration | AbstractResistanceRestoration


@singledispatch
def exact_restoration(
    distance: AbstractDistance,
    grid: GridGraph,
    focal: FocalNodes,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Restoration:
    """Prepare the exact gains from restoring cells, which can then be evaluated for any permeability.

    Parameters
    ----------
    distance
        The distance whose mean between the focal nodes is to fall.
    grid
        The landscape.
    focal
        Focal nodes, points or regions.
    progress
        Called with the number of focal nodes processed and their total; least cost only.

    Raises
    ------
    ValueError
        No exact gain is known for the distance.

    Examples
    --------
    >>> import numpy as np
    >>> grid = GridGraph(np.array([[1.0, 0.1, 1.0]]), edge_rule="resistance")
    >>> ends = FocalNodes(np.array([1, 2]), (np.array([0]), np.array([2])))
    >>> type(exact_restoration(ResistanceDistance(), grid, ends)).__name__
    'PointResistanceRestoration'
    """
    entry = entry_of(distance)
    name = entry.name if entry else type(distance).__name__
    raise ValueError(f"no exact gain of restoring a cell is known for the distance {name}")


@exact_restoration.register(LCPDistance)
def _least_cost(
    distance: LCPDistance,
    grid: GridGraph,
    focal: FocalNodes,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> LeastCostRestoration:
    return LeastCostRestoration(grid, focal, distance, progress=progress)


@exact_restoration.register(ResistanceDistance)
def _resistance(
    distance: ResistanceDistance,
    grid: GridGraph,
    focal: FocalNodes,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> AbstractResistanceRestoration:
    regions = any(len(vertices) > 1 for vertices in focal_vertices(grid, focal))
    return (RegionResistanceRestoration if regions else PointResistanceRestoration)(grid, focal, distance)
