"""Source and target cells: from a point layer, or from a raster."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qgis.core import QgsProcessingContext, QgsProcessingFeatureSource, QgsProcessingFeedback

from .frame import Frame, Raster


@dataclass(frozen=True)
class Points:
    """Cells that points fall into.

    Parameters
    ----------
    cells
        int64 (k, 2): row and column, counted from 0, no cell twice.
    ids
        Of each cell, the id of the feature it came from.
    labels
        Of each cell, a text to name it by: the feature's `name` (or `label`) where it has one, else its id.
    """

    cells: np.ndarray
    ids: list[int]
    labels: list[str]


def read_points(
    source: QgsProcessingFeatureSource,
    frame: Frame,
    valid: np.ndarray,
    context: QgsProcessingContext,
    feedback: QgsProcessingFeedback,
    name: str,
) -> Points:
    """Find the cells that the points of a layer fall into.

    Points are brought into the CRS of `frame`; every point of a multipoint counts. Points outside the raster or on
    nodata are left out with a warning that lists their feature ids; of several points in one cell one is kept,
    again with a warning.

    Parameters
    ----------
    source
        Features of a point layer.
    frame, valid
        The landscape's grid, and its mask, bool (rows, columns).
    context
        Knows which coordinate operations the project prefers.
    feedback
        Hears the warnings.
    name
        What the messages call the layer.

    Raises
    ------
    QgsProcessingException
        The layer is empty, holds no points, or no point falls on a valid cell.
    """
    raise NotImplementedError


def cells_of(
    raster: Raster, valid: np.ndarray | None = None, feedback: QgsProcessingFeedback | None = None
) -> np.ndarray:
    """Cells of a source raster that are neither nodata nor zero, int64 (k, 2), rows first.

    With `valid`, the landscape's mask, cells on its nodata are left out with a warning to `feedback`.

    Raises
    ------
    QgsProcessingException
        There is no such cell, or a value is NaN.
    """
    raise NotImplementedError
