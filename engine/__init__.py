"""Permea's engine: landscape connectivity, differentiable, on rasters of any size.

Arrays in, arrays out: the engine reads no GIS file and uses no map projection. Importing it switches JAX to 64-bit
floats, because effective resistances in single precision are silently wrong on all but the smallest rasters. The
subpackages, and the names below that they define, are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from . import (
        circuits,
        connectivity,
        distances,
        exploration,
        graph,
        jacobians,
        linalg,
        moving_window,
        parallel,
        paths,
        random_walks,
        restoration,
        shortest_paths,
        storage,
        traces,
    )
    from .connectivity import (
        AbstractConnectivity,
        ConnectedHabitat,
        MeanPathLength,
        QualityWeightedConnectivity,
        Sensitivity,
        connected_habitat,
        sensitivity,
    )
    from .distances import AbstractDistance, EuclideanDistance, LCPDistance, ResistanceDistance, RSPDistance
    from .graph import FocalNodes, GridGraph, connected_components, largest_component
    from .traces import KirchhoffIndex, kirchhoff_index

__version__ = "0.1.0"

jax.config.update("jax_enable_x64", True)

#: The names that are imported from a subpackage when they are first used.
_DEFINED_IN = {
    "AbstractConnectivity": "connectivity",
    "AbstractDistance": "distances",
    "ConnectedHabitat": "connectivity",
    "EuclideanDistance": "distances",
    "FocalNodes": "graph",
    "GridGraph": "graph",
    "KirchhoffIndex": "traces",
    "LCPDistance": "distances",
    "MeanPathLength": "connectivity",
    "QualityWeightedConnectivity": "connectivity",
    "RSPDistance": "distances",
    "ResistanceDistance": "distances",
    "Sensitivity": "connectivity",
    "connected_components": "graph",
    "connected_habitat": "connectivity",
    "kirchhoff_index": "traces",
    "largest_component": "graph",
    "sensitivity": "connectivity",
}

__all__ = [
    "AbstractConnectivity",
    "AbstractDistance",
    "ConnectedHabitat",
    "EuclideanDistance",
    "FocalNodes",
    "GridGraph",
    "KirchhoffIndex",
    "LCPDistance",
    "MeanPathLength",
    "QualityWeightedConnectivity",
    "RSPDistance",
    "ResistanceDistance",
    "Sensitivity",
    "circuits",
    "connected_components",
    "connected_habitat",
    "connectivity",
    "distances",
    "exploration",
    "graph",
    "jacobians",
    "kirchhoff_index",
    "largest_component",
    "linalg",
    "moving_window",
    "parallel",
    "paths",
    "random_walks",
    "restoration",
    "sensitivity",
    "shortest_paths",
    "storage",
    "traces",
]


def __getattr__(name: str) -> Any:
    """Import a subpackage, or a name that one defines, when it is first used."""
    if name in _DEFINED_IN:
        value = getattr(importlib.import_module(f".{_DEFINED_IN[name]}", __name__), name)
    elif name in __all__:
        value = importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
