"""Circuit theory: pairwise, one to all, all to one and advanced mode, on grids and networks.

`GridCircuit` and `NetworkCircuit` are circuits; `Pairwise`, `OneToAll`, `AllToOne` and `advanced` are Circuitscape's
modes. `current_map` and `potential_map` are differentiable with respect to the landscape, sources and grounds.
"""

from ..graph.focal_nodes import region_cells
from .accumulator import CumulativeCurrent, CurrentAccumulator
from .advanced_mode import AdvancedResult, advanced
from .differentiable import cumulative_current_map, current_map, potential_map
from .grid_circuit import GridCircuit
from .network_circuit import NetworkCircuit
from .one_to_all import AllToOne, FocalNodeResult, OneToAll
from .pairwise import PairResult, Pairwise, ResistanceMatrix
from .validation import MapDiagnostics, diagnose_map, log_transform

__all__ = [
    "AdvancedResult",
    "AllToOne",
    "CumulativeCurrent",
    "CurrentAccumulator",
    "FocalNodeResult",
    "GridCircuit",
    "MapDiagnostics",
    "NetworkCircuit",
    "OneToAll",
    "PairResult",
    "Pairwise",
    "ResistanceMatrix",
    "advanced",
    "cumulative_current_map",
    "current_map",
    "diagnose_map",
    "log_transform",
    "potential_map",
    "region_cells",
]
