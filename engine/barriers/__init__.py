"""Where the landscape holds movement up: what raising the permeability of a cell would gain.

`barrier_map` is the gain for each unit of permeability, a gradient. As it tells of small changes only, `LeastCostGain`
and `ResistanceGain` (between regions `RegionResistanceGain`) tell what is gained when a cell is raised to a given
permeability, exactly, `disc_gain` when all cells of a disc are, and `improvement_score` is Barrier Mapper's score of a
search window.
"""

from .gradient import BarrierMap, barrier_map
from .least_cost import LeastCostGain
from .nodes import vertices_of
from .region_resistance import RegionResistanceGain
from .resistance import ResistanceGain
from .restored import Gain
from .restored_disc import disc_gain
from .search_window import ImprovementScore, improvement_score

__all__ = [
    "BarrierMap",
    "Gain",
    "ImprovementScore",
    "LeastCostGain",
    "RegionResistanceGain",
    "ResistanceGain",
    "barrier_map",
    "disc_gain",
    "improvement_score",
    "vertices_of",
]
