"""Where movement goes: currents between focal nodes, from sources to grounds, and along cheapest paths.

`GridCircuit` and `NetworkCircuit` are circuits; `Pairwise`, `OneToAll`, `AllToOne` and `advanced` ask what flows in
them, as Circuitscape does. `current_map` is that as a function of the landscape that can be differentiated.
`least_cost_paths`, `corridor` and `corridors` are the geometry of least cost, `allocate` says whose ground a cell is,
`pinch_points` where current in corridors is dense.
`randomized_flow` and `betweenness` are where randomized shortest paths pass, between places and between all habitat;
`landmarks` stand for many targets.
"""

from .advanced import AdvancedFlow, advanced
from .betweenness import Betweenness, betweenness
from .checks import MapCheck, check_map
from .corridors import Corridor, Corridors, corridor, corridors
from .cumulative import CumulativeCurrent, CurrentSums
from .focal import FocalNodes
from .gradients import cumulative_current_map, current_map, potential_map
from .grid_circuit import GridCircuit
from .landmarks import Landmarks, landmarks
from .network import NetworkCircuit
from .nodes import regions_of
from .pairwise import PairMap, Pairwise, Resistances
from .patches import Allocation, allocate, connected, distances_between
from .paths import LeastCostPath, least_cost_paths
from .pinch_points import PinchPoints, pinch_points
from .presentation import log_transformed
from .randomized import RandomizedFlow, randomized_flow
from .sweeps import AllToOne, FocalRun, OneToAll

__all__ = [
    "AdvancedFlow",
    "AllToOne",
    "Allocation",
    "Betweenness",
    "Corridor",
    "Corridors",
    "CumulativeCurrent",
    "CurrentSums",
    "FocalNodes",
    "FocalRun",
    "GridCircuit",
    "Landmarks",
    "LeastCostPath",
    "MapCheck",
    "NetworkCircuit",
    "OneToAll",
    "PairMap",
    "Pairwise",
    "PinchPoints",
    "RandomizedFlow",
    "Resistances",
    "advanced",
    "allocate",
    "betweenness",
    "check_map",
    "connected",
    "corridor",
    "corridors",
    "cumulative_current_map",
    "current_map",
    "distances_between",
    "landmarks",
    "least_cost_paths",
    "log_transformed",
    "pinch_points",
    "potential_map",
    "randomized_flow",
    "regions_of",
]
