"""Write a result as a GeoTIFF that is either complete or not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qgis.core import QgsProcessingFeedback

from .frame import Frame


def write_raster(
    path: str,
    array: np.ndarray,
    frame: Frame,
    *,
    dtype: str = "float32",
    band_names: Sequence[str] = (),
    feedback: QgsProcessingFeedback,
) -> float:
    """Write an array as a compressed, tiled GeoTIFF on the grid of its input.

    Parameters
    ----------
    path
        Where to; ends in ``.tif`` or ``.tiff``. What is there already is replaced only when the new file is complete.
    array
        (rows, columns) or (bands, rows, columns). NaN becomes nodata; infinity stays infinity.
    frame
        The input's grid; also offers the nodata value.
    dtype
        ``"float32"``, ``"float64"`` or ``"int32"``: how values are stored.
    band_names
        One description per band, or none.
    feedback
        Hears about progress, and is asked whether to go on.

    Returns
    -------
    float
        The value that marks nodata in the file: the input's where it fits, else −9999.

    Raises
    ------
    QgsProcessingException
        The folder is missing or not writable, the disk is full, the array does not lie on the frame, or a value
        cannot be stored as `dtype`.
    """
    raise NotImplementedError
