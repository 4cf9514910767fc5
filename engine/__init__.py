"""Permea's engine: landscape connectivity, differentiable, on rasters of any size.

Arrays in, arrays out: the engine reads no GIS file and knows no map projection. Importing it switches JAX to 64-bit
floats, because effective resistances in single precision are silently wrong on all but the smallest rasters.
"""

import jax

jax.config.update("jax_enable_x64", True)

# The precision must be set before any array is made, hence the late imports.
from .connectivity.habitat import ConnectedHabitat, connected_habitat  # noqa: E402
from .connectivity.measures import AbstractConnectivity, MeanPathLength, QualityWeightedConnectivity  # noqa: E402
from .connectivity.sensitivity_map import Sensitivity, sensitivity  # noqa: E402
from .distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance, RSPDistance  # noqa: E402
from .graph.components import connected_components, largest_component  # noqa: E402
from .graph.grid_graph import GridGraph  # noqa: E402

__all__ = [
    "AbstractConnectivity",
    "AbstractDistance",
    "ConnectedHabitat",
    "EuclideanDistance",
    "GridGraph",
    "LCPDistance",
    "MeanPathLength",
    "QualityWeightedConnectivity",
    "RSPDistance",
    "ResistanceDistance",
    "Sensitivity",
    "connected_components",
    "connected_habitat",
    "largest_component",
    "sensitivity",
]
