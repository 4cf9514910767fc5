"""Restoration: where raising the permeability of cells brings focal nodes closest together.

`barrier_map` is the gain per unit of permeability, a gradient, which holds for small changes. `exact_restoration`
(`LeastCostRestoration`, `PointResistanceRestoration`, `RegionResistanceRestoration`) gives the exact gain of restoring
each cell to a given permeability, `disc_restoration` that of restoring a disc around each cell, and
`improvement_score` is Barrier Mapper's score of a search window.
"""

from ..graph import focal_vertices
from .barrier_gradient import BarrierMap, barrier_map
from .base import RestorationGain
from .disc import disc_restoration
from .exact_gains import Restoration, exact_restoration
from .least_cost import LeastCostRestoration
from .point_resistance import PointResistanceRestoration
from .region_resistance import RegionResistanceRestoration
from .search_window import ImprovementScore, improvement_score

__all__ = [
    "BarrierMap",
    "ImprovementScore",
    "LeastCostRestoration",
    "PointResistanceRestoration",
    "RegionResistanceRestoration",
    "Restoration",
    "RestorationGain",
    "barrier_map",
    "disc_restoration",
    "exact_restoration",
    "focal_vertices",
    "improvement_score",
]
