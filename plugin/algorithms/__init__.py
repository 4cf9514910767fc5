"""What the Processing toolbox shows: one algorithm a file, one group a folder.

`algorithm` holds what all of them do alike; `parameters`, `results`, `documentation` and `styles` the pieces they are
made of; `inputs` and `stages` serve a single run; `windowed` and `streamed_inputs` are for rasters of any size.
`ALGORITHMS` is what the provider registers.
"""

from .distances.distancematrix import DistanceMatrix
from .distances.leastcostdistance import LeastCostDistance
from .distances.resistancedistance import ResistanceDistance
from .distances.rspdistance import RSPDistance
from .flows.barriers import Barriers
from .flows.circuitscapeproject import CircuitscapeProject
from .flows.currentflow import CurrentFlow
from .flows.currentflowadvanced import CurrentFlowAdvanced
from .flows.leastcostcorridor import LeastCostCorridor
from .flows.leastcostpaths import LeastCostPaths
from .flows.movingwindowcurrent import MovingWindowCurrent
from .flows.rspflow import RSPFlow
from .habitat.connectedhabitat import ConnectedHabitat
from .habitat.windowedconnectivity import WindowedConnectivity
from .sensitivity.movingwindowsensitivity import MovingWindowSensitivity
from .sensitivity.sensitivity import Sensitivity
from .sensitivity.windowedsensitivity import WindowedSensitivity
from .tools.connectedcomponents import ConnectedComponents
from .tools.loadsampledata import LoadSampleData
from .tools.permeabilityfromlandcover import PermeabilityFromLandCover

ALGORITHMS = (
    LeastCostDistance,
    ResistanceDistance,
    RSPDistance,
    DistanceMatrix,
    Sensitivity,
    WindowedSensitivity,
    WindowedConnectivity,
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
    RSPFlow,
    Barriers,
    ConnectedHabitat,
)

__all__ = ["ALGORITHMS"]
