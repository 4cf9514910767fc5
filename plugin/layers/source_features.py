"""Source cells from a layer of points, lines or polygons."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingFeedback, QgsWkbTypes

from ..i18n import tr
from .cell_mask import CellMask
from .features import FeatureReader, require_features
from .focal_node_features import read_focal_nodes
from .points import Points, read_points
from .raster_grid import RasterGrid


def read_sources(
    reader: FeatureReader,
    grid: RasterGrid,
    valid: np.ndarray | CellMask,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    *,
    barrier: np.ndarray | CellMask | None = None,
    regions: bool,
) -> Points:
    """Return the cells of sources: of each point, line or polygon, or of points alone.

    Parameters
    ----------
    reader, grid, valid, context, feedback, barrier
        As for `read_points`.
    regions
        Whether a source may have several cells, so that lines and polygons are accepted.

    Raises
    ------
    QgsProcessingException
        As `read_points` and `read_focal_nodes`; lines and polygons may share cells.
    """
    if not regions or reader.geometry_type == QgsWkbTypes.GeometryType.PointGeometry:
        return read_points(reader, grid, valid, context, feedback, barrier)
    require_features(reader, tr("sources"))
    nodes = read_focal_nodes(reader, grid, valid, context, feedback, barrier=barrier, at_least=1, disjoint=False)
    return Points(nodes.cells, nodes.names, nodes.labels, nodes.owners)
