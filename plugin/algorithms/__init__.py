"""What the Processing toolbox shows: one algorithm a file, one group a folder.

`algorithm` holds what all of them do alike; `parameters`, `results`, `documentation` and `styles` the pieces they are
made of; `inputs` and `stages` serve a single run; `windowed` and `streamed_inputs` are for rasters of any size.
`ALGORITHMS` is what the provider registers.
"""

from .distances.distancematrix import DistanceMatrix
from .distances.leastcostdistance import LeastCostDistanceAlgorithm
from .distances.resistancedistance import ResistanceDistanceAlgorithm
from .distances.rspdistance import RSPDistanceAlgorithm
from .flows.barriers import Barriers
from .flows.circuitscapeproject import CircuitscapeProject
from .flows.currentflow import CurrentFlow
from .flows.currentflowadvanced import CurrentFlowAdvanced
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
    Barriers,
    ConnectedHabitatAlgorithm,
)

__all__ = ["ALGORITHMS"]
