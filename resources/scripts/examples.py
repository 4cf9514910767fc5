"""An example run of each algorithm on the sample landscape, which `pictures.py` draws for the help.

Inputs that the sample does not contain, such as a Circuitscape project, are written to a given folder.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from osgeo import gdal

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "resources" / "sample"
PERMEABILITY = str(SAMPLE / "permeability.tif")
LANDSCAPE = {"INPUT": PERMEABILITY, "VALUES": "permeability"}
QUALITY = str(SAMPLE / "quality.tif")
LAND_COVER = str(SAMPLE / "land_cover.tif")
CLASSES = str(SAMPLE / "land_cover_classes.csv")
PATCHES = f"{SAMPLE / 'patches.gpkg'}|layername=patches"
NORTH = f'{PATCHES}|subset="id" <= 3'
SOUTH = f'{PATCHES}|subset="id" >= 7'
NORTH_AND_SOUTH = f'{PATCHES}|subset="id" <= 3 OR "id" >= 7'

# Between random walk and least-cost path on this landscape: the expected cost is two to five times the least cost.
THETA = 0.001

#: Cells of permeability 1 over which animals that move at random settle, on average.
SETTLING_CELLS = 15


@dataclass(frozen=True)
class Example:
    """An example run.

    Parameters
    ----------
    algorithm
        Identifier of the algorithm.
    parameters
        Values of its parameters; the others have their defaults.
    drawn
        Names of the outputs in the picture, from top to bottom.
    points
        A layer of points above the outputs, if any.
    over_landscape
        Whether the landscape lies below the outputs.
    legend
        Title of the legend; `|` starts a new line.
    explained
        Names of the outputs in the legend; if empty, all outputs in the picture.
    whole
        Whether to draw the south as well, which has no patches, but space for a large legend.
    prepare
        Function that writes inputs to a folder and returns the parameters that refer to them.
    """

    algorithm: str
    parameters: dict[str, Any]
    drawn: tuple[str, ...] = ("OUTPUT",)
    points: str = PATCHES
    over_landscape: bool = False
    legend: str = ""
    explained: tuple[str, ...] = ()
    whole: bool = False
    prepare: Callable[[Path], dict[str, Any]] = field(default=lambda folder: {})


def circuitscape_project(folder: Path) -> dict[str, Any]:
    """Write the sample as a Circuitscape project: grids of conductances and of focal nodes, and the `.ini` file."""
    values, dataset = read_raster(PERMEABILITY)
    west, width, _, north, _, height = dataset.GetGeoTransform()
    nodes = np.zeros(values.shape)
    for number, (x, y) in _points(PATCHES).items():
        nodes[int((y - north) / height), int((x - west) / width)] = number
    _write(
        folder / "conductance.asc", "AAIGrid", np.nan_to_num(values, nan=-9999.0), -9999.0, gdal.GDT_Float32, dataset
    )
    _write(folder / "nodes.asc", "AAIGrid", np.where(nodes > 0, nodes, -9999.0), -9999.0, gdal.GDT_Float32, dataset)
    lines = (
        "[Habitat raster or graph]",
        "habitat_file = conductance.asc",
        "habitat_map_is_resistances = False",
        "[Options for pairwise and one-to-all and all-to-one modes]",
        "point_file = nodes.asc",
        "[Output options]",
        "output_file = olinda.out",
        "write_cur_maps = True",
        "write_cum_cur_map_only = True",
        "[Calculation options]",
        "scenario = pairwise",
        "data_type = raster",
    )
    project = folder / "olinda.ini"
    project.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return {"INPUT": str(project)}


def voltage_of_dispersal(folder: Path) -> dict[str, Any]:
    """Write the voltage of animals that leave good habitat, and settle some 15 cells away where all is permeable."""
    from qgis.core import QgsProcessingContext, QgsProcessingFeedback

    from permea.plugin.algorithms import ALGORITHMS

    values, dataset = read_raster(QUALITY)
    width = dataset.GetGeoTransform()[1]
    settling = np.full(values.shape, 1 / (width * SETTLING_CELLS**2))
    _write(folder / "settling.tif", "GTiff", settling, -9999.0, gdal.GDT_Float32, dataset)
    algorithm = next(each for each in ALGORITHMS if each.identifier == "currentflowadvanced")().create()
    inputs = {"SOURCE_RASTER": QUALITY, "GROUND_RASTER": str(folder / "settling.tif"), "GROUND_VALUES": "conductance"}
    outputs = {name: str(folder / f"{name.lower()} of dispersal.tif") for name in ("OUTPUT", "VOLTAGE")}
    feedback = QgsProcessingFeedback()
    _, successful = algorithm.run({**LANDSCAPE, **inputs, **outputs}, QgsProcessingContext(), feedback)
    if not successful:
        raise RuntimeError(f"permea:currentflowadvanced failed:\n{feedback.textLog()}")
    return {"POTENTIAL": outputs["VOLTAGE"]}


def read_raster(path: str) -> tuple[np.ndarray, gdal.Dataset]:
    """Return the first band of a raster, nodata as NaN, and the open file."""
    dataset = gdal.Open(path)
    band = dataset.GetRasterBand(1)
    values = np.frombuffer(band.ReadRaster(buf_type=gdal.GDT_Float64)).reshape(band.YSize, band.XSize)
    return np.where(values == band.GetNoDataValue(), np.nan, values), dataset


def _write(path: Path, driver: str, values: np.ndarray, nodata: float, kind: int, like: gdal.Dataset) -> None:
    rows, columns = values.shape
    memory = gdal.GetDriverByName("MEM").Create("", columns, rows, 1, kind)
    memory.SetGeoTransform(like.GetGeoTransform())
    memory.SetProjection(like.GetProjection())
    band = memory.GetRasterBand(1)
    band.SetNoDataValue(nodata)
    values = values.astype(np.uint8 if kind == gdal.GDT_Byte else np.float32)
    band.WriteRaster(0, 0, columns, rows, np.ascontiguousarray(values).tobytes())
    if gdal.GetDriverByName(driver).CreateCopy(str(path), memory) is None:
        raise OSError(f"{path} cannot be written.")


def _points(uri: str) -> dict[int, tuple[float, float]]:
    from qgis.core import QgsVectorLayer

    features = QgsVectorLayer(uri, "points", "ogr").getFeatures()
    places = {feature["id"]: feature.geometry().asPoint() for feature in features}
    return {number: (point.x(), point.y()) for number, point in places.items()}


EXAMPLES = (
    Example("leastcostdistance", {**LANDSCAPE, "SOURCES": PATCHES}, legend="cost"),
    Example("resistancedistance", {**LANDSCAPE, "SOURCES": PATCHES}, legend="resistance"),
    Example("rspdistance", {**LANDSCAPE, "SOURCES": PATCHES, "THETA": THETA}, legend="expected cost"),
    Example(
        "distancematrix",
        {**LANDSCAPE, "FOCAL": PATCHES, "ID_FIELD": "id", "DISTANCE": "leastcost"},
        drawn=("LINES",),
        over_landscape=True,
        legend="least cost",
        whole=True,
    ),
    Example(
        "sensitivity",
        {**LANDSCAPE, "SOURCES": PATCHES, "DISTANCE": "resistance"},
        legend="sensitivity",
    ),
    Example("windowedsensitivity", {**LANDSCAPE, "QUALITY": QUALITY}, points="", legend="sensitivity"),
    Example(
        "movingwindowsensitivity",
        {**LANDSCAPE, "PLACES": QUALITY, "SOURCE_STRENGTH": QUALITY},
        points="",
        legend="sensitivity",
    ),
    Example("windowedconnectivity", {**LANDSCAPE, "QUALITY": QUALITY}, points="", legend="accessible|habitat"),
    Example(
        "connectedhabitat",
        {**LANDSCAPE, "QUALITY": QUALITY, "ALPHA": 3000.0},
        points="",
        legend="connected|habitat",
    ),
    Example("connectedcomponents", LANDSCAPE, points="", legend="component", whole=True),
    Example("loadsampledata", {}, drawn=("PATCHES", "PERMEABILITY"), points="", legend="permeability"),
    Example(
        "permeabilityfromlandcover",
        {
            "INPUT": LAND_COVER,
            "VALUES": "permeability",
            "TABLE": CLASSES,
            "CLASS_FIELD": "class",
            "VALUE_FIELD": "permeability",
        },
        points="",
        legend="permeability",
    ),
    Example("currentflow", {**LANDSCAPE, "FOCAL": PATCHES, "ID_FIELD": "id"}, legend="current"),
    Example(
        "currentflowadvanced",
        {**LANDSCAPE, "SOURCES": NORTH, "GROUNDS": SOUTH},
        points=NORTH_AND_SOUTH,
        legend="current",
    ),
    Example("circuitscapeproject", {"LOAD": False}, prepare=circuitscape_project, legend="current"),
    Example(
        "leastcostpaths",
        {**LANDSCAPE, "FOCAL": PATCHES, "ID_FIELD": "id", "PAIRS": "minimum_planar_graph"},
        over_landscape=True,
        legend="cost",
        whole=True,
    ),
    Example(
        "leastcostcorridor",
        {**LANDSCAPE, "FOCAL": PATCHES, "ID_FIELD": "id", "PAIRS": "minimum_planar_graph"},
        drawn=("PATHS", "OUTPUT"),
        over_landscape=True,
        whole=True,
        legend="excess cost",
        explained=("OUTPUT",),
    ),
    Example("movingwindowcurrent", {**LANDSCAPE, "SOURCE_STRENGTH": QUALITY}, points="", legend="current"),
    Example(
        "flowdivergence",
        {**LANDSCAPE, "KIND": "potential"},
        points="",
        prepare=voltage_of_dispersal,
        legend="net source",
    ),
    Example("rspflow", {**LANDSCAPE, "SOURCES": PATCHES, "THETA": THETA}, legend="passages"),
    Example("barriers", {**LANDSCAPE, "FOCAL": PATCHES, "ID_FIELD": "id"}, legend="gain"),
)
