"""Moving windows: connectivity, its sensitivity and omnidirectional current in landscapes of any size.

`ConnectivityAnalysis` and `SensitivityAnalysis` divide a raster into blocks and compute each in a window of the
dependency range around it; `MovingWindowCurrent` adds up the currents to every block from the sources around it.
`SerialExecutor`, `MultiDeviceExecutor` and `DaskExecutor` compute the batches of windows; `NpyRaster` is a raster that
is read by slices and never held in memory as a whole; `CheckpointFolder` and `BatchCheckpoint` store completed batches.
`interpolate_blocks` removes the squares of the blocks from a map of connectivity.
`WindowOperation` divides a raster into windows and merges results, for computations of other kinds.
"""

from ..connectivity import ExponentialKernel
from ..storage import CheckpointFolder, NpyRaster
from .analysis import ConnectivityAnalysis, SensitivityAnalysis, WindowedConnectivity, WindowedSensitivity
from .batch_checkpoint import BatchCheckpoint
from .block_interpolation import interpolate_blocks
from .block_starts import BlockGeometry
from .current_batch import WINDOWS_PER_CHUNK
from .current_results import CurrentSensitivity, MovingWindowCurrentResult
from .dispatch import AbstractExecutor, DaskExecutor, MultiDeviceExecutor, SerialExecutor
from .omnidirectional_current import CURRENT_WRT, MovingWindowCurrent
from .source_strengths import Condition
from .target_blocks import TargetBlocks
from .tiling import batch_shape, windows_and_batches
from .window_circuit import MAX_FACTORED_WIDTH
from .window_operation import WindowOperation

__all__ = [
    "AbstractExecutor",
    "BatchCheckpoint",
    "BlockGeometry",
    "CURRENT_WRT",
    "CheckpointFolder",
    "Condition",
    "ConnectivityAnalysis",
    "CurrentSensitivity",
    "DaskExecutor",
    "ExponentialKernel",
    "MAX_FACTORED_WIDTH",
    "MovingWindowCurrent",
    "MovingWindowCurrentResult",
    "MultiDeviceExecutor",
    "NpyRaster",
    "SensitivityAnalysis",
    "SerialExecutor",
    "TargetBlocks",
    "WINDOWS_PER_CHUNK",
    "WindowOperation",
    "WindowedConnectivity",
    "WindowedSensitivity",
    "batch_shape",
    "interpolate_blocks",
    "windows_and_batches",
]
