"""The landscape as a graph: grid graphs, connected components, focal nodes, edge lists, and a gallery of landscapes.

`GridGraph` makes a graph of a raster of permeability; `FocalNodes` are the cells or regions between which connectivity
is computed.
"""

from .components import connected_components, largest_component, representative_cells
from .focal_nodes import (
    FocalNodes,
    each_pair,
    focal_point_vertices,
    focal_vertices,
    pair_indices,
    region_cells,
    require_two_nodes,
)
from .grid_graph import ArrayInput, EdgeRule, GridGraph, concrete_or_none
from .validation import LARGEST_VALUE, SMALLEST_VALUE, out_of_range

__all__ = [
    "ArrayInput",
    "EdgeRule",
    "FocalNodes",
    "GridGraph",
    "LARGEST_VALUE",
    "SMALLEST_VALUE",
    "concrete_or_none",
    "connected_components",
    "each_pair",
    "focal_point_vertices",
    "focal_vertices",
    "largest_component",
    "out_of_range",
    "pair_indices",
    "region_cells",
    "representative_cells",
    "require_two_nodes",
]
