"""Bring a second raster onto the grid of the first."""

from __future__ import annotations

import numpy as np
from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsRasterLayer,
)

from ..cancelled import stop_if_cancelled
from ..translation import tr
from .checking import cells_in_words, refuse_infinite, refuse_nan
from .frame import Frame, Raster
from .gdal_errors import collected_gdal_errors
from .reading import read_raster


def align(raster_layer: QgsRasterLayer, band: int, frame: Frame, feedback: QgsProcessingFeedback) -> Raster:
    """Read a band and, where it does not lie on `frame`, resample it there, saying so in the log.

    Whole numbers (classes, 0/1 masks) take the nearest cell, anything else is interpolated bilinearly.

    Parameters
    ----------
    raster_layer, band
        What to read; bands count from 1.
    frame
        The grid of the first raster.
    feedback
        Hears what was done, and is asked whether to go on.

    Raises
    ------
    QgsProcessingException
        The layer cannot be read, cannot be brought into the CRS of `frame`, does not overlap it, or needs resampling
        and holds NaN or infinite values that are not nodata.
    """
    raster = read_raster(raster_layer, band, feedback)
    if raster.frame.crs.isValid() != frame.crs.isValid():
        feedback.pushWarning(
            tr("'{layer}': one of the two rasters has no CRS; they are taken to be in the same one.").format(
                layer=raster.name
            )
        )
    if raster.frame.same_grid_as(frame):
        return Raster(raster.name, raster.values, raster.valid, frame)
    refuse_nan(raster)
    refuse_infinite(raster)
    return _resampled(raster, frame, feedback)


def wkt(crs: QgsCoordinateReferenceSystem) -> str:
    """The CRS in the words that GDAL understands best; empty where it is not valid."""
    return crs.toWkt(QgsCoordinateReferenceSystem.WktVariant.WKT2_2019) if crs.isValid() else ""


def _resampled(raster: Raster, frame: Frame, feedback: QgsProcessingFeedback) -> Raster:
    known = raster.values[raster.valid]
    whole_numbers = bool((known == np.rint(known)).all())
    both_known = raster.frame.crs.isValid() and frame.crs.isValid()
    (left, top), (right, bottom) = frame.corners()
    crs = {"srcSRS": wkt(raster.frame.crs), "dstSRS": wkt(frame.crs)} if both_known else {}
    options = gdal.WarpOptions(
        format="MEM",
        outputBounds=(left, bottom, right, top),
        width=frame.columns,
        height=frame.rows,
        resampleAlg="near" if whole_numbers else "bilinear",
        srcNodata="nan",
        dstNodata="nan",
        errorThreshold=0,  # exact coordinates: an approximation may pick the neighbouring cell
        callback=lambda *_: 0 if feedback.isCanceled() else 1,
        **crs,
    )
    values = np.empty((frame.rows, frame.columns), np.float64)
    with collected_gdal_errors() as errors:
        warped = gdal.Warp("", _in_memory(raster), options=options)
        if warped is not None:
            warped.GetRasterBand(1).ReadRaster(buf_type=gdal.GDT_Float64, buf_obj=values)
    stop_if_cancelled(feedback)
    if errors:
        raise QgsProcessingException(
            tr("'{layer}' ({from_}) cannot be brought onto the grid of the first raster ({to}): {reason}").format(
                layer=raster.name, from_=raster.frame, to=frame, reason=errors[-1]
            )
        )
    valid = ~np.isnan(values)
    covered = int(np.count_nonzero(valid))
    if not covered:
        raise QgsProcessingException(
            tr(
                "'{layer}' ({from_}) has no values where the first raster lies ({to}). "
                "Check that both are in the CRS they claim to be in."
            ).format(layer=raster.name, from_=raster.frame, to=frame)
        )
    feedback.pushWarning(
        tr(
            "'{layer}' did not lie on the grid of the first raster and was resampled ({method}), "
            "from {from_} to {to}; it has values in {covered} of {all}."
        ).format(
            layer=raster.name,
            method=tr("nearest cell, as it holds whole numbers") if whole_numbers else tr("bilinear"),
            from_=raster.frame,
            to=frame,
            covered=covered,
            all=cells_in_words(values.size),
        )
    )
    return Raster(raster.name, values, valid, frame)


def _in_memory(raster: Raster) -> gdal.Dataset:
    frame = raster.frame
    dataset = gdal.GetDriverByName("MEM").Create("", frame.columns, frame.rows, 1, gdal.GDT_Float64)
    dataset.SetGeoTransform(frame.geotransform)
    band = dataset.GetRasterBand(1)
    band.SetNoDataValue(np.nan)
    band.WriteRaster(0, 0, frame.columns, frame.rows, np.ascontiguousarray(raster.values), buf_type=gdal.GDT_Float64)
    return dataset
