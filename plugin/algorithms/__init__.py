"""Permea's Processing algorithms: one algorithm per file, one group per folder.

`base` holds the base classes, and `window_base` and `moving_window_base` those for rasters of any size. `parameters`,
`parameter_types`, `outputs`, `help`, `renderers`, `styles` and `tables` are what algorithms are made of;
`parameter_values`, `streamed_inputs`, `step_feedback` and `resume` serve a single run. `ALGORITHMS` lists the
algorithms for the provider, the documentation and the tests.
"""

from .distances.distancematrix import DistanceMatrix
from .distances.leastcostdistance import LeastCostDistanceAlgorithm
from .distances.resistancedistance import ResistanceDistanceAlgorithm
from .distances.rspdistance import RSPDistanceAlgorithm
from .flows.barriers import Barriers
from .flows.circuitscapeproject import CircuitscapeProject
from .flows.currentflow import CurrentFlow
from .flows.currentflowadvanced import CurrentFlowAdvanced
from .flows.flowdivergence import FlowDivergence
from .flows.leastcostcorridor import LeastCostCorridor
from .flows.leastcostpaths import LeastCostPaths
from .flows.movingwindowcurrent import MovingWindowCurrent
from .flows.rspflow import RSPFlowAlgorithm
from .habitat.connectedhabitat import ConnectedHabitatAlgorithm
from .habitat.windowedconnectivity import WindowedConnectivityAlgorithm
from .sensitivity.movingwindowsensitivity import MovingWindowSensitivity
from .sensitivity.sensitivity import SensitivityAlgorithm
from .sensitivity.windowedsensitivity import WindowedSensitivityAlgorithm
from .tools.connectedcomponents import ConnectedComponents
from .tools.loadsampledata import LoadSampleData
from .tools.permeabilityfromlandcover import PermeabilityFromLandCover

ALGORITHMS = (
    LeastCostDistanceAlgorithm,
    ResistanceDistanceAlgorithm,
    RSPDistanceAlgorithm,
    DistanceMatrix,
    SensitivityAlgorithm,
    WindowedSensitivityAlgorithm,
    WindowedConnectivityAlgorithm,
    ConnectedComponents,
    LoadSampleData,
    CurrentFlow,
    CurrentFlowAdvanced,
    CircuitscapeProject,
    LeastCostPaths,
    LeastCostCorridor,
    PermeabilityFromLandCover,
    MovingWindowCurrent,
    MovingWindowSensitivity,
    RSPFlowAlgorithm,
    FlowDivergence,
    Barriers,
    ConnectedHabitatAlgorithm,
)

__all__ = ["ALGORITHMS"]
