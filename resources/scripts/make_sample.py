#!/usr/bin/env python3
"""Make Permea's sample landscape from a Landsat 7 scene of Olinda and Recife, Brazil.

Reads `olinda/L7_ETMs.tif` from the folder that the environment variable `PERMEA_REFERENCE_DATA` names
(default: `../shared/data` beside the repository's root) and writes `permeability.tif`, `quality.tif` and
`patches.gpkg` into `resources/sample/`. It needs GDAL and numpy, which QGIS's Python has.

    /usr/bin/python3 resources/scripts/make_sample.py
"""

from __future__ import annotations

import os
import sys
from collections import deque
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "sample"

# Water is dark in the short-wave infrared: the histogram of band 5 has a deep valley between water (about 13) and land
# (from about 36 on). Rivers are narrow, so their pixels are mixed with the banks: the limit lies on the land's side.
# Wet mangrove is as dark in band 5 as a mixed river pixel but has vegetation's NDVI, hence the second limit.
WATER_BAND_5 = 45
WATER_NDVI = -0.05
# Shadows and dark roofs are a few pixels; foam on the reef and ships are "land" of a few pixels in the sea.
SMALLEST_WATER = 15
SMALLEST_LAND = 60

# NDVI of digital numbers, not of reflectance: roofs and asphalt lie near -0.25, closed forest above 0.42.
NDVI_CITY = -0.25
NDVI_FOREST = 0.45
LEAST_PERMEABLE = 0.02
NDVI_HABITAT_BEGINS = 0.10
HABITAT_WINDOW = 5

NODATA = -9999.0
SMALLEST_HABITAT_QUALITY = 0.5

# Habitat patches, placed by eye in the dense vegetation of a false-colour picture (bands 4, 5, 3).
PATCHES = (
    ("Estuary mangrove", 297739.5, 9119891.5),
    ("North-western forest", 290158.5, 9119378.5),
    ("Northern hills", 292267.5, 9120290.5),
    ("North-eastern wood", 294975.0, 9120176.5),
    ("Central hills", 292296.0, 9116956.0),
    ("Western city forest", 289275.0, 9115417.0),
    ("Eastern city forest", 294690.0, 9115132.0),
    ("City park wood", 291298.5, 9113707.0),
    ("River-mouth mangrove", 294234.0, 9112966.0),
)


def scene() -> tuple[np.ndarray, gdal.Dataset]:
    """Return the scene's bands as float64 (6, rows, cols), and its open dataset."""
    folder = Path(os.environ.get("PERMEA_REFERENCE_DATA") or ROOT.parent / "shared" / "data")
    path = folder / "olinda" / "L7_ETMs.tif"
    if not path.is_file():
        raise SystemExit(
            f"{path} does not exist: set PERMEA_REFERENCE_DATA to the folder that holds olinda/L7_ETMs.tif."
        )
    dataset = gdal.Open(str(path))
    shape = (dataset.RasterCount, dataset.RasterYSize, dataset.RasterXSize)
    return np.frombuffer(dataset.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(shape), dataset


def without_small_patches(mask: np.ndarray, smallest: int, connectedness: int) -> np.ndarray:
    """Return the mask with every patch (of either value) of fewer than `smallest` cells given to its surroundings."""
    rows, cols = mask.shape
    dataset = gdal.GetDriverByName("MEM").Create("", cols, rows, 1, gdal.GDT_Byte)
    band = dataset.GetRasterBand(1)
    band.WriteRaster(0, 0, cols, rows, mask.astype(np.uint8).tobytes())
    gdal.SieveFilter(band, None, band, smallest, connectedness)
    return np.frombuffer(band.ReadRaster(), dtype=np.uint8).reshape(mask.shape).astype(bool)


def water_of(bands: np.ndarray, ndvi: np.ndarray) -> np.ndarray:
    """Return True where the sea, a river or a lagoon is."""
    dark = (bands[4] < WATER_BAND_5) & (ndvi < WATER_NDVI)
    # Rivers hold together along diagonals, so the small dark patches are judged with 8 neighbours …
    water = dark & without_small_patches(dark, SMALLEST_WATER, 8)
    # … and islets and foam with 4.
    return water | without_small_patches(water, SMALLEST_LAND, 4)


def window_mean(values: np.ndarray, valid: np.ndarray, size: int) -> np.ndarray:
    """Return the mean of the valid values in a square window around every cell."""

    def total(array: np.ndarray) -> np.ndarray:
        padded = np.pad(array, size // 2)
        windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))
        return windows.sum(axis=(2, 3))

    return total(np.where(valid, values, 0.0)) / np.maximum(total(valid.astype(float)), 1.0)


def permeability_of(ndvi: np.ndarray) -> np.ndarray:
    """Return permeability: 0.02 in the densest city to 1 in closed forest, exponential in NDVI."""
    greenness = np.clip((ndvi - NDVI_CITY) / (NDVI_FOREST - NDVI_CITY), 0.0, 1.0)
    return np.round(LEAST_PERMEABLE ** (1.0 - greenness), 3)


def quality_of(ndvi: np.ndarray, land: np.ndarray) -> np.ndarray:
    """Return habitat quality, 0 to 1, from the mean NDVI of the surroundings: a single garden tree is no habitat."""
    around = window_mean(ndvi, land, HABITAT_WINDOW)
    return np.round(np.clip((around - NDVI_HABITAT_BEGINS) / (NDVI_FOREST - NDVI_HABITAT_BEGINS), 0.0, 1.0), 2)


def largest_component(land: np.ndarray) -> np.ndarray:
    """Return True in the largest patch of land whose cells touch by a side or a corner."""
    unseen, largest = land.copy(), []
    rows, cols = land.shape
    while len(largest) < unseen.sum():
        start = tuple(np.argwhere(unseen)[0])
        unseen[start] = False
        component, queue = [start], deque([start])
        while queue:
            row, col = queue.popleft()
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                for c in range(max(col - 1, 0), min(col + 2, cols)):
                    if unseen[r, c]:
                        unseen[r, c] = False
                        component.append((r, c))
                        queue.append((r, c))
        largest = max(largest, component, key=len)
    mask = np.zeros_like(land)
    mask[tuple(np.array(largest).T)] = True
    return mask


def write_raster(name: str, values: np.ndarray, land: np.ndarray, like: gdal.Dataset, description: str) -> None:
    """Write one float32 GeoTIFF into the sample's folder, nodata where there is no land."""
    path = SAMPLE / name
    options = ["COMPRESS=DEFLATE", "PREDICTOR=3", "ZLEVEL=9", "TILED=YES"]
    dataset = gdal.GetDriverByName("GTiff").Create(
        str(path), like.RasterXSize, like.RasterYSize, 1, gdal.GDT_Float32, options
    )
    dataset.SetGeoTransform(like.GetGeoTransform())
    dataset.SetProjection(like.GetProjection())
    band = dataset.GetRasterBand(1)
    band.SetNoDataValue(NODATA)
    band.SetDescription(description)
    stored = np.where(land, values, NODATA).astype(np.float32)
    band.WriteRaster(0, 0, like.RasterXSize, like.RasterYSize, stored.tobytes())
    # Statistics inside the file, so that no program that opens it writes an .aux.xml beside it.
    band.ComputeStatistics(False)
    band = dataset = None  # GDAL closes the file when its last name goes
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB, {land.sum():,} land cells")


def write_patches(like: gdal.Dataset, mainland: np.ndarray, quality: np.ndarray) -> None:
    """Write the habitat patches as points, after checking that each stands in habitat on the mainland."""
    path = SAMPLE / "patches.gpkg"
    path.unlink(missing_ok=True)
    # A fixed date, so that the same scene always gives the same file.
    gdal.SetConfigOption("OGR_CURRENT_DATE", "2000-01-01T00:00:00.000Z")
    reference = osr.SpatialReference(wkt=like.GetProjection())
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("patches", reference, ogr.wkbPoint, ["FID=fid"])
    layer.CreateField(ogr.FieldDefn("id", ogr.OFTInteger))
    layer.CreateField(ogr.FieldDefn("name", ogr.OFTString))
    left, width, _, top, _, height = like.GetGeoTransform()
    for number, (name, x, y) in enumerate(PATCHES, start=1):
        cell = int((y - top) / height), int((x - left) / width)
        if not mainland[cell] or quality[cell] < SMALLEST_HABITAT_QUALITY:
            raise SystemExit(
                f"Patch {number} ({name}) is not in habitat on the mainland: "
                f"quality {quality[cell]} at row, column {cell}."
            )
        feature = ogr.Feature(layer.GetLayerDefn())
        feature["id"], feature["name"] = number, name
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POINT ({x} {y})"))
        layer.CreateFeature(feature)
    layer = dataset = None  # GDAL closes the file when its last name goes
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB, {len(PATCHES)} patches")


def main() -> int:
    """Write the sample."""
    gdal.UseExceptions()
    ogr.UseExceptions()
    osr.UseExceptions()
    SAMPLE.mkdir(parents=True, exist_ok=True)
    bands, dataset = scene()
    ndvi = (bands[3] - bands[2]) / (bands[3] + bands[2])
    land = ~water_of(bands, ndvi)
    quality = quality_of(ndvi, land)
    write_raster("permeability.tif", permeability_of(ndvi), land, dataset, "permeability")
    write_raster("quality.tif", quality, land, dataset, "habitat quality")
    write_patches(dataset, largest_component(land), quality)
    return 0


if __name__ == "__main__":
    sys.exit(main())
