"""Where movement goes: currents between focal nodes, from sources to grounds, and along cheapest paths.

`GridCircuit` and `NetworkCircuit` are circuits; `Pairwise`, `OneToAll`, `AllToOne` and `advanced` ask what flows in
them, as Circuitscape does. `current_map` is that as a function of the landscape that can be differentiated.
`least_cost_paths` and `corridor` are the geometry of least cost; `pinch_points` is where current in corridors is dense.
"""

from .advanced import AdvancedFlow, advanced
from .checks import MapCheck, check_map
from .corridors import Corridor, corridor
from .cumulative import CumulativeCurrent
from .focal import FocalNodes
from .gradients import cumulative_current_map, current_map, potential_map
from .grid_circuit import GridCircuit
from .network import NetworkCircuit
from .nodes import regions_of
from .pairwise import PairMap, Pairwise, Resistances
from .paths import LeastCostPath, least_cost_paths
from .pinch_points import PinchPoints, pinch_points
from .presentation import log_transformed
from .sweeps import AllToOne, FocalRun, OneToAll

__all__ = [
    "AdvancedFlow",
    "AllToOne",
    "Corridor",
    "CumulativeCurrent",
    "FocalNodes",
    "FocalRun",
    "GridCircuit",
    "LeastCostPath",
    "MapCheck",
    "NetworkCircuit",
    "OneToAll",
    "PairMap",
    "Pairwise",
    "PinchPoints",
    "Resistances",
    "advanced",
    "check_map",
    "corridor",
    "cumulative_current_map",
    "current_map",
    "least_cost_paths",
    "log_transformed",
    "pinch_points",
    "potential_map",
    "regions_of",
]
