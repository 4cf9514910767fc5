"""QGIS layers to arrays and back: reading, checking, aligning, source cells, focal nodes, writing.

Whatever QGIS opens becomes a `Raster` (float64 values, a mask, the grid they lie on, called its `Frame`), or, where it
may be too large for the memory, a `StreamedRaster` of the same in files; whatever the engine returns goes back as a
GeoTIFF on the frame of its input.
"""

from ..cancelled import Cancelled
from .alignment import align
from .checking import check_landscape
from .focal import FocalNodes, focal_nodes_of, read_focal_nodes
from .frame import Frame, Raster
from .points import Points, cells_of, read_points
from .quality import QualityCheck
from .reading import Band, open_band, read_raster
from .streaming import StreamedRaster, stream_landscape, stream_quality
from .writing import write_raster

__all__ = [
    "Band",
    "Cancelled",
    "FocalNodes",
    "Frame",
    "Points",
    "QualityCheck",
    "Raster",
    "StreamedRaster",
    "align",
    "cells_of",
    "check_landscape",
    "focal_nodes_of",
    "open_band",
    "read_focal_nodes",
    "read_points",
    "read_raster",
    "stream_landscape",
    "stream_quality",
    "write_raster",
]
