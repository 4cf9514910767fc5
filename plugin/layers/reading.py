"""Read one band of any raster layer that QGIS opens."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsRasterLayer

from .frame import Raster


def read_raster(layer: QgsRasterLayer, band: int, feedback: QgsProcessingFeedback) -> Raster:
    """Read one band into memory as float64, in blocks, with progress.

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
    """
    raise NotImplementedError
