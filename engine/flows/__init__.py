"""Where movement goes: currents between focal nodes, from sources to grounds, and along cheapest paths.

`GridCircuit` and `NetworkCircuit` are circuits; `Pairwise`, `OneToAll`, `AllToOne` and `advanced` ask what flows in
them, as Circuitscape does. `current_map` is that as a function of the landscape that can be differentiated.
`least_cost_paths` and `corridor` are the geometry of least cost.
"""

from .advanced import AdvancedFlow, advanced
from .cumulative import CumulativeCurrent
from .focal import FocalNodes
from .grid_circuit import GridCircuit
from .network import NetworkCircuit
from .nodes import regions_of
from .pairwise import PairMap, Pairwise, Resistances
from .sweeps import AllToOne, FocalRun, OneToAll

__all__ = [
    "AdvancedFlow",
    "AllToOne",
    "CumulativeCurrent",
    "FocalNodes",
    "FocalRun",
    "GridCircuit",
    "NetworkCircuit",
    "OneToAll",
    "PairMap",
    "Pairwise",
    "Resistances",
    "advanced",
    "regions_of",
]
