#!/usr/bin/env python3
"""Make Permea's sample landscape from a Landsat 7 scene of Olinda and Recife, Brazil.

Reads `olinda/L7_ETMs.tif` from the folder that the environment variable `PERMEA_REFERENCE_DATA` names
(default: `../shared/data` next to the repository) and writes `permeability.tif`, `quality.tif`, `land_cover.tif`,
`land_cover_classes.csv` and `patches.gpkg` into `resources/sample/`. It needs GDAL and numpy, which QGIS's Python has.

    /usr/bin/python3 resources/scripts/make_sample.py
"""

from __future__ import annotations

import csv
import os
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from osgeo import gdal, ogr, osr

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "sample"

# Water is dark in the short-wave infrared: the histogram of band 5 has a deep valley between water (about 13) and land
# (about 36 and above). Rivers are narrow, and their pixels include the banks: the limit lies on the side of the land.
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


@dataclass(frozen=True)
class LandCover:
    """A land-cover class: number, name, permeability to a forest animal, and colour."""

    number: int
    name: str
    permeability: float
    colour: str


WATER = LandCover(1, "Water", 0.0, "#7fb2d9")
MANGROVE = LandCover(2, "Mangrove and wet vegetation", 0.8, "#5b7f4f")
FOREST = LandCover(3, "Forest", 1.0, "#1e5b33")
SCRUB = LandCover(4, "Scrub, farmland and parks", 0.5, "#9cc06a")
SUBURB = LandCover(5, "Built-up with gardens", 0.1, "#e3cfa4")
CITY = LandCover(6, "Dense built-up", 0.03, "#b9766a")
BARE = LandCover(7, "Bare ground, sand and bright roofs", 0.05, "#f3ead6")
LAND_COVER = (WATER, MANGROVE, FOREST, SCRUB, SUBURB, CITY, BARE)
NO_LAND_COVER = 0

# Closed canopies are green, and dark in band 5; wet ones darker than any slope in the shadow.
NDVI_CLOSED = 0.33
BAND_5_CANOPY = 95
BAND_5_WET = 48
NDVI_WET = 0.05
NDVI_GREEN = 0.15
# Half a pixel of trees lifts the NDVI of a street from about -0.2 to about 0.
NDVI_GARDENS = -0.08
BAND_5_BRIGHT = 140
SMALLEST_PATCH = 5

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
    """Return the mask with every patch (of either value) smaller than `smallest` cells merged into its surroundings."""
    return sieved(mask.astype(np.uint8), smallest, connectedness, np.ones_like(mask)).astype(bool)


def sieved(classes: np.ndarray, smallest: int, connectedness: int, active: np.ndarray) -> np.ndarray:
    """Return the classes, uint8, with every patch of fewer than `smallest` cells merged into its largest neighbour.

    Inactive cells keep their class, and no patch is merged into them.
    """
    rows, cols = classes.shape
    dataset = gdal.GetDriverByName("MEM").Create("", cols, rows, 2, gdal.GDT_Byte)
    band, mask = dataset.GetRasterBand(1), dataset.GetRasterBand(2)
    band.WriteRaster(0, 0, cols, rows, classes.tobytes())
    mask.WriteRaster(0, 0, cols, rows, active.astype(np.uint8).tobytes())
    gdal.SieveFilter(band, mask, band, smallest, connectedness)
    return np.frombuffer(band.ReadRaster(), dtype=np.uint8).reshape(classes.shape)


def water_of(bands: np.ndarray, ndvi: np.ndarray) -> np.ndarray:
    """Return the mask of the sea, rivers and lagoons."""
    dark = (bands[4] < WATER_BAND_5) & (ndvi < WATER_NDVI)
    # Rivers are connected along diagonals, so small dark patches are sieved with 8 neighbours …
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
    """Return habitat quality, 0 to 1, from the mean NDVI of the surroundings: a single garden tree is not habitat."""
    around = window_mean(ndvi, land, HABITAT_WINDOW)
    return np.round(np.clip((around - NDVI_HABITAT_BEGINS) / (NDVI_FOREST - NDVI_HABITAT_BEGINS), 0.0, 1.0), 2)


def land_cover_of(bands: np.ndarray, ndvi: np.ndarray, water: np.ndarray) -> np.ndarray:
    """Return the number of the land-cover class of every cell, uint8; `NO_LAND_COVER` where the scene has no data."""
    band_5 = bands[4]
    rules = (
        (water, WATER),
        ((ndvi >= NDVI_WET) & (band_5 < BAND_5_WET), MANGROVE),
        ((ndvi >= NDVI_CLOSED) & (band_5 < BAND_5_CANOPY), FOREST),
        (ndvi >= NDVI_GREEN, SCRUB),
        (band_5 >= BAND_5_BRIGHT, BARE),
        (ndvi >= NDVI_GARDENS, SUBURB),
    )
    # The first matching rule applies.
    numbers = [cover_class.number for _, cover_class in rules]
    chosen = np.select([condition for condition, _ in rules], numbers, CITY.number).astype(np.uint8)
    no_data = (bands == 0).all(axis=0)
    merged = sieved(chosen, SMALLEST_PATCH, 8, ~(water | no_data))
    return np.where(no_data, NO_LAND_COVER, merged).astype(np.uint8)


def largest_component(land: np.ndarray) -> np.ndarray:
    """Return the mask of the largest 8-connected component of land."""
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
    stored = np.where(land, values, NODATA).astype(np.float32)
    write_band(name, stored, gdal.GDT_Float32, NODATA, like, description, ["PREDICTOR=3"])


def write_land_cover(classes: np.ndarray, like: gdal.Dataset) -> None:
    """Write the land cover, with its colours, and the table of its classes."""
    colours = gdal.ColorTable()
    for cover_class in LAND_COVER:
        colours.SetColorEntry(cover_class.number, tuple(bytes.fromhex(cover_class.colour[1:])) + (255,))
    write_band("land_cover.tif", classes, gdal.GDT_Byte, NO_LAND_COVER, like, "land cover", [], colours)
    path = SAMPLE / "land_cover_classes.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["class", "name", "permeability"])
        table.writerows(
            [cover_class.number, cover_class.name, f"{cover_class.permeability:g}"] for cover_class in LAND_COVER
        )
    for cover_class in LAND_COVER:
        print(f"  {cover_class.number} {cover_class.name}: {(classes == cover_class.number).sum():,} cells")
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes, {len(LAND_COVER)} classes")


def write_band(
    name: str,
    stored: np.ndarray,
    kind: int,
    nodata: float,
    like: gdal.Dataset,
    description: str,
    options: list[str],
    colours: gdal.ColorTable | None = None,
) -> None:
    """Write one band as GeoTIFF into the sample's folder."""
    path = SAMPLE / name
    options = ["COMPRESS=DEFLATE", *options, "ZLEVEL=9", "TILED=YES"]
    dataset = gdal.GetDriverByName("GTiff").Create(str(path), like.RasterXSize, like.RasterYSize, 1, kind, options)
    dataset.SetGeoTransform(like.GetGeoTransform())
    dataset.SetProjection(like.GetProjection())
    band = dataset.GetRasterBand(1)
    band.SetNoDataValue(nodata)
    band.SetDescription(description)
    if colours is not None:
        band.SetColorTable(colours)
    band.WriteRaster(0, 0, like.RasterXSize, like.RasterYSize, stored.tobytes())
    # Statistics inside the file, so that programs that open it do not write an .aux.xml file.
    band.ComputeStatistics(False)
    band = dataset = None  # GDAL closes the file with its last reference
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB, {(stored != nodata).sum():,} cells of data")


def write_patches(like: gdal.Dataset, mainland: np.ndarray, quality: np.ndarray) -> None:
    """Write the habitat patches as points, after checking that each lies in habitat on the mainland."""
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
    layer = dataset = None  # GDAL closes the file with its last reference
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1024:.0f} KB, {len(PATCHES)} patches")


def main() -> int:
    """Write the sample."""
    gdal.UseExceptions()
    ogr.UseExceptions()
    osr.UseExceptions()
    SAMPLE.mkdir(parents=True, exist_ok=True)
    bands, dataset = scene()
    ndvi = (bands[3] - bands[2]) / (bands[3] + bands[2])
    water = water_of(bands, ndvi)
    land = ~water
    quality = quality_of(ndvi, land)
    write_raster("permeability.tif", permeability_of(ndvi), land, dataset, "permeability")
    write_raster("quality.tif", quality, land, dataset, "habitat quality")
    write_land_cover(land_cover_of(bands, ndvi, water), dataset)
    write_patches(dataset, largest_component(land), quality)
    return 0


if __name__ == "__main__":
    sys.exit(main())
