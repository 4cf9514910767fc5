"""Where the outputs of a run go, checked before it starts: no output may overwrite an input or another output."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsDataSourceUri,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProperty,
    QgsProviderRegistry,
    QgsVectorFileWriter,
)

from ..i18n import tr
from ..layers import GEOPACKAGE_SUFFIX, RASTER_SIDECARS, layer_names, require_layer_replaceable
from .input_layers import InputLayer, input_layers
from .table_formats import describe_type, is_usable_format, usual_formats

# Files of a dataset besides the main file, by the suffix of the main file.
SIDECAR_SUFFIXES = {
    ".shp": (".shx", ".dbf", ".prj", ".cpg", ".qix", ".sbn", ".sbx", ".qpj"),
    ".tab": (".dat", ".map", ".id", ".ind"),
    ".mif": (".mid",),
}

GEOTIFF_SUFFIXES = (".tif", ".tiff")

REPORT_SUFFIXES = (".html", ".htm")

# Suffixes to which QGIS appends the usual one of the format, so that the file would not have the chosen name.
CHANGED_SUFFIXES = (".dbf", ".db")

# Beginnings of the names of a GeoPackage's own tables.
RESERVED_PREFIXES = ("gpkg", "sqlite_", "rtree_")

# "postgres://…" and "ogr:dbname=…", but neither "C:\…" nor a path with a colon in a file name.
PROVIDER_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9]{2,}):(?!\\)(.*)", re.DOTALL)

# Longest file name on nearly all file systems, in bytes, less the ".aux.xml" or "-journal" of the file beside it.
MAX_NAME_BYTES = 255 - 8

OUTPUT_TYPES = (
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
)


@dataclass(frozen=True)
class Destination:
    """Where an output goes: a file, a layer of a GeoPackage, or a table of a database.

    Parameters
    ----------
    name, title
        Name of the parameter, and what the user reads.
    definition
        Definition of the parameter.
    path
        The file; None for a temporary layer or a database.
    layer
        Name of the layer in the file, if it is part of the destination.
    provider, uri
        Provider and table of a database; else empty.
    """

    name: str
    title: str
    definition: QgsProcessingParameterDefinition = field(repr=False)
    path: Path | None = None
    layer: str = ""
    provider: str = ""
    uri: str = ""

    @property
    def is_raster(self) -> bool:
        """Whether the output is a raster."""
        return isinstance(self.definition, QgsProcessingParameterRasterDestination)

    @property
    def is_report(self) -> bool:
        """Whether the output is a report."""
        return isinstance(self.definition, QgsProcessingParameterFileDestination)

    @property
    def is_geopackage(self) -> bool:
        """Whether the file is a GeoPackage."""
        return self.path is not None and self.path.suffix.lower() == GEOPACKAGE_SUFFIX

    @property
    def layer_name(self) -> str:
        """Name of the layer in the file."""
        return self.layer or self.path.stem

    @property
    def files(self) -> list[Path]:
        """The file, and the files beside it that are written or deleted with it."""
        real = Path(os.path.realpath(self.path))
        beside = [real.with_suffix(suffix) for suffix in SIDECAR_SUFFIXES.get(real.suffix.lower(), ())]
        if self.is_raster:
            beside += [real.with_name(real.name + ending) for ending in RASTER_SIDECARS]
        return [real, *beside]


def destinations_of(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> list[Destination]:
    """Return the destination of each raster, table and report that is requested."""
    return [
        destination
        for definition in algorithm.destinationParameterDefinitions()
        if isinstance(definition, OUTPUT_TYPES)
        for destination in [destination_of(definition, parameters, context)]
        if destination is not None
    ]


def destination_of(
    definition: QgsProcessingParameterDefinition, parameters: dict[str, Any], context: QgsProcessingContext
) -> Destination | None:
    """Return where an output goes, or None if it is not requested."""
    value = parameters.get(definition.name())
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value = value.valueAsString(context.expressionContext(), "")[0]
    if not isinstance(value, str) or not value:
        return None
    names = (definition.name(), definition.description(), definition)
    if value == QgsProcessing.TEMPORARY_OUTPUT:
        return Destination(*names)
    if isinstance(definition, QgsProcessingParameterFileDestination):
        return Destination(*names, Path(value))
    prefixed = PROVIDER_PREFIX.fullmatch(value)
    if prefixed and prefixed[1].lower() != "ogr":
        provider = {"postgis": "postgres"}.get(prefixed[1].lower(), prefixed[1])
        return Destination(*names, provider=provider, uri=prefixed[2])
    text = prefixed[2] if prefixed else value
    database = QgsDataSourceUri(text) if prefixed else None
    if database is not None and database.database():
        return Destination(*names, Path(database.database()), database.table())
    path, _, layer = text.partition("|layername=")
    layer = layer.partition("|")[0]
    # The layer is named wherever there is a prefix, which is not part of the path of the result.
    return Destination(*names, Path(path), layer or (Path(path).stem if prefixed else ""))


def require_valid_destinations(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> None:
    """Check all destinations before the run rather than after hours of computing.

    Raises
    ------
    QgsProcessingException
        An output cannot be written where it is to go, or would overwrite an input or another output.
    """
    destinations = destinations_of(algorithm, parameters, context)
    for destination in destinations:
        _require_writable(destination)
    written = [destination for destination in destinations if destination.path is not None]
    for number, destination in enumerate(written):
        for other in written[:number]:
            _require_distinct(other, destination)
    inputs = list(input_layers(algorithm, parameters, context))
    for destination in destinations:
        for layer in inputs:
            _require_not_input(destination, layer)
    _require_no_clash_in_folders(algorithm, parameters, context, written, inputs)
    for destination in written:
        if destination.is_geopackage and destination.path.exists() and destination.path.stat().st_size:
            require_layer_replaceable(destination.path, destination.layer_name)


def not_a_geotiff(title: str, path: str) -> str:
    """Return the error message about a raster output with a name that is not that of a GeoTIFF."""
    text = tr("{output} is written as GeoTIFF: choose a file name that ends in .tif instead of '{name}'.")
    return text.format(output=title, name=Path(path).name)


def _require_writable(destination: Destination) -> None:
    if destination.provider:
        if destination.provider not in (*QgsProviderRegistry.instance().providerList(), "memory"):
            text = tr("{output} cannot be written: QGIS has no data provider '{provider}'. Choose a file.")
            raise QgsProcessingException(text.format(output=destination.title, provider=destination.provider))
        return
    if destination.path is None:
        return
    path, reason = destination.path, ""
    if too_long := [part for part in path.parts if len(os.fsencode(part)) > MAX_NAME_BYTES]:
        text = tr(
            "{output} cannot be written: the name '{name}…' has {length} bytes, more than the possible {most}. Choose "
            "a shorter one."
        )
        name, length = too_long[0][:40], len(os.fsencode(too_long[0]))
        raise QgsProcessingException(
            text.format(output=destination.title, name=name, length=length, most=MAX_NAME_BYTES)
        )
    folder = Path(os.path.realpath(path)).parent
    if destination.is_raster and (path.suffix.lower() not in GEOTIFF_SUFFIXES or destination.layer):
        raise QgsProcessingException(not_a_geotiff(destination.title, str(path)))
    if not folder.is_dir():
        reason = tr("there is no folder '{folder}'. Create it or choose another").format(folder=path.parent)
    elif path.is_dir():
        reason = tr("'{path}' is a folder. Choose a file name").format(path=path)
    elif not os.access(folder, os.W_OK):
        reason = tr("no permission to write to the folder '{folder}'. Choose another").format(folder=path.parent)
    elif not _accepts_files(folder):
        reason = tr("no file can be created in the folder '{folder}'. Choose another").format(folder=path.parent)
    elif path.exists() and not os.access(path, os.W_OK):
        reason = tr("'{path}' is write-protected. Choose another file").format(path=path)
    elif destination.is_report:
        reason = "" if path.suffix.lower() in REPORT_SUFFIXES else _not_html(path)
    elif not destination.is_raster:
        reason = _table_reason(destination)
    if reason:
        text = tr("{output} cannot be written: {reason}.")
        raise QgsProcessingException(text.format(output=destination.title, reason=reason))


def _accepts_files(folder: Path) -> bool:
    """Return whether a file can be created: permissions alone do not tell it for root, or on some file systems."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _not_html(path: Path) -> str:
    return tr("it is an HTML page. Choose a file name that ends in .html instead of '{name}'").format(name=path.name)


def _table_reason(destination: Destination) -> str:
    """Return why a table cannot be written to its file; empty if it can."""
    path, suffix, kind = destination.path, destination.path.suffix.lower(), destination.definition.dataType()
    if not QgsVectorFileWriter.driverForExtension(suffix) or suffix in CHANGED_SUFFIXES:
        text = tr("'{name}' has no supported format. Choose a file name that ends in {formats}")
        return text.format(name=path.name, formats=usual_formats(kind))
    if not is_usable_format(suffix, kind):
        text = tr("it is {type}, which QGIS cannot save completely as '{name}'. Choose a name that ends in {formats}")
        return text.format(type=describe_type(kind), name=path.name, formats=usual_formats(kind))
    if destination.is_geopackage and destination.layer_name.lower().startswith(RESERVED_PREFIXES):
        text = tr("a layer of a GeoPackage cannot be named '{layer}'. Choose another name")
        return text.format(layer=destination.layer_name)
    if destination.is_geopackage or not path.exists():
        return ""
    others = layer_names(path)
    if len(others) > 1:
        text = tr("'{path}' holds {count:# layer|# layers} ({names}), which would be lost. Choose another file")
        return text.format(path=path, count=len(others), names=", ".join(others[:3]))
    return ""


def _require_distinct(first: Destination, second: Destination) -> None:
    if not any(_is_same_file(one, other) for one in first.files for other in second.files):
        return
    both_layers = first.is_geopackage and second.is_geopackage
    if both_layers and first.layer_name.casefold() != second.layer_name.casefold():
        return
    text = tr("{first} and {second} cannot both be written to '{path}'. Choose another file for one of them.")
    raise QgsProcessingException(text.format(first=first.title, second=second.title, path=second.path))


def _require_not_input(destination: Destination, layer: InputLayer) -> None:
    if destination.provider:
        if destination.provider == layer.provider and _is_same_table(destination.uri, layer.source):
            _raise_overwritten(destination, layer, destination.uri)
        return
    if destination.path is None:
        return
    for file in layer.files:
        for written in destination.files:
            if not _is_same_file(written, file.path):
                continue
            # Writing a layer of a GeoPackage leaves its other layers unchanged.
            if (
                destination.is_geopackage
                and layer.provider
                and file.layer.casefold() != destination.layer_name.casefold()
            ):
                continue
            _raise_overwritten(destination, layer, str(destination.path))


def _raise_overwritten(destination: Destination, layer: InputLayer, target: str) -> None:
    text = tr("{output} would overwrite the input {input} ('{target}'). Choose another file for the output.")
    raise QgsProcessingException(text.format(output=destination.title, input=layer.title, target=target))


def _require_no_clash_in_folders(
    algorithm: QgsProcessingAlgorithm,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    written: Sequence[Destination],
    inputs: Sequence[InputLayer],
) -> None:
    """Check that no input, and no other output, has the name of a file that a run writes to a chosen folder."""
    for name, patterns in algorithm.files_in_folders.items():
        folder = algorithm.parameterAsString(parameters, name, context)
        if not folder or folder == QgsProcessing.TEMPORARY_OUTPUT:
            continue
        title = algorithm.parameterDefinition(name).description()
        files = [(layer.title, file.path) for layer in inputs for file in layer.files]
        files += [(destination.title, destination.path) for destination in written]
        for owner, path in files:
            if _is_in(path, Path(folder)) and any(Path(path.name.lower()).match(pattern) for pattern in patterns):
                text = tr(
                    "{title}: the run writes files named {patterns} to the folder '{folder}', which would overwrite "
                    "'{file}' ({owner}). Choose another folder."
                )
                raise QgsProcessingException(
                    text.format(title=title, patterns=", ".join(patterns), folder=folder, file=path.name, owner=owner)
                )


def _is_in(path: Path, folder: Path) -> bool:
    return _normalized(path.parent) == _normalized(folder)


def _is_same_file(first: Path, second: Path) -> bool:
    """Return whether two paths name the same file, under links and in any spelling, even if it does not exist yet."""
    if first.exists() and second.exists():
        return os.path.samefile(first, second)
    return _normalized(first) == _normalized(second)


def _normalized(path: Path) -> str:
    # File names on Windows and macOS are not case-sensitive.
    return os.path.realpath(path).casefold()


def _is_same_table(first: str, second: str) -> bool:
    one, other = QgsDataSourceUri(first), QgsDataSourceUri(second)
    if not one.table() or one.table() != other.table():
        return False
    pairs: Iterator[tuple[str, str]] = zip(_location(one), _location(other))
    return all(not a or not b or a == b for a, b in pairs)


def _location(uri: QgsDataSourceUri) -> tuple[str, ...]:
    return uri.schema(), uri.database(), uri.host(), uri.port(), uri.service()
