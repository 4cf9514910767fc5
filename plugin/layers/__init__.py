"""QGIS layers to arrays and back: reading, checking, aligning, source cells, focal nodes, writing.

Whatever QGIS opens becomes a `Raster` (float64 values, a mask, the grid they lie on, called its `Frame`), or, where it
may be too large for the memory, a `StreamedRaster` of the same in files; whatever the engine returns goes back as a
GeoTIFF on the frame of its input.
"""

from ..cancelled import Cancelled
from .alignment import align
from .amounts import amounts_at_points, amounts_of_raster
from .checking import check_landscape
from .focal import FocalNodes, focal_nodes_of, read_focal_nodes
from .frame import Frame, Raster
from .points import Points, cells_of, read_points
from .quality import QualityCheck
from .reading import Band, open_band, read_raster
from .reclassifying import Reclassified, reclassify
from .regions import regions_in
from .streaming import (
    StreamedRaster,
    stream_condition,
    stream_landscape,
    stream_places,
    stream_quality,
    stream_strengths,
)
from .writing import write_raster

__all__ = [
    "Band",
    "Cancelled",
    "FocalNodes",
    "Frame",
    "Points",
    "QualityCheck",
    "Raster",
    "Reclassified",
    "StreamedRaster",
    "align",
    "amounts_at_points",
    "amounts_of_raster",
    "cells_of",
    "check_landscape",
    "focal_nodes_of",
    "open_band",
    "read_focal_nodes",
    "read_points",
    "read_raster",
    "reclassify",
    "regions_in",
    "stream_condition",
    "stream_landscape",
    "stream_places",
    "stream_quality",
    "stream_strengths",
    "write_raster",
]
