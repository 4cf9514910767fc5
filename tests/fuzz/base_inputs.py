"""A valid input of each algorithm: the parameters that it needs, by the kind of layer that serves them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from projects import valid_project
from qgis.core import QgsProcessingAlgorithm, QgsProcessingParameterDefinition
from raster_files import valid_raster
from vector_layers import valid_features

#: The kind of raster or layer that serves a parameter, in every algorithm that has it.
RASTER_ROLES = {
    "INPUT": "landscape",
    "LANDSCAPE": "landscape",
    "LAND_COVER": "classes",
    "FOCAL_RASTER": "ids",
    "SOURCE_RASTER": "marks",
    "GROUND_RASTER": "marks",
    "HABITAT": "marks",
    "MASK": "mask",
    "PLACES": "mask",
}
VECTOR_ROLES = {
    "GROUNDS": "grounds",
    "SHORT_CIRCUITS": "regions",
    "TABLE": "table",
    "CLASS_TABLE": "table",
}
#: Parameters that exclude each other.
ALTERNATIVES = (
    {"FOCAL", "FOCAL_RASTER"},
    {"SOURCES", "SOURCE_RASTER"},
    {"GROUNDS", "GROUND_RASTER"},
    {"TABLE", "MATRIX"},
    {"SOURCES", "QUALITY"},
)

WINDOWS = {"RANGE": 90.0, "ALPHA": 60.0}
MOVING = {"RADIUS": 90.0, "BLOCK_SIZE": 1}
CLASSES = {"CLASS_FIELD": "class", "VALUE_FIELD": "permeability"}

#: For an algorithm the inputs that serve it, one of several sets, and values that suit so small a landscape. Other
#: algorithms need the files and layers that are not optional.
BASES: dict[str, tuple[tuple[tuple[str, ...], ...], dict[str, Any]]] = {
    "barriers": ((("INPUT", "FOCAL"), ("INPUT", "FOCAL_RASTER")), {"SEARCH_RADIUS": 60.0, "CUTOFF": 200.0}),
    "connectedhabitat": ((("INPUT", "QUALITY"),), {"LANDMARKS": 3, "ALPHA": 100.0}),
    "currentflow": ((("INPUT", "FOCAL"), ("INPUT", "FOCAL_RASTER")), {}),
    "currentflowadvanced": (
        (("INPUT", "SOURCES", "GROUNDS"), ("INPUT", "SOURCE_RASTER", "GROUNDS"), ("INPUT", "SOURCES", "GROUND_RASTER")),
        {},
    ),
    "distancematrix": ((("INPUT", "FOCAL"), ("INPUT", "FOCAL_RASTER"), ("INPUT", "FOCAL", "TARGETS")), {}),
    "distancetohabitat": ((("HABITAT", "LANDSCAPE"),), {}),
    # One of the two kinds of flow has no use for the other's rasters; a mutation of KIND changes which.
    "flowdivergence": ((("INPUT", "POTENTIAL", "EAST", "NORTH"),), {}),
    "landcovertocurrentsandbarriers": ((("LAND_COVER", "CLASS_TABLE", "FOCAL"),), {}),
    "leastcostcorridor": ((("INPUT", "FOCAL"), ("INPUT", "FOCAL_RASTER"), ("INPUT", "FOCAL", "TARGETS")), {}),
    "leastcostdistance": ((("INPUT", "SOURCES"), ("INPUT", "SOURCE_RASTER")), {}),
    "leastcostpaths": ((("INPUT", "FOCAL"), ("INPUT", "FOCAL_RASTER"), ("INPUT", "FOCAL", "TARGETS")), {}),
    "movingwindowcurrent": ((("INPUT",), ("INPUT", "SOURCE_STRENGTH")), MOVING),
    "movingwindowsensitivity": ((("INPUT",), ("INPUT", "SOURCE_STRENGTH")), MOVING),
    "permeabilityfromlandcover": ((("INPUT", "TABLE"),), CLASSES),
    "resistancedistance": ((("INPUT", "SOURCES"), ("INPUT", "SOURCE_RASTER")), {}),
    "rspdistance": ((("INPUT", "SOURCES"), ("INPUT", "SOURCE_RASTER")), {}),
    "rspflow": ((("INPUT", "SOURCES", "TARGETS"), ("INPUT", "QUALITY")), {"LANDMARKS": 3}),
    "sensitivity": ((("INPUT", "SOURCES"), ("INPUT",)), {"SAMPLES": 4}),
    "windowedconnectivity": ((("INPUT",), ("INPUT", "QUALITY")), WINDOWS),
    "windowedsensitivity": ((("INPUT",), ("INPUT", "QUALITY")), WINDOWS),
}


def raster_role(algorithm: QgsProcessingAlgorithm, name: str) -> str:
    """Return the kind of raster that serves a parameter."""
    if (algorithm.name(), name) == ("permeabilityfromlandcover", "INPUT"):
        return "classes"
    return RASTER_ROLES.get(name, "quality")


def vector_role(definition: Any, rng: random.Random) -> str:
    """Return the kind of layer that serves a parameter; by chance where polygons do as well as points."""
    polygons_serve = 2 in definition.dataTypes()
    return VECTOR_ROLES.get(definition.name(), "polygons" if polygons_serve and rng.random() < 0.4 else "points")


def valid_inputs(algorithm: QgsProcessingAlgorithm, rng: random.Random, folder: Path) -> dict[str, Any]:
    """Write inputs that an algorithm takes, and return its parameters without outputs."""
    sets, values = BASES.get(algorithm.name()) or ((_required(algorithm),), {})
    parameters = dict(values)
    if algorithm.parameterDefinition("VALUES") is not None:
        parameters["VALUES"] = "permeability"
    for name in rng.choice(sets):
        parameters[name] = _valid_input(algorithm, name, rng, folder)
    return parameters


def _required(algorithm: QgsProcessingAlgorithm) -> tuple[str, ...]:
    """Return the files and layers that an algorithm cannot do without."""
    optional = QgsProcessingParameterDefinition.Flag.FlagOptional
    return tuple(
        definition.name()
        for definition in algorithm.parameterDefinitions()
        if definition.type() in ("file", "raster", "source", "vector") and not definition.flags() & optional
    )


def _valid_input(algorithm: QgsProcessingAlgorithm, name: str, rng: random.Random, folder: Path) -> Any:
    definition = algorithm.parameterDefinition(name)
    if definition.type() == "file":
        return str(valid_project(rng, folder))
    if definition.type() == "raster":
        raster = valid_raster(raster_role(algorithm, name), rng)
        raster.name = f"{name} {raster.name}"
        return str(raster.write(folder))
    features = valid_features(vector_role(definition, rng), rng)
    features.name = f"{name} {features.name}"
    return str(features.write(folder, ".gpkg"))
