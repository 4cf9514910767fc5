"""Moving windows: connectivity, its sensitivity and omnidirectional current in landscapes of any size.

`ConnectivityAnalysis` and `SensitivityAnalysis` divide a raster into blocks and compute each in a window of the
dependency range around it; `MovingWindowCurrent` adds up the currents to every block from the sources around it.
`SerialExecutor`, `MultiDeviceExecutor` and `DaskExecutor` compute the batches of windows; `NpyRaster` is a raster that
is read by slices and never held in memory as a whole; `CheckpointFolder` and `BatchCheckpoint` store completed batches.
`WindowOperation` divides a raster into windows and merges results, for computations of other kinds.
"""

from ..connectivity.dispersal_kernel import ExponentialKernel
from ..storage.checkpoint import CheckpointFolder
from ..storage.npy_raster import NpyRaster
from .analysis import ConnectivityAnalysis, SensitivityAnalysis, WindowedConnectivity, WindowedSensitivity
from .batch_checkpoint import BatchCheckpoint
from .current_results import CurrentSensitivity, MovingWindowCurrentResult
from .dispatch import AbstractExecutor, DaskExecutor, MultiDeviceExecutor, SerialExecutor
from .omnidirectional_current import MovingWindowCurrent
from .source_strengths import Condition
from .window_operation import WindowOperation

__all__ = [
    "AbstractExecutor",
    "BatchCheckpoint",
    "CheckpointFolder",
    "Condition",
    "ConnectivityAnalysis",
    "CurrentSensitivity",
    "DaskExecutor",
    "ExponentialKernel",
    "MovingWindowCurrent",
    "MovingWindowCurrentResult",
    "MultiDeviceExecutor",
    "NpyRaster",
    "SensitivityAnalysis",
    "SerialExecutor",
    "WindowOperation",
    "WindowedConnectivity",
    "WindowedSensitivity",
]
