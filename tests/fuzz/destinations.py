"""Outputs: valid files and folders, and destinations at which a run could destroy or lose something."""

from __future__ import annotations

import random
import shutil
from pathlib import Path
from typing import Any

from qgis.core import QgsProcessingOutputLayerDefinition, QgsProcessingParameterDefinition
from raster_files import valid_raster
from vector_layers import valid_features

SUFFIXES = {"rasterDestination": ".tif", "sink": ".gpkg", "folderDestination": "", "fileDestination": ".html"}
ODD_NAMES = ("with space", "ünï cödé", "per%20cent", "semi;colon", "dots.in.name", "quo'te", "x" * 200, "y" * 245)
RASTER_SUFFIXES = (".asc", ".img", ".png", ".xyz", ".TIF", ".tiff", "")
TABLE_SUFFIXES = (".csv", ".shp", ".geojson", ".xlsx", ".ods", ".dbf", ".tab", ".xyz", ".GPKG", "")
REPORT_SUFFIXES = (".htm", ".HTML", ".pdf", ".tif", "")


def valid_destination(definition: QgsProcessingParameterDefinition, outputs: Path) -> str:
    """Return a file or folder that does not exist yet."""
    name = "".join(letter if letter.isalnum() else "_" for letter in definition.name())
    return str(outputs / f"{name}{SUFFIXES[definition.type()]}")


def destination_parameter(
    definition: QgsProcessingParameterDefinition, rng: random.Random, inputs: Path, outputs: Path, others: list[str]
) -> tuple[str, Any]:
    """Return a destination and what it is in words.

    Parameters
    ----------
    definition
        The parameter.
    rng
        The source of chance.
    inputs, outputs
        Folders of the inputs, which must not change, and of the outputs.
    others
        Destinations of the other outputs.
    """
    kind = definition.type()
    value = valid_destination(definition, outputs)
    suffix = SUFFIXES[kind]
    options = [
        _existing,
        _existing,
        _odd_name,
        _odd_name,
        _missing_folder,
        _unwritable,
        _occupied,
        _input_file,
        _input_file,
        _temporary,
        _definition,
    ]
    options += [_format] * 2 if suffix else []
    options += [_database, _shared_geopackage, _memory] if kind == "sink" else []
    options += [_other_output] if others else []
    return rng.choice(options)(kind, value, rng, inputs, outputs, others)


def _existing(kind, value, rng, inputs, outputs, others):
    path = Path(value)
    if kind == "folderDestination":
        path.mkdir()
        (path / "older.txt").write_text("older")
    elif kind == "sink":
        valid_features("points", rng).write(outputs, ".gpkg").replace(path)
    else:
        shutil.move(valid_raster("quality", rng).write(inputs), path)
    return "an older one", value


def _odd_name(kind, value, rng, inputs, outputs, others):
    name = rng.choice(ODD_NAMES)
    return f"named {name[:20]!r} ({len(name)} characters)", str(outputs / f"{name}{SUFFIXES[kind]}")


def _missing_folder(kind, value, rng, inputs, outputs, others):
    return "in a folder that does not exist", str(outputs / "absent" / "below" / Path(value).name)


def _unwritable(kind, value, rng, inputs, outputs, others):
    return "in a folder without permission to write", f"/proc/{Path(value).name}"


def _occupied(kind, value, rng, inputs, outputs, others):
    if kind == "folderDestination":
        Path(value).write_text("a file")
        return "a file of that name", value
    Path(value).mkdir()
    return "a folder of that name", value


def _input_file(kind, value, rng, inputs, outputs, others):
    files = sorted(path for path in inputs.iterdir() if path.is_file())
    fitting = [path for path in files if path.suffix == SUFFIXES[kind]] or files
    if kind == "folderDestination" or not fitting:
        return "the folder of the inputs", str(inputs if kind == "folderDestination" else inputs / Path(value).name)
    path = rng.choice(fitting)
    spelled = rng.choice((str(path), str(inputs / ".." / inputs.name / path.name)))
    return f"the input {path.name!r}", spelled


def _temporary(kind, value, rng, inputs, outputs, others):
    return "temporary", rng.choice(("TEMPORARY_OUTPUT", None, ""))


def _definition(kind, value, rng, inputs, outputs, others):
    return "to be loaded", QgsProcessingOutputLayerDefinition(value)


def _format(kind, value, rng, inputs, outputs, others):
    suffix = rng.choice({"sink": TABLE_SUFFIXES, "fileDestination": REPORT_SUFFIXES}.get(kind, RASTER_SUFFIXES))
    return f"as {suffix!r}", str(Path(value).with_suffix(suffix))


def _memory(kind, value, rng, inputs, outputs, others):
    return "in memory", "memory:rows"


def _database(kind, value, rng, inputs, outputs, others):
    return "as a table of a new database", f"ogr:dbname='{value}' table=\"rows\" (geom)"


def _shared_geopackage(kind, value, rng, inputs, outputs, others):
    path = valid_features("points", rng).write(outputs, ".gpkg")
    if rng.random() < 0.5:
        return "a GeoPackage of another layer", str(path)
    return "as a table of a GeoPackage of another layer", f"ogr:dbname='{path}' table=\"rows\" (geom)"


def _other_output(kind, value, rng, inputs, outputs, others):
    return "that of another output", rng.choice(others)
