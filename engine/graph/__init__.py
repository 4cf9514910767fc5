"""The landscape as a graph: grid graphs, connected components, focal nodes, edge lists, and a gallery of landscapes.

`GridGraph` makes a graph of a raster of permeability; `FocalNodes` are the cells or regions between which connectivity
is computed.
"""

from .components import connected_components, largest_component
from .focal_nodes import FocalNodes
from .grid_graph import ArrayInput, GridGraph

__all__ = ["ArrayInput", "FocalNodes", "GridGraph", "connected_components", "largest_component"]
