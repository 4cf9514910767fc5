"""Read one band of any raster layer that QGIS opens."""

from __future__ import annotations

import numpy as np
from qgis.core import QgsProcessingException, QgsProcessingFeedback, QgsRasterLayer

from ..cancelled import stop_if_cancelled
from ..translation import tr
from .frame import Raster
from .gdal_band import GdalBand
from .provider_band import ProviderBand

# Small enough that a cancel is noticed soon, large enough that a call costs nothing beside the reading.
CELLS_PER_BLOCK = 1 << 20


def read_raster(layer: QgsRasterLayer, band: int, feedback: QgsProcessingFeedback) -> Raster:
    """Read one band into memory as float64, in blocks, with progress.

    What GDAL opens is read through GDAL, in the precision of the file; everything else through the layer's data
    provider.

    Parameters
    ----------
    layer
        Any raster layer that QGIS opens.
    band
        Counted from 1.
    feedback
        Hears about progress, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        The layer cannot be read, the band does not exist or holds no real numbers, or the raster is rotated or
        south-up (the message says how to straighten it).
    Cancelled
        The user cancelled.
    """
    if layer is None or not layer.isValid() or layer.dataProvider() is None:
        name = layer.name() if layer is not None else ""
        raise QgsProcessingException(
            tr("The raster layer '{layer}' cannot be opened. Is its file still there?").format(layer=name)
        )
    if not 1 <= band <= layer.bandCount():
        raise QgsProcessingException(
            tr("'{layer}' has no band {band}: its bands are numbered from 1 to {count}.").format(
                layer=layer.name(), band=band, count=layer.bandCount()
            )
        )
    source = GdalBand.of(layer, band) or ProviderBand(layer, band)
    frame = source.frame
    values = _allocate(layer.name(), (frame.rows, frame.columns), np.float64)
    valid = _allocate(layer.name(), (frame.rows, frame.columns), bool)
    blocks = max(1, CELLS_PER_BLOCK // (frame.columns * source.block_rows))
    step = blocks * source.block_rows
    for first in range(0, frame.rows, step):
        stop_if_cancelled(feedback)
        rows = min(step, frame.rows - first)
        values[first : first + rows], valid[first : first + rows] = source.read(first, rows)
        feedback.setProgress(100 * (first + rows) / frame.rows)
    values[~valid] = np.nan
    return Raster(layer.name(), values, valid, frame)


def _allocate(name: str, shape: tuple[int, int], dtype: type) -> np.ndarray:
    try:
        return np.empty(shape, dtype)
    except MemoryError as error:
        raise QgsProcessingException(
            tr("'{layer}' ({rows} × {columns} cells) does not fit into memory. Clip it or use coarser cells.").format(
                layer=name, rows=shape[0], columns=shape[1]
            )
        ) from error
