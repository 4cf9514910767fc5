"""Short-circuit regions from polygons; polygons that share a cell form one region."""

from __future__ import annotations

import numpy as np
from qgis.core import (
    QgsCsException,
    QgsGeometry,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsWkbTypes,
)

from ..i18n import tr
from .points import transform_to
from .raster_grid import RasterGrid
from .rasterize import cells_inside


def regions_in(
    source: QgsProcessingFeatureSource,
    grid: RasterGrid,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    name: str,
) -> np.ndarray:
    """Return the regions as a raster of positive labels, int64 (rows, columns), 0 outside the regions.

    Parameters
    ----------
    source
        Features of a polygon layer; features that share a cell form one region.
    grid
        Grid of the landscape.
    context, feedback
        Provides the project's coordinate operations; receives a warning if a CRS is missing.
    name
        Name of the layer, for messages.

    Raises
    ------
    QgsProcessingException
        If the layer is not a polygon layer, or no polygon contains a cell centre.
    """
    if QgsWkbTypes.geometryType(source.wkbType()) != QgsWkbTypes.GeometryType.PolygonGeometry:
        raise QgsProcessingException(tr("'{layer}' is not a polygon layer.").format(layer=name))
    transform = transform_to(grid, source, context, feedback, name)
    regions = np.zeros((grid.rows, grid.columns), np.int64)
    for number, feature in enumerate(source.getFeatures(), 1):
        geometry = QgsGeometry(feature.geometry())
        try:
            geometry.transform(transform)
        except QgsCsException:
            continue  # a polygon that cannot be projected lies outside the raster
        cells = [cell for cell in cells_inside(geometry, grid) if cell is not None]
        if not cells:
            continue
        index = tuple(np.transpose(cells))
        overlapping = np.unique(regions[index])
        regions[index] = number
        if (overlapping > 0).any():
            regions[np.isin(regions, overlapping[overlapping > 0])] = number
    if not regions.any():
        raise QgsProcessingException(
            tr("No polygon of '{layer}' contains a cell centre of the raster. Check its CRS.").format(layer=name)
        )
    return regions
