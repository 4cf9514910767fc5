"""Windows: connectivity and sensitivity of landscapes of any size, batch by batch.

`ConnectivityAnalysis` and `SensitivityAnalysis` cut a raster into blocks and look around each as far as a dependency
range; `MovingWindowCurrent` adds up currents to every block from around it; `OneProcess`, `AllDevices` and
`DaskCluster` say who computes; `DiskRaster` is a raster that is never held as a whole; `WindowOperation` is the cutting
and putting together by itself, for windows of other uses.
"""

from .analysis import ConnectivityAnalysis, SensitivityAnalysis, WindowedConnectivity, WindowedSensitivity
from .checkpoint import Checkpoint, RunFolder
from .cluster import DaskCluster
from .devices import AllDevices
from .dispatch import AbstractDispatch, OneProcess
from .moving_current import CurrentSensitivity, MovingCurrent, MovingWindowCurrent
from .operation import WindowOperation
from .proximity import Exponential
from .rasters import DiskRaster
from .source_strengths import Condition

__all__ = [
    "AbstractDispatch",
    "AllDevices",
    "Checkpoint",
    "Condition",
    "ConnectivityAnalysis",
    "CurrentSensitivity",
    "DaskCluster",
    "DiskRaster",
    "Exponential",
    "MovingCurrent",
    "MovingWindowCurrent",
    "OneProcess",
    "RunFolder",
    "SensitivityAnalysis",
    "WindowOperation",
    "WindowedConnectivity",
    "WindowedSensitivity",
]
