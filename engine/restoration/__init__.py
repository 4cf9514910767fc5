"""Where the landscape holds movement up: what raising the permeability of a cell would gain.

`barrier_map` is the gain for each unit of permeability, a gradient. As it tells of small changes only, `LeastCostRestoration`
and `PointResistanceRestoration` (between regions `RegionResistanceRestoration`) tell what is gained when a cell is raised to a given
permeability, exactly, `disc_restoration` when all cells of a disc are, and `improvement_score` is Barrier Mapper's score of a
search window.
"""

from ..graph.focal_nodes import focal_vertices
from .barrier_gradient import BarrierMap, barrier_map
from .base import RestorationGain
from .disc import disc_restoration
from .least_cost import LeastCostRestoration
from .point_resistance import PointResistanceRestoration
from .region_resistance import RegionResistanceRestoration
from .search_window import ImprovementScore, improvement_score

__all__ = [
    "BarrierMap",
    "RestorationGain",
    "ImprovementScore",
    "LeastCostRestoration",
    "RegionResistanceRestoration",
    "PointResistanceRestoration",
    "barrier_map",
    "disc_restoration",
    "improvement_score",
    "focal_vertices",
]
