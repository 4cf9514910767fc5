"""Bring a second raster onto the grid of the first."""

from __future__ import annotations

from qgis.core import QgsProcessingFeedback, QgsRasterLayer

from .frame import Frame, Raster


def align(raster_layer: QgsRasterLayer, band: int, frame: Frame, feedback: QgsProcessingFeedback) -> Raster:
    """Read a band and, where it does not lie on `frame`, resample it there, saying so in the log.

    Whole numbers (classes, 0/1 masks) take the nearest cell, anything else is interpolated bilinearly.

    Raises
    ------
    QgsProcessingException
        The layer cannot be read, cannot be brought into the CRS of `frame`, or does not overlap it.
    """
    raise NotImplementedError
