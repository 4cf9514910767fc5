"""Files that outlive a computation: rasters read by slices, atomic writing, checkpoints, caches of intermediate arrays.

A checkpoint is a folder with a manifest of parameters and fingerprints of the inputs, and arrays that are written
atomically. Batches of windows, cumulative currents and distance matrices all store their progress in one.
"""

from .array_store import ArrayStore
from .atomic import write_atomically
from .checkpoint import CheckpointFolder
from .disk_space import format_bytes, free_bytes, require_disk_space
from .fingerprint import hash_raster, row_strips, to_manifest
from .npy_bands import NpyBands
from .npy_raster import NpyRaster, as_raster, on_disk
from .raster_like import RasterLike
from .result_cache import ProgressCallback, ResultCache, no_progress

__all__ = [
    "ArrayStore",
    "CheckpointFolder",
    "NpyBands",
    "NpyRaster",
    "ProgressCallback",
    "RasterLike",
    "ResultCache",
    "as_raster",
    "format_bytes",
    "free_bytes",
    "hash_raster",
    "no_progress",
    "on_disk",
    "require_disk_space",
    "row_strips",
    "to_manifest",
    "write_atomically",
]
