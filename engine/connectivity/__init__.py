"""Connectivity of a landscape: measures, their sensitivity, connected habitat, and movement along random paths.

`sensitivity` is the gradient map of a measure such as `MeanPathLength`. `connected_habitat`, `betweenness` and
`landmarks` are ConScape's, `rsp_flow` is gdistance's passage between sources and targets, and `pinch_points` the
current within least-cost corridors.
"""

from .corridor_current import PinchPoints, pinch_points
from .dispersal_kernel import ExponentialKernel
from .habitat import ConnectedHabitat, connected_habitat
from .landmark_targets import Landmarks, landmarks, nearest_to_centre
from .measures import AbstractConnectivity, MeanPathLength, QualityWeightedConnectivity
from .passage import PASSAGES, conditioned_walk, expected_passage
from .rsp_betweenness import Betweenness, betweenness
from .rsp_movement import RSPFlow, rsp_flow
from .sensitivity_map import WRT, Sensitivity, sensitivity

__all__ = [
    "AbstractConnectivity",
    "Betweenness",
    "ConnectedHabitat",
    "ExponentialKernel",
    "Landmarks",
    "MeanPathLength",
    "PASSAGES",
    "PinchPoints",
    "QualityWeightedConnectivity",
    "RSPFlow",
    "Sensitivity",
    "WRT",
    "betweenness",
    "conditioned_walk",
    "connected_habitat",
    "expected_passage",
    "landmarks",
    "nearest_to_centre",
    "pinch_points",
    "rsp_flow",
    "sensitivity",
]
