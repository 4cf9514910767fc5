"""Distances between cells of a landscape, one in each file, behind the interface `AbstractDistance`.

`LCPDistance` is the cost of the cheapest path, `ResistanceDistance` the effective resistance of a network of
resistors, `RSPDistance` the expected cost of randomized shortest paths, which lie between the cheapest path and a
random walk, and `EuclideanDistance` the length of the straight line. `registry` describes them to jobs and to the
toolbox; `cost_functions` turns conductances of edges into costs.
"""

from .base import AbstractDistance, vertex_cells
from .cost_functions import COST_FUNCTIONS, edge_costs, has_symmetric_costs
from .euclidean import EuclideanDistance
from .grounding import grounded_laplacian
from .least_cost import LCPDistance
from .registry import DistanceEntry, distance_entry, distance_names, entry_of
from .resistance import ResistanceDistance, require_undirected
from .rsp import MEASURES, RSPDistance
from .scalar_parameters import positive_scalar

__all__ = [
    "AbstractDistance",
    "COST_FUNCTIONS",
    "DistanceEntry",
    "EuclideanDistance",
    "LCPDistance",
    "MEASURES",
    "RSPDistance",
    "ResistanceDistance",
    "distance_entry",
    "distance_names",
    "edge_costs",
    "entry_of",
    "grounded_laplacian",
    "has_symmetric_costs",
    "positive_scalar",
    "require_undirected",
    "vertex_cells",
]
