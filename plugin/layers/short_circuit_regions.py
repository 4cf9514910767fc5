"""Regions of a landscape that are drawn as polygons: all that touch each other's cells are one."""

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
    """Return the regions as a raster of numbers from 1 on, int64 (rows, columns), 0 outside all of them.

    Parameters
    ----------
    source
        Features of a polygon layer; those that share a cell are one region.
    grid
        The landscape's grid.
    context, feedback
        Knows which coordinate operations the project prefers; hears where a CRS is missing.
    name
        What the messages call the layer.

    Raises
    ------
    QgsProcessingException
        Not a layer of polygons, or no centre of a cell lies in any of them.
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
            continue  # where the projection is not defined, there is no raster either
        cells = [cell for cell in cells_inside(geometry, grid) if cell is not None]
        if not cells:
            continue
        place = tuple(np.transpose(cells))
        met = np.unique(regions[place])
        regions[place] = number
        if (met > 0).any():
            regions[np.isin(regions, met[met > 0])] = number
    if not regions.any():
        raise QgsProcessingException(
            tr("No polygon of '{layer}' holds the centre of a cell of the raster. Check its CRS.").format(layer=name)
        )
    return regions
