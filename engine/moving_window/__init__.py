"""Windows: connectivity and sensitivity of landscapes of any size, batch by batch.

`ConnectivityAnalysis` and `SensitivityAnalysis` cut a raster into blocks and look around each as far as a dependency
range; `MovingWindowCurrent` adds up currents to every block from around it; `SerialExecutor`, `MultiDeviceExecutor` and
`DaskExecutor` say who computes; `NpyRaster` is a raster that is never held as a whole; `WindowOperation` is the cutting
and putting together by itself, for windows of other uses.
"""

from ..connectivity.dispersal_kernel import ExponentialKernel
from ..storage.checkpoint import CheckpointFolder
from ..storage.npy_raster import NpyRaster
from .analysis import ConnectivityAnalysis, SensitivityAnalysis, WindowedConnectivity, WindowedSensitivity
from .batch_checkpoint import BatchCheckpoint
from .dispatch.base import AbstractExecutor, SerialExecutor
from .dispatch.dask import DaskExecutor
from .dispatch.devices import MultiDeviceExecutor
from .omnidirectional_current import CurrentSensitivity, MovingWindowCurrent, MovingWindowCurrentResult
from .source_strengths import Condition
from .window_operation import WindowOperation

__all__ = [
    "AbstractExecutor",
    "MultiDeviceExecutor",
    "BatchCheckpoint",
    "Condition",
    "ConnectivityAnalysis",
    "CurrentSensitivity",
    "DaskExecutor",
    "NpyRaster",
    "ExponentialKernel",
    "MovingWindowCurrentResult",
    "MovingWindowCurrent",
    "SerialExecutor",
    "CheckpointFolder",
    "SensitivityAnalysis",
    "WindowOperation",
    "WindowedConnectivity",
    "WindowedSensitivity",
]
