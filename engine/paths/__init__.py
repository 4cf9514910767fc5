"""Least-cost geometry: paths as cells, corridors, cost allocation, minimum planar graph, distance matrices."""

from .least_cost_corridors import Corridor, Corridors, corridor, corridors
from .pairwise_distances import CostAllocation, allocate, connected, distance_matrix
from .path_search import LeastCostPath, least_cost_paths

__all__ = [
    "Corridor",
    "Corridors",
    "CostAllocation",
    "LeastCostPath",
    "allocate",
    "connected",
    "corridor",
    "corridors",
    "distance_matrix",
    "least_cost_paths",
]
