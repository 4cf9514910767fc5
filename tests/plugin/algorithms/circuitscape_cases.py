"""Circuitscape's verification cases, and its rasters as they are written."""

import numpy as np
from osgeo import gdal

from .conftest import REFERENCE_DATA

CIRCUITSCAPE = REFERENCE_DATA / "circuitscape"
CASES = sorted((CIRCUITSCAPE / "input").rglob("*.ini"))


def read_raster(path):
    """Read the values, nodata as its number, and the geotransform of a raster."""
    dataset = gdal.OpenEx(str(path), open_options=["DATATYPE=Float64"])
    band = dataset.GetRasterBand(1)
    values = np.frombuffer(band.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(band.YSize, band.XSize)
    return values, dataset.GetGeoTransform()
