"""Least-cost analysis between nodes: paths, corridors, cost allocation, minimum planar graphs, distance matrices.

Nodes are vertices of the graph, or focal nodes of one or more cells (patches). `least_cost_paths` returns paths as
cells, `corridor` and `corridors` the excess cost through every cell, `allocate` the nearest node of every cell, and
`distance_matrix` any of the distances between nodes.
"""

from .allocation import CostAllocation, allocate
from .least_cost_corridors import Corridor, Corridors, corridor, corridors
from .minimum_planar_graph import Link, links_between
from .pairwise_distances import connected, distance_matrix
from .path_search import LeastCostPath, Which, least_cost_paths, path_length
from .shortest_path_tree import NodeCells, ShortestPathSolver, ShortestPathTree, node_cells

__all__ = [
    "Corridor",
    "Corridors",
    "CostAllocation",
    "LeastCostPath",
    "Link",
    "NodeCells",
    "ShortestPathSolver",
    "ShortestPathTree",
    "Which",
    "allocate",
    "connected",
    "corridor",
    "corridors",
    "distance_matrix",
    "least_cost_paths",
    "links_between",
    "node_cells",
    "path_length",
]
