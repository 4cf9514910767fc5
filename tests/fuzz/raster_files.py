"""Raster layers of a valid kind, and errors in them."""

from __future__ import annotations

import os
import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mutation import Carrier, Mutation, mutate
from osgeo import gdal, osr
from qgis.core import QgsProject, QgsRasterLayer

ROWS, COLUMNS, PIXEL = 9, 12, 30.0
WEST, NORTH = 290_000.0, 9_120_000.0
NORTH_UP = (WEST, PIXEL, 0.0, NORTH, 0.0, -PIXEL)
UTM = "EPSG:31985"

# Few sizes, so that compiled code is used again.
SIZES = ((1, 1), (1, 7), (7, 1), (2, 2), (3, 40))
EXTREMES = (0.0, -1.0, -1e-300, 1e-300, 5e-324, 1e-30, 1e30, 1e300, np.nan, np.inf, -np.inf, 3.4e38)
SENTINELS = (-9999.0, -1.0, 0.0, 255.0, 65535.0, 1e30, 3.4028234663852886e38, -3.4e38, 1e300)
TYPES = (gdal.GDT_Byte, gdal.GDT_UInt16, gdal.GDT_Int16, gdal.GDT_Int32, gdal.GDT_Float32, gdal.GDT_CFloat32)
ODD_NAMES = ("with space", "ünï cödé", 'quote\'s "and" more', "per%20cent", "semi;colon", "dots.in.name", "x" * 200)


@dataclass
class RasterFile:
    """A raster to be written, whose parts mutations replace."""

    bands: np.ndarray  # (bands, rows, columns)
    type: int = gdal.GDT_Float64
    nodata: float | None = None
    geotransform: tuple[float, ...] | None = NORTH_UP
    crs: str = UTM
    name: str = "raster"
    suffix: str = ".tif"

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}{self.suffix}"
        count, rows, columns = self.bands.shape
        memory = gdal.GetDriverByName("MEM").Create("", columns, rows, count, self.type)
        if self.geotransform is not None:
            memory.SetGeoTransform(self.geotransform)
        if self.crs:
            reference = osr.SpatialReference()
            reference.SetFromUserInput(self.crs)
            memory.SetProjection(reference.ExportToWkt())
        for number, values in enumerate(self.bands, 1):
            band = memory.GetRasterBand(number)
            if self.nodata is not None:
                band.SetNoDataValue(self.nodata)
            content = np.ascontiguousarray(values, np.float64).tobytes()
            band.WriteRaster(0, 0, columns, rows, content, buf_type=gdal.GDT_Float64)
        driver = {".tif": "GTiff", ".asc": "AAIGrid", ".img": "HFA"}[self.suffix]
        if gdal.GetDriverByName(driver).CreateCopy(str(path), memory) is None:
            path.write_bytes(b"")  # what this driver cannot write is at least an empty file
        Path(f"{path}.aux.xml").unlink(missing_ok=True)
        return path

    def cells(self, rng: random.Random, count: int) -> tuple[np.ndarray, ...]:
        """Return the index of some cells."""
        size = self.bands.size
        return np.unravel_index(rng.sample(range(size), min(count, size)), self.bands.shape)


def valid_raster(role: str, rng: random.Random) -> RasterFile:
    """Return a raster that every algorithm accepts in a role: landscape, quality, ids, marks, mask or classes."""
    generator = np.random.default_rng(rng.getrandbits(32))
    values = generator.uniform(0.1, 1.0, (1, ROWS, COLUMNS))
    if role == "landscape":
        values[0, 3:5, 4] = -1.0
        return RasterFile(values, nodata=-1.0, name="landscape")
    if role == "classes":
        return RasterFile(np.ceil(values * 3), gdal.GDT_Byte, 255.0, name="classes")
    if role in ("ids", "marks"):
        values[:] = 0.0
        values[0, 0, 0], values[0, 8, 2], values[0, 6, 9] = 1.0, 2.0, 3.0
        return RasterFile(values, gdal.GDT_Int32, name=role)
    if role == "mask":
        values[:] = 1.0
        values[0, 0, 11] = 0.0
    return RasterFile(values, name=role)


def raster_parameter(role: str, rng: random.Random, folder: Path) -> tuple[str, Any]:
    """Return a raster with random errors in words, and as the value of a parameter."""
    return mutate(valid_raster, role, MUTATIONS, CARRIERS, (_as_path, _as_layer), rng, folder)


# Errors inside the file.


def _size(raster: RasterFile, rng: random.Random) -> str:
    rows, columns = rng.choice(SIZES)
    raster.bands = np.resize(raster.bands, (len(raster.bands), rows, columns))
    return f"{rows} × {columns} cells"


def _type(raster: RasterFile, rng: random.Random) -> str:
    raster.type = rng.choice(TYPES)
    return f"type {gdal.GetDataTypeName(raster.type)}"


def _undeclared_nodata(raster: RasterFile, rng: random.Random) -> str:
    value = rng.choice(SENTINELS)
    raster.bands[raster.cells(rng, 4)], raster.nodata = value, None
    return f"undeclared nodata {value:g}"


def _declared_nodata(raster: RasterFile, rng: random.Random) -> str:
    raster.nodata = rng.choice((*SENTINELS, np.nan, np.inf))
    with np.errstate(over="ignore"):
        single = float(np.float32(raster.nodata))
    written = rng.choice((raster.nodata, single, float(f"{raster.nodata:.6g}")))
    raster.bands[raster.cells(rng, 4)] = written
    return f"declared nodata {raster.nodata!r}, written {written!r}"


def _all_nodata(raster: RasterFile, rng: random.Random) -> str:
    raster.nodata = -9999.0
    raster.bands[:] = -9999.0
    raster.bands[raster.cells(rng, rng.choice((1, 1, 2, 9)))] = 1.0
    return "nearly all nodata"


def _constant(raster: RasterFile, rng: random.Random) -> str:
    value = rng.choice(EXTREMES)
    raster.bands[:] = value
    return f"all cells {value:g}"


def _extreme_cells(raster: RasterFile, rng: random.Random) -> str:
    values = rng.sample(EXTREMES, rng.choice((1, 2)))
    for value in values:
        raster.bands[raster.cells(rng, rng.choice((1, 5)))] = value
    return "cells of " + " and ".join(f"{value:g}" for value in values)


def _contrast(raster: RasterFile, rng: random.Random) -> str:
    power = rng.choice((8, 30, 150, 300))
    exponents = np.random.default_rng(rng.getrandbits(32)).uniform(-power, power, raster.bands.shape)
    raster.bands = 10.0**exponents
    return f"values from 1e-{power} to 1e{power}"


def _islands(raster: RasterFile, rng: random.Random) -> str:
    raster.nodata = -1.0
    rows, columns = np.indices(raster.bands.shape[1:])
    raster.bands[:, columns == 5 if rng.random() < 0.5 else (rows % 2 == 1) | (columns % 2 == 1)] = -1.0
    return "islands in nodata"


def _fractional(raster: RasterFile, rng: random.Random) -> str:
    raster.type = gdal.GDT_Float64
    raster.bands = raster.bands * rng.choice((0.5, 1e10, 1e20, -1.0))
    return "values multiplied"


def _crs(raster: RasterFile, rng: random.Random) -> str:
    raster.crs = rng.choice(("", "EPSG:4326", "EPSG:3857", "EPSG:31984", "EPSG:2154", 'LOCAL_CS["local",UNIT["m",1]]'))
    return f"CRS {raster.crs or 'none'}"


def _degrees(raster: RasterFile, rng: random.Random) -> str:
    raster.crs, raster.geotransform = "EPSG:4326", (-34.9, 0.0003, 0.0, -7.9, 0.0, -0.0003)
    return "in degrees"


def _geotransform(raster: RasterFile, rng: random.Random) -> str:
    words, raster.geotransform = rng.choice(
        (
            ("rotated", (WEST, 25.0, 10.0, NORTH, 10.0, -25.0)),
            ("south-up", (WEST, PIXEL, 0.0, NORTH - ROWS * PIXEL, 0.0, PIXEL)),
            ("east-west mirrored", (WEST + COLUMNS * PIXEL, -PIXEL, 0.0, NORTH, 0.0, -PIXEL)),
            ("oblong cells", (WEST, 2 * PIXEL, 0.0, NORTH, 0.0, -PIXEL)),
            ("nearly square cells", (WEST, PIXEL, 0.0, NORTH, 0.0, -PIXEL * 1.0000001)),
            ("half a cell away", (WEST + PIXEL / 2, PIXEL, 0.0, NORTH, 0.0, -PIXEL)),
            ("coarse cells", (WEST, 4 * PIXEL, 0.0, NORTH, 0.0, -4 * PIXEL)),
            ("fine cells", (WEST, 1.0, 0.0, NORTH, 0.0, -1.0)),
            ("elsewhere", (WEST + 1e6, PIXEL, 0.0, NORTH, 0.0, -PIXEL)),
            ("tiny cells", (WEST, 1e-9, 0.0, NORTH, 0.0, -1e-9)),
            ("vast cells", (0.0, 1e9, 0.0, 0.0, 0.0, -1e9)),
            ("no geotransform", None),
            ("a geotransform of NaN", (np.nan, PIXEL, 0.0, NORTH, 0.0, -PIXEL)),
            ("cells without width", (WEST, 0.0, 0.0, NORTH, 0.0, -PIXEL)),
        )
    )
    return words


def _several_bands(raster: RasterFile, rng: random.Random) -> str:
    raster.bands = np.concatenate([raster.bands, raster.bands[:, ::-1], raster.bands * np.nan])
    return "three bands"


def _format(raster: RasterFile, rng: random.Random) -> str:
    raster.suffix = rng.choice((".asc", ".img"))
    return f"as {raster.suffix}"


def _name(raster: RasterFile, rng: random.Random) -> str:
    raster.name = rng.choice(ODD_NAMES)
    return f"named {raster.name[:30]!r}"


MUTATIONS: tuple[Mutation, ...] = (
    _size,
    _type,
    _undeclared_nodata,
    _declared_nodata,
    _all_nodata,
    _constant,
    _extreme_cells,
    _extreme_cells,
    _contrast,
    _islands,
    _fractional,
    _crs,
    _degrees,
    _geotransform,
    _geotransform,
    _several_bands,
    _format,
    _name,
)


# Ways to pass the file, and errors of the file as a whole.


def _as_path(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    return "as a path", str(raster.write(folder))


def _as_layer(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    return "as a layer", _layer(raster.write(folder), raster.name)


def _layer(path: Path, name: str) -> QgsRasterLayer:
    """Return a layer as QGIS shows it: with statistics beside its file, which QGIS writes when a layer is closed."""
    QgsRasterLayer(str(path), name)
    return QgsRasterLayer(str(path), name)


def _in_project(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    layer = _layer(raster.write(folder), raster.name)
    added = QgsProject.instance().addMapLayer(layer)
    return "by its id in the project", added.id() if added is not None else layer


def _deleted(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = raster.write(folder)
    layer = _layer(path, raster.name)
    path.unlink()
    return "as a layer whose file was deleted", layer


def _replaced(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = raster.write(folder)
    layer = _layer(path, raster.name)
    raster.bands = np.resize(raster.bands, (1, 4, 5))
    other = folder / "other"
    other.mkdir()
    os.replace(raster.write(other), path)
    shutil.rmtree(other)
    return "as a layer whose file was replaced by another size", layer


def _missing(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    return "as a missing file", str(folder / "missing.tif")


def _truncated(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    path = raster.write(folder)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * rng.choice((0.0, 0.1, 0.5, 0.9)))])
    return "as a file cut short", str(path)


def _no_raster(raster: RasterFile, rng: random.Random, folder: Path) -> tuple[str, Any]:
    text = folder / "text.tif"
    text.write_text("no raster")
    table = folder / "table.csv"
    table.write_text("a,b\n1,2\n")
    value = rng.choice((str(text), str(table), str(folder), "", None, 5, [], "no such layer", "{uuid}"))
    return f"as {value!r}", value


CARRIERS: tuple[Carrier, ...] = (_as_path, _as_path, _as_path, _as_path, _as_layer, _as_layer, _in_project) + (
    _deleted,
    _replaced,
    _missing,
    _truncated,
    _no_raster,
)
