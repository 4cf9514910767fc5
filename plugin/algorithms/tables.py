"""Tables and lines: declared like maps, written like them, complete or not at all."""

from __future__ import annotations

import math
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeature,
    QgsFeatureSink,
    QgsField,
    QgsFields,
    QgsGeometry,
    QgsLineString,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFeatureSink,
    QgsProperty,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QVariant

from ..i18n import tr
from .renderers import Style, style_when_loaded

KINDS = {"integer": QVariant.Type.LongLong, "real": QVariant.Type.Double, "text": QVariant.Type.String}


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name
        As it stands in the attribute table: short, lower case.
    kind
        ``"integer"``, ``"real"`` or ``"text"``.
    """

    name: str
    kind: str = "real"


@dataclass(frozen=True, eq=False)
class Table:
    """A table to write, with a line for each row or without geometry.

    Parameters
    ----------
    output
        Name of the output parameter (a feature sink) that says where to.
    columns
        What it holds.
    rows
        Values in the order of the columns. None, NaN and infinite become an empty cell: what cannot be reached has no
        number.
    lines
        Of each row, the corners of its line, (n, 2): x and y in the CRS of the landscape, None for a row without a
        line; or None for no geometry.
    style
        How QGIS draws the lines.
    """

    output: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]
    lines: Sequence[np.ndarray | None] | None = None
    style: Style | None = None

    @property
    def geometry(self) -> QgsWkbTypes.Type:
        """What kind of geometry it has."""
        return QgsWkbTypes.Type.NoGeometry if self.lines is None else QgsWkbTypes.Type.LineString

    def fields(self) -> QgsFields:
        """Return the columns as QGIS calls them."""
        fields = QgsFields()
        for column in self.columns:
            fields.append(QgsField(column.name, KINDS[column.kind]))
        return fields

    def features(self) -> Iterator[QgsFeature]:
        """Return the rows as QGIS calls them."""
        fields = self.fields()
        for number, row in enumerate(self.rows):
            feature = QgsFeature(fields)
            feature.setAttributes([_cell(value, column.kind) for value, column in zip(row, self.columns)])
            if self.lines is not None and self.lines[number] is not None:
                corners = np.asarray(self.lines[number], float)
                feature.setGeometry(QgsGeometry(QgsLineString(corners[:, 0].tolist(), corners[:, 1].tolist())))
            yield feature


def _cell(value: Any, kind: str) -> Any:
    if value is None or (kind == "real" and not math.isfinite(value)):
        return None
    return {"integer": int, "real": float, "text": str}[kind](value)


def require_writable_tables(
    algorithm: QgsProcessingAlgorithm, parameters: dict[str, Any], context: QgsProcessingContext
) -> None:
    """Look where the tables will go before the run, so that an hour's work is not lost at its end.

    Raises
    ------
    QgsProcessingException
        The folder is missing, or the file's name says no format that can be written.
    """
    for definition in algorithm.destinationParameterDefinitions():
        path = _file_of(parameters.get(definition.name()), context)
        if not isinstance(definition, QgsProcessingParameterFeatureSink) or path is None:
            continue
        if not path.parent.is_dir():
            text = tr("{output} cannot be written: there is no folder '{folder}'. Create it or choose another.")
            raise QgsProcessingException(text.format(output=definition.description(), folder=path.parent))
        if not QgsVectorFileWriter.driverForExtension(path.suffix):
            text = tr(
                "{output} cannot be written: '{name}' does not end like a format that is known. Choose a file name "
                "that ends in .gpkg, .geojson or .csv, for example."
            )
            raise QgsProcessingException(text.format(output=definition.description(), name=path.name))


@contextmanager
def write_tables(
    algorithm: QgsProcessingAlgorithm,
    tables: Sequence[Table],
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    crs: QgsCoordinateReferenceSystem,
) -> Iterator[dict[str, str]]:
    """Write tables under other names, and give them their own at the end of the block, if it ends well.

    Parameters
    ----------
    algorithm
        Whose outputs they are.
    tables
        Those of outputs that nobody asked for are left out.
    parameters, context
        As Processing hands them to an algorithm.
    crs
        Of the lines.

    Yields
    ------
    dict
        Filled at the end of the block: by the name of each output, what QGIS finds it by.

    Raises
    ------
    QgsProcessingException
        Something cannot be written. A file that stood there before is then still there, and no other one.
    """
    wanted = [table for table in tables if parameters.get(table.output)]
    places: dict[str, str] = {}
    staged: list[tuple[Table, Path, Path]] = []
    try:
        for table in wanted:
            path = _file_of(parameters[table.output], context)
            if path is not None:
                unfinished = _unfinished(path)
                staged.append((table, unfinished, path))
                _write_file(table, unfinished, path, crs, context)
        yield places
        for table, unfinished, path in staged:
            _take_the_name(unfinished, path)
            places[table.output] = algorithm.parameterAsOutputLayer(parameters, table.output, context)
    finally:
        for _, unfinished, _ in staged:
            for part in _parts(unfinished):
                part.unlink(missing_ok=True)
    for table in wanted:
        if table.output not in places:
            places[table.output] = _into_sink(algorithm, table, parameters, context, crs)
        if table.style is not None:
            style_when_loaded(places[table.output], table.style, context)


def write_table(table: Table, path: Path, crs: QgsCoordinateReferenceSystem, context: QgsProcessingContext) -> None:
    """Write a table into a file, as a whole or not at all.

    Parameters
    ----------
    table
        The table, whatever its output.
    path
        A file name that says the format.
    crs
        Of the lines.
    context
        Of the run.

    Raises
    ------
    QgsProcessingException
        It cannot be written. A file that stood there before is then still there.
    """
    unfinished = _unfinished(path)
    try:
        _write_file(table, unfinished, path, crs, context)
        _take_the_name(unfinished, path)
    finally:
        for part in _parts(unfinished):
            part.unlink(missing_ok=True)


def _unfinished(path: Path) -> Path:
    return path.with_name(f"{path.stem}-{uuid.uuid4().hex[:8]}-unfinished{path.suffix}")


def _file_of(value: Any, context: QgsProcessingContext) -> Path | None:
    """The file that an output goes to; None for a layer in memory, a database, or nothing."""
    if isinstance(value, QgsProcessingOutputLayerDefinition):
        value = value.sink
    if isinstance(value, QgsProperty):
        value = value.valueAsString(context.expressionContext(), "")[0]
    if not isinstance(value, str) or value in ("", QgsProcessing.TEMPORARY_OUTPUT):
        return None
    # What is not a path begins with the name of a provider: memory:, ogr:dbname=…, postgres://….
    scheme, colon, _ = value.partition(":")
    if colon and len(scheme) > 1:
        return None
    return Path(value)


def _write_file(
    table: Table, unfinished: Path, path: Path, crs: QgsCoordinateReferenceSystem, context: QgsProcessingContext
) -> None:
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = QgsVectorFileWriter.driverForExtension(path.suffix)
    options.layerName = path.stem
    writer = QgsVectorFileWriter.create(
        str(unfinished), table.fields(), table.geometry, crs, context.transformContext(), options
    )
    count = 0
    for feature in table.features():
        if writer.hasError() or not writer.addFeature(feature, QgsFeatureSink.Flag.FastInsert):
            break
        count += 1
    reason = writer.errorMessage()
    del writer  # The last features, and with them a full disk, come out only now.
    # A file that cannot be read has not been written.
    found = _count_in(unfinished)
    if count < len(table.rows) or found != count:
        raise QgsProcessingException(
            tr("'{name}' cannot be written into '{folder}': {reason}. Is the disk full or protected?").format(
                name=path.name,
                folder=path.parent,
                reason=reason or tr("{found} of {rows} rows arrived").format(found=found, rows=len(table.rows)),
            )
        )


def _count_in(path: Path) -> int:
    layer = QgsVectorLayer(str(path), path.stem, "ogr")
    return sum(1 for _ in layer.getFeatures()) if layer.isValid() else 0


def _take_the_name(unfinished: Path, path: Path) -> None:
    """Rename a file and those that belong to it, as the several of a shapefile."""
    parts = _parts(unfinished)
    try:
        for part in parts:
            os.replace(part, path.with_name(path.stem + part.name[len(unfinished.stem) :]))
    except OSError as error:
        raise QgsProcessingException(
            tr("'{path}' cannot be replaced ({reason}). Is it open in another program or layer?").format(
                path=path, reason=error.strerror
            )
        ) from error


def _parts(unfinished: Path) -> list[Path]:
    return sorted(each for each in unfinished.parent.iterdir() if each.name.startswith(unfinished.stem + "."))


def _into_sink(
    algorithm: QgsProcessingAlgorithm,
    table: Table,
    parameters: dict[str, Any],
    context: QgsProcessingContext,
    crs: QgsCoordinateReferenceSystem,
) -> str:
    """Fill a layer in memory, or a table of a database in one go."""
    features = list(table.features())
    sink, place = algorithm.parameterAsSink(parameters, table.output, context, table.fields(), table.geometry, crs)
    if sink is None:
        raise QgsProcessingException(algorithm.invalidSinkError(parameters, table.output))
    written = sink.addFeatures(features, QgsFeatureSink.Flag.FastInsert) and sink.flushBuffer()
    reason = sink.lastError()
    del sink
    if not written:
        text = tr("{output} cannot be written into {place}: {reason}.")
        raise QgsProcessingException(text.format(output=table.output, place=place, reason=reason or tr("no reason")))
    return place
