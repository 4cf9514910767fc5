"""QGIS layers to arrays and back: reading, checking, aligning, source cells, writing.

Whatever QGIS opens becomes a `Raster` (float64 values, a mask, the grid they lie on, called its `Frame`); whatever
the engine returns goes back as a GeoTIFF on the frame of its input.
"""

from ..cancelled import Cancelled
from .alignment import align
from .checking import check_landscape
from .frame import Frame, Raster
from .points import Points, cells_of, read_points
from .reading import read_raster
from .writing import write_raster

__all__ = [
    "Cancelled",
    "Frame",
    "Points",
    "Raster",
    "align",
    "cells_of",
    "check_landscape",
    "read_points",
    "read_raster",
    "write_raster",
]
