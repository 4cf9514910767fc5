"""Circuit theory: currents and effective resistances on landscapes and networks, in Circuitscape's four modes.

`GridCircuit` and `NetworkCircuit` are circuits; `Pairwise`, `OneToAll`, `AllToOne` and `advanced` are the modes, and
`CurrentAccumulator` sums their maps. `potential_map`, `current_map` and `cumulative_current_map` are differentiable
with respect to the landscape, the injected currents and the grounds.
"""

from ..graph import region_cells
from .accumulator import CumulativeCurrent, CurrentAccumulator, accumulate
from .advanced_mode import AdvancedResult, advanced
from .base import Circuit, GroundConductances, GroundedCircuit, NodeCurrents
from .differentiable import cumulative_current_map, current_map, potential_map
from .grid_circuit import GridCircuit
from .network_circuit import NetworkCircuit
from .one_to_all import AllToOne, FocalNodeResult, OneToAll
from .pairwise import PairResult, Pairwise, ResistanceMatrix
from .region_pairs import MAX_BOUNDARY_CELLS
from .validation import MapDiagnostics, diagnose_map, log_transform

__all__ = [
    "AdvancedResult",
    "AllToOne",
    "Circuit",
    "CumulativeCurrent",
    "CurrentAccumulator",
    "FocalNodeResult",
    "GridCircuit",
    "GroundConductances",
    "GroundedCircuit",
    "MAX_BOUNDARY_CELLS",
    "MapDiagnostics",
    "NetworkCircuit",
    "NodeCurrents",
    "OneToAll",
    "PairResult",
    "Pairwise",
    "ResistanceMatrix",
    "accumulate",
    "advanced",
    "cumulative_current_map",
    "current_map",
    "diagnose_map",
    "log_transform",
    "potential_map",
    "region_cells",
]
