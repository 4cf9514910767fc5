"""Shortest paths on a raster.

Dijkstra's algorithm on whole rasters (`dijkstra`) and in many windows (`windowed_dijkstra`), fast sweeping for GPUs and
batches (`sweeping`), and the differentiable least-cost distance (`differentiable`).
"""

from .differentiable import least_costs, nearest_source
from .dijkstra import (
    ShortestPathForest,
    StencilOffsets,
    backpropagate,
    backtrace,
    dijkstra_search,
    mark_ties,
    stencil_offsets,
    trace_sources,
    validate_costs,
)
from .sweeping import fast_sweeping, initial_costs
from .windowed_dijkstra import backpropagate_windows, search_windows

__all__ = [
    "ShortestPathForest",
    "StencilOffsets",
    "backpropagate",
    "backpropagate_windows",
    "backtrace",
    "dijkstra_search",
    "fast_sweeping",
    "initial_costs",
    "least_costs",
    "mark_ties",
    "nearest_source",
    "search_windows",
    "stencil_offsets",
    "trace_sources",
    "validate_costs",
]
